/* The head of an HTTP/1.x request: where it ends, and what it says. */
#include "server/http_head.h"

#include "server/faults.h"

#include <string.h>
#include <strings.h>

static const char *const method_names[] = {
    [LB_HTTP_GET] = "GET",         [LB_HTTP_HEAD] = "HEAD",     [LB_HTTP_POST] = "POST",
    [LB_HTTP_PUT] = "PUT",         [LB_HTTP_DELETE] = "DELETE", [LB_HTTP_PATCH] = "PATCH",
    [LB_HTTP_OPTIONS] = "OPTIONS", [LB_HTTP_TRACE] = "TRACE",   [LB_HTTP_CONNECT] = "CONNECT",
    [LB_HTTP_UNKNOWN] = "?",
};

/* What a byte may be part of: a token (RFC 9110 5.6.2), a request target (any visible ASCII byte
 * but
 * '#'), a header's value, a host with port (RFC 3986 3.2: reg-name, IP-literal), a hexadecimal
 * number. */
enum { TOKEN = 1, TARGET = 2, VALUE = 4, AUTHORITY = 8, HEX = 16 };

/* clang-format off */
static const unsigned char classes[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, /* 0x00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
    4, 15, 6, 5, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15, 6, /* 0x20 */
    31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 14, 14, 6, 14, 6, 6, /* 0x30 */
    6, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 0x40 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 6, 14, 7, 15, /* 0x50 */
    7, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 0x60 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 15, 0, /* 0x70 */
};
/* clang-format on */

static bool is(char c, int class)
{
    unsigned char u = (unsigned char)c;
    return (u < 128 ? classes[u] : VALUE) & class; /* obs-text may be in values */
}

/* Bytes at the start of the text that are all of `class`. */
static size_t span(const char *s, size_t len, int class)
{
    size_t n = 0;
    while (n < len && is(s[n], class))
        n++;
    return n;
}

static bool equals(const char *s, size_t len, const char *lower)
{
    return len == strlen(lower) && strncasecmp(s, lower, len) == 0;
}

const char *lb_http_method_name(enum lb_http_method method)
{
    return method_names[method];
}

enum lb_http_scan lb_http_head_scan(const char *data, size_t len, size_t *scanned, size_t *head_len,
                                    int *status, const char **why)
{
    const char *newline;
    *status = 400;
    *why = "a request begins with a method";
    if (len > 0 && !is(data[0], TOKEN) && data[0] != '\r' && data[0] != '\n')
        return LB_HTTP_SCAN_REFUSE;
    while ((newline = memchr(data + *scanned, '\n', len - *scanned))) {
        size_t end = (size_t)(newline - data);
        *why = "lines end with CR LF";
        if (end == *scanned || data[end - 1] != '\r')
            return LB_HTTP_SCAN_REFUSE;
        *head_len = end + 1;
        if (end - 1 == *scanned)
            return *scanned == 0 ? LB_HTTP_SCAN_BLANK : LB_HTTP_SCAN_COMPLETE;
        if (*scanned == 0 && *head_len > LB_HTTP_REQUEST_LINE_MAX)
            break;
        *scanned = *head_len;
        if (*scanned > LB_HTTP_HEAD_MAX)
            break;
    }
    if (*scanned == 0 && len > LB_HTTP_REQUEST_LINE_MAX) {
        *status = 414;
        *why = "the request line has more than 8192 bytes";
        return LB_HTTP_SCAN_REFUSE;
    }
    if (*scanned > LB_HTTP_HEAD_MAX || len > LB_HTTP_HEAD_MAX) {
        *status = 431;
        *why = "the request's head has more than 32768 bytes";
        return LB_HTTP_SCAN_REFUSE;
    }
    return LB_HTTP_SCAN_MORE;
}

static int refuse(const char **why, int status, const char *text)
{
    *why = text;
    return status;
}

static enum lb_http_method find_method(const char *s, size_t len)
{
    for (int m = 0; m < LB_HTTP_UNKNOWN; m++) {
        if (strlen(method_names[m]) == len && memcmp(method_names[m], s, len) == 0)
            return (enum lb_http_method)m;
    }
    return LB_HTTP_UNKNOWN;
}

static int check_path(const struct lb_http_head *head, const char **why)
{
    static const char text[] =
        "a '%' in the path is not followed by two hexadecimal digits other than 00";
    for (size_t i = 0; i < head->path_len; i++) {
        if (head->path[i] != '%')
            continue;
        const char *digits = head->path + i + 1;
        if (head->path_len - i < 3 || !is(digits[0], HEX) || !is(digits[1], HEX) ||
            (digits[0] == '0' && digits[1] == '0'))
            return refuse(why, 400, text);
        i += 2;
    }
    return 0;
}

/* Origin-, absolute- and asterisk-form (RFC 9112 3.2). */
static int parse_target(const char *s, size_t len, struct lb_http_head *head, const char **why)
{
    static const char text[] = "the request target is neither /PATH nor http://HOST/PATH";
    if (len == 1 && *s == '*') {
        head->path = s;
        head->path_len = 1;
        return head->method == LB_HTTP_OPTIONS ? 0 : refuse(why, 400, text);
    }
    if (len > 0 && *s != '/') {
        size_t scheme = len >= 7 && strncasecmp(s, "http://", 7) == 0    ? 7
                        : len >= 8 && strncasecmp(s, "https://", 8) == 0 ? 8
                                                                         : 0;
        size_t host = scheme ? span(s + scheme, len - scheme, AUTHORITY) : 0;
        if (host == 0)
            return refuse(why, 400, text);
        s += scheme + host;
        len -= scheme + host;
        if (len == 0) { /* http://host */
            s = "/";
            len = 1;
        }
    }
    const char *query = memchr(s, '?', len);
    head->path = s;
    head->path_len = query ? (size_t)(query - s) : len;
    if (query) {
        head->query = query + 1;
        head->query_len = len - head->path_len - 1;
        if (head->path_len == 0) { /* http://host?query */
            head->path = "/";
            head->path_len = 1;
        }
    }
    if (*head->path != '/')
        return refuse(why, 400, text);
    return check_path(head, why);
}

static int parse_version(const char *s, size_t len, struct lb_http_head *head, const char **why)
{
    if (len != 8 || memcmp(s, "HTTP/", 5) != 0 || s[5] < '0' || s[5] > '9' || s[6] != '.' ||
        s[7] < '0' || s[7] > '9')
        return refuse(why, 400, "the request line is not METHOD TARGET HTTP/1.1");
    if (s[5] != '1')
        return refuse(why, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->http10 = s[7] == '0';
    return 0;
}

static int parse_request_line(const char *s, size_t len, struct lb_http_head *head,
                              const char **why)
{
    static const char text[] = "the request line is not METHOD TARGET HTTP/1.1";
    size_t method = span(s, len, TOKEN);
    head->method = find_method(s, method);
    if (method == 0 || method == len || s[method] != ' ')
        return refuse(why, 400, text);
    const char *target = s + method + 1;
    size_t left = len - method - 1, target_len = span(target, left, TARGET);
    if (target_len == 0 || target_len == left || target[target_len] != ' ')
        return refuse(why, 400, text);
    int status = parse_version(target + target_len + 1, left - target_len - 1, head, why);
    if (status)
        return status;
    if (head->method == LB_HTTP_UNKNOWN || head->method == LB_HTTP_CONNECT)
        return refuse(why, 501, "this method is not known here");
    return parse_target(target, target_len, head, why);
}

/* What of the headers decides on framing, while they are read. */
struct framing {
    unsigned hosts, lengths, encodings;
    bool chunked, keep_alive;
};

static int parse_length(const char *s, size_t len, struct lb_http_head *head, const char **why)
{
    uint64_t value = 0;
    if (len == 0 || len > 18)
        return refuse(why, 400, "Content-Length is not a decimal number of at most 18 digits");
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return refuse(why, 400, "Content-Length is not a decimal number of at most 18 digits");
        value = 10 * value + (uint64_t)(s[i] - '0');
    }
    head->content_length = value;
    return 0;
}

static void parse_connection(const char *s, size_t len, struct lb_http_head *head,
                             struct framing *f)
{
    for (size_t i = 0; i < len;) {
        size_t token = span(s + i, len - i, TOKEN);
        if (equals(s + i, token, "close"))
            head->close = true;
        else if (equals(s + i, token, "keep-alive"))
            f->keep_alive = true;
        i += token ? token : 1;
    }
}

static int parse_header(const char *name, size_t name_len, const char *value, size_t value_len,
                        struct lb_http_head *head, struct framing *f, const char **why)
{
    switch (name_len) {
    case 4:
        if (!equals(name, name_len, "host"))
            break;
        f->hosts++;
        if (span(value, value_len, AUTHORITY) != value_len)
            return refuse(why, 400, "Host is no host name or address");
        return 0;
    case 6:
        if (equals(name, name_len, "expect")) {
            if (!equals(value, value_len, "100-continue"))
                return refuse(why, 417, "only 100-continue can be expected");
            head->expects_continue = true;
        } else if (equals(name, name_len, "accept")) {
            head->accept = value;
            head->accept_len = value_len;
        } else if (equals(name, name_len, "origin")) {
            head->origin = true;
        }
        break;
    case 10:
        if (equals(name, name_len, "connection"))
            parse_connection(value, value_len, head, f);
        break;
    case 14:
        if (equals(name, name_len, LB_FAULT_HEADER)) {
            head->fault = value;
            head->fault_len = value_len;
        }
        if (!equals(name, name_len, "content-length"))
            break;
        f->lengths++;
        return parse_length(value, value_len, head, why);
    case 17:
        if (!equals(name, name_len, "transfer-encoding"))
            break;
        f->encodings++;
        f->chunked = equals(value, value_len, "chunked");
        return 0;
    }
    lb_proxy_headers_add(&head->proxy, name, name_len, value, value_len);
    return 0;
}

bool lb_http_is_value(const char *text, size_t len)
{
    return span(text, len, VALUE) == len;
}

bool lb_http_is_header(const char *line, size_t len)
{
    size_t name = span(line, len, TOKEN);
    return name > 0 && name < len && line[name] == ':' &&
           lb_http_is_value(line + name + 1, len - name - 1);
}

size_t lb_http_hex_digits(const char *text, size_t len)
{
    return span(text, len, HEX);
}

unsigned lb_http_hex_value(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

/* One line without its CR LF. */
static int parse_header_line(const char *s, size_t len, struct lb_http_head *head,
                             struct framing *f, const char **why)
{
    size_t name = span(s, len, TOKEN), end = len;
    if (name == 0 || name == len || s[name] != ':')
        return refuse(why, 400, "a header line is not NAME: VALUE");
    size_t value = name + 1;
    if (!lb_http_is_value(s + value, len - value))
        return refuse(why, 400, "a header's value has a control character");
    while (value < end && (s[value] == ' ' || s[value] == '\t'))
        value++;
    while (end > value && (s[end - 1] == ' ' || s[end - 1] == '\t'))
        end--;
    return parse_header(s, name, s + value, end - value, head, f, why);
}

/* RFC 9112 3.2 (Host), 6.1 (Transfer-Encoding) and 6.3 (body length). */
static int check_framing(struct lb_http_head *head, const struct framing *f, const char **why)
{
    if (f->hosts > 1 || (f->hosts == 0 && !head->http10))
        return refuse(why, 400, "a request of HTTP/1.1 has exactly one Host");
    if (f->lengths > 1)
        return refuse(why, 400, "Content-Length is there more than once");
    if (f->encodings > 0) {
        if (f->encodings > 1 || f->lengths > 0 || head->http10)
            return refuse(why, 400,
                          "Transfer-Encoding is there twice, beside Content-Length or in HTTP/1.0");
        if (!f->chunked)
            return refuse(why, 501, "no transfer coding but chunked is known here");
        head->chunked = true;
    }
    bool body = head->chunked || head->content_length > 0;
    if (body && (head->method == LB_HTTP_HEAD || head->method == LB_HTTP_TRACE))
        return refuse(why, 400, "a request of this method has no body");
    if (head->http10 && !f->keep_alive)
        head->close = true;
    return 0;
}

int lb_http_head_parse(const char *data, size_t len, struct lb_http_head *head, const char **why)
{
    struct framing f = {0};
    unsigned headers = 0;
    int status = 0;
    head->method = LB_HTTP_UNKNOWN;
    head->http10 = head->close = head->chunked = head->expects_continue = false;
    head->content_length = 0;
    head->path = head->query = head->accept = "";
    head->path_len = head->query_len = head->accept_len = 0;
    head->origin = false;
    head->fault = NULL;
    head->fault_len = 0;
    head->proxy.count = head->proxy.bytes = 0;
    for (size_t at = 0; at < len;) {
        const char *line = data + at, *newline = memchr(line, '\n', len - at);
        if (!newline || newline == line || newline[-1] != '\r')
            return refuse(why, 400, "lines end with CR LF");
        size_t line_len = (size_t)(newline - line) - 1;
        if (at == 0)
            status = parse_request_line(line, line_len, head, why);
        else if (line_len == 0)
            return check_framing(head, &f, why);
        else if (++headers > LB_HTTP_HEADERS_MAX)
            return refuse(why, 431, "the request has more than 100 headers");
        else
            status = parse_header_line(line, line_len, head, &f, why);
        if (status)
            return status;
        at += line_len + 2;
    }
    return refuse(why, 400, "the head does not end with an empty line");
}

bool lb_http_path_is(const char *path, size_t path_len, const char *plain)
{
    size_t i = 0;
    for (; i < path_len && *plain; i++, plain++) {
        char c = path[i];
        if (c == '%' && path_len - i >= 3 && is(path[i + 1], HEX) && is(path[i + 2], HEX)) {
            c = (char)(lb_http_hex_value(path[i + 1]) << 4 | lb_http_hex_value(path[i + 2]));
            i += 2;
        }
        if (c != *plain)
            return false;
    }
    return i == path_len && !*plain;
}
