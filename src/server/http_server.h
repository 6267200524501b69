/* The HTTP side of the server: threads with an event loop each, which accept on their own sockets
 * and answer what arrives.
 *
 * Life: new, add_listener, start, [drain], [abort], free. These functions are for one thread at a
 * time, and not for the server's own threads. */
#ifndef LB_SERVER_HTTP_SERVER_H
#define LB_SERVER_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define LB_HTTP_MAX_THREADS 64
#define LB_HTTP_MAX_LISTENERS 16

struct lb_http_server;
struct lb_access_log;
struct lb_faults;
struct lb_http_service;
struct lb_listener;
struct lb_metrics;
struct lb_server_tls;

struct lb_http_config {
    const struct lb_http_service *service; /* what is answered; outlives the server */
    struct lb_metrics *metrics;            /* where to count; outlives the server */
    struct lb_server_tls *tls;             /* speaks HTTPS; outlives the server; NULL: plaintext */
    struct lb_faults *faults;              /* to inject; outlives the server; or NULL */
    struct lb_access_log *access_log;      /* outlives the server; or NULL */
    unsigned threads;                      /* from 1 to LB_HTTP_MAX_THREADS */
    int64_t header_timeout_ns;             /* from a head's first byte to its last */
    int64_t body_timeout_ns;               /* from the head's end to the body's */
    int64_t write_timeout_ns;              /* without the client taking any of a response */
    int64_t idle_timeout_ns;  /* between a response and the next request; 0: for ever */
    int64_t max_age_ns;       /* of a connection, ±10 %; 0: for ever */
    int64_t max_age_grace_ns; /* of a request that is served when its age ends; 0: for ever */
    uint64_t max_requests;    /* of a connection; 0: any */
    uint64_t max_connections; /* at once; 0: any */
    /* Called once, on one of the server's threads, when after a drain no connection is left. It
     * must not call into the server; it may wake the caller's event loop. */
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* Makes a server that does not listen yet. The configuration is copied. */
struct lb_http_server *lb_http_server_new(const struct lb_http_config *config,
                                          struct lb_error *err) LB_MUST_CHECK;

/* Accepts on the sockets of `l` (one a thread) once the server starts. Takes the sockets, not `l`.
 * Before start only. */
int lb_http_server_add_listener(struct lb_http_server *s, struct lb_listener *l,
                                struct lb_error *err) LB_MUST_CHECK;

/* Starts the threads. After failure only lb_http_server_free may follow. */
int lb_http_server_start(struct lb_http_server *s, struct lb_error *err) LB_MUST_CHECK;

/* Begins the end: accepts what waits, closes the listening sockets, answers what was asked and ends
 * each connection after its next response, or when it stays silent for half a second. Returns at
 * once; `stopped` tells when all is done. */
void lb_http_server_drain(struct lb_http_server *s);

/* Ends a drain now: closes every connection, whatever it is doing. */
void lb_http_server_abort(struct lb_http_server *s);

/* Stops the threads and releases everything. NULL is fine. */
void lb_http_server_free(struct lb_http_server *s);

#endif
