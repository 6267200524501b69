/* A set of routes behind a listener: which path and method is answered by what. Knows nothing of
 * sockets. */
#ifndef LB_SERVER_HTTP_SERVICE_H
#define LB_SERVER_HTTP_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "server/http_head.h"
#include "server/http_reply.h"

struct lb_identity;
struct lb_http_service;

/* Everything a route may look at; lives as long as the call. Texts are not NUL-terminated. */
struct lb_http_request {
    enum lb_http_method method;
    const struct lb_http_route *route; /* lb_http_route_find's; or NULL */
    const struct lb_proxy_headers *proxy;
    uint64_t connection_id, ordinal;
    const char *peer; /* "10.0.0.7:41234", "[::1]:41234" or "unix:"; NUL-terminated */
    const char *query;
    size_t query_len;
    const char *accept; /* the Accept header; "" without one */
    size_t accept_len;
    bool from_page; /* it has an Origin header: some web page's script asks */
    const char *body;
    size_t body_len;
};

struct lb_http_route {
    const char *path; /* "*" for OPTIONS of the server as a whole */
    const char *allow;
    bool faults;      /* may be injected here */
    unsigned methods; /* LB_HTTP_ALLOW bits of those that `answer` is called for */
    void (*answer)(void *context, const struct lb_http_request *request,
                   struct lb_http_reply *reply);
};

#define LB_HTTP_ALLOW(method) (1u << (method))
#define LB_HTTP_READ (LB_HTTP_ALLOW(LB_HTTP_GET) | LB_HTTP_ALLOW(LB_HTTP_HEAD))

struct lb_http_service_config {
    const struct lb_http_route *routes; /* the busiest first */
    size_t route_count;
    void *context;         /* for `answer` */
    const char *not_found; /* the body of a 404: what there is */
    bool hostile_pages;    /* refuse what changes state when a web page's script asks for it */
};

/* What the configuration points to and `identity` outlive the service. */
struct lb_http_service *lb_http_service_new(const struct lb_http_service_config *config,
                                            const struct lb_identity *identity,
                                            struct lb_error *err) LB_MUST_CHECK;
void lb_http_service_free(struct lb_http_service *s);

/* The header lines that name the server on every response (common/identity_headers.h). */
const char *lb_http_service_identity_headers(const struct lb_http_service *s);

/* The route of a percent-encoded path, or NULL. */
const struct lb_http_route *lb_http_route_find(const struct lb_http_service *s, const char *path,
                                               size_t path_len);

/* Its place in the configuration's routes; their count for NULL. */
size_t lb_http_route_index(const struct lb_http_service *s, const struct lb_http_route *route);

/* The routes' paths and at last "other", for metrics; `*count` includes it. */
const char *const *lb_http_service_paths(const struct lb_http_service *s, size_t *count);

/* Makes the reply; it is the caller's to clear. Any thread. */
void lb_http_service_answer(const struct lb_http_service *s, const struct lb_http_request *request,
                            struct lb_http_reply *reply);

/* The value of `name` in a query like "ready=true&x=y", not decoded; NULL if it is not there. */
const char *lb_http_query_value(const struct lb_http_request *request, const char *name,
                                size_t *len);

/* For routes: a text/plain reply from a static text. */
void lb_http_reply_text(struct lb_http_reply *reply, int status, const char *text);

/* For routes: a reply whose body, from malloc, the reply owns; NULL becomes a 500. */
void lb_http_reply_owned(struct lb_http_reply *reply, const char *type, char *body, size_t len);

#endif
