/* Which request headers tell of proxies, and the bounds of their list. */
#include "server/proxy_headers.h"

#include "unit.h"

START_TEST(headers_of_proxies_are_known_in_any_case)
{
    static const char *const ours[] = {
        "X-Forwarded-For",
        "x-forwarded-proto",
        "Forwarded",
        "VIA",
        "x-request-id",
        "x-envoy-attempt-count",
        "traceparent",
        "tracestate",
        "b3",
        "X-B3-TraceId",
        "x-real-ip",
        "l5d-dst-override",
    };
    static const char *const others[] = {"host", "x-forwarded-", "viable",
                                         "b33",  "accept",       "x-envoy-peer-metadata-bin",
                                         "",     "forwardedx"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        ck_assert_msg(lb_proxy_header_is(ours[i], strlen(ours[i])), "%s", ours[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert_msg(!lb_proxy_header_is(others[i], strlen(others[i])), "%s", others[i]);
}
END_TEST

START_TEST(names_and_values_need_no_terminator)
{
    struct lb_proxy_headers list = {.count = 0};
    ck_assert(lb_proxy_headers_add(&list, "viaduct", 3, "1.1 proxy and more", 9));
    ck_assert(!lb_proxy_headers_add(&list, "host", 4, "a", 1));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_eq(list.items[0].name_len, 3);
    ck_assert_uint_eq(list.items[0].value_len, 9);
}
END_TEST

START_TEST(count_and_sizes_are_bounded)
{
    struct lb_proxy_headers list = {.count = 0};
    static char big[4 * LB_PROXY_HEADER_VALUE_MAX];
    memset(big, 'x', sizeof big);
    ck_assert(lb_proxy_headers_add(&list, "via", 3, big, sizeof big));
    ck_assert_uint_eq(list.items[0].value_len, LB_PROXY_HEADER_VALUE_MAX);
    int taken = 1;
    while (taken < 1000 && lb_proxy_headers_add(&list, "via", 3, big, sizeof big))
        taken++;
    ck_assert_int_eq(taken, LB_PROXY_HEADERS_BYTES_MAX / (LB_PROXY_HEADER_VALUE_MAX + 3));
    list.count = list.bytes = 0;
    for (taken = 0; taken < 1000 && lb_proxy_headers_add(&list, "via", 3, "a", 1);)
        taken++;
    ck_assert_int_eq(taken, LB_PROXY_HEADERS_MAX);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, headers_of_proxies_are_known_in_any_case);
    tcase_add_test(tests, names_and_values_need_no_terminator);
    tcase_add_test(tests, count_and_sizes_are_bounded);
}

LB_UNIT_MAIN("proxy_headers", fill)
