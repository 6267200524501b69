/* Socket addresses as users write them and as we print them. */
#include "common/address.h"

#include "unit.h"

static void check_round_trip(const char *text, const char *expected)
{
    struct lb_address a;
    struct lb_error err = {""};
    char buf[LB_ADDRESS_TEXT];
    ck_assert_msg(lb_address_parse_listen(text, &a, &err) == 0, "%s", err.text);
    ck_assert_str_eq(lb_address_format(buf, (struct sockaddr *)&a.sa, a.len), expected);
}

START_TEST(addresses_of_every_family_are_read)
{
    check_round_trip("127.0.0.1:8080", "127.0.0.1:8080");
    check_round_trip("[::1]:0", "[::1]:0");
    check_round_trip("localhost:65535", "127.0.0.1:65535");
    check_round_trip("unix:/tmp/s", "unix:/tmp/s");
    check_round_trip(":80", "[::]:80");
    check_round_trip("*:80", "[::]:80");
    check_round_trip("[::ffff:127.0.0.1]:80", "127.0.0.1:80");
}
END_TEST

START_TEST(only_an_address_without_host_means_every_address)
{
    struct lb_address a;
    ck_assert_int_eq(lb_address_parse_listen(":80", &a, NULL), 0);
    ck_assert(a.any);
    ck_assert_int_eq(lb_address_parse_listen("[::]:80", &a, NULL), 0);
    ck_assert(!a.any);
}
END_TEST

START_TEST(bad_addresses_are_named)
{
    static const char *const bad[] = {
        "",       "8080",    "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:-1",  "127.0.0.1:",
        "::1:80", "[::1]",   "[::1:80",   "[127.0.0.1]:80",  "1:80",          "256.0.0.1:80",
        "unix:",  "host:80", "127.1:80",  "[]:80",           "127.0.0.1:80x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct lb_address a;
        struct lb_error err = {""};
        ck_assert_msg(lb_address_parse_listen(bad[i], &a, &err) == -1, "'%s' was taken", bad[i]);
        ck_assert_msg(strchr(err.text, '\'') != NULL, "%s", err.text);
    }
    char longest[200] = "unix:";
    memset(longest + 5, 'x', 150);
    struct lb_address a;
    ck_assert_int_eq(lb_address_parse_listen(longest, &a, NULL), -1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, addresses_of_every_family_are_read);
    tcase_add_test(tests, only_an_address_without_host_means_every_address);
    tcase_add_test(tests, bad_addresses_are_named);
}

LB_UNIT_MAIN("address", fill)
