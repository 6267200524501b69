/* Numbers and durations as users write them. */
#include "common/units.h"

#include "common/clock.h"
#include "unit.h"

START_TEST(durations_are_read_in_every_unit)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"7ns", 7},
        {"250ms", 250 * LB_NS_PER_MS},
        {"5s", 5 * LB_NS_PER_S},
        {"2m", 120 * LB_NS_PER_S},
        {"1.5s", 1500 * LB_NS_PER_MS},
        {"1m30s", 90 * LB_NS_PER_S},
        {"1h", 3600 * LB_NS_PER_S},
        {"10us", 10000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = -1;
        ck_assert_int_eq(lb_parse_duration(cases[i].text, 0, INT64_MAX / 2, &ns, NULL), 0);
        ck_assert_int_eq(ns, cases[i].ns);
    }
}
END_TEST

START_TEST(bad_durations_are_named)
{
    static const char *const bad[] = {"",   "5",   "s",   "-1s",  "1 s", "1.2.3s",
                                      "5x", "1s5", "nan", "1e3s", "5S"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct lb_error err;
        int64_t ns;
        ck_assert_int_eq(lb_parse_duration(bad[i], 0, INT64_MAX / 2, &ns, &err), -1);
        char quoted[32];
        snprintf(quoted, sizeof quoted, "'%s'", bad[i]);
        ck_assert_ptr_nonnull(strstr(err.text, quoted));
    }
}
END_TEST

START_TEST(durations_outside_the_range_name_it)
{
    struct lb_error err;
    int64_t ns;
    ck_assert_int_eq(lb_parse_duration("2h", LB_NS_PER_MS, 3600 * LB_NS_PER_S, &ns, &err), -1);
    ck_assert_str_eq(err.text, "'2h' is not a duration from 1ms to 1h");
    ck_assert_int_eq(lb_parse_duration("99999999999999999999h", 0, LB_NS_PER_S, &ns, &err), -1);
}
END_TEST

START_TEST(whole_numbers_are_bounded_and_decimal)
{
    uint64_t v;
    ck_assert_int_eq(lb_parse_uint("42", 1, 100, &v, NULL), 0);
    ck_assert_uint_eq(v, 42);
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x10", "101", "0", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(lb_parse_uint(bad[i], 1, 100, &v, NULL), -1);
}
END_TEST

START_TEST(decimal_numbers_are_finite)
{
    double v;
    ck_assert_int_eq(lb_parse_double("1e-3", 0, 1, &v, NULL), 0);
    ck_assert_double_eq(v, 0.001);
    static const char *const bad[] = {"", "nan", "inf", " 1", "0.5x", "2", "-0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(lb_parse_double(bad[i], 0, 1, &v, NULL), -1);
}
END_TEST

START_TEST(durations_are_written_in_the_fewest_units)
{
    char buf[LB_DURATION_TEXT];
    ck_assert_str_eq(lb_format_duration(buf, 0), "0s");
    ck_assert_str_eq(lb_format_duration(buf, 90 * LB_NS_PER_S), "1m30s");
    ck_assert_str_eq(lb_format_duration(buf, 250 * LB_NS_PER_MS), "250ms");
    ck_assert_str_eq(lb_format_duration(buf, 1500 * LB_NS_PER_MS), "1s500ms");
}
END_TEST

START_TEST(latencies_have_three_digits)
{
    char buf[LB_DURATION_TEXT];
    ck_assert_str_eq(lb_format_latency(buf, 0), "0.00us");
    ck_assert_str_eq(lb_format_latency(buf, 847000), "847us");
    ck_assert_str_eq(lb_format_latency(buf, 999900), "1.00ms");
    ck_assert_str_eq(lb_format_latency(buf, 12340000), "12.3ms");
    ck_assert_str_eq(lb_format_latency(buf, 1234 * LB_NS_PER_S), "1234s");
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, durations_are_read_in_every_unit);
    tcase_add_test(tests, bad_durations_are_named);
    tcase_add_test(tests, durations_outside_the_range_name_it);
    tcase_add_test(tests, whole_numbers_are_bounded_and_decimal);
    tcase_add_test(tests, decimal_numbers_are_finite);
    tcase_add_test(tests, durations_are_written_in_the_fewest_units);
    tcase_add_test(tests, latencies_have_three_digits);
}

LB_UNIT_MAIN("units", fill)
