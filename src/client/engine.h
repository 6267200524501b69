/* When to send what on which connection. The engine knows neither HTTP nor gRPC nor a clock of its
 * own: it drives a transport (transport.h) and hands on what came of each request. One thread. */
#ifndef LB_CLIENT_ENGINE_H
#define LB_CLIENT_ENGINE_H

#include "client/transport.h"

/* What load to make. */
struct lb_load {
    uint64_t count;      /* requests; 0: no limit. Those of the warm-up are not counted in */
    int64_t duration_ns; /* of sending, after the warm-up; 0: no limit */
    int64_t interval_ns; /* between planned sends; 0: as fast as replies come */
    bool catch_up;       /* send those that are overdue (a rate); otherwise they are left out */
    unsigned connections; /* slots, at least 1 */
    unsigned streams;     /* requests in flight a slot, at least 1 */
    bool new_connection;  /* each request on a new one; then `connections` bounds those in flight */
    int64_t timeout_ns;   /* of a request, from when it is sent */
    int64_t warmup_ns;    /* requests planned before that long into the run are not measured */
    uint64_t seed;        /* of the draws which connection sends next */
};

/* One request that ended. */
struct lb_done {
    uint64_t number;    /* from 1 in the order of sending */
    int64_t planned_ns; /* since the run began; latency counts from here */
    int64_t sent_ns;
    int64_t finish_ns;
    bool warmup;        /* not to be measured */
    const struct lb_reply *reply;
};

typedef void lb_done_fn(void *arg, const struct lb_done *done);

struct lb_engine;

/* `transport` stays the caller's and must outlive the engine, which sets its callback. `load` is
 * copied. NULL after failure. */
struct lb_engine *lb_engine_new(struct lb_transport *transport, const struct lb_load *load,
                                lb_done_fn *on_done, void *arg, struct lb_error *err) LB_MUST_CHECK;

/* Sends what is due, then does I/O once (see poll): at most LB_POLL_MAX_NS. The first call starts
 * the run's clock. Returns whether there is more to do: false when all requests of the load have
 * ended. */
bool lb_engine_step(struct lb_engine *engine);

/* Sends nothing more; the run ends when what is in flight has ended. */
void lb_engine_stop(struct lb_engine *engine);

/* Since the run began. */
int64_t lb_engine_elapsed_ns(const struct lb_engine *engine);
uint64_t lb_engine_sent(const struct lb_engine *engine);
uint64_t lb_engine_in_flight(const struct lb_engine *engine);

/* Closes the slots: requests in flight end without a callback. */
void lb_engine_free(struct lb_engine *engine);

#endif
