/* Whether the server wants traffic: one truth for /readyz, gRPC health and metrics. */
#ifndef LB_SERVER_READINESS_H
#define LB_SERVER_READINESS_H

#include <stdbool.h>

#include "common/error.h"

struct lb_readiness;

/* Ready from the start. */
struct lb_readiness *lb_readiness_new(struct lb_error *err) LB_MUST_CHECK;
void lb_readiness_free(struct lb_readiness *r);

/* Any thread; never blocks. */
bool lb_readiness_get(const struct lb_readiness *r);

/* Switches it for as long as the server is not stopping. Any thread. */
void lb_readiness_set(struct lb_readiness *r, bool ready);

/* The server stops: not ready from now on, whatever else is said. Any thread. */
void lb_readiness_stop(struct lb_readiness *r);

#define LB_READINESS_WATCHERS_MAX 4

/* From now on calls `changed` with the new value on every change, one change at a time and in
 * order, on the thread that made it; `changed` must not call back into `r`. Before other threads
 * use `r`. */
int lb_readiness_watch(struct lb_readiness *r, void (*changed)(bool ready, void *arg), void *arg,
                       struct lb_error *err) LB_MUST_CHECK;

#endif
