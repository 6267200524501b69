/* Which request headers (or gRPC metadata) tell of proxies on the way, and a bounded list of them.
 */
#ifndef LB_SERVER_PROXY_HEADERS_H
#define LB_SERVER_PROXY_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#define LB_PROXY_HEADERS_MAX 32         /* of one request */
#define LB_PROXY_HEADER_VALUE_MAX 1024  /* bytes of one value; the rest is cut */
#define LB_PROXY_HEADERS_BYTES_MAX 8192 /* names and values of one request */

/* Borrowed from the request; neither text is NUL-terminated. */
struct lb_proxy_header {
    const char *name, *value;
    size_t name_len, value_len;
};

struct lb_proxy_headers {
    struct lb_proxy_header items[LB_PROXY_HEADERS_MAX];
    size_t count, bytes;
};

/* Whether proxies add or pass on a header of this name (any case): Forwarded (RFC 7239), Via (RFC
 * 9110), the X-Forwarded-* family, request ids, W3C Trace Context, B3, and Envoy's, nginx's and
 * the clouds' own. */
bool lb_proxy_header_is(const char *name, size_t name_len);

/* Adds the header if it is one of those and there is room; tells whether it did. Start with
 * `count` and `bytes` 0. */
bool lb_proxy_headers_add(struct lb_proxy_headers *list, const char *name, size_t name_len,
                          const char *value, size_t value_len);

#endif
