/* The admin routes: /metrics, /healthz, /readyz, /faults, /drain. They change state, so they are
 * served on a listener of their own. */
#ifndef LB_SERVER_HTTP_ADMIN_H
#define LB_SERVER_HTTP_ADMIN_H

#include "common/error.h"
#include "server/http_service.h"

struct lb_faults;
struct lb_identity;
struct lb_metrics;
struct lb_readiness;
struct lb_http_admin;

/* What is pointed to outlives the routes. */
struct lb_http_admin_config {
    const struct lb_identity *identity;
    struct lb_readiness *readiness;
    const struct lb_metrics *metrics;
    struct lb_faults *faults;
    const char *libevent_version, *grpc_version;
    void (*drain)(void *arg); /* begin to stop; from one of the server's threads; may come again */
    void *drain_arg;
};

struct lb_http_admin *lb_http_admin_new(const struct lb_http_admin_config *config,
                                        struct lb_error *err) LB_MUST_CHECK;

/* Their service, which lives as long as they. */
const struct lb_http_service *lb_http_admin_service(const struct lb_http_admin *a);

void lb_http_admin_free(struct lb_http_admin *a);

#endif
