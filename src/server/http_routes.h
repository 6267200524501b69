/* What the server answers to which path and method. Knows nothing of sockets. */
#ifndef LB_SERVER_HTTP_ROUTES_H
#define LB_SERVER_HTTP_ROUTES_H

#include <stdint.h>

#include "common/error.h"
#include "server/http_reply.h"

struct lb_identity;
struct lb_readiness;
struct lb_http_service;
struct lb_http_route;

struct lb_http_request {
    enum lb_http_method method;
    const struct lb_http_route *route; /* lb_http_route_find's; or NULL */
    const struct lb_proxy_headers *proxy;
    uint64_t connection_id, ordinal;
    const char *peer; /* "10.0.0.7:41234", "[::1]:41234" or "unix:" */
};

/* The service of the public listener. `identity` and `readiness` outlive it. */
struct lb_http_service *lb_http_service_new(const struct lb_identity *identity,
                                            const struct lb_readiness *readiness,
                                            struct lb_error *err) LB_MUST_CHECK;
void lb_http_service_free(struct lb_http_service *s);

/* The header lines that name the server on every response (common/identity_headers.h). */
const char *lb_http_service_identity_headers(const struct lb_http_service *s);

/* The same, one by one. */
struct lb_http_fact {
    const char *name, *value;
};
const struct lb_http_fact *lb_http_service_facts(const struct lb_http_service *s, size_t *count);

/* The route of a percent-encoded path, or NULL. */
const struct lb_http_route *lb_http_route_find(const struct lb_http_service *s, const char *path,
                                               size_t path_len);

/* Makes the reply; it is the caller's to clear. Any thread. */
void lb_http_service_answer(const struct lb_http_service *s, const struct lb_http_request *request,
                            struct lb_http_reply *reply);

#endif
