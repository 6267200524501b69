/* What a probe varies. */
#include "client/vary.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "unit.h"

static struct lb_vary vary;
static struct lb_varied_key key;
static struct lb_error err;
static struct lb_transport_facts facts;

static void reset(void)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&facts.first;
    facts = (struct lb_transport_facts){.cookies = true, .path = "/pod", .choose_source = true};
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static int plan(const char *what)
{
    struct lb_option_list list = {&what, what != NULL};
    return lb_vary_plan(&list, &facts, &vary, &err);
}

START_TEST(towards_loopback_sources_and_cookies_vary_by_themselves)
{
    ck_assert_int_eq(plan(NULL), 0);
    ck_assert_uint_eq(vary.values[LB_LEVEL_SOURCE], LB_DIAGNOSE_KEY_VALUES);
    ck_assert_uint_eq(vary.values[LB_LEVEL_COOKIE], LB_DIAGNOSE_KEY_VALUES);
    ck_assert_uint_eq(vary.values[LB_LEVEL_HEADER], 0);
    ck_assert_uint_eq(vary.values[LB_LEVEL_PATH], 0);
}
END_TEST

START_TEST(loopback_sources_are_distinct_and_in_no_progression)
{
    uint32_t a[LB_DIAGNOSE_KEY_VALUES];
    plan(NULL);
    for (int i = 0; i < LB_DIAGNOSE_KEY_VALUES; i++) {
        struct in_addr in;
        ck_assert_int_eq(inet_pton(AF_INET, vary.sources[i], &in), 1);
        a[i] = ntohl(in.s_addr);
        ck_assert_uint_eq(a[i] >> 24, 127);
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(a[i], a[j]);
    }
    unsigned equal_steps = 0;
    for (int i = 2; i < LB_DIAGNOSE_KEY_VALUES; i++)
        equal_steps += a[i] - a[i - 1] == a[1] - a[0];
    ck_assert_uint_lt(equal_steps, LB_DIAGNOSE_KEY_VALUES - 2);
}
END_TEST

START_TEST(keys_have_their_values)
{
    uint16_t numbers[LB_LEVELS] = {0};
    ck_assert_int_eq(plan("header:X-User"), 0);
    lb_vary_key(&vary, numbers, -1, &key);
    ck_assert_ptr_null(key.key.source);
    ck_assert_uint_eq(key.key.cookie_jar, 1);
    ck_assert_str_eq(key.key.header_name, "X-User");
    ck_assert_str_eq(key.key.header_value, "lbdemo-0");
    ck_assert_ptr_null(key.key.path);
    ck_assert_int_eq(key.key.address, -1);

    numbers[LB_LEVEL_SOURCE] = 2;
    numbers[LB_LEVEL_COOKIE] = 3;
    numbers[LB_LEVEL_HEADER] = 4;
    lb_vary_key(&vary, numbers, 5, &key);
    ck_assert_str_eq(key.key.source, vary.sources[1]);
    ck_assert_uint_eq(key.key.cookie_jar, 4);
    ck_assert_str_eq(key.key.header_value, "lbdemo-4");
    ck_assert_int_eq(key.key.address, 5);
}
END_TEST

START_TEST(a_varied_path_has_a_query)
{
    uint16_t numbers[LB_LEVELS] = {[LB_LEVEL_PATH] = 7};
    plan("path");
    lb_vary_key(&vary, numbers, -1, &key);
    ck_assert_str_eq(key.key.path, "/pod?lbdemo=7");
    facts.path = "/a?b=c";
    plan("path");
    lb_vary_key(&vary, numbers, -1, &key);
    ck_assert_str_eq(key.key.path, "/a?b=c&lbdemo=7");
}
END_TEST

START_TEST(what_the_transport_cannot_do_is_refused)
{
    facts.cookies = false;
    facts.path = NULL;
    facts.choose_source = false;
    ck_assert_int_eq(plan(NULL), 0);
    ck_assert_uint_eq(vary.values[LB_LEVEL_COOKIE], 0);
    ck_assert_uint_eq(vary.values[LB_LEVEL_SOURCE], 0);
    ck_assert_int_eq(plan("cookie"), -1);
    ck_assert_int_eq(plan("path"), -1);
    ck_assert_int_eq(plan("source"), -1);
}
END_TEST

START_TEST(nothing_varied_is_a_plain_key)
{
    uint16_t numbers[LB_LEVELS] = {0};
    lb_vary_key(NULL, numbers, 1, &key);
    ck_assert_uint_eq(key.key.cookie_jar, 0);
    ck_assert_ptr_null(key.key.header_name);
    ck_assert_int_eq(key.key.address, 1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, reset, NULL);
    tcase_add_test(tests, towards_loopback_sources_and_cookies_vary_by_themselves);
    tcase_add_test(tests, loopback_sources_are_distinct_and_in_no_progression);
    tcase_add_test(tests, keys_have_their_values);
    tcase_add_test(tests, a_varied_path_has_a_query);
    tcase_add_test(tests, what_the_transport_cannot_do_is_refused);
    tcase_add_test(tests, nothing_varied_is_a_plain_key);
}

LB_UNIT_MAIN("vary", fill)
