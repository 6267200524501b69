/* What the core's error texts become. The inputs are texts of gRPC C core 1.51, as it gave them. */
#include "client/grpc_status.h"

#include "unit.h"

static void check(int code, const char *details, bool local, const char *expected)
{
    char out[256];
    ck_assert_str_eq(lb_grpc_status_text(code, details, out, sizeof out), expected);
    ck_assert_msg(lb_grpc_status_is_local(code, details) == local, "%s", details);
}

START_TEST(failures_to_connect_name_address_and_reason)
{
    check(14,
          "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to "
          "connect "
          "to remote host: Connection refused",
          true, "UNAVAILABLE: connect 127.0.0.1:1: Connection refused");
    check(14,
          "connections to all backends failing; last error: UNKNOWN: ipv4:127.0.0.1:2: Failed to "
          "connect to remote host: Connection refused",
          true, "UNAVAILABLE: connect 127.0.0.1:2: Connection refused");
    check(14,
          "failed to connect to all addresses; last error: UNKNOWN: ipv6:%5B::1%5D:1: Failed to "
          "connect "
          "to remote host: Connection refused",
          true, "UNAVAILABLE: connect [::1]:1: Connection refused");
    check(
        14,
        "failed to connect to all addresses; last error: UNKNOWN: unix:/nonexist: No such file or "
        "directory",
        true, "UNAVAILABLE: connect unix:/nonexist: No such file or directory");
    check(
        14,
        "failed to connect to all addresses; last error: INTERNAL: ipv4:127.0.0.1:8080: Trying to "
        "connect an http1.x server",
        true, "UNAVAILABLE: connect 127.0.0.1:8080: Trying to connect an http1.x server");
    check(
        14,
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:9: connection "
        "attempt "
        "timed out before receiving SETTINGS frame",
        true,
        "UNAVAILABLE: connect 127.0.0.1:9: connection attempt timed out before receiving SETTINGS "
        "frame");
}
END_TEST

START_TEST(failed_lookups_name_the_name_and_the_reason)
{
    check(
        14,
        "DNS resolution failed for nosuch.invalid:80: C-ares status is not ARES_SUCCESS qtype=AAAA "
        "name=nosuch.invalid is_balancer=0: Domain name not found",
        true, "UNAVAILABLE: look up nosuch.invalid:80: Domain name not found");
}
END_TEST

START_TEST(lost_connections_are_local_and_say_the_system_s_reason)
{
    check(14, "Socket closed", true, "UNAVAILABLE: Socket closed");
    check(14, "recvmsg:Connection reset by peer", true, "UNAVAILABLE: Connection reset by peer");
    check(14, "GOAWAY received", true, "UNAVAILABLE: GOAWAY received");
}
END_TEST

START_TEST(what_a_server_says_is_left_as_it_is)
{
    check(14, "upstream connect error or disconnect/reset before headers", false,
          "UNAVAILABLE: upstream connect error or disconnect/reset before headers");
    check(12, "Method not found!", false, "UNIMPLEMENTED: Method not found!");
    check(12, "Received http2 header with status: 404", false, "UNIMPLEMENTED: HTTP status 404");
    check(5, "", false, "NOT_FOUND");
    check(2, "Socket closed", false, "UNKNOWN: Socket closed");
    check(42, "odd", false, "CODE 42: odd");
    check(-1, "", false, "CODE -1");
}
END_TEST

START_TEST(texts_that_only_look_like_the_core_s_are_kept)
{
    check(14, "failed to connect to all addresses; last error: ", true,
          "UNAVAILABLE: failed to connect to all addresses; last error: ");
    check(14, "failed to connect to all addresses; last error: a: b: c", true,
          "UNAVAILABLE: failed to connect to all addresses; last error: a: b: c");
    check(14, "DNS resolution failed for x", true, "UNAVAILABLE: DNS resolution failed for x");
    char longest[4000], out[64];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ck_assert_uint_eq(strlen(lb_grpc_status_text(14, longest, out, sizeof out)), sizeof out - 1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, failures_to_connect_name_address_and_reason);
    tcase_add_test(tests, failed_lookups_name_the_name_and_the_reason);
    tcase_add_test(tests, lost_connections_are_local_and_say_the_system_s_reason);
    tcase_add_test(tests, what_a_server_says_is_left_as_it_is);
    tcase_add_test(tests, texts_that_only_look_like_the_core_s_are_kept);
}

LB_UNIT_MAIN("grpc_status", fill)
