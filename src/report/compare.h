/* compare.h - what changed between two sets of runs, and what chance would do too. */
#ifndef LB_REPORT_COMPARE_H
#define LB_REPORT_COMPARE_H

#include <jansson.h>
#include <stdio.h>

#include "report/merge.h"

#define LB_ALPHA_COMPARE 0.01

/* One line of a comparison. */
struct lb_change {
    char *what;  /* "outcome", "errors", "p99", "share server-a" */
    char *a, *b; /* its value on both sides, for people */
    char *shift; /* "+8.3 pts", "+50 %", "" */
    double
        p_value;  /* chance of so large a difference if nothing had changed; NAN: no test is made */
    bool changed; /* beyond chance (p_value <= LB_ALPHA_COMPARE); words: they differ */
    bool too_few; /* not enough data to tell */
};

struct lb_comparison {
    struct lb_change *changes;
    size_t count;
    bool changed; /* any of them did */
};

/* Compares two judged groups. Words (outcome, layer, pattern) as they are. Error rates by Fisher's
 * exact test, two-sided. Shares per backend, in the coarser unit of both verdicts and divided by
 * its design effect, by Fisher's exact test with Holm's correction (1979) over the backends.
 * Percentiles by their distribution-free intervals from order statistics (David & Nagaraja
 * 2003, 7.1): changed when those at LB_ALPHA_COMPARE do not overlap, which is conservative.
 * `comparison` must be zeroed, and cleared also after failure. */
int lb_compare(const struct lb_group *a, const struct lb_group *b, struct lb_comparison *comparison,
               struct lb_error *err) LB_MUST_CHECK;
void lb_comparison_clear(struct lb_comparison *comparison);

/* Two-sided p-value of Fisher's exact test of k1 of n1 against k2 of n2: the sum over the tables
 * with the same margins that are not more probable. Above LB_FISHER_MAX units it is that of the
 * pooled two-proportion z test. */
#define LB_FISHER_MAX 1000000
double lb_fisher_test(uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2);

/* Ranks (1 .. n) whose order statistics hold the q-quantile between them with probability >= 1 -
 * alpha. 0, or -1 when n is too small for both to exist. */
int lb_quantile_ranks(uint64_t n, double q, double alpha, uint64_t *low, uint64_t *high);

void lb_comparison_print(FILE *out, const struct lb_comparison *comparison);

/* [{"what": …, "a": …, "b": …, "p_value": …, "changed": …}, ...]; NULL without memory. */
json_t *lb_comparison_json(const struct lb_comparison *comparison);

#endif
