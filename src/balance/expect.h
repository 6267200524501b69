/* expect.h - is the verdict the expected one? For --expect, --expect-backends, --expect-weights and
 * --max-errors. */
#ifndef LB_BALANCE_EXPECT_H
#define LB_BALANCE_EXPECT_H

#include "balance/verdict.h"

enum lb_expect_word {
    LB_EXPECT_NOTHING,
    LB_EXPECT_BALANCED,
    LB_EXPECT_PER_REQUEST,
    LB_EXPECT_PER_CONNECTION,
    LB_EXPECT_CLIENT_SIDE,
    LB_EXPECT_STICKY,
    LB_EXPECT_PINNED
};

/* "balanced", ... -> word; LB_EXPECT_NOTHING for anything else. */
enum lb_expect_word lb_expect_parse(const char *word);
const char *lb_expect_name(enum lb_expect_word word);

struct lb_expectation {
    enum lb_expect_word word;
    unsigned backends; /* --expect-backends; 0: not given */
    bool weights;      /* --expect-weights given (they went into the verdict's options) */
    bool limit_errors; /* --max-errors given */
    uint64_t max_errors;
};

enum lb_expect_result {
    LB_EXPECT_MET,         /* exit 0 */
    LB_EXPECT_NOT_MET,     /* exit 1 */
    LB_EXPECT_CANNOT_JUDGE /* exit 3 */
};

/* The worst of all that was expected (not met before cannot judge before met). reason, of size
 * bytes, gets one sentence without a full stop ("" when met or nothing was expected). Nothing
 * expected: met if a request succeeded, else cannot judge. translate NULL: in English. */
enum lb_expect_result lb_expect_check(const struct lb_expectation *e, const struct lb_verdict *v,
                                      lb_translator *translate, char *reason, size_t size);

#endif
