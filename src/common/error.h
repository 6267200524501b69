/* The one error dialect: a function that can fail takes `struct lb_error *err` last, fills it and
 * returns -1 (or NULL). The text is one sentence without a full stop that names the value and what
 * is allowed; the program prints "PROGRAM: TEXT". */
#ifndef LB_COMMON_ERROR_H
#define LB_COMMON_ERROR_H

#define LB_MUST_CHECK __attribute__((warn_unused_result))
#define LB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* What every program exits with. */
enum lb_exit {
    LB_EXIT_OK = 0,
    LB_EXIT_FAILURE = 1, /* a failure, or a client's result is not as expected */
    LB_EXIT_USAGE = 2,
    LB_EXIT_UNJUDGED = 3, /* a client could not judge: no reply, or not enough data */
};

struct lb_error {
    char text[512];
};

/* Fills `err` (which may be NULL) from a printf format, cutting what does not fit; control
 * characters are replaced by '?', as the values named may come from anywhere. The format is
 * translated where common/language.h says so. Returns -1, so that `return lb_error_set(...)` reads
 * well; keeps errno. */
int lb_error_set(struct lb_error *err, const char *fmt, ...) LB_PRINTF(2, 3);

#endif
