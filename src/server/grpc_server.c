/* The gRPC side of the server: its life. */
#include "server/grpc_server.h"

#include <errno.h>
#include <grpc/grpc.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grpc_log.h"
#include "common/grpc_queue.h"
#include "common/log.h"
#include "server/descriptors.h"
#include "server/grpc_accept.h"
#include "server/grpc_access.h"
#include "server/grpc_fault.h"
#include "server/grpc_services.h"
#include "server/grpc_socket.h"
#include "server/grpc_stream.h"
#include "server/grpc_tls.h"
#include "server/grpc_worker.h"
#include "server/metrics.h"
#include "server/readiness.h"

#define MAX_METHODS LB_METRICS_METHODS_MAX

/* grpc_status_code by number. */
static const char *const status_names[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

/* At a shutdown the core waits for every client to confirm the GOAWAY, 20 s for one that does not
 * speak. Once no call is left, clients get this long. */
#define GOAWAY_NS LB_NS_PER_S
#define LOOK_AGAIN_NS (100 * LB_NS_PER_MS)

/* At a gentle stop: no call for so long means that they have ceased. */
#define QUIET_NS (500 * LB_NS_PER_MS)

/* Threads begin when all of them could be made, or end at once when one could not. */
enum gate { GATE_CLOSED, GATE_OPEN, GATE_ABANDONED };

struct lb_grpc_server {
    struct lb_grpc_config config;
    grpc_server *core;
    grpc_channel *nowhere; /* to wake workers by */
    struct lb_grpc_shared shared;
    struct lb_descriptors *descriptors;
    struct lb_grpc_acceptor *acceptor;
    struct lb_grpc_tls *tls; /* or NULL */
    struct lb_grpc_endpoint endpoints[MAX_METHODS];
    const char *method_names[MAX_METHODS]; /* for metrics */
    size_t endpoint_count;
    struct lb_grpc_worker workers[LB_GRPC_MAX_THREADS];
    unsigned threads; /* running */

    pthread_mutex_t lock; /* of what follows up to `complete`, and of the workers' `waking` */
    pthread_cond_t changed;
    enum gate gate;
    unsigned busy; /* workers with calls, wake-ups, and the core's shutdown; 0: queues are shut */
    bool complete; /* nothing is left but to join the threads */

    _Atomic bool shutting_down;
    _Atomic int64_t deadline_ns;  /* of the shutdown */
    struct lb_grpc_tag core_done; /* of the core's shutdown, on the first worker's queue */
    _Atomic bool stopping;        /* serving on until it is quiet */
    struct lb_grpc_timer look;    /* the first worker's: whether it is quiet */
    uint64_t calls_seen;          /* at the last look */
    int64_t quiet_since_ns;       /* no call since */
    struct lb_grpc_timer give_up; /* the first worker's */
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void one_less_busy(struct lb_grpc_server *s)
{
    pthread_mutex_lock(&s->lock);
    bool last = --s->busy == 0;
    for (unsigned i = 0; last && i < s->threads; i++)
        grpc_completion_queue_shutdown(s->workers[i].queue);
    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    if (s->config.stopped)
        s->config.stopped(s->config.stopped_arg);
    pthread_mutex_lock(&s->lock);
    s->complete = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Makes the worker's thread look at what has changed. The core's public way to put a tag of ours
 * into a queue from any thread: a watch, whose deadline has passed, on a channel that leads
 * nowhere. */
static void wake_worker(struct lb_grpc_server *s, struct lb_grpc_worker *w)
{
    pthread_mutex_lock(&s->lock);
    if (s->busy > 0 && !w->waking) {
        w->waking = true;
        s->busy++;
        lb_grpc_tag_hand_over(&w->woken);
        grpc_channel_watch_connectivity_state(s->nowhere, GRPC_CHANNEL_SHUTDOWN,
                                              lb_grpc_timespec(0), w->queue, &w->woken);
    }
    pthread_mutex_unlock(&s->lock);
}

/* GOAWAY to all; the rest happens on the queues. */
static void shut_core_down(struct lb_grpc_server *s)
{
    if (atomic_exchange(&s->shutting_down, true))
        return;
    lb_grpc_tag_hand_over(&s->core_done);
    grpc_server_shutdown_and_notify(s->core, s->workers[0].queue, &s->core_done);
}

/* The end of a gentle stop: no connection, no call for a while, or just time enough for GOAWAY. */
static void look_whether_quiet(struct lb_grpc_timer *timer)
{
    struct lb_grpc_server *s = LB_GRPC_TAG_OWNER(timer, struct lb_grpc_server, look);
    int64_t now = lb_clock_monotonic_ns(), latest = atomic_load(&s->deadline_ns) - GOAWAY_NS;
    uint64_t calls = 0, active = 0;
    for (unsigned i = 0; i < s->threads; i++) {
        calls += atomic_load_explicit(&s->workers[i].arrived, memory_order_relaxed);
        active += atomic_load_explicit(&s->workers[i].active, memory_order_relaxed);
    }
    if (active > 0 || calls != s->calls_seen)
        s->quiet_since_ns = now;
    s->calls_seen = calls;
    /* Of TLS connections without a call it is not known whether there are any. */
    bool none = !s->tls && lb_metrics_open(s->config.metrics, LB_METRICS_GRPC) == 0;
    if (none || now - s->quiet_since_ns >= QUIET_NS || now >= latest)
        shut_core_down(s);
    else
        lb_grpc_timers_set(&s->workers[0].timers, timer, earlier(latest, now + LOOK_AGAIN_NS));
}

/* Starts the first worker on that when a stop has been asked for. */
static void watch_quiet(struct lb_grpc_worker *w)
{
    struct lb_grpc_server *s = w->server;
    if (w != &s->workers[0] || !atomic_load(&s->stopping) || s->look.place != 0)
        return;
    s->quiet_since_ns = lb_clock_monotonic_ns();
    look_whether_quiet(&s->look);
}

static void worker_woken(struct lb_grpc_tag *tag, bool ok)
{
    struct lb_grpc_worker *w = LB_GRPC_TAG_OWNER(tag, struct lb_grpc_worker, woken);
    (void)ok; /* the deadline has passed, as intended */
    pthread_mutex_lock(&w->server->lock);
    w->waking = false;
    pthread_mutex_unlock(&w->server->lock);
    lb_grpc_health_changed(w);
    watch_quiet(w);
    one_less_busy(w->server);
}

static void readiness_changed(bool ready, void *arg)
{
    struct lb_grpc_server *s = arg;
    (void)ready; /* each worker looks itself */
    for (unsigned i = 0; i < s->config.threads; i++)
        wake_worker(s, &s->workers[i]);
}

static void core_is_done(struct lb_grpc_tag *tag, bool ok)
{
    (void)ok;
    one_less_busy(LB_GRPC_TAG_OWNER(tag, struct lb_grpc_server, core_done));
}

/* The end of the waiting: at the deadline, or when nothing but connections is left. */
static void give_up_waiting(struct lb_grpc_timer *timer)
{
    struct lb_grpc_server *s = LB_GRPC_TAG_OWNER(timer, struct lb_grpc_server, give_up);
    int64_t now = lb_clock_monotonic_ns(), deadline = atomic_load(&s->deadline_ns);
    pthread_mutex_lock(&s->lock);
    bool idle = s->busy == 1;
    pthread_mutex_unlock(&s->lock);
    if (now >= deadline || idle)
        grpc_server_cancel_all_calls(s->core);
    else
        lb_grpc_timers_set(&s->workers[0].timers, timer, earlier(deadline, now + LOOK_AGAIN_NS));
}

void lb_grpc_server__worker_stopping(struct lb_grpc_worker *w)
{
    struct lb_grpc_server *s = w->server;
    lb_grpc_health_changed(w); /* the last word before the end */
    lb_grpc_faults_end(w);
    lb_grpc_streams_end(w);
    if (w == &s->workers[0])
        lb_grpc_timers_set(
            &w->timers, &s->give_up,
            earlier(atomic_load(&s->deadline_ns), lb_clock_monotonic_ns() + GOAWAY_NS));
}

void lb_grpc_server__worker_done(struct lb_grpc_worker *w)
{
    one_less_busy(w->server);
}

/* Whether the threads may begin. */
static bool pass_gate(struct lb_grpc_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->gate == GATE_CLOSED)
        pthread_cond_wait(&s->changed, &s->lock);
    bool open = s->gate == GATE_OPEN;
    pthread_mutex_unlock(&s->lock);
    return open;
}

static void open_gate(struct lb_grpc_server *s, enum gate gate)
{
    pthread_mutex_lock(&s->lock);
    s->gate = gate;
    s->busy = gate == GATE_OPEN ? s->threads + 1 : 0;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void *worker_main(void *arg)
{
    struct lb_grpc_worker *w = arg;
    struct lb_grpc_server *s = w->server;
    if (!pass_gate(s))
        return NULL;
    for (size_t e = 0; e < s->endpoint_count; e++) {
        for (unsigned i = 0; i < s->endpoints[e].method->waiting; i++)
            lb_grpc_call_await(w, &s->endpoints[e]);
    }
    for (;;) {
        int64_t until = w->cork.held ? 0 : lb_grpc_timers_next(&w->timers);
        enum lb_grpc_queue_result found = lb_grpc_queue_run(w->queue, until);
        if (found == LB_GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (found == LB_GRPC_QUEUE_TIMEOUT)
            lb_grpc_cork_release(&w->cork);
        if (w->timers.count > 0)
            lb_grpc_timers_run(&w->timers, lb_clock_monotonic_ns());
    }
}

/* Milliseconds for the core, which takes an int; `none` is what turns the limit off. */
static int core_ms(int64_t ns, int none)
{
    int64_t ms = ns / LB_NS_PER_MS;
    return ns == 0 ? none : ms < 1 ? 1 : ms < INT_MAX ? (int)ms : INT_MAX - 1;
}

static grpc_arg core_arg(const char *key, int value)
{
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static grpc_server *create_core(const struct lb_grpc_config *config)
{
    grpc_arg args[] = {
        core_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
        core_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, LB_GRPC_MAX_MESSAGE_BYTES),
        core_arg(GRPC_ARG_MAX_METADATA_SIZE, LB_GRPC_MAX_METADATA_BYTES),
        core_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, LB_GRPC_MAX_STREAMS),
        core_arg(GRPC_ARG_MAX_CONNECTION_AGE_MS, core_ms(config->max_age_ns, INT_MAX)),
        core_arg(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, core_ms(config->max_age_grace_ns, INT_MAX)),
        core_arg(GRPC_ARG_MAX_CONNECTION_IDLE_MS, core_ms(config->idle_timeout_ns, INT_MAX)),
        core_arg(GRPC_ARG_KEEPALIVE_TIME_MS, LB_GRPC_KEEPALIVE_MS),
        core_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, LB_GRPC_KEEPALIVE_TIMEOUT_MS),
        core_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        core_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, LB_GRPC_MIN_PING_MS),
    };
    grpc_channel_args all = {.num_args = sizeof args / sizeof args[0], .args = args};
    return grpc_server_create(&all, NULL);
}

static void register_methods(struct lb_grpc_server *s, const struct lb_grpc_method *methods,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lb_grpc_endpoint *e = &s->endpoints[s->endpoint_count];
        e->method = &methods[i];
        e->index = s->endpoint_count;
        s->method_names[s->endpoint_count++] = methods[i].path ? methods[i].path + 1 : "unknown";
        if (methods[i].path)
            e->registered = grpc_server_register_method(
                s->core, methods[i].path, NULL, GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    }
}

static struct lb_metrics_shard *add_shard(struct lb_grpc_server *s, struct lb_error *err)
{
    return lb_metrics_shard_new(s->config.metrics, LB_METRICS_GRPC, s->method_names,
                                s->endpoint_count, status_names,
                                sizeof status_names / sizeof status_names[0], err);
}

/* All of them, also after a failure, so that they can be released. */
static int init_workers(struct lb_grpc_server *s, struct lb_error *err)
{
    int result = 0;
    for (unsigned i = 0; i < s->config.threads; i++) {
        struct lb_grpc_worker *w = &s->workers[i];
        w->server = s;
        w->core = s->core;
        w->shared = &s->shared;
        w->woken.run = worker_woken;
        lb_grpc_access_open(w);
        w->fault_seed = (unsigned)lb_clock_monotonic_ns() ^ i;
        w->queue = grpc_completion_queue_create_for_next(NULL);
        grpc_server_register_completion_queue(s->core, w->queue, NULL);
        if (!(w->metrics = add_shard(s, err)))
            result = -1;
    }
    return result;
}

static int init_acceptor(struct lb_grpc_server *s, struct lb_error *err)
{
    struct lb_metrics_shard *metrics = add_shard(s, err);
    if (!metrics)
        return -1;
    if (!(s->shared.connections = lb_grpc_connections_new()))
        return lb_error_set(err, "out of memory for the gRPC server");
    s->acceptor = lb_grpc_acceptor_new(s->core, s->shared.connections, metrics,
                                       s->config.max_connections, err);
    if (!s->acceptor)
        return -1;
    s->shared.sockets = lb_grpc_sockets_new(s->acceptor);
    return 0;
}

struct lb_grpc_server *lb_grpc_server_new(const struct lb_grpc_config *config, struct lb_error *err)
{
    if (config->threads < 1 || config->threads > LB_GRPC_MAX_THREADS) {
        lb_error_set(err, "%u gRPC threads: from 1 to %d are possible", config->threads,
                     LB_GRPC_MAX_THREADS);
        return NULL;
    }
    struct lb_grpc_server *s = calloc(1, sizeof *s);
    if (!s) {
        lb_error_set(err, "out of memory for the gRPC server");
        return NULL;
    }
    s->config = *config;
    s->core_done.run = core_is_done;
    s->give_up.run = give_up_waiting;
    s->look.run = look_whether_quiet;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    lb_grpc_log_open();
    grpc_init();
    s->shared.identity = config->identity;
    lb_grpc_headers_init(&s->shared.headers, config->identity);
    s->shared.pod_reply = lb_grpc_pod_reply(config->identity);
    s->core = create_core(config);
    s->nowhere = grpc_lame_client_channel_create(NULL, GRPC_STATUS_UNAVAILABLE, "leads nowhere");
    register_methods(s, lb_grpc_pod_methods, lb_grpc_pod_method_count);
    register_methods(s, lb_grpc_health_methods, lb_grpc_health_method_count);
    register_methods(s, lb_grpc_reflection_methods, lb_grpc_reflection_method_count);
    s->shared.readiness = config->readiness;
    s->shared.faults = config->faults;
    s->shared.access_log = config->access_log;
    s->shared.descriptors = s->descriptors =
        lb_descriptors_new(lb_descriptor_set, lb_descriptor_set_size);
    if (init_workers(s, err) < 0 || init_acceptor(s, err) < 0 ||
        lb_readiness_watch(config->readiness, readiness_changed, s, err) < 0) {
        lb_grpc_server_free(s);
        return NULL;
    }
    return s;
}

/* The core's listener is gone for good; those who are connected are served on. */
static void tls_listener_ended(void *arg)
{
    struct lb_grpc_server *s = arg;
    lb_log(
        LB_LOG_ERROR, "grpc",
        "gRPC over TLS accepts no more connections: not ready until the server is started again");
    lb_readiness_set(s->config.readiness, false);
}

int lb_grpc_server_listen_tls(struct lb_grpc_server *s, const char *text, struct lb_server_tls *tls,
                              bool client_auth, char address[LB_ADDRESS_TEXT], struct lb_error *err)
{
    s->tls = lb_grpc_tls_listen(s->core, text, tls, client_auth, address, err);
    if (!s->tls)
        return -1;
    lb_grpc_sockets_set_tls_port(s->shared.sockets, lb_grpc_tls_port(s->tls));
    lb_grpc_log_watch_accept(tls_listener_ended, s);
    return 0;
}

int lb_grpc_server_add_listener(struct lb_grpc_server *s, int fd, struct lb_error *err)
{
    return lb_grpc_acceptor_add(s->acceptor, fd, err);
}

static int start_workers(struct lb_grpc_server *s, struct lb_error *err)
{
    for (; s->threads < s->config.threads; s->threads++) {
        struct lb_grpc_worker *w = &s->workers[s->threads];
        int error = pthread_create(&w->thread, NULL, worker_main, w);
        if (error)
            return lb_error_set(err, "cannot start gRPC thread %u of %u: %s", s->threads + 1,
                                s->config.threads, strerror(error));
    }
    return 0;
}

static void join_workers(struct lb_grpc_server *s)
{
    for (; s->threads > 0; s->threads--)
        pthread_join(s->workers[s->threads - 1].thread, NULL);
}

int lb_grpc_server_start(struct lb_grpc_server *s, struct lb_error *err)
{
    /* Signals are for the thread that called. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = start_workers(s, err);
    if (result < 0) {
        open_gate(s, GATE_ABANDONED);
        join_workers(s);
    } else {
        grpc_server_start(s->core);
        open_gate(s, GATE_OPEN);
        result = lb_grpc_acceptor_start(s->acceptor, err);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

void lb_grpc_server_stop(struct lb_grpc_server *s, int64_t deadline_ns)
{
    if (s->threads == 0)
        return;
    lb_grpc_acceptor_drain(s->acceptor);
    atomic_store(&s->deadline_ns, deadline_ns);
    atomic_store(&s->stopping, true);
    wake_worker(s, &s->workers[0]);
}

void lb_grpc_server_shutdown(struct lb_grpc_server *s, int64_t deadline_ns)
{
    if (s->threads == 0)
        return;
    if (atomic_load(&s->shutting_down)) {
        grpc_server_cancel_all_calls(s->core);
        return;
    }
    lb_grpc_acceptor_drain(s->acceptor);
    atomic_store(&s->deadline_ns, deadline_ns);
    shut_core_down(s);
}

static void wait_complete(struct lb_grpc_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->complete)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* The core aborts when a server with a listener of its own is released that was not shut down. */
static void shut_unstarted_core_down(struct lb_grpc_server *s)
{
    s->busy = 1;
    s->config.stopped = NULL;
    shut_core_down(s);
    while (!s->complete)
        lb_grpc_queue_run(s->workers[0].queue, LB_GRPC_NO_DEADLINE);
}

static void free_worker(struct lb_grpc_worker *w)
{
    grpc_completion_queue_shutdown(w->queue); /* again, for those that never ran */
    while (lb_grpc_queue_run(w->queue, LB_GRPC_NO_DEADLINE) != LB_GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_completion_queue_destroy(w->queue);
    lb_grpc_timers_free(&w->timers);
    lb_grpc_calls_free(w);
    lb_grpc_access_close(w);
}

void lb_grpc_server_free(struct lb_grpc_server *s)
{
    if (!s)
        return;
    if (s->threads > 0) {
        if (!atomic_load(&s->shutting_down))
            lb_grpc_server_shutdown(s, lb_clock_monotonic_ns());
        wait_complete(s);
        join_workers(s);
    } else if (s->tls) {
        shut_unstarted_core_down(s);
    }
    lb_grpc_sockets_free(s->shared.sockets);
    lb_grpc_acceptor_free(s->acceptor);
    grpc_server_destroy(s->core);
    for (unsigned i = 0; i < s->config.threads; i++)
        free_worker(&s->workers[i]);
    if (s->tls)
        lb_grpc_log_watch_accept(NULL, NULL);
    grpc_channel_destroy(s->nowhere);
    lb_grpc_tls_free(s->tls);
    lb_descriptors_free(s->descriptors);
    lb_grpc_connections_free(s->shared.connections);
    grpc_slice_unref(s->shared.pod_reply);
    grpc_shutdown();
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
