/* Targets of the gRPC client, and the peers that the core names. */
#include "client/grpc_target.h"

#include "unit.h"

static struct lb_grpc_target target;
static struct lb_error err;

static void check(const char *text, enum lb_grpc_scheme scheme, const char *uri, unsigned count)
{
    ck_assert_msg(lb_grpc_target_parse(text, &target, &err) == 0, "%s", err.text);
    ck_assert_int_eq(target.scheme, scheme);
    ck_assert_str_eq(target.uri, uri);
    ck_assert_uint_eq(target.count, count);
    lb_grpc_target_clear(&target);
}

START_TEST(targets_of_every_scheme_are_taken)
{
    check("dns:///pods.default.svc:80", LB_GRPC_DNS, "dns:///pods.default.svc:80", 0);
    check("dns:pods:80", LB_GRPC_DNS, "dns:///pods:80", 0);
    check("dns://10.0.0.10/pods:80", LB_GRPC_DNS, "dns://10.0.0.10/pods:80", 0);
    check("dns://127.0.0.1:5353/pods:80", LB_GRPC_DNS, "dns://127.0.0.1:5353/pods:80", 0);
    check("ipv4:10.0.0.1:80,10.0.0.2:81", LB_GRPC_IPV4, "ipv4:10.0.0.1:80,10.0.0.2:81", 2);
    check("ipv6:[::1]:80,[fd00::2]:81", LB_GRPC_IPV6, "ipv6:[::1]:80,[fd00::2]:81", 2);
    check("unix:/run/a b.sock", LB_GRPC_UNIX, "unix:/run/a%20b.sock", 1);
    check("unix:///run/s", LB_GRPC_UNIX, "unix:/run/s", 1);
    check("unix:s", LB_GRPC_UNIX, "unix:s", 1);
    check("unix-abstract:name", LB_GRPC_UNIX_ABSTRACT, "unix-abstract:name", 1);
    setenv("GRPC_XDS_BOOTSTRAP_CONFIG", "{}", 1);
    check("xds:///pods", LB_GRPC_XDS, "xds:///pods", 0);
}
END_TEST

START_TEST(a_bare_name_is_looked_up_and_a_bare_address_is_not)
{
    check("pods:80", LB_GRPC_DNS, "dns:///pods:80", 0);
    check("127.0.0.1:30051", LB_GRPC_IPV4, "ipv4:127.0.0.1:30051", 1);
    check("[::1]:30051", LB_GRPC_IPV6, "ipv6:[::1]:30051", 1);
    check("dns:///127.0.0.1:80", LB_GRPC_DNS, "dns:///127.0.0.1:80", 1);
}
END_TEST

START_TEST(a_name_is_kept_with_the_server_to_ask)
{
    ck_assert_int_eq(lb_grpc_target_parse("dns://127.0.0.1:53/pods.local:80", &target, &err), 0);
    ck_assert_str_eq(target.host, "pods.local");
    ck_assert_str_eq(target.port, "80");
    ck_assert_str_eq(target.server, "127.0.0.1:53");
}
END_TEST

START_TEST(bad_targets_are_named_with_what_is_wrong)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "no port"},
        {"pods", "no port"},
        {"pods:", "port"},
        {"pods:0", "port"},
        {"pods:65536", "port"},
        {"pods:99999", "port"},
        {"pods:http", "port"},
        {":80", "no host"},
        {"::1:80", "brackets"},
        {"[::1]", "no port"},
        {"[::1:80", "unclosed"},
        {"[10.0.0.1]:80", "brackets"},
        {"[fe80::1%nosuch]:80", "interfaces"},
        {"[::g]:80", "IPv6"},
        {"po ds:80", "host name"},
        {"http://pods:80", "unknown scheme"},
        {"xdns:///pods:80", "unknown scheme"},
        {"dns://pods:80", "slash"},
        {"dns:///pods", "no port"},
        {"dns://nameserver/pods:80", "DNS server"},
        {"dns:////pods:80", "host name"},
        {"ipv4:pods:80", "no IPv4"},
        {"ipv4:10.0.0.1", "no port"},
        {"ipv4:10.0.0.1:80,", "no port"},
        {"ipv4:10.0.0.256:80", "no IPv4"},
        {"ipv4:[::1]:80", "no IPv4"},
        {"ipv6:10.0.0.1:80", "no IPv6"},
        {"unix:", "path"},
        {"xds:///", "xDS"},
        {"xds:pods", "xDS"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(lb_grpc_target_parse(bad[i].text, &target, &err) == -1, "'%s' was taken",
                      bad[i].text);
        ck_assert_msg(strstr(err.text, bad[i].text) && strstr(err.text, bad[i].why), "%s",
                      err.text);
        ck_assert_msg(strstr(err.text, "dns:///HOST:PORT") != NULL, "%s", err.text);
        lb_grpc_target_clear(&target);
    }
}
END_TEST

START_TEST(targets_that_are_too_long_are_refused)
{
    char text[8192] = "unix:";
    memset(text + 5, 'x', 108);
    ck_assert_int_eq(lb_grpc_target_parse(text, &target, &err), -1);
    memset(text, 'x', sizeof text - 1);
    memcpy(text + 254, ":80", 4);
    ck_assert_int_eq(lb_grpc_target_parse(text, &target, &err), -1);
    memset(text, ',', sizeof text - 1);
    memcpy(text, "ipv4:", 5);
    ck_assert_int_eq(lb_grpc_target_parse(text, &target, &err), -1);
    lb_grpc_target_clear(&target);
}
END_TEST

START_TEST(xds_needs_a_bootstrap)
{
    unsetenv("GRPC_XDS_BOOTSTRAP");
    unsetenv("GRPC_XDS_BOOTSTRAP_CONFIG");
    ck_assert_int_eq(lb_grpc_target_parse("xds:///pods", &target, &err), -1);
    ck_assert_msg(strstr(err.text, "GRPC_XDS_BOOTSTRAP") != NULL, "%s", err.text);
}
END_TEST

START_TEST(each_address_has_a_target_of_its_own)
{
    static const char *const texts[] = {"ipv4:10.0.0.1:80", "ipv6:[fd00::1]:80", "unix:/run/s",
                                        "unix-abstract:name"};
    char uri[LB_GRPC_ADDRESS_URI];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ck_assert_int_eq(lb_grpc_target_parse(texts[i], &target, &err), 0);
        ck_assert_str_eq(lb_grpc_address_uri(&target.addresses[0], uri), texts[i]);
        lb_grpc_target_clear(&target);
    }
    ck_assert_int_eq(lb_grpc_target_parse("ipv6:[::ffff:10.0.0.1]:80", &target, &err), 0);
    ck_assert_str_eq(lb_grpc_address_uri(&target.addresses[0], uri), "ipv4:10.0.0.1:80");
    lb_grpc_target_clear(&target);
}
END_TEST

START_TEST(peers_are_written_as_addresses)
{
    char out[LB_ADDRESS_TEXT];
    ck_assert_str_eq(lb_grpc_peer_format("ipv4:127.0.0.1:80", out), "127.0.0.1:80");
    ck_assert_str_eq(lb_grpc_peer_format("ipv6:%5B::1%5D:80", out), "[::1]:80");
    ck_assert_str_eq(lb_grpc_peer_format("ipv6:%5bfe80::1%25eth0%5d:80", out), "[fe80::1%eth0]:80");
    ck_assert_str_eq(lb_grpc_peer_format("unix:/run/s", out), "unix:/run/s");
    ck_assert_str_eq(lb_grpc_peer_format("pods:80", out), ""); /* the target: nothing was picked */
    ck_assert_str_eq(lb_grpc_peer_format("dns:///pods:80", out), "");
    ck_assert_str_eq(lb_grpc_peer_format("", out), "");
    ck_assert_str_eq(lb_grpc_peer_format("ipv4:%", out), "%");
    ck_assert_str_eq(lb_grpc_peer_format("ipv4:%5", out), "%5");
    ck_assert_str_eq(lb_grpc_peer_format("ipv4:%zz", out), "%zz");
    char longest[1000] = "unix:";
    memset(longest + 5, 'x', sizeof longest - 6);
    ck_assert_uint_eq(strlen(lb_grpc_peer_format(longest, out)), LB_ADDRESS_TEXT - 1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, targets_of_every_scheme_are_taken);
    tcase_add_test(tests, a_bare_name_is_looked_up_and_a_bare_address_is_not);
    tcase_add_test(tests, a_name_is_kept_with_the_server_to_ask);
    tcase_add_test(tests, bad_targets_are_named_with_what_is_wrong);
    tcase_add_test(tests, targets_that_are_too_long_are_refused);
    tcase_add_test(tests, xds_needs_a_bootstrap);
    tcase_add_test(tests, each_address_has_a_target_of_its_own);
    tcase_add_test(tests, peers_are_written_as_addresses);
}

LB_UNIT_MAIN("grpc_target", fill)
