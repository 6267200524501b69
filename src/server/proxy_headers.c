/* Which request headers (or gRPC metadata) tell of proxies on the way, and a bounded list of them.
 */
#include "server/proxy_headers.h"

#include <string.h>
#include <strings.h>

/* Whole names, or with a final '*' what they begin with. */
static const char *const patterns[] = {
    "forwarded",     /* RFC 7239 */
    "via",           /* RFC 9110 7.6.3 */
    "x-forwarded-*", /* client address, protocol, host, port, client certificate */
    "x-real-ip",     /* nginx */
    "x-original-*",  /* nginx ingress */
    "x-request-id",  /* Envoy, nginx ingress */
    "x-correlation-id",
    "x-envoy-*", /* Envoy, Istio */
    "traceparent",
    "tracestate", /* W3C Trace Context */
    "b3",
    "x-b3-*",                /* Zipkin */
    "x-ot-span-context",     /* OpenTracing */
    "x-cloud-trace-context", /* Google */
    "x-amzn-trace-id",       /* AWS */
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-ray", /* Cloudflare */
    "l5d-*",  /* Linkerd */
};

static bool matches(const char *pattern, const char *name, size_t len)
{
    size_t n = strlen(pattern);
    if (pattern[n - 1] == '*')
        return len > n - 1 && strncasecmp(name, pattern, n - 1) == 0;
    return len == n && strncasecmp(name, pattern, n) == 0;
}

bool lb_proxy_header_is(const char *name, size_t len)
{
    /* Binary metadata of gRPC is no text. */
    if (len >= 4 && strncasecmp(name + len - 4, "-bin", 4) == 0)
        return false;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (matches(patterns[i], name, len))
            return true;
    }
    return false;
}

bool lb_proxy_headers_add(struct lb_proxy_headers *list, const char *name, size_t name_len,
                          const char *value, size_t value_len)
{
    if (value_len > LB_PROXY_HEADER_VALUE_MAX)
        value_len = LB_PROXY_HEADER_VALUE_MAX;
    if (list->count == LB_PROXY_HEADERS_MAX ||
        list->bytes + name_len + value_len > LB_PROXY_HEADERS_BYTES_MAX ||
        !lb_proxy_header_is(name, name_len))
        return false;
    list->items[list->count++] = (struct lb_proxy_header){name, value, name_len, value_len};
    list->bytes += name_len + value_len;
    return true;
}
