/* A jar of cookies, and headers as users write them. */
#include "client/http_cookies.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

#include "client/http_header.h"
#include "unit.h"

static struct evkeyvalq headers;
static struct lb_jar jar;
static char text[LB_JAR_HEADER];

static void reset(void)
{
    TAILQ_INIT(&headers);
}

static void clean(void)
{
    evhttp_clear_headers(&headers);
    lb_jar_clear(&jar);
}

static const char *after(const char *set_cookie)
{
    evhttp_clear_headers(&headers);
    evhttp_add_header(&headers, "Set-Cookie", set_cookie);
    lb_jar_take(&jar, &headers);
    lb_jar_header(&jar, text);
    return text;
}

START_TEST(an_empty_jar_sends_nothing)
{
    ck_assert_uint_eq(lb_jar_header(&jar, text), 0);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(cookies_are_kept_without_their_attributes)
{
    ck_assert_str_eq(after("BY=a; Path=/; HttpOnly"), "BY=a");
    ck_assert_str_eq(after(" b = c ;x"), "BY=a; b = c");
}
END_TEST

START_TEST(a_newer_value_replaces_the_older)
{
    after("BY=a");
    after("BYE=x");
    ck_assert_str_eq(after("BY=b"), "BY=b; BYE=x");
}
END_TEST

START_TEST(what_is_no_cookie_is_left_out)
{
    ck_assert_str_eq(after("novalue"), "");
    ck_assert_str_eq(after("=x"), "");
    ck_assert_str_eq(after(""), "");
    ck_assert_str_eq(after("; a=b"), "");
}
END_TEST

START_TEST(a_jar_is_bounded)
{
    char cookie[2 * LB_COOKIE_MAX];
    memset(cookie, 'x', sizeof cookie);
    cookie[1] = '=';
    cookie[sizeof cookie - 1] = '\0';
    ck_assert_str_eq(after(cookie), "");
    for (int i = 0; i < 100; i++) {
        int n = snprintf(cookie, sizeof cookie, "%03d=", i);
        memset(cookie + n, 'y', (size_t)(LB_COOKIE_MAX - n));
        cookie[LB_COOKIE_MAX] = '\0';
        after(cookie);
    }
    ck_assert_uint_eq(jar.count, LB_JAR_COOKIES);
    ck_assert_uint_lt(lb_jar_header(&jar, text), LB_JAR_HEADER);
}
END_TEST

START_TEST(all_set_cookie_headers_are_taken)
{
    evhttp_add_header(&headers, "Set-Cookie", "a=1");
    evhttp_add_header(&headers, "set-cookie", "b=2");
    evhttp_add_header(&headers, "Cookie", "c=3");
    lb_jar_take(&jar, &headers);
    lb_jar_header(&jar, text);
    ck_assert_str_eq(text, "a=1; b=2");
}
END_TEST

START_TEST(headers_are_a_token_and_printable_text)
{
    struct lb_error err;
    size_t len;
    ck_assert_int_eq(lb_http_header_check("Host: shop.example", &err), 0);
    ck_assert_int_eq(lb_http_header_check("X-Empty:", &err), 0);
    ck_assert_int_eq(lb_http_header_check("no colon", &err), -1);
    ck_assert_int_eq(lb_http_header_check(": value", &err), -1);
    ck_assert_int_eq(lb_http_header_check("a b: c", &err), -1);
    ck_assert_int_eq(lb_http_header_check("a: b\r\nc: d", &err), -1);
    ck_assert_str_eq(lb_http_header_split("Host: \tshop", &len), "shop");
    ck_assert_uint_eq(len, 4);
    ck_assert_str_eq(lb_http_header_split("X:", &len), "");
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, reset, clean);
    tcase_add_test(tests, an_empty_jar_sends_nothing);
    tcase_add_test(tests, cookies_are_kept_without_their_attributes);
    tcase_add_test(tests, a_newer_value_replaces_the_older);
    tcase_add_test(tests, what_is_no_cookie_is_left_out);
    tcase_add_test(tests, a_jar_is_bounded);
    tcase_add_test(tests, all_set_cookie_headers_are_taken);
    tcase_add_test(tests, headers_are_a_token_and_printable_text);
}

LB_UNIT_MAIN("http_cookies", fill)
