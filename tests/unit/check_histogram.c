/* The latency histogram: error, merging, restoring. */
#include "balance/histogram.h"

#include "unit.h"

START_TEST(every_value_is_within_one_percent_of_its_bucket)
{
    for (uint64_t us = 1; us <= LB_HISTOGRAM_MAX_US; us += 1 + us / 97) {
        size_t b = lb_histogram_bucket(us);
        ck_assert_uint_lt(b, LB_HISTOGRAM_BUCKETS);
        uint64_t low = lb_histogram_bucket_low(b), next = lb_histogram_bucket_low(b + 1);
        ck_assert(low <= us && us < next);
        double middle = ((double)low + (double)next - 1) / 2;
        ck_assert_double_le(
            (middle > (double)us ? middle - (double)us : (double)us - middle) / (double)us, 0.01);
    }
}
END_TEST

START_TEST(values_beyond_an_hour_are_counted_as_an_hour)
{
    struct lb_histogram h = {0};
    ck_assert_int_eq(lb_histogram_add(&h, UINT64_MAX, 2), 0);
    ck_assert_uint_eq(h.max_us, LB_HISTOGRAM_MAX_US);
    ck_assert_uint_eq(h.count, 2);
    ck_assert(lb_histogram_valid(&h));
    lb_histogram_clear(&h);
}
END_TEST

START_TEST(quantiles_are_those_of_the_values)
{
    struct lb_histogram h = {0};
    for (uint64_t us = 1; us <= 10000; us++)
        ck_assert_int_eq(lb_histogram_add(&h, us, 1), 0);
    ck_assert_double_eq_tol(lb_histogram_quantile(&h, 0.5), 5000, 50);
    ck_assert_double_eq_tol(lb_histogram_quantile(&h, 0.99), 9900, 99);
    ck_assert_double_eq_tol(lb_histogram_quantile(&h, 0), 1, 1e-9);
    ck_assert_double_eq_tol(lb_histogram_quantile(&h, 1), 10000, 100);
    ck_assert_double_eq_tol(lb_histogram_mean(&h), 5000.5, 1e-6);
    lb_histogram_clear(&h);
    ck_assert_double_eq_tol(lb_histogram_quantile(&h, 0.5), 0, 1e-12);
}
END_TEST

START_TEST(a_merge_is_the_histogram_of_all_values)
{
    struct lb_histogram a = {0}, b = {0}, both = {0};
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t us = i * i % 1000003;
        ck_assert_int_eq(lb_histogram_add(i % 3 ? &a : &b, us, 1), 0);
        ck_assert_int_eq(lb_histogram_add(&both, us, 1), 0);
    }
    ck_assert_int_eq(lb_histogram_merge(&a, &b), 0);
    ck_assert(lb_histogram_equal(&a, &both));
    ck_assert(lb_histogram_valid(&a));
    lb_histogram_clear(&a);
    lb_histogram_clear(&b);
    lb_histogram_clear(&both);
}
END_TEST

START_TEST(a_restored_histogram_with_wrong_sums_is_refused)
{
    struct lb_histogram h = {.count = 3, .min_us = 10, .max_us = 20, .sum_us = 40};
    ck_assert_int_eq(lb_histogram_set(&h, lb_histogram_bucket(10), 2), 0);
    ck_assert(!lb_histogram_valid(&h)); /* 2 counted, 3 claimed */
    ck_assert_int_eq(lb_histogram_set(&h, lb_histogram_bucket(20), 1), 0);
    ck_assert(lb_histogram_valid(&h));
    h.sum_us = 4000;
    ck_assert(!lb_histogram_valid(&h));
    h.sum_us = 40;
    h.max_us = 500;
    ck_assert(!lb_histogram_valid(&h));
    ck_assert_int_eq(lb_histogram_set(&h, LB_HISTOGRAM_BUCKETS, 1), -1);
    lb_histogram_clear(&h);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, every_value_is_within_one_percent_of_its_bucket);
    tcase_add_test(tests, values_beyond_an_hour_are_counted_as_an_hour);
    tcase_add_test(tests, quantiles_are_those_of_the_values);
    tcase_add_test(tests, a_merge_is_the_histogram_of_all_values);
    tcase_add_test(tests, a_restored_histogram_with_wrong_sums_is_refused);
}

LB_UNIT_MAIN("histogram", fill)
