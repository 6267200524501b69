/* The two tests the layer rests on: the coin (A) and the leaves (B). */
#include "balance/coin.h"
#include "balance/leaves.h"

#include "unit.h"

#include <gsl/gsl_rng.h>
#include <math.h>

static struct lb_toss toss(bool own, uint32_t weight, uint32_t total, uint32_t groups)
{
    return (struct lb_toss){
        .tossed = true, .own = own, .groups = groups, .weight = weight, .total = total};
}

START_TEST(the_mean_factor_of_a_choice_that_ignores_the_unit_is_one)
{
    for (uint32_t total = 2; total <= 12; total++) {
        for (uint32_t weight = 1; weight < total; weight++) {
            double p = (double)weight / total;
            struct lb_toss own = toss(true, weight, total, 2),
                           other = toss(false, weight, total, 2);
            struct lb_coin a = {0}, b = {0};
            lb_coin_add(&a, &own);
            lb_coin_add(&b, &other);
            double mean = p * exp(lb_coin_log_follow(&a)) + (1 - p) * exp(lb_coin_log_follow(&b));
            ck_assert_double_eq_tol(mean, 1, 1e-8);
        }
    }
}
END_TEST

/* The half rule's null: kept with chance 1/2, else any answer that ignores the unit. */
START_TEST(the_mean_factor_of_the_half_rule_is_one_at_its_border)
{
    for (uint32_t total = 2; total <= 12; total++) {
        for (uint32_t weight = 0; weight < total; weight++) {
            double p = (double)weight / total;
            struct lb_toss own = toss(true, 1, total, 3), other = toss(false, weight, total, 3);
            struct lb_coin a = {0}, b = {0};
            own.total = own.total < 3 ? 3 : own.total;
            other.total = other.total < 3 ? 3 : other.total;
            p = (double)other.weight / other.total;
            lb_coin_add(&a, &own);
            lb_coin_add(&b, &other);
            double kept = 0.5 + 0.5 * p;
            double mean = kept * exp(lb_coin_log_half(&a)) + (1 - kept) * exp(lb_coin_log_half(&b));
            ck_assert_double_eq_tol(mean, 1, 1e-8);
        }
    }
}
END_TEST

START_TEST(evidence_grows_only_when_the_unit_is_followed)
{
    struct lb_coin coin = {0};
    struct lb_toss own = toss(true, 1, 3, 3);
    for (unsigned i = 0; i < 8; i++)
        lb_coin_add(&coin, &own);
    /* 8 own answers of 3 groups: .6 (.98 * 3 + .02)^8 and more */
    ck_assert_double_ge(exp(lb_coin_log_follow(&coin)), 0.6 * pow(2.96, 8));
    ck_assert_double_ge(exp(lb_coin_log_follow(&coin)), 4000);
    ck_assert_uint_eq(coin.own, 8);
    ck_assert_uint_eq(lb_coin_needed(&coin, log(4000), 3), 0);
    struct lb_coin fresh = {0};
    ck_assert_uint_eq(lb_coin_needed(&fresh, log(4000), 3), 8);
}
END_TEST

/* Ville: a true null crosses 1/alpha at any time with chance alpha at most. */
START_TEST(a_random_balancer_rarely_crosses_the_threshold_at_any_time)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    gsl_rng_set(rng, 4);
    unsigned follow = 0, half = 0;
    const unsigned runs = 2000;
    for (unsigned r = 0; r < runs; r++) {
        struct lb_coin a = {0}, h = {0};
        bool over_a = false, over_h = false;
        for (unsigned i = 0; i < 200; i++) {
            bool same = gsl_rng_uniform_int(rng, 3) == 0;
            struct lb_toss x = toss(same, 1, 3, 3);
            lb_coin_add(&a, &x);
            bool kept = gsl_rng_uniform_int(rng, 2) == 0 || gsl_rng_uniform_int(rng, 3) == 0;
            struct lb_toss y = toss(kept, 1, 3, 3);
            lb_coin_add(&h, &y);
            over_a |= lb_coin_log_follow(&a) >= log(20);
            over_h |= lb_coin_log_half(&h) >= log(20);
        }
        follow += over_a;
        half += over_h;
    }
    gsl_rng_free(rng);
    ck_assert_uint_le(follow, runs / 20 + 40); /* .05 and four standard deviations */
    ck_assert_uint_le(half, runs / 20 + 40);
    ck_assert_uint_gt(follow, 0);
}
END_TEST

START_TEST(tosses_that_make_no_sense_prove_nothing)
{
    struct lb_toss bad[] = {toss(true, 1, 1, 1),  toss(true, 0, 3, 3), toss(true, 4, 3, 3),
                            toss(false, 3, 3, 3), toss(true, 1, 2, 3), {0}};
    struct lb_coin coin = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        lb_coin_add(&coin, &bad[i]);
    ck_assert_uint_eq(coin.tosses, 0);
    ck_assert_double_eq_tol(lb_coin_log_follow(&coin), 0, 1e-12);
}
END_TEST

/* Numerical integration of the definition (Simpson) is the independent reference. */
static double by_integration(unsigned leaves, unsigned stays)
{
    const unsigned n = 20000;
    double sum = 0, h = 0.9 / n;
    for (unsigned i = 0; i <= n; i++) {
        double s = 0.1 + h * i;
        double f = pow(s / 0.1, leaves) * pow((1 - s) / 0.9, stays) / 0.9;
        sum += f * (i == 0 || i == n ? 1 : i % 2 ? 4 : 2);
    }
    return log(sum * h / 3);
}

START_TEST(the_evidence_of_leaves_is_the_integral_of_its_definition)
{
    static const unsigned cases[][2] = {{1, 0},    {0, 1},    {5, 0},   {4, 0},
                                        {6, 2},    {0, 50},   {3, 30},  {50, 50},
                                        {20, 300}, {300, 20}, {10, 90}, {0, 400}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_double_eq_tol(lb_leaves_log_e(cases[i][0], cases[i][1]),
                                by_integration(cases[i][0], cases[i][1]), 1e-6);
    /* Closed form: the integral of s^5 over .1..1 is (1 - 1e-6) / 6. */
    ck_assert_double_eq_tol(exp(lb_leaves_log_e(5, 0)), (1 - 1e-6) / 6 / (.9 * 1e-5), 1e-6);
}
END_TEST

START_TEST(many_stays_give_finite_evidence_against_leaving)
{
    double last = 0;
    for (uint64_t stays = 1; stays < UINT64_C(1) << 40; stays *= 8) {
        double e = lb_leaves_log_e(0, stays);
        ck_assert(isfinite(e));
        ck_assert_double_lt(e, last);
        last = e;
    }
    ck_assert(isfinite(lb_leaves_log_e(UINT64_C(1) << 40, 1)));
    ck_assert(isfinite(lb_leaves_log_e(UINT64_C(1) << 40, UINT64_C(1) << 41)));
    ck_assert_double_lt(lb_leaves_log_e(20, 2000), 0);
}
END_TEST

START_TEST(the_backend_left_at_once_shows_under_unequal_shares)
{
    struct lb_leaves sum = {0};
    lb_leaves_add(&sum, 9, 180); /* the heavy one is kept */
    lb_leaves_add(&sum, 9, 0);   /* the rare one is left at once */
    ck_assert_double_gt(lb_leaves_log_total(&sum), log(4000));
    ck_assert_double_lt(lb_leaves_log_e(18, 180), log(4000));
}
END_TEST

START_TEST(remembered_factors_give_the_same_sums)
{
    struct lb_coin plain = {0}, with = {0};
    static struct lb_coin_memo memo;
    for (unsigned i = 0; i < 5000; i++) {
        struct lb_toss x = toss(i % 3 == 0, i % 5, 5 + i % 300, 2 + i % 4);
        lb_coin_add(&plain, &x);
        lb_coin_add_with(&with, &x, &memo);
    }
    ck_assert_uint_gt(plain.tosses, 3000);
    ck_assert(memcmp(&plain, &with, sizeof(plain)) == 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, the_mean_factor_of_a_choice_that_ignores_the_unit_is_one);
    tcase_add_test(tests, the_mean_factor_of_the_half_rule_is_one_at_its_border);
    tcase_add_test(tests, evidence_grows_only_when_the_unit_is_followed);
    tcase_add_test(tests, a_random_balancer_rarely_crosses_the_threshold_at_any_time);
    tcase_add_test(tests, remembered_factors_give_the_same_sums);
    tcase_add_test(tests, tosses_that_make_no_sense_prove_nothing);
    tcase_add_test(tests, the_evidence_of_leaves_is_the_integral_of_its_definition);
    tcase_add_test(tests, many_stays_give_finite_evidence_against_leaving);
    tcase_add_test(tests, the_backend_left_at_once_shows_under_unequal_shares);
}

LB_UNIT_MAIN("coin", fill)
