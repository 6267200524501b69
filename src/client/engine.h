/* When to send what on which connection. The engine knows neither HTTP nor gRPC nor a clock of its
 * own: it drives a transport (transport.h), asks the schedule (balance/schedule.h) which connection
 * is next, feeds it what came of each request, and hands that on. One thread. */
#ifndef LB_CLIENT_ENGINE_H
#define LB_CLIENT_ENGINE_H

#include "balance/schedule.h"
#include "client/transport.h"
#include "client/vary.h"

/* What load to make. */
struct lb_load {
    uint64_t count;      /* requests measured; 0: no limit */
    int64_t duration_ns; /* of sending, after the warm-up; 0: no limit */
    int64_t interval_ns; /* between planned sends; 0: as fast as replies come */
    bool catch_up;       /* send all that are overdue (a rate); else only the oldest of them */
    int64_t timeout_ns;  /* of a request, from when it is sent */
    int64_t warmup_ns;   /* what is sent that long is neither measured nor handed on; the run
                          * begins when it has ended */
    struct lb_schedule_options schedule;
};

/* One request that ended. */
struct lb_done {
    uint64_t number;    /* from 1 in the order of sending */
    int64_t planned_ns; /* since the run began; latency counts from here */
    int64_t sent_ns;
    int64_t finish_ns;
    const struct lb_reply *reply;
};

typedef void lb_done_fn(void *arg, const struct lb_done *done);

struct lb_engine;

/* `transport` (whose callbacks it sets), `tally` (which it feeds) and `vary` stay the caller's and
 * must outlive the engine; `load` is copied. NULL after failure. */
struct lb_engine *lb_engine_new(struct lb_transport *transport, const struct lb_load *load,
                                const struct lb_vary *vary, struct lb_tally *tally,
                                lb_done_fn *on_done, void *arg, struct lb_error *err) LB_MUST_CHECK;

/* Sends what is due, then does I/O once, at most LB_POLL_MAX_NS long. The first call starts the
 * run's clock. Returns 1 while there is more to do, 0 when the load is done and its requests have
 * ended, -1 after failure (out of memory, a connection that cannot be made up). */
int lb_engine_step(struct lb_engine *engine, struct lb_error *err) LB_MUST_CHECK;

/* Sends nothing more; the run ends when what is in flight has ended. */
void lb_engine_stop(struct lb_engine *engine);

/* Since the run began (after the warm-up; negative before). */
int64_t lb_engine_elapsed_ns(const struct lb_engine *engine);

uint64_t lb_engine_sent(const struct lb_engine *engine);      /* measured ones */
uint64_t lb_engine_in_flight(const struct lb_engine *engine); /* of all */

/* Why a --diagnose run stopped by itself, and what it does now. */
enum lb_stop_reason lb_engine_stop_reason(const struct lb_engine *engine);
const char *lb_engine_phase(const struct lb_engine *engine);

/* Closes the slots: requests in flight end without a callback. NULL is allowed. */
void lb_engine_free(struct lb_engine *engine);

#endif
