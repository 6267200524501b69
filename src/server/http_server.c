/* The HTTP side of the server: its threads and their event loops. */
#include "server/http_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/listener.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "server/identity.h"
#include "server/listener.h"

/* What a thread is told through its eventfd; later orders include the earlier ones. */
enum order { ORDER_RUN, ORDER_DRAIN, ORDER_ABORT };

struct worker {
    struct lb_http_server *server;
    struct event_base *base;
    struct evhttp *http;
    struct event *wakeup;
    int wakeup_fd;
    pthread_t thread;
    bool running;
    struct evhttp_bound_socket *bound[LB_HTTP_MAX_LISTENERS];
};

struct lb_http_server {
    struct lb_http_config config;
    atomic_int order;
    atomic_uint left; /* workers that have not ended */
    size_t listeners;
    struct worker workers[];
};

static void handle(struct evhttp_request *req, void *arg)
{
    struct worker *w = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    struct evbuffer *body = evbuffer_new();
    int status = 200;
    if (path && strcmp(path, "/pod") == 0) {
        const char *name = w->server->config.identity->name;
        evbuffer_add_reference(body, name, strlen(name), NULL, NULL);
    } else {
        status = 404;
    }
    evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
    evhttp_send_reply(req, status, NULL, body);
    evbuffer_free(body);
}

static void on_wakeup(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct worker *w = arg;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return;
    event_base_loopexit(w->base, NULL);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct lb_http_server *s = w->server;
    event_base_dispatch(w->base);
    if (atomic_fetch_sub(&s->left, 1) == 1 && s->config.stopped)
        s->config.stopped(s->config.stopped_arg);
    return NULL;
}

static int worker_init(struct worker *w, struct lb_http_server *s)
{
    w->server = s;
    w->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct event_config *config = event_config_new();
    if (w->wakeup_fd < 0 || !config)
        return -1;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    w->base = event_base_new_with_config(config);
    event_config_free(config);
    if (!w->base || !(w->http = evhttp_new(w->base)) ||
        !(w->wakeup = event_new(w->base, w->wakeup_fd, EV_READ | EV_PERSIST, on_wakeup, w)) ||
        event_add(w->wakeup, NULL) < 0)
        return -1;
    evhttp_set_gencb(w->http, handle, w);
    return 0;
}

struct lb_http_server *lb_http_server_new(const struct lb_http_config *config, struct lb_error *err)
{
    struct lb_http_server *s = calloc(1, sizeof *s + config->threads * sizeof s->workers[0]);
    if (!s) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    s->config = *config;
    atomic_init(&s->left, config->threads);
    for (unsigned i = 0; i < config->threads; i++)
        s->workers[i].wakeup_fd = -1;
    for (unsigned i = 0; i < config->threads; i++) {
        if (worker_init(&s->workers[i], s) < 0) {
            lb_error_set(err, "cannot make an event loop: %s", strerror(errno));
            lb_http_server_free(s);
            return NULL;
        }
    }
    return s;
}

int lb_http_server_add_listener(struct lb_http_server *s, struct lb_listener *l,
                                struct lb_error *err)
{
    if (s->listeners == LB_HTTP_MAX_LISTENERS)
        return lb_error_set(err, "more than %d HTTP listeners", LB_HTTP_MAX_LISTENERS);
    for (unsigned i = 0; i < s->config.threads; i++) {
        int fd = lb_listener_take(l, i);
        s->workers[i].bound[s->listeners] =
            evhttp_accept_socket_with_handle(s->workers[i].http, fd);
        if (!s->workers[i].bound[s->listeners]) {
            close(fd);
            return lb_error_set(err, "cannot accept on %s: out of memory", lb_listener_address(l));
        }
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

static void give_order(struct lb_http_server *s, enum order order)
{
    uint64_t one = 1;
    atomic_store(&s->order, order);
    for (unsigned i = 0; i < s->config.threads; i++) {
        /* Fails only when the counter is full: the thread has been woken already. */
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

static void worker_free(struct worker *w)
{
    if (w->running)
        pthread_join(w->thread, NULL);
    if (w->http)
        evhttp_free(w->http);
    if (w->wakeup)
        event_free(w->wakeup);
    if (w->base)
        event_base_free(w->base);
    if (w->wakeup_fd >= 0)
        close(w->wakeup_fd);
}

void lb_http_server_free(struct lb_http_server *s)
{
    if (!s)
        return;
    lb_http_server_abort(s);
    for (unsigned i = 0; i < s->config.threads; i++)
        worker_free(&s->workers[i]);
    free(s);
}
