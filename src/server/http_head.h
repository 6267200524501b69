/* The head of an HTTP/1.x request: where it ends, and what it says. Stricter than the RFCs allow
 * where leniency lets two servers on one path disagree about where a request ends (request
 * smuggling, RFC 9112 section 11.2). Pure: no I/O, no state. */
#ifndef LB_SERVER_HTTP_HEAD_H
#define LB_SERVER_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/proxy_headers.h"

#define LB_HTTP_REQUEST_LINE_MAX 8192 /* bytes with CRLF; more is 414 */
#define LB_HTTP_HEAD_MAX 32768        /* bytes of request line and headers; more is 431 */
#define LB_HTTP_HEADERS_MAX 100       /* header lines; more is 431 */

enum lb_http_method {
    LB_HTTP_GET,
    LB_HTTP_HEAD,
    LB_HTTP_POST,
    LB_HTTP_PUT,
    LB_HTTP_DELETE,
    LB_HTTP_PATCH,
    LB_HTTP_OPTIONS,
    LB_HTTP_TRACE,
    LB_HTTP_CONNECT,
    LB_HTTP_UNKNOWN,
};

/* Points into the text it was made from. */
struct lb_http_head {
    enum lb_http_method method;
    bool http10;
    bool close; /* the client wants the connection closed after the response */
    bool chunked;
    bool expects_continue;
    uint64_t content_length; /* 0 also when there is none */
    const char *path;        /* percent-encoded, without the query; "*" for the asterisk-form */
    size_t path_len;
    const char *query; /* what follows '?'; "" without one */
    size_t query_len;
    const char *accept; /* the last Accept header; "" without one */
    size_t accept_len;
    bool origin;       /* it has an Origin header */
    const char *fault; /* LB_FAULT_HEADER; NULL without one */
    size_t fault_len;
    struct lb_proxy_headers proxy;
};

enum lb_http_scan {
    LB_HTTP_SCAN_MORE,     /* the head does not end here yet */
    LB_HTTP_SCAN_BLANK,    /* an empty line where a request should begin */
    LB_HTTP_SCAN_COMPLETE, /* *head_len bytes are the head, with the empty line at its end */
    LB_HTTP_SCAN_REFUSE,   /* *status and *why say how to refuse it */
};

/* Looks for the end of the head in the first `len` bytes of a request. `*scanned` starts at 0 and
 * carries what need not be looked at again to the next call with more bytes. */
enum lb_http_scan lb_http_head_scan(const char *data, size_t len, size_t *scanned, size_t *head_len,
                                    int *status, const char **why);

/* Reads the head in `len` bytes that LB_HTTP_SCAN_COMPLETE was said of. Returns 0, or the status to
 * refuse it with (400, 417, 431, 501 or 505) and a static sentence in `*why`; `head->method` is set
 * then, too. */
int lb_http_head_parse(const char *data, size_t len, struct lb_http_head *head, const char **why);

/* "GET"; "?" for LB_HTTP_UNKNOWN. */
const char *lb_http_method_name(enum lb_http_method method);

/* For what else is written in the same grammar: whether a line without its CR LF is NAME: VALUE,
 * whether a text may be a value (RFC 9110 5.5), how many hexadecimal digits it begins with, and
 * what one of them is worth. */
bool lb_http_is_header(const char *line, size_t len);
bool lb_http_is_value(const char *text, size_t len);
size_t lb_http_hex_digits(const char *text, size_t len);
unsigned lb_http_hex_value(char digit);

/* Whether the percent-encoded `path` is `plain` (RFC 3986 6.2.2: "/%70od" is "/pod"). */
bool lb_http_path_is(const char *path, size_t path_len, const char *plain);

#endif
