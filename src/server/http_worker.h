/* One thread of the HTTP server, and what its connections need of it. Internal to src/server. */
#ifndef LB_SERVER_HTTP_WORKER_H
#define LB_SERVER_HTTP_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <time.h>

#include "server/http_server.h"

struct bufferevent;
struct event;
struct event_base;
struct evconnlistener;
struct lb_http_connection;
struct lb_access_writer;
struct lb_metrics_shard;

LIST_HEAD(lb_http_connections, lb_http_connection);

#define LB_HTTP_DATE_TEXT 32

/* All of it belongs to the worker's thread once that runs. */
struct lb_http_worker {
    struct lb_http_server *server;
    const struct lb_http_config *config;
    struct lb_metrics_shard *metrics;
    struct lb_access_writer *access; /* or NULL */
    struct event_base *base;
    struct event *wakeup;    /* orders from outside */
    struct event *flush;     /* writes the access log's lines */
    struct event *listening; /* resumes accepting; while draining, closes the listeners */
    int wakeup_fd;
    pthread_t thread;
    bool running;
    bool draining;
    int64_t drain_until_ns;  /* then the listeners close, whoever waits */
    int64_t accept_error_ns; /* the last one, for its log to stay short */
    struct evconnlistener *listeners[LB_HTTP_MAX_LISTENERS];
    struct lb_http_connections connections;
    size_t open;
    const struct timeval *write_timeout; /* a common timeout of `base` */
    unsigned seed;                       /* of rand_r, for jitter */
    time_t date_s;
    char date[LB_HTTP_DATE_TEXT];
};

/* The Date header's value now. */
const char *lb_http_worker_date(struct lb_http_worker *w);

/* The access log has a line to write before long. */
void lb_http_worker_flush_soon(struct lb_http_worker *w);

/* A connection has come; false: it is one too many for the server. */
bool lb_http_worker_welcome(struct lb_http_worker *w);

/* A connection has gone: ends the thread's loop when it was the last of a drain. */
void lb_http_worker_forget(struct lb_http_worker *w);

#endif
