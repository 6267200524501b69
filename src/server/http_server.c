/* The HTTP side of the server: its threads, their event loops and listening sockets. */
#include "server/http_server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/http_connection.h"
#include "server/http_service.h"
#include "server/http_worker.h"
#include "server/listener.h"
#include "server/metrics.h"

/* How long accepting rests when no descriptor or memory is left for a connection. */
#define ACCEPT_REST_MS 100

/* What the workers are told; a later order includes the earlier ones. */
enum order { ORDER_RUN, ORDER_DRAIN, ORDER_ABORT };

struct lb_http_server {
    struct lb_http_config config;
    atomic_ullong open; /* connections of all workers */
    atomic_int order;
    atomic_uint left; /* workers that have not ended */
    size_t listeners;
    struct lb_http_worker workers[];
};

const char *lb_http_worker_date(struct lb_http_worker *w)
{
    time_t now = time(NULL);
    if (now != w->date_s) {
        struct tm utc;
        strftime(w->date, sizeof w->date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
        w->date_s = now;
    }
    return w->date;
}

void lb_http_worker_flush_soon(struct lb_http_worker *w)
{
    struct timeval tv = {0, LB_ACCESS_FLUSH_MS * 1000};
    event_add(w->flush, &tv);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lb_http_worker *w = arg;
    lb_access_flush(w->access);
}

static bool listens(const struct lb_http_worker *w)
{
    for (size_t i = 0; i < w->server->listeners; i++) {
        if (w->listeners[i])
            return true;
    }
    return false;
}

static void end_if_drained(struct lb_http_worker *w)
{
    if (w->draining && w->open == 0 && !listens(w))
        event_base_loopbreak(w->base);
}

bool lb_http_worker_welcome(struct lb_http_worker *w)
{
    struct lb_http_server *s = w->server;
    w->open++;
    unsigned long long before = atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed);
    return s->config.max_connections == 0 || before < s->config.max_connections;
}

void lb_http_worker_forget(struct lb_http_worker *w)
{
    w->open--;
    atomic_fetch_sub_explicit(&w->server->open, 1, memory_order_relaxed);
    end_if_drained(w);
}

/* --- accepting ------------------------------------------------------------------------------- */

static void set_listening_timer(struct lb_http_worker *w, int ms)
{
    struct timeval tv = {0, ms * 1000};
    event_add(w->listening, &tv);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int peer_len, void *arg)
{
    (void)listener;
    lb_http_connection_begin(arg, fd, peer, (socklen_t)peer_len);
}

/* accept() failed for want of descriptors or memory: trying again at once would only burn CPU. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct lb_http_worker *w = arg;
    int64_t now = lb_clock_monotonic_ns();
    if (now - w->accept_error_ns > 10 * LB_NS_PER_S)
        lb_log(LB_LOG_WARNING, "http",
               "cannot accept a connection: %s; serving the %zu that are open", strerror(errno),
               w->open);
    w->accept_error_ns = now;
    evconnlistener_disable(listener);
    if (!event_pending(w->listening, EV_TIMEOUT, NULL))
        set_listening_timer(w, ACCEPT_REST_MS);
}

/* Closes the listeners in whose queue nobody waits: closing resets those who do. */
static void close_listeners(struct lb_http_worker *w)
{
    bool waiting = false;
    for (size_t i = 0; i < w->server->listeners; i++) {
        if (!w->listeners[i])
            continue;
        struct pollfd queue = {.fd = evconnlistener_get_fd(w->listeners[i]), .events = POLLIN};
        if (lb_clock_monotonic_ns() < w->drain_until_ns && poll(&queue, 1, 0) == 1) {
            waiting = true;
            continue;
        }
        evconnlistener_free(w->listeners[i]);
        w->listeners[i] = NULL;
    }
    if (waiting)
        set_listening_timer(w, 1);
    end_if_drained(w);
}

static void on_listening_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lb_http_worker *w = arg;
    for (size_t i = 0; i < w->server->listeners; i++) {
        if (w->listeners[i])
            evconnlistener_enable(w->listeners[i]);
    }
    if (w->draining)
        close_listeners(w);
}

/* --- orders ---------------------------------------------------------------------------------- */

/* Longest time that draining goes on accepting what keeps coming. */
#define DRAIN_ACCEPT_NS (500 * LB_NS_PER_MS)

static void drain(struct lb_http_worker *w)
{
    if (w->draining)
        return;
    w->draining = true;
    w->drain_until_ns = lb_clock_monotonic_ns() + DRAIN_ACCEPT_NS;
    struct lb_http_connection *c, *next;
    for (c = LIST_FIRST(&w->connections); c; c = next) {
        next = LIST_NEXT(c, entry);
        lb_http_connection_drain(c);
    }
    close_listeners(w);
}

static void abort_all(struct lb_http_worker *w)
{
    struct lb_http_connection *c;
    w->drain_until_ns = 0;
    close_listeners(w);
    while ((c = LIST_FIRST(&w->connections)))
        lb_http_connection_abort(c, LB_CLOSE_DRAIN);
    event_base_loopbreak(w->base);
}

static void on_wakeup(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct lb_http_worker *w = arg;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return;
    enum order order = (enum order)atomic_load(&w->server->order);
    if (order >= ORDER_DRAIN)
        drain(w);
    if (order >= ORDER_ABORT)
        abort_all(w);
}

static void give_order(struct lb_http_server *s, enum order order)
{
    uint64_t one = 1;
    if (atomic_load(&s->order) >= (int)order)
        return;
    atomic_store(&s->order, order);
    for (unsigned i = 0; i < s->config.threads; i++) {
        /* Fails only when the counter is full: then the thread has been woken already. */
        ssize_t written = write(s->workers[i].wakeup_fd, &one, sizeof one);
        (void)written;
    }
}

void lb_http_server_drain(struct lb_http_server *s)
{
    give_order(s, ORDER_DRAIN);
}

void lb_http_server_abort(struct lb_http_server *s)
{
    give_order(s, ORDER_ABORT);
}

/* --- life ------------------------------------------------------------------------------------ */

static void *work(void *arg)
{
    struct lb_http_worker *w = arg;
    struct lb_http_server *s = w->server;
    event_base_dispatch(w->base);
    if (atomic_fetch_sub(&s->left, 1) == 1 && s->config.stopped)
        s->config.stopped(s->config.stopped_arg);
    return NULL;
}

static int open_loop(struct lb_http_worker *w)
{
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    w->base = event_base_new_with_config(config);
    event_config_free(config);
    w->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!w->base || w->wakeup_fd < 0)
        return -1;
    w->wakeup = event_new(w->base, w->wakeup_fd, EV_READ | EV_PERSIST, on_wakeup, w);
    w->listening = evtimer_new(w->base, on_listening_timer, w);
    w->flush = evtimer_new(w->base, on_flush, w);
    return event_add(w->wakeup, NULL);
}

static int add_shard(struct lb_http_worker *w, struct lb_error *err)
{
    size_t paths, codes;
    const char *const *path = lb_http_service_paths(w->config->service, &paths);
    const char *const *code = lb_http_codes(&codes);
    w->metrics =
        lb_metrics_shard_new(w->config->metrics, LB_METRICS_HTTP, path, paths, code, codes, err);
    return w->metrics ? 0 : -1;
}

static int worker_init(struct lb_http_worker *w, struct lb_http_server *s, struct lb_error *err)
{
    w->server = s;
    w->config = &s->config;
    LIST_INIT(&w->connections);
    w->seed = (unsigned)lb_clock_monotonic_ns() ^ (unsigned)(w - s->workers);
    if (add_shard(w, err) < 0)
        return -1;
    if (s->config.access_log)
        w->access = lb_access_writer_new(s->config.access_log);
    if (open_loop(w) < 0)
        return lb_error_set(err, "cannot make an event loop: %s", strerror(errno));
    int64_t timeout = s->config.write_timeout_ns;
    struct timeval tv = {timeout / LB_NS_PER_S, timeout % LB_NS_PER_S / LB_NS_PER_US};
    w->write_timeout = event_base_init_common_timeout(w->base, &tv);
    return 0;
}

static void on_libevent_log(int severity, const char *text)
{
    lb_log(severity >= EVENT_LOG_ERR ? LB_LOG_WARNING : LB_LOG_DEBUG, "libevent", "%s", text);
}

struct lb_http_server *lb_http_server_new(const struct lb_http_config *config, struct lb_error *err)
{
    struct lb_http_server *s = calloc(1, sizeof *s + config->threads * sizeof s->workers[0]);
    if (!s) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    event_set_mem_functions(lb_malloc, lb_realloc, free);
    event_set_log_callback(on_libevent_log);
    s->config = *config;
    atomic_init(&s->order, ORDER_RUN);
    atomic_init(&s->left, config->threads);
    for (unsigned i = 0; i < config->threads; i++)
        s->workers[i].wakeup_fd = -1;
    for (unsigned i = 0; i < config->threads; i++) {
        if (worker_init(&s->workers[i], s, err) == 0)
            continue;
        lb_http_server_free(s);
        return NULL;
    }
    return s;
}

int lb_http_server_add_listener(struct lb_http_server *s, struct lb_listener *l,
                                struct lb_error *err)
{
    if (s->listeners == LB_HTTP_MAX_LISTENERS)
        return lb_error_set(err, "more than %d HTTP listeners", LB_HTTP_MAX_LISTENERS);
    for (unsigned i = 0; i < s->config.threads; i++) {
        struct lb_http_worker *w = &s->workers[i];
        int fd = lb_listener_take(l, i);
        struct evconnlistener *listener = evconnlistener_new(
            w->base, on_accept, w, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
        if (!listener) {
            close(fd);
            return lb_error_set(err, "cannot accept on %s", lb_listener_address(l));
        }
        evconnlistener_set_error_cb(listener, on_accept_error);
        w->listeners[s->listeners] = listener;
    }
    s->listeners++;
    return 0;
}

int lb_http_server_start(struct lb_http_server *s, struct lb_error *err)
{
    for (unsigned i = 0; i < s->config.threads; i++) {
        int failed = pthread_create(&s->workers[i].thread, NULL, work, &s->workers[i]);
        if (failed)
            return lb_error_set(err, "cannot start a thread: %s", strerror(failed));
        s->workers[i].running = true;
    }
    return 0;
}

static void worker_free(struct lb_http_worker *w)
{
    if (w->running)
        pthread_join(w->thread, NULL);
    for (size_t i = 0; i < LB_HTTP_MAX_LISTENERS; i++) {
        if (w->listeners[i])
            evconnlistener_free(w->listeners[i]);
    }
    if (w->wakeup)
        event_free(w->wakeup);
    if (w->listening)
        event_free(w->listening);
    if (w->flush)
        event_free(w->flush);
    lb_access_writer_free(w->access);
    if (w->base)
        event_base_free(w->base);
    if (w->wakeup_fd >= 0)
        close(w->wakeup_fd);
}

void lb_http_server_free(struct lb_http_server *s)
{
    if (!s)
        return;
    s->config.stopped = NULL;
    lb_http_server_abort(s);
    for (unsigned i = 0; i < s->config.threads; i++)
        worker_free(&s->workers[i]);
    free(s);
}
