/* The gRPC side of the server, on the gRPC C core: one completion queue and one thread each, our
 * own acceptor for plaintext connections, and the services.
 *
 * Life: new, add_listener, start, stop or shutdown, free. These functions are for one thread at a
 * time; none of them is called from a gRPC thread. */
#ifndef LB_SERVER_GRPC_SERVER_H
#define LB_SERVER_GRPC_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/error.h"

struct lb_access_log;
struct lb_faults;
struct lb_identity;
struct lb_metrics;
struct lb_readiness;
struct lb_server_tls;
struct lb_grpc_server;

/* Bounds of one connection and one call that no option changes. */
#define LB_GRPC_MAX_MESSAGE_BYTES 65536  /* a larger request message ends in RESOURCE_EXHAUSTED */
#define LB_GRPC_MAX_METADATA_BYTES 16384 /* more request metadata ends in RESOURCE_EXHAUSTED */
#define LB_GRPC_MAX_STREAMS 1024         /* concurrent calls of a connection, as its SETTINGS say */

/* The server pings a silent client so often, and closes the connection when no answer comes. */
#define LB_GRPC_KEEPALIVE_MS 60000
#define LB_GRPC_KEEPALIVE_TIMEOUT_MS 20000
/* A client that pings more often without a call gets GOAWAY, too_many_pings. */
#define LB_GRPC_MIN_PING_MS 10000

/* A plaintext connection is cut when so many of its calls were cancelled within that time, and they
 * are more than half of those that came: each costs the core far more memory than the client, which
 * needs not wait for anything. */
#define LB_GRPC_MAX_CANCELS 1000
#define LB_GRPC_CANCELS_NS (60 * LB_NS_PER_S)

#define LB_GRPC_MAX_LISTENERS 16
#define LB_GRPC_MAX_THREADS 64

struct lb_grpc_config {
    const struct lb_identity *identity; /* outlives the server */
    struct lb_readiness *readiness;     /* what health tells; outlives the server */
    struct lb_faults *faults;   /* what is done to calls on demand; outlives the server; or NULL */
    struct lb_metrics *metrics; /* where calls and connections are counted; outlives the server */
    struct lb_access_log *access_log; /* gets a line a call; outlives the server; or NULL */
    unsigned threads;                 /* from 1 to LB_GRPC_MAX_THREADS */
    uint64_t max_connections;         /* at a time; more are closed when accepted; 0: no limit */
    int64_t max_age_ns;               /* of a connection, +- 10 %, until its GOAWAY; 0: none */
    int64_t max_age_grace_ns;         /* for calls after that; 0: for ever */
    int64_t idle_timeout_ns;          /* of a connection without calls; 0: none */
    /* Called once, from a gRPC thread, when a shutdown is complete: no connection and no call is
     * left. May be NULL. It must not call into the server; it may wake the caller's event loop. */
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* Makes a server that does not listen yet; initialises the C core (which starts threads: fork
 * before, not after). NULL with *err after failure. The configuration is copied. */
struct lb_grpc_server *lb_grpc_server_new(const struct lb_grpc_config *config,
                                          struct lb_error *err) LB_MUST_CHECK;

/* Accepts plaintext connections (TCP or Unix) from `fd`, a bound, listening, non-blocking,
 * close-on-exec socket, once the server starts. The server owns `fd` after success and closes it
 * at stop, shutdown or free; after failure it stays the caller's. Before start only. */
int lb_grpc_server_add_listener(struct lb_grpc_server *s, int fd,
                                struct lb_error *err) LB_MUST_CHECK;

/* Serves gRPC over TLS on `text` (lb_address_parse_listen's notation, TCP only) and writes the
 * address with its real port to `address`. The C core accepts there itself: such connections are
 * not in the metrics, max_connections does not hold for them, and the listener closes only at the
 * shutdown. With `client_auth` clients need a certificate. `tls` outlives the server. Before start,
 * at most once. */
int lb_grpc_server_listen_tls(struct lb_grpc_server *s, const char *text, struct lb_server_tls *tls,
                              bool client_auth, char address[LB_ADDRESS_TEXT],
                              struct lb_error *err) LB_MUST_CHECK;

/* Starts the threads. After success connections are accepted; after failure only
 * lb_grpc_server_free may follow. */
int lb_grpc_server_start(struct lb_grpc_server *s, struct lb_error *err) LB_MUST_CHECK;

/* The gentle end; returns at once. Closes the listeners and serves what is open, new calls
 * included, until no connection is left, or for half a second there was no call, or it is a second
 * before `deadline_ns` (monotonic); then shuts down as lb_grpc_server_shutdown does. */
void lb_grpc_server_stop(struct lb_grpc_server *s, int64_t deadline_ns);

/* Begins the end and returns at once: closes the listeners, sends GOAWAY on every connection, ends
 * streams with UNAVAILABLE and lets calls in flight finish until `deadline_ns` (monotonic, see
 * lb_clock_monotonic_ns), when what is left is cancelled; connections without calls are closed
 * after a second. `stopped` is called when all is done. A second call cancels at once. */
void lb_grpc_server_shutdown(struct lb_grpc_server *s, int64_t deadline_ns);

/* Shuts down now unless that has been asked for, waits for the end of it (at most until the
 * deadline and the moment cancelling takes), joins the threads and releases everything. NULL is
 * allowed. */
void lb_grpc_server_free(struct lb_grpc_server *s);

#endif
