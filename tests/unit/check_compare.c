/* The tests behind a comparison, against published and exactly computed values. */
#include "report/compare.h"

#include <math.h>

#include "../report/sample.h"
#include "unit.h"

START_TEST(fishers_test_agrees_with_exact_sums)
{
    /* Fisher's tea tasting (The Design of Experiments, 1935): 3 of 4 against 1 of 4; two-sided
     * 2 (1 + 16) / 70. */
    ck_assert_double_eq_tol(lb_fisher_test(3, 4, 1, 4), 34.0 / 70, 1e-12);
    /* 4 of 4 against 0 of 4: 2 / 70. */
    ck_assert_double_eq_tol(lb_fisher_test(4, 4, 0, 4), 2.0 / 70, 1e-12);
    /* 1 of 12 against 9 of 12 (24 choose 10 margins): 2 (12*220 + 66) / 1961256. */
    ck_assert_double_eq_tol(lb_fisher_test(1, 12, 9, 12), 2 * (12 * 220.0 + 66) / 1961256, 1e-12);
    ck_assert_double_eq(lb_fisher_test(0, 10, 0, 20), 1);
    ck_assert_double_eq(lb_fisher_test(5, 5, 7, 7), 1);
    ck_assert_double_eq(lb_fisher_test(0, 0, 1, 5), 1);
}
END_TEST

START_TEST(large_counts_use_the_normal_limit)
{
    /* Pooled z: (.50 - .51) / sqrt(.505 * .495 * 2 / 10^6) = -14.14. */
    ck_assert_double_lt(lb_fisher_test(500000, 1000000, 510000, 1000000), 1e-40);
    ck_assert_double_gt(lb_fisher_test(500000, 1000000, 500100, 1000000), 0.5);
}
END_TEST

START_TEST(ranks_hold_the_quantile)
{
    uint64_t low, high;
    /* Median of 20 at 95 %: ranks 6 and 15 (Conover, Practical Nonparametric Statistics, 3.2:
     * P(Bin(20, .5) <= 5) = .0207). */
    ck_assert_int_eq(lb_quantile_ranks(20, 0.5, 0.05, &low, &high), 0);
    ck_assert_uint_eq(low, 6);
    ck_assert_uint_eq(high, 15);
    ck_assert_int_eq(lb_quantile_ranks(5, 0.99, 0.01, &low, &high), -1);
    ck_assert_int_eq(lb_quantile_ranks(0, 0.5, 0.01, &low, &high), -1);
}
END_TEST

static const struct lb_change *find(const struct lb_comparison *c, const char *what)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strncmp(c->changes[i].what, what, strlen(what)) == 0)
            return &c->changes[i];
    }
    ck_abort_msg("no line '%s'", what);
    return NULL;
}

/* Compares two simulated runs. */
static void compare(const struct sample *a, const struct sample *b, struct lb_comparison *c)
{
    struct lb_groups groups[2] = {{0}, {0}};
    const struct sample *samples[2] = {a, b};
    *c = (struct lb_comparison){0};
    for (int i = 0; i < 2; i++) {
        struct lb_report *r = sample_report(samples[i]);
        ck_assert_int_eq(lb_groups_make(r, NULL, &groups[i], NULL), 0);
        lb_report_free(r);
    }
    ck_assert_int_eq(lb_compare(&groups[0].groups[0], &groups[1].groups[0], c, NULL), 0);
    lb_groups_clear(&groups[0]);
    lb_groups_clear(&groups[1]);
}

static const struct sample even = {.run = "a",
                                   .client = "c",
                                   .protocol = "http",
                                   .target = "t",
                                   .backends = 3,
                                   .connections = 6,
                                   .requests = 600,
                                   .seed = 1,
                                   .balancer = SAMPLE_PER_REQUEST};

START_TEST(the_same_traffic_has_not_changed)
{
    struct sample again = even;
    struct lb_comparison c;
    again.run = "b";
    again.seed = 2;
    compare(&even, &again, &c);
    ck_assert(!c.changed);
    ck_assert(isfinite(find(&c, "share ")->p_value));
    lb_comparison_clear(&c);
}
END_TEST

START_TEST(slower_failing_and_moved_traffic_has_changed)
{
    struct sample other = even;
    struct lb_comparison c;
    other.slow = 3;
    other.fail_every = 10;
    other.backends = 2;
    compare(&even, &other, &c);
    ck_assert(c.changed);
    ck_assert(find(&c, "p50")->changed);
    ck_assert(find(&c, "errors")->changed);
    ck_assert_double_lt(find(&c, "errors")->p_value, 1e-6);
    ck_assert(find(&c, "share ")->changed);
    ck_assert(!find(&c, "layer")->changed);
    lb_comparison_clear(&c);
}
END_TEST

START_TEST(another_layer_is_a_change)
{
    struct sample other = even;
    struct lb_comparison c;
    other.balancer = SAMPLE_PER_CONNECTION;
    compare(&even, &other, &c);
    ck_assert(find(&c, "layer")->changed);
    ck_assert_str_eq(find(&c, "layer")->b, "per-connection");
    lb_comparison_clear(&c);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, fishers_test_agrees_with_exact_sums);
    tcase_add_test(tests, large_counts_use_the_normal_limit);
    tcase_add_test(tests, ranks_hold_the_quantile);
    tcase_add_test(tests, the_same_traffic_has_not_changed);
    tcase_add_test(tests, slower_failing_and_moved_traffic_has_changed);
    tcase_add_test(tests, another_layer_is_a_change);
}

LB_UNIT_MAIN("compare", fill)
