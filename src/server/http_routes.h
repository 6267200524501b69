/* The public routes: /pod, /info, /, /healthz and /readyz. */
#ifndef LB_SERVER_HTTP_ROUTES_H
#define LB_SERVER_HTTP_ROUTES_H

#include "common/error.h"
#include "server/http_service.h"

struct lb_identity;
struct lb_readiness;
struct lb_http_routes;

/* `identity` and `readiness` outlive the routes. */
struct lb_http_routes *lb_http_routes_new(const struct lb_identity *identity,
                                          const struct lb_readiness *readiness,
                                          struct lb_error *err) LB_MUST_CHECK;

/* Their service, which lives as long as they. */
const struct lb_http_service *lb_http_routes_service(const struct lb_http_routes *r);

void lb_http_routes_free(struct lb_http_routes *r);

/* The probes' answers, which the admin listener gives, too. */
void lb_http_answer_health(struct lb_http_reply *reply);
void lb_http_answer_readiness(const struct lb_readiness *readiness, struct lb_http_reply *reply);

#endif
