/* Who answered, from headers and body. */
#include "client/http_identity.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

#include "common/identity_headers.h"
#include "unit.h"

static struct evkeyvalq headers;
static struct lb_http_identity out;

static void reset(void)
{
    TAILQ_INIT(&headers);
}

static void clean(void)
{
    evhttp_clear_headers(&headers);
}

static const char *name_of(const char *pointer, const char *header, const char *body)
{
    struct lb_http_id id = {pointer, header};
    lb_http_identify(&id, &headers, body, strlen(body), &out);
    return out.backend;
}

START_TEST(the_body_names_the_backend)
{
    ck_assert_str_eq(name_of(NULL, NULL, "pod-a"), "pod-a");
    ck_assert_str_eq(name_of(NULL, NULL, " \r\n pod-a \n"), "pod-a");
    ck_assert_str_eq(name_of(NULL, NULL, ""), "");
    ck_assert_str_eq(name_of(NULL, NULL, "\n"), "");
}
END_TEST

START_TEST(a_long_body_is_cut_and_a_nul_ends_it)
{
    char body[1000];
    memset(body, 'x', sizeof body);
    struct lb_http_id id = {NULL, NULL};
    lb_http_identify(&id, &headers, body, sizeof body, &out);
    ck_assert_uint_eq(strlen(out.backend), LB_NAME_MAX);
    lb_http_identify(&id, &headers, "a\0b", 3, &out);
    ck_assert_str_eq(out.backend, "a");
}
END_TEST

START_TEST(the_servers_own_headers_tell_all)
{
    evhttp_add_header(&headers, LB_HEADER_POD, "server-1");
    evhttp_add_header(&headers, LB_HEADER_BOOT_ID, "b00t");
    evhttp_add_header(&headers, LB_HEADER_VERSION, "v2");
    evhttp_add_header(&headers, LB_HEADER_ZONE, "z");
    evhttp_add_header(&headers, LB_HEADER_NODE, "n");
    evhttp_add_header(&headers, LB_HEADER_CONNECTION, "17 3");
    evhttp_add_header(&headers, LB_HEADER_PEER, "10.0.0.7:41234");
    evhttp_add_header(&headers, LB_HEADER_PROXY, "via");
    ck_assert_str_eq(name_of(NULL, NULL, "<html>"), "server-1");
    ck_assert_str_eq(out.boot_id, "b00t");
    ck_assert_str_eq(out.version, "v2");
    ck_assert_str_eq(out.zone, "z");
    ck_assert_str_eq(out.node, "n");
    ck_assert_uint_eq(out.connection, 17);
    ck_assert_uint_eq(out.ordinal, 3);
    ck_assert_str_eq(out.peer, "10.0.0.7:41234");
    ck_assert_str_eq(out.proxy_headers, "via");
}
END_TEST

START_TEST(a_malformed_connection_header_tells_nothing)
{
    evhttp_add_header(&headers, LB_HEADER_CONNECTION, "17");
    name_of(NULL, NULL, "a");
    ck_assert_uint_eq(out.connection, 0);
    ck_assert_uint_eq(out.ordinal, 0);
}
END_TEST

START_TEST(a_json_pointer_finds_the_name)
{
    ck_assert_str_eq(name_of("/hostname", NULL, "{\"hostname\": \"pod-a\"}"), "pod-a");
    ck_assert_str_eq(name_of("/a/1/b~1c~0d", NULL, "{\"a\": [0, {\"b/c~d\": \"x\"}]}"), "x");
    ck_assert_str_eq(name_of("", NULL, "\"pod-a\""), "pod-a");
    ck_assert_str_eq(name_of("/id", NULL, "{\"id\": 42}"), "42");
    ck_assert_str_eq(name_of("/", NULL, "{\"\": \"empty\"}"), "empty");
}
END_TEST

START_TEST(a_json_pointer_to_nothing_names_nobody)
{
    ck_assert_str_eq(name_of("/hostname", NULL, "pod-a"), "");
    ck_assert_str_eq(name_of("/hostname", NULL, "{\"host\": 1}"), "");
    ck_assert_str_eq(name_of("/a/b", NULL, "{\"a\": \"x\"}"), "");
    ck_assert_str_eq(name_of("/a", NULL, "{\"a\": {}}"), "");
    ck_assert_str_eq(name_of("/01", NULL, "[1, 2]"), "");
    ck_assert_str_eq(name_of("/-1", NULL, "[1, 2]"), "");
    ck_assert_str_eq(name_of("/99999999999999999999", NULL, "[1, 2]"), "");
}
END_TEST

START_TEST(a_header_names_the_backend)
{
    evhttp_add_header(&headers, "X-Served-By", " cache-7 ");
    ck_assert_str_eq(name_of(NULL, "x-served-by", "body"), "cache-7");
    ck_assert_str_eq(name_of(NULL, "x-other", "body"), "");
}
END_TEST

START_TEST(json_pointers_are_checked)
{
    struct lb_error err;
    ck_assert_int_eq(lb_json_pointer_check("", &err), 0);
    ck_assert_int_eq(lb_json_pointer_check("/a~0~1/b", &err), 0);
    ck_assert_int_eq(lb_json_pointer_check("hostname", &err), -1);
    ck_assert_int_eq(lb_json_pointer_check("/a~2", &err), -1);
    ck_assert_int_eq(lb_json_pointer_check("/a~", &err), -1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, reset, clean);
    tcase_add_test(tests, the_body_names_the_backend);
    tcase_add_test(tests, a_long_body_is_cut_and_a_nul_ends_it);
    tcase_add_test(tests, the_servers_own_headers_tell_all);
    tcase_add_test(tests, a_malformed_connection_header_tells_nothing);
    tcase_add_test(tests, a_json_pointer_finds_the_name);
    tcase_add_test(tests, a_json_pointer_to_nothing_names_nobody);
    tcase_add_test(tests, a_header_names_the_backend);
    tcase_add_test(tests, json_pointers_are_checked);
}

LB_UNIT_MAIN("http_identity", fill)
