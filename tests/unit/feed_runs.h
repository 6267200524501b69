/* Feeds tallies with made-up runs, for the tests of the verdict. */
#ifndef LB_TESTS_FEED_RUNS_H
#define LB_TESTS_FEED_RUNS_H

#include "balance/tally.h"
#include "unit.h"

/* An answer of backend `name` on a connection; times are 1 ms apart. */
static inline struct lb_observation answer(uint64_t request, uint64_t connection, const char *name)
{
    return (struct lb_observation){
        .request = request,
        .planned_ns = (int64_t)request * 1000000,
        .sent_ns = (int64_t)request * 1000000,
        .finish_ns = (int64_t)request * 1000000 + 400000,
        .connection = connection,
        .remote = "10.0.0.1:80",
        .result = LB_RESULT_ANSWER,
        .backend = name,
    };
}

/* Letters are the answers of backends of that name, '!' a failed request; one connection each, or
 * all on connection 1. */
static inline struct lb_tally *feed_letters(const char *letters, bool new_connections)
{
    struct lb_tally *t = lb_tally_new("run", "client", 1);
    ck_assert_ptr_nonnull(t);
    for (uint64_t i = 0; letters[i]; i++) {
        char name[2] = {letters[i], '\0'};
        struct lb_observation o = answer(i + 1, new_connections ? i + 1 : 1, name);
        if (letters[i] == '!') {
            o.result = LB_RESULT_FAILED;
            o.backend = NULL;
            o.connection = 0;
            o.status = "connect: Connection refused";
        }
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    lb_tally_flush(t);
    return t;
}

static inline const struct lb_segment *only_segment(const struct lb_tally *t)
{
    ck_assert_uint_eq(lb_tally_segments(t), 1);
    const struct lb_segment *s = lb_tally_segment(t, 0);
    ck_assert_ptr_null(lb_segment_check(s));
    return s;
}

static inline const struct lb_backend *backend_named(const struct lb_segment *s, const char *name)
{
    for (size_t i = 0; i < s->n_backends; i++) {
        if (strcmp(s->backends[i].name, name) == 0)
            return &s->backends[i];
    }
    ck_abort_msg("no backend %s", name);
}

#endif
