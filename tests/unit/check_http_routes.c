/* What the server answers, and how a response is written. */
#include "server/http_routes.h"

#include <jansson.h>

#include "server/identity.h"
#include "server/readiness.h"
#include "unit.h"

static struct lb_identity identity = {
    .name = "pod-1", .namespace = "demo", .node = "n", .zone = "", .version = "v2"};
static struct lb_readiness *readiness;
static struct lb_http_routes *routes;
static const struct lb_http_service *service;
static struct lb_proxy_headers proxy;

static void set_up(void)
{
    struct lb_error err = {""};
    ck_assert_msg(lb_identity_complete(&identity, &err) == 0, "%s", err.text);
    readiness = lb_readiness_new(&err);
    routes = lb_http_routes_new(&identity, readiness, &err);
    ck_assert_ptr_nonnull(routes);
    service = lb_http_routes_service(routes);
}

static void tear_down(void)
{
    lb_http_routes_free(routes);
    lb_readiness_free(readiness);
}

static struct lb_http_reply ask(enum lb_http_method method, const char *path, const char *peer)
{
    struct lb_http_request request = {
        .method = method,
        .route = lb_http_route_find(service, path, strlen(path)),
        .proxy = &proxy,
        .connection_id = 17,
        .ordinal = 3,
        .peer = peer,
    };
    struct lb_http_reply reply;
    lb_http_service_answer(service, &request, &reply);
    return reply;
}

START_TEST(pod_is_the_name_and_nothing_else)
{
    struct lb_http_reply reply = ask(LB_HTTP_GET, "/pod", "");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(reply.type, "text/plain");
    ck_assert_uint_eq(reply.body_len, 5);
    ck_assert_int_eq(memcmp(reply.body, "pod-1", 5), 0);
}
END_TEST

static void check_info(const char *peer, const char *address, int port)
{
    proxy.count = proxy.bytes = 0;
    ck_assert(lb_proxy_headers_add(&proxy, "Via", 3, "1.1 \xff\"x", 7));
    struct lb_http_reply reply = ask(LB_HTTP_GET, "/info", peer);
    ck_assert_str_eq(reply.type, "application/json");
    json_error_t error;
    json_t *info = json_loadb(reply.body, reply.body_len, 0, &error);
    ck_assert_msg(info != NULL, "%s", error.text);
    ck_assert_str_eq(json_string_value(json_object_get(info, "name")), "pod-1");
    ck_assert_str_eq(json_string_value(json_object_get(info, "namespace")), "demo");
    ck_assert_str_eq(json_string_value(json_object_get(info, "boot_id")), identity.boot_id);
    ck_assert_int_eq(json_integer_value(json_object_get(info, "connection_id")), 17);
    ck_assert_int_eq(json_integer_value(json_object_get(info, "request_ordinal")), 3);
    ck_assert_str_eq(json_string_value(json_object_get(info, "peer_address")), address);
    ck_assert_int_eq(json_integer_value(json_object_get(info, "peer_port")), port);
    json_t *header = json_array_get(json_object_get(info, "proxy_headers"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(header, "name")), "Via");
    ck_assert_str_eq(json_string_value(json_object_get(header, "value")), "1.1 ?\"x");
    json_decref(info);
    lb_http_reply_clear(&reply);
}

START_TEST(info_is_all_that_is_known)
{
    check_info("10.0.0.7:41234", "10.0.0.7", 41234);
    check_info("[fe80::1%eth0]:80", "fe80::1%eth0", 80);
    check_info("unix:", "unix:", 0);
    check_info("unix:/tmp/a:b", "unix:/tmp/a:b", 0);
}
END_TEST

START_TEST(readiness_shows)
{
    ck_assert_int_eq(ask(LB_HTTP_GET, "/readyz", "").status, 200);
    lb_readiness_set(readiness, false);
    ck_assert_int_eq(ask(LB_HTTP_GET, "/readyz", "").status, 503);
    ck_assert_int_eq(ask(LB_HTTP_GET, "/healthz", "").status, 200);
}
END_TEST

START_TEST(other_methods_and_paths_get_an_answer_that_helps)
{
    struct lb_http_reply reply = ask(LB_HTTP_DELETE, "/pod", "");
    ck_assert_int_eq(reply.status, 405);
    ck_assert_str_eq(reply.allow, "GET, HEAD, OPTIONS");
    lb_http_reply_clear(&reply);
    reply = ask(LB_HTTP_OPTIONS, "*", "");
    ck_assert_int_eq(reply.status, 204);
    ck_assert_str_eq(reply.allow, "GET, HEAD, OPTIONS");
    ck_assert_ptr_null(reply.type);
    lb_http_reply_clear(&reply);
    reply = ask(LB_HTTP_GET, "/nothing", "");
    ck_assert_int_eq(reply.status, 404);
    ck_assert_ptr_nonnull(strstr(reply.body, "/pod"));
    lb_http_reply_clear(&reply);
    reply = ask(LB_HTTP_OPTIONS, "/nothing", "");
    ck_assert_int_eq(reply.status, 404);
    lb_http_reply_clear(&reply);
}
END_TEST

START_TEST(a_head_is_written_with_the_server_s_facts)
{
    struct lb_http_reply reply = {
        .status = 405, .type = "text/plain", .allow = "GET", .body = "no\n", .body_len = 3};
    struct lb_http_frame frame = {.close = true,
                                  .date = "Mon, 23 Nov 2026 00:00:00 GMT",
                                  .identity = lb_http_service_identity_headers(service),
                                  .connection_id = 18446744073709551615u,
                                  .ordinal = 10,
                                  .peer = "10.0.0.7:1",
                                  .proxy = &proxy};
    proxy.count = proxy.bytes = 0;
    lb_proxy_headers_add(&proxy, "Via", 3, "a", 1);
    lb_proxy_headers_add(&proxy, "X-Request-Id", 12, "b", 1);
    lb_proxy_headers_add(&proxy, "via", 3, "c", 1);
    char buf[LB_HTTP_REPLY_HEAD_MAX], expected[LB_HTTP_REPLY_HEAD_MAX];
    size_t len = lb_http_reply_write_head(buf, &reply, &frame);
    snprintf(expected, sizeof expected,
             "HTTP/1.1 405 Method Not Allowed\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\n"
             "Content-Type: text/plain\r\nContent-Length: 3\r\nAllow: GET\r\nConnection: close\r\n"
             "x-lbdemo-pod: pod-1\r\nx-lbdemo-boot-id: %s\r\nx-lbdemo-version: v2\r\n"
             "x-lbdemo-node: n\r\nx-lbdemo-connection: 18446744073709551615 10\r\n"
             "x-lbdemo-peer: 10.0.0.7:1\r\nx-lbdemo-proxy: via,x-request-id\r\n\r\n",
             identity.boot_id);
    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_int_eq(memcmp(buf, expected, len), 0);
}
END_TEST

START_TEST(the_largest_head_fits)
{
    char text[LB_IDENTITY_TEXT_MAX + 1], names[LB_PROXY_HEADERS_MAX][64];
    memset(text, 'x', LB_IDENTITY_TEXT_MAX);
    text[LB_IDENTITY_TEXT_MAX] = '\0';
    struct lb_identity big = {.name = text, .version = text, .zone = text, .node = text};
    struct lb_error err;
    ck_assert_int_eq(lb_identity_complete(&big, &err), 0);
    struct lb_http_routes *big_routes = lb_http_routes_new(&big, readiness, &err);
    ck_assert_ptr_nonnull(big_routes);
    const struct lb_http_service *s = lb_http_routes_service(big_routes);
    proxy.count = proxy.bytes = 0;
    for (int i = 0; i < LB_PROXY_HEADERS_MAX; i++) {
        int n = snprintf(names[i], sizeof names[i], "x-envoy-%050d", i);
        ck_assert(lb_proxy_headers_add(&proxy, names[i], (size_t)n, "", 0));
    }
    char peer[LB_ADDRESS_TEXT], buf[LB_HTTP_REPLY_HEAD_MAX];
    memset(peer, 'p', sizeof peer - 1);
    peer[sizeof peer - 1] = '\0';
    struct lb_http_reply reply = {.status = 431,
                                  .type = "text/html; charset=utf-8",
                                  .allow = "GET, HEAD",
                                  .body = "",
                                  .body_len = SIZE_MAX};
    struct lb_http_frame frame = {.close = true,
                                  .date = "Mon, 23 Nov 2026 00:00:00 GMT",
                                  .identity = lb_http_service_identity_headers(s),
                                  .connection_id = UINT64_MAX,
                                  .ordinal = UINT64_MAX,
                                  .peer = peer,
                                  .proxy = &proxy};
    ck_assert_uint_lt(lb_http_reply_write_head(buf, &reply, &frame), sizeof buf);
    lb_http_routes_free(big_routes);
}
END_TEST

static void note(bool ready, void *arg)
{
    strcat(arg, ready ? "1" : "0");
}

START_TEST(readiness_tells_each_change_once_and_a_stop_is_final)
{
    char seen[16] = "";
    struct lb_error err;
    struct lb_readiness *r = lb_readiness_new(&err);
    ck_assert_int_eq(lb_readiness_watch(r, note, seen, &err), 0);
    ck_assert(lb_readiness_get(r));
    lb_readiness_set(r, true);
    lb_readiness_set(r, false);
    lb_readiness_set(r, false);
    lb_readiness_set(r, true);
    lb_readiness_stop(r);
    lb_readiness_set(r, true);
    ck_assert(!lb_readiness_get(r));
    ck_assert_str_eq(seen, "010");
    lb_readiness_free(r);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, pod_is_the_name_and_nothing_else);
    tcase_add_test(tests, info_is_all_that_is_known);
    tcase_add_test(tests, readiness_shows);
    tcase_add_test(tests, other_methods_and_paths_get_an_answer_that_helps);
    tcase_add_test(tests, a_head_is_written_with_the_server_s_facts);
    tcase_add_test(tests, the_largest_head_fits);
    tcase_add_test(tests, readiness_tells_each_change_once_and_a_stop_is_final);
}

LB_UNIT_MAIN("http_routes", fill)
