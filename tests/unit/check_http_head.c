/* The head of an HTTP request: its end, its meaning, and what is refused. */
#include "server/http_head.h"

#include "unit.h"

/* Scans and parses a whole text; returns the status to refuse it with, 0 for a good head, or -1 if
 * the head does not end. */
static int read_head(const char *text, struct lb_http_head *head)
{
    size_t scanned = 0, head_len;
    int status;
    const char *why = NULL;
    switch (lb_http_head_scan(text, strlen(text), &scanned, &head_len, &status, &why)) {
    case LB_HTTP_SCAN_COMPLETE:
        status = lb_http_head_parse(text, head_len, head, &why);
        break;
    case LB_HTTP_SCAN_REFUSE:
        break;
    default:
        return -1;
    }
    ck_assert_msg(status == 0 || (why && *why), "%d without a reason: %s", status, text);
    return status;
}

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n"

START_TEST(a_request_is_read)
{
    struct lb_http_head h;
    const char *text = "POST /faults?name=x HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 12\r\n"
                       "Via: 1.1 edge \r\nAccept: */*\r\n\r\n";
    ck_assert_int_eq(read_head(text, &h), 0);
    ck_assert_int_eq(h.method, LB_HTTP_POST);
    ck_assert(!h.http10 && !h.close && !h.chunked);
    ck_assert_uint_eq(h.content_length, 12);
    ck_assert(h.path_len == 7 && memcmp(h.path, "/faults", 7) == 0);
    ck_assert(h.query_len == 6 && memcmp(h.query, "name=x", 6) == 0);
    ck_assert_uint_eq(h.proxy.count, 1);
    ck_assert(h.proxy.items[0].value_len == 8 &&
              memcmp(h.proxy.items[0].value, "1.1 edge", 8) == 0);
}
END_TEST

START_TEST(every_form_of_target_that_is_allowed_is_read)
{
    static const char *const targets[][2] = {
        {"GET /pod", "/pod"},     {"GET http://host:80/pod?q", "/pod"},
        {"GET HTTP://host", "/"}, {"GET https://[::1]?q", "/"},
        {"OPTIONS *", "*"},       {"GET //pod", "//pod"},
        {"GET /%70od", "/%70od"},
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char text[128];
        struct lb_http_head h;
        snprintf(text, sizeof text, "%s HTTP/1.1\r\n" HOST "\r\n", targets[i][0]);
        ck_assert_msg(read_head(text, &h) == 0, "%s", text);
        ck_assert_msg(h.path_len == strlen(targets[i][1]) &&
                          memcmp(h.path, targets[i][1], h.path_len) == 0,
                      "%s: %.*s", text, (int)h.path_len, h.path);
    }
}
END_TEST

START_TEST(the_connection_is_kept_or_closed_as_the_client_says)
{
    static const struct {
        const char *text;
        bool close;
    } cases[] = {
        {GET HOST "\r\n", false},
        {GET HOST "Connection: close\r\n\r\n", true},
        {GET HOST "Connection: keep-alive, close\r\n\r\n", true},
        {GET HOST "Connection: keep-alive\r\nConnection: x,CLOSE\r\n\r\n", true},
        {GET HOST "Connection: closed\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false},
        {"GET / HTTP/1.9\r\n" HOST "\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lb_http_head h;
        ck_assert_msg(read_head(cases[i].text, &h) == 0, "%s", cases[i].text);
        ck_assert_msg(h.close == cases[i].close, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(what_is_wrong_or_ambiguous_is_refused)
{
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        /* request line */
        {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
        {400, "GET /\r\n" HOST "\r\n"},
        {400, "GET / http/1.1\r\n" HOST "\r\n"},
        {400, "GET /a b HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /\x80 HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET pod HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET http:///pod HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET http://a@b/ HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /% HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /%2 HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /%zz HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /%00 HTTP/1.1\r\n" HOST "\r\n"},
        {400, " GET / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "G@T / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "\x16\x03\x01"},
        {501, "BREW / HTTP/1.1\r\n" HOST "\r\n"},
        {501, "get / HTTP/1.1\r\n" HOST "\r\n"},
        {501, "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"},
        {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\n"},
        /* lines */
        {400, "GET / HTTP/1.1\n" HOST "\r\n"},
        {400, GET "Host: a\n\r\n"},
        {400, GET HOST "X: a\rb\r\n\r\n"},
        {400, GET HOST "X: a\x01\r\n\r\n"},
        {400, GET HOST "X : a\r\n\r\n"},
        {400, GET HOST ": a\r\n\r\n"},
        {400, GET HOST "X\r\n\r\n"},
        {400, GET HOST "X: a\r\n b\r\n\r\n"},
        {400, GET HOST "X: a\r\n\tb\r\n\r\n"},
        {400, GET " " HOST "\r\n"},
        /* hosts */
        {400, GET "\r\n"},
        {400, GET HOST HOST "\r\n"},
        {400, GET "Host: a b\r\n\r\n"},
        {400, GET "Host: a/b\r\n\r\n"},
        {400, GET "Host: u@a\r\n\r\n"},
        {400, "GET http://a/ HTTP/1.1\r\n\r\n"},
        /* lengths and codings */
        {400, GET HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"},
        {400, GET HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"},
        {400, GET HOST "Content-Length: 3, 3\r\n\r\n"},
        {400, GET HOST "Content-Length: +3\r\n\r\n"},
        {400, GET HOST "Content-Length: -3\r\n\r\n"},
        {400, GET HOST "Content-Length: 0x3\r\n\r\n"},
        {400, GET HOST "Content-Length: \r\n\r\n"},
        {400, GET HOST "Content-Length : 3\r\n\r\n"},
        {400, GET HOST "Content-Length: 18446744073709551617\r\n\r\n"},
        {400, GET HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
        {400, GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, GET HOST "Transfer-Encoding: gzip\r\n\r\n"},
        {501, GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {501, GET HOST "Transfer-Encoding: xchunked\r\n\r\n"},
        {501, GET HOST "Transfer-Encoding: chunked;q=1\r\n\r\n"},
        {501, GET HOST "Transfer-Encoding: \r\n\r\n"},
        {400, "HEAD / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n"},
        {400, "TRACE / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"},
        {417, GET HOST "Expect: 200-ok\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lb_http_head h;
        int status = read_head(cases[i].text, &h);
        ck_assert_msg(status == cases[i].status, "%d for %s", status, cases[i].text);
    }
}
END_TEST

START_TEST(a_nul_is_refused_wherever_it_is)
{
    static const char texts[][64] = {
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
    };
    static const size_t lens[] = {29, 37, 36};
    for (size_t i = 0; i < 3; i++) {
        struct lb_http_head h;
        size_t scanned = 0, head_len;
        int status;
        const char *why;
        ck_assert_int_eq(lb_http_head_scan(texts[i], lens[i], &scanned, &head_len, &status, &why),
                         LB_HTTP_SCAN_COMPLETE);
        ck_assert_int_eq(lb_http_head_parse(texts[i], head_len, &h, &why), 400);
    }
}
END_TEST

START_TEST(an_end_is_found_whatever_pieces_it_comes_in)
{
    const char *text = "GET /pod HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nGET /next";
    size_t expected = strlen(text) - strlen("GET /next");
    for (size_t step = 1; step <= strlen(text); step++) {
        size_t scanned = 0, head_len = 0;
        int status;
        const char *why;
        enum lb_http_scan found = LB_HTTP_SCAN_MORE;
        for (size_t len = step; found == LB_HTTP_SCAN_MORE; len += step) {
            if (len > strlen(text))
                len = strlen(text);
            found = lb_http_head_scan(text, len, &scanned, &head_len, &status, &why);
            ck_assert(found != LB_HTTP_SCAN_MORE || len < expected);
        }
        ck_assert_int_eq(found, LB_HTTP_SCAN_COMPLETE);
        ck_assert_uint_eq(head_len, expected);
    }
}
END_TEST

START_TEST(an_empty_line_before_a_request_is_told_apart)
{
    size_t scanned = 0, head_len;
    int status;
    const char *why;
    ck_assert_int_eq(lb_http_head_scan("\r", 1, &scanned, &head_len, &status, &why),
                     LB_HTTP_SCAN_MORE);
    ck_assert_int_eq(lb_http_head_scan("\r\nGET", 5, &scanned, &head_len, &status, &why),
                     LB_HTTP_SCAN_BLANK);
    ck_assert_uint_eq(head_len, 2);
}
END_TEST

/* Scans `text` + `fill` times 'a', with and without `tail`. */
static int scan_long(const char *text, size_t fill, const char *tail)
{
    size_t len = strlen(text), scanned = 0, head_len;
    char *data = malloc(len + fill + strlen(tail));
    memcpy(data, text, len);
    memset(data + len, 'a', fill);
    memcpy(data + len + fill, tail, strlen(tail));
    int status;
    const char *why;
    enum lb_http_scan found =
        lb_http_head_scan(data, len + fill + strlen(tail), &scanned, &head_len, &status, &why);
    free(data);
    return found == LB_HTTP_SCAN_REFUSE ? status : 0;
}

START_TEST(heads_that_are_too_long_are_refused_before_they_end)
{
    const char *tail = " HTTP/1.1\r\n";
    size_t frame = strlen("GET /") + strlen(tail);
    ck_assert_int_eq(scan_long("GET /", LB_HTTP_REQUEST_LINE_MAX - frame, tail), 0);
    ck_assert_int_eq(scan_long("GET /", LB_HTTP_REQUEST_LINE_MAX - frame + 1, tail), 414);
    ck_assert_int_eq(scan_long("GET /", LB_HTTP_REQUEST_LINE_MAX, ""), 414);
    ck_assert_int_eq(scan_long(GET "X: ", LB_HTTP_HEAD_MAX, ""), 431);
    ck_assert_int_eq(scan_long(GET "X: ", LB_HTTP_HEAD_MAX, "\r\n"), 431);

    struct lb_http_head h;
    char text[LB_HTTP_HEADERS_MAX * 8 + 64] = GET HOST;
    for (int i = 1; i < LB_HTTP_HEADERS_MAX; i++)
        strcat(text, "X: y\r\n");
    size_t len = strlen(text);
    strcat(text, "\r\n");
    ck_assert_int_eq(read_head(text, &h), 0);
    strcpy(text + len, "X: y\r\n\r\n");
    ck_assert_int_eq(read_head(text, &h), 431);
}
END_TEST

START_TEST(paths_are_compared_decoded)
{
    static const struct {
        const char *path, *plain;
        bool same;
    } cases[] = {
        {"/pod", "/pod", true},   {"/%70od", "/pod", true},    {"/%70%6F%64", "/pod", true},
        {"/pod/", "/pod", false}, {"/po", "/pod", false},      {"/pod%20", "/pod", false},
        {"/Pod", "/pod", false},  {"/%2570od", "/pod", false}, {"/po%6", "/pod", false},
        {"", "/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(lb_http_path_is(cases[i].path, strlen(cases[i].path), cases[i].plain) ==
                          cases[i].same,
                      "%s", cases[i].path);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_request_is_read);
    tcase_add_test(tests, every_form_of_target_that_is_allowed_is_read);
    tcase_add_test(tests, the_connection_is_kept_or_closed_as_the_client_says);
    tcase_add_test(tests, what_is_wrong_or_ambiguous_is_refused);
    tcase_add_test(tests, a_nul_is_refused_wherever_it_is);
    tcase_add_test(tests, an_end_is_found_whatever_pieces_it_comes_in);
    tcase_add_test(tests, an_empty_line_before_a_request_is_told_apart);
    tcase_add_test(tests, heads_that_are_too_long_are_refused_before_they_end);
    tcase_add_test(tests, paths_are_compared_decoded);
}

LB_UNIT_MAIN("http_head", fill)
