/* What one gRPC thread has to itself, and what all of them share. For the server's own gRPC files.
 */
#ifndef LB_SERVER_GRPC_WORKER_H
#define LB_SERVER_GRPC_WORKER_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/grpc_call.h"
#include "server/grpc_connections.h"
#include "server/grpc_cork.h"
#include "server/grpc_server.h"
#include "server/grpc_timers.h"

struct lb_access_log;
struct lb_access_writer;
struct lb_descriptors;
struct lb_grpc_health_watch;
struct lb_grpc_sockets;
struct lb_grpc_stream;
struct lb_metrics_shard;
struct lb_readiness;

/* Unused call objects a worker keeps; those of a burst beyond it are freed. */
#define LB_GRPC_SPARE_CALLS 256

/* Set before the threads start, then only read. */
struct lb_grpc_shared {
    const struct lb_identity *identity;
    const struct lb_readiness *readiness;
    const struct lb_descriptors *descriptors;
    struct lb_faults *faults;         /* or NULL */
    struct lb_access_log *access_log; /* or NULL */
    struct lb_grpc_connections *connections;
    struct lb_grpc_sockets *sockets;
    struct lb_grpc_headers headers; /* of every reply */
    grpc_slice pod_reply;           /* what api.protobuf.pod/getInfo answers, ready to send */
};

struct lb_grpc_worker {
    struct lb_grpc_server *server;
    grpc_server *core;
    const struct lb_grpc_shared *shared;
    grpc_completion_queue *queue;
    struct lb_metrics_shard *metrics;
    pthread_t thread;

    struct lb_grpc_tag woken;
    bool waking; /* `woken` is on its way; under the server's lock */

    /* Written by the thread, read by the first worker's. */
    _Atomic uint64_t arrived; /* calls so far, probes apart */
    _Atomic uint64_t active;  /* calls that are not answered yet; streams and probes do not */

    /* The thread's own. */
    struct lb_grpc_timers timers;
    struct lb_access_writer *access; /* or NULL */
    struct lb_grpc_timer access_flush;
    struct lb_grpc_stream *streams; /* those that have not been told to end */
    struct lb_grpc_health_watch *health;
    struct lb_grpc_call *delayed; /* by faults */
    unsigned fault_seed;
    struct lb_grpc_call *spare;
    size_t spare_count;
    struct lb_grpc_cork cork;
    size_t live;   /* calls waited for or in work; 0 only at the end of a shutdown */
    bool stopping; /* the server is being shut down, and this thread has noticed */
};

/* Adds to a counter that one thread writes, without a locked instruction. */
static inline void lb_grpc_count(_Atomic uint64_t *counter, int64_t more)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + (uint64_t)more, memory_order_relaxed);
}

/* Called by a worker's thread: once when it notices the shutdown (the requests it waits for come
 * back without a call), and once when no call of its is left after that. In grpc_server.c. */
void lb_grpc_server__worker_stopping(struct lb_grpc_worker *w);
void lb_grpc_server__worker_done(struct lb_grpc_worker *w);

#endif
