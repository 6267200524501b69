/* p-values, power and intervals against independently computed values. */
#include "balance/evenness.h"

#include "unit.h"

#include <math.h>

struct fixture {
    size_t N;
    uint64_t counts[10];
    double shares[10];
    double p;
};

/* Exact sums over all tables in rational arithmetic (Python 3.11 fractions.Fraction), ordered by
 * X^2. The two-category ones are R's binom.test where shares are equal. */
static const struct fixture exact[] = {
    {3, {4, 4, 4}, {1, 1, 1}, 1.0},
    {3, {8, 4, 0}, {1, 1, 1}, 0.01715524394993988},
    {3, {12, 0, 0}, {1, 1, 1}, 5.645029269476762e-06},
    {3, {20, 8, 8}, {1, 1, 1}, 0.02207603464124456},
    {3, {25, 12, 11}, {1, 1, 1}, 0.02532913560503856},
    {4, {9, 3, 3, 1}, {1, 1, 1, 1}, 0.03008863888680935},
    {3, {9, 1, 0}, {8, 1, 1}, 0.849005056},
    {3, {10, 3, 2}, {5, 3, 2}, 0.545929508125},
    {5, {6, 1, 1, 0, 0}, {1, 1, 1, 1, 1}, 0.0061568},
    {2, {45, 3}, {95, 5}, 0.7335995515315793},
    {2, {30, 18}, {1, 1}, 0.11140289106101875},
    {2, {9, 0}, {1, 1}, 0.00390625},
    {2, {7, 2}, {2, 1}, 0.7268709038256363},
};

/* scipy.stats.chisquare, SciPy 1.17.1. */
static const struct fixture large[] = {
    {3, {1200, 1260, 1140}, {1, 1, 1}, 0.04978706836786395},
    {4, {2000, 1000, 1000, 1100}, {2, 1, 1, 1}, 0.049367305273578854},
    {10,
     {500, 520, 480, 490, 510, 530, 470, 505, 495, 500},
     {1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
     0.7695274038865488},
};

START_TEST(exact_p_values_agree_with_rational_arithmetic)
{
    struct lb_evenness_cache *cache = lb_evenness_cache_new();
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        const struct fixture *f = &exact[i];
        struct lb_evenness e;
        ck_assert_int_eq(lb_evenness_test(f->counts, f->shares, f->N, 1, NULL, &e), 0);
        ck_assert_int_eq(e.method, LB_EVENNESS_EXACT);
        ck_assert_double_eq_tol(e.p_value, f->p, 1e-9);
        for (unsigned again = 0; again < 2; again++) {
            ck_assert_int_eq(lb_evenness_test(f->counts, f->shares, f->N, 1, cache, &e), 0);
            ck_assert_double_eq_tol(e.p_value, f->p, 1e-9);
        }
    }
    lb_evenness_cache_free(cache);
}
END_TEST

START_TEST(large_sample_p_values_agree_with_scipy)
{
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        struct lb_evenness e;
        ck_assert_int_eq(
            lb_evenness_test(large[i].counts, large[i].shares, large[i].N, 1, NULL, &e), 0);
        ck_assert_int_eq(e.method, LB_EVENNESS_CHI_SQUARED);
        ck_assert_double_eq_tol(e.p_value, large[i].p, 1e-6);
    }
}
END_TEST

START_TEST(simulation_agrees_with_chi_squared_and_repeats_itself)
{
    /* 200 units over 10: chi-squared is near enough here, P(X^2_9 > 9.6) = .384. */
    uint64_t counts[10] = {30, 24, 16, 16, 18, 22, 20, 20, 14, 20};
    struct lb_evenness a, b, c;
    struct lb_evenness_cache *cache = lb_evenness_cache_new();
    ck_assert_int_eq(lb_evenness_test(counts, NULL, 10, 1, NULL, &a), 0);
    ck_assert_int_eq(lb_evenness_test(counts, NULL, 10, 1, cache, &b), 0);
    ck_assert_int_eq(lb_evenness_test(counts, NULL, 10, 1, cache, &c), 0);
    lb_evenness_cache_free(cache);
    ck_assert_int_eq(a.method, LB_EVENNESS_MONTE_CARLO);
    ck_assert_double_eq_tol(a.x2, 9.6, 1e-9);
    ck_assert_double_eq_tol(a.p_value, b.p_value, 1e-15);
    ck_assert_double_eq_tol(a.p_value, c.p_value, 1e-15);
    ck_assert_double_eq_tol(a.p_value, 0.384, 0.05);
    counts[0] = 100;
    ck_assert_int_eq(lb_evenness_test(counts, NULL, 10, 1, NULL, &a), 0);
    ck_assert_double_eq_tol(a.p_value, 1.0 / (LB_EVENNESS_SAMPLES + 1), 1e-12);
}
END_TEST

START_TEST(a_design_effect_weakens_the_evidence)
{
    uint64_t counts[3] = {30, 9, 9};
    struct lb_evenness plain, weak;
    ck_assert_int_eq(lb_evenness_test(counts, NULL, 3, 1, NULL, &plain), 0);
    ck_assert_int_eq(lb_evenness_test(counts, NULL, 3, 4, NULL, &weak), 0);
    ck_assert_double_le(plain.p_value, 0.001);
    ck_assert_double_ge(weak.p_value, 0.01);
}
END_TEST

START_TEST(nothing_to_compare_is_no_evidence)
{
    uint64_t zero[3] = {0, 0, 0}, one[1] = {12};
    struct lb_evenness e;
    ck_assert_int_eq(lb_evenness_test(zero, NULL, 3, 1, NULL, &e), 0);
    ck_assert_double_eq_tol(e.p_value, 1, 1e-15);
    ck_assert_int_eq(lb_evenness_test(one, NULL, 1, 1, NULL, &e), 0);
    ck_assert_int_eq(e.method, LB_EVENNESS_TRIVIAL);
}
END_TEST

START_TEST(errors_fill_the_lowest_counts_first)
{
    uint64_t a[3] = {20, 20, 5}, b[3] = {20, 10, 5}, c[3] = {1, 1, 1};
    lb_evenness_pour(a, NULL, 3, 10);
    ck_assert_uint_eq(a[2], 15);
    ck_assert_uint_eq(a[0] + a[1], 40);
    lb_evenness_pour(b, NULL, 3, 11);
    ck_assert_uint_eq(b[0], 20);
    ck_assert_uint_eq(b[1] + b[2], 26);
    ck_assert(b[1] == 13 && b[2] == 13);
    lb_evenness_pour(c, NULL, 3, 4);
    ck_assert_uint_eq(c[0] + c[1] + c[2], 7);
}
END_TEST

START_TEST(lambda_is_that_of_the_noncentral_chi_squared)
{
    /* scipy.optimize.brentq on scipy.stats.ncx2.sf, SciPy 1.17.1. */
    static const struct {
        unsigned df;
        double lambda;
    } cases[] = {{1, 14.879387166502484},
                 {2, 17.426689067435035},
                 {9, 26.122679012923804},
                 {49, 46.945439824888446}};
    for (size_t i = 0; i < 4; i++)
        ck_assert_double_eq_tol(lb_evenness_lambda(cases[i].df, 0.01, 0.9), cases[i].lambda, 1e-6);
    ck_assert_uint_eq(lb_evenness_units(2, 1, 0.01), 15);
    ck_assert_uint_eq(lb_evenness_units(3, 1, 0.01), 35);
    ck_assert_double_eq_tol(lb_evenness_shift(1.0 / 3, 3, 48, 0.01), 0.28, 0.005);
    ck_assert(isfinite(lb_evenness_lambda(16383, 0.01, 0.9)));
}
END_TEST

START_TEST(the_looks_spend_alpha_once)
{
    double spent = 0;
    for (uint64_t n = 0; n <= 1000; n++)
        spent += lb_evenness_is_look(n) ? lb_evenness_look(n, 0.01) : 0;
    ck_assert_double_eq_tol(spent, 0.01, 1e-12);
    ck_assert(lb_evenness_is_look(LB_EVENNESS_LAST_LOOK));
}
END_TEST

START_TEST(between_two_looks_the_level_is_that_of_the_next)
{
    ck_assert_double_eq_tol(lb_evenness_look(0, 0.01), 0.004, 1e-12);
    ck_assert_double_eq_tol(lb_evenness_look(36, 0.01), 0.004, 1e-12);
    ck_assert_double_eq_tol(lb_evenness_look(37, 0.01), 0.003, 1e-12);
    ck_assert_double_eq_tol(lb_evenness_look(145, 0.01), 0.001, 1e-12);
    ck_assert_double_eq_tol(lb_evenness_look(5000, 0.01), 0.001, 1e-12);
}
END_TEST

START_TEST(wilson_intervals_agree_with_scipy)
{
    double low, high; /* scipy.stats.binomtest(k, n).proportion_ci(method="wilson") */
    lb_wilson_interval(13, 48, 0.01, &low, &high);
    ck_assert_double_eq_tol(low, 0.1413201147384408, 1e-9);
    ck_assert_double_eq_tol(high, 0.45600684351210735, 1e-9);
    lb_wilson_interval(0, 12, 0.05, &low, &high);
    ck_assert_double_eq_tol(low, 0, 1e-15);
    ck_assert_double_eq_tol(high, 0.24249400665524085, 1e-9);
    lb_wilson_interval(0, 0, 0.05, &low, &high);
    ck_assert(low <= 0 && high >= 1);
}
END_TEST

START_TEST(dispersion_and_jain_tell_even_from_one_sided)
{
    uint64_t even[3] = {10, 10, 10}, one[3] = {30, 0, 0};
    ck_assert_double_eq_tol(lb_dispersion(even, NULL, 3), 0, 1e-12);
    ck_assert_double_eq_tol(lb_jain(even, NULL, 3), 1, 1e-12);
    ck_assert_double_eq_tol(lb_dispersion(one, NULL, 3), 30, 1e-9);
    ck_assert_double_eq_tol(lb_jain(one, NULL, 3), 1.0 / 3, 1e-12);
    double shares[3] = {2, 1, 1};
    uint64_t weighted[3] = {20, 10, 10};
    ck_assert_double_eq_tol(lb_jain(weighted, shares, 3), 1, 1e-12);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, exact_p_values_agree_with_rational_arithmetic);
    tcase_add_test(tests, large_sample_p_values_agree_with_scipy);
    tcase_add_test(tests, simulation_agrees_with_chi_squared_and_repeats_itself);
    tcase_add_test(tests, a_design_effect_weakens_the_evidence);
    tcase_add_test(tests, nothing_to_compare_is_no_evidence);
    tcase_add_test(tests, errors_fill_the_lowest_counts_first);
    tcase_add_test(tests, lambda_is_that_of_the_noncentral_chi_squared);
    tcase_add_test(tests, the_looks_spend_alpha_once);
    tcase_add_test(tests, between_two_looks_the_level_is_that_of_the_next);
    tcase_add_test(tests, wilson_intervals_agree_with_scipy);
    tcase_add_test(tests, dispersion_and_jain_tell_even_from_one_sided);
}

LB_UNIT_MAIN("evenness", fill)
