/* The HTTP client's target. */
#include "client/http_url.h"

#include "unit.h"

static struct lb_http_url url;
static struct lb_error err;

static void check(const char *text, const char *host, unsigned port, const char *authority,
                  const char *path)
{
    ck_assert_msg(lb_http_url_parse(text, &url, &err) == 0, "%s: %s", text, err.text);
    ck_assert_str_eq(url.host, host);
    ck_assert_uint_eq(url.port, port);
    ck_assert_str_eq(url.authority, authority);
    ck_assert_str_eq(url.path, path);
}

static void refuse(const char *text, const char *word)
{
    ck_assert_msg(lb_http_url_parse(text, &url, &err) < 0, "%s is taken", text);
    ck_assert_msg(strstr(err.text, word) != NULL, "%s: %s", text, err.text);
}

START_TEST(a_host_alone_means_its_pod_path)
{
    check("server", "server", 80, "server", "/pod");
    check("server:8080", "server", 8080, "server:8080", "/pod");
    check("http://127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080", "/pod");
    ck_assert(!url.tls);
}
END_TEST

START_TEST(a_path_stays_as_it_is_written)
{
    check("http://server/", "server", 80, "server", "/");
    check("http://server/a%20b?x=1&y=2#part", "server", 80, "server", "/a%20b?x=1&y=2");
    check("server:81/who", "server", 81, "server:81", "/who");
    check("http://server?x=1", "server", 80, "server", "/?x=1");
}
END_TEST

START_TEST(ipv6_is_written_in_brackets)
{
    check("http://[::1]:8080/pod", "::1", 8080, "[::1]:8080", "/pod");
    check("[2001:db8::7]", "2001:db8::7", 80, "[2001:db8::7]", "/pod");
}
END_TEST

START_TEST(https_has_its_own_port)
{
    check("https://server", "server", 443, "server", "/pod");
    ck_assert(url.tls);
    check("https://server:80/", "server", 80, "server:80", "/");
}
END_TEST

START_TEST(what_is_no_target_is_refused)
{
    refuse("ftp://server/", "ftp");
    refuse("http://user:secret@server/", "user name");
    refuse("http://:8080/", "no host");
    refuse("http:///pod", "no host");
    refuse("http://server:0/", "port");
    refuse("http://server:99999/", "URL");
    refuse("http://ser ver/", "URL");
    refuse("http://[::1/", "URL");
    refuse("", "no host");
    char longer[LB_URL_PATH_MAX + 32];
    memset(longer, 'a', sizeof longer);
    memcpy(longer, "http://s/", 9);
    longer[sizeof longer - 1] = '\0';
    refuse(longer, "longer than");
    memcpy(longer, "http://aa", 9);
    longer[300] = '\0';
    refuse(longer, "longer than");
}
END_TEST

START_TEST(a_path_is_printable_and_absolute)
{
    ck_assert_int_eq(lb_http_path_check("/x?y=%20", &err), 0);
    ck_assert_int_eq(lb_http_path_check("x", &err), -1);
    ck_assert_int_eq(lb_http_path_check("/a b", &err), -1);
    ck_assert_int_eq(lb_http_path_check("/a\r\nX: y", &err), -1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_host_alone_means_its_pod_path);
    tcase_add_test(tests, a_path_stays_as_it_is_written);
    tcase_add_test(tests, ipv6_is_written_in_brackets);
    tcase_add_test(tests, https_has_its_own_port);
    tcase_add_test(tests, what_is_no_target_is_refused);
    tcase_add_test(tests, a_path_is_printable_and_absolute);
}

LB_UNIT_MAIN("http_url", fill)
