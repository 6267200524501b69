/* What carries the engine's requests: one small table of operations, one file a transport
 * (HTTP/1.1, gRPC, a fake one in the tests). A transport hands out slots. A slot stands for one
 * connection of the client and carries requests over it; when the connection is lost it silently
 * makes another, and the number in the next reply shows it. All of it belongs to one thread. */
#ifndef LB_CLIENT_TRANSPORT_H
#define LB_CLIENT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/error.h"

#define LB_POLL_MAX_NS \
    (100 * LB_NS_PER_MS) /* longest that poll may wait, so that signals are seen */
#define LB_NAME_MAX 256  /* bytes of a backend's name and of each other fact */

struct lb_transport;
struct lb_slot; /* each transport has its own */

enum lb_reply_outcome {
    LB_REPLY_OK,      /* HTTP 2xx, gRPC OK */
    LB_REPLY_STATUS,  /* the server (or a proxy) answered with another status */
    LB_REPLY_ERROR,   /* no answer: refused, reset, unresolved, not understood */
    LB_REPLY_TIMEOUT, /* no answer within the deadline */
};

/* How one request ended. Strings are never NULL ("" is unknown), at most LB_NAME_MAX bytes
 * (`error`: any) and come from the network: escape them before printing. They are valid during the
 * callback only. Facts that the server or a proxy did not tell are "" or 0. */
struct lb_reply {
    uint64_t tag; /* as given to send */
    enum lb_reply_outcome outcome;
    int status;        /* HTTP status, gRPC code; 0 with LB_REPLY_ERROR of HTTP */
    const char *error; /* unless OK: "connect 127.0.0.1:8080: Connection refused" */
    int64_t finish_ns; /* on the transport's clock */

    /* The client's side: the transport connection, from 1 in the order they were made; 0 when none
     * stood. A reconnect is a new number. A gRPC channel may have several (subchannels). */
    uint64_t connection;
    uint32_t ordinal;   /* of the request on it, from 1; 0: not known */
    bool last;          /* it ended with this reply, as the server wanted; may be unknown */
    const char *remote; /* its far end, "127.0.0.1:8080" */
    const char *local;  /* its near end; may be unknown */

    /* Who answered. Also with LB_REPLY_STATUS where the answer names its backend. */
    const char *backend;
    const char *boot_id;
    const char *version, *zone, *node;

    /* The server's side of the connection, from lbdemo-server. */
    uint64_t server_connection; /* id, unique in a boot; 0: unknown */
    uint64_t server_ordinal;    /* of the request on that connection, from 1; 0: unknown */
    const char *server_peer;    /* the other end as the server saw it, "10.0.0.7:41234" */
    const char *proxy_headers;  /* the proxies' headers it saw, "via, x-forwarded-for" */
};

/* What tells the requests of one slot from those of another, besides the connection itself: a
 * balancer may choose by any of it. Strings are copied by open. */
struct lb_slot_key {
    const char *source;      /* local address to connect from, "127.0.0.77"; NULL: any */
    const char *header_name; /* one more header (metadata entry) a request; NULL: none */
    const char *header_value;
    const char *path;    /* HTTP: instead of the target's path; NULL: the target's */
    unsigned cookie_jar; /* HTTP: cookies set in this jar are sent back; 0: no cookies */
    int address;         /* index of the target's address to connect to, taken modulo their
                            number; -1: the transport's own choice */
    uint32_t owner;      /* the caller's number of the slot, for on_closed */
};

struct lb_transport_facts {
    unsigned addresses;    /* the target's name stood for, when last looked up; 0: unknown */
    bool choose_address;   /* slots can be pointed at one of them by key.address */
    const char *lb_policy; /* gRPC: in force; NULL: none */
    bool tls;
    bool cookies;       /* slots can have a cookie jar */
    const char *path;   /* slots can have a path instead of this one; NULL: they cannot */
    bool choose_source; /* slots can have a source address */
    struct sockaddr_storage first; /* the first of the addresses; ss_family AF_UNSPEC: unknown */
};

typedef void lb_reply_fn(void *arg, const struct lb_reply *reply);
typedef void lb_closed_fn(void *arg, uint32_t owner);

struct lb_transport_ops {
    const char *protocol; /* "http", "grpc": in reports, and for the advice */
    unsigned max_streams; /* requests in flight a slot can have */

    /* The clock of all times here: nanoseconds, never going back. */
    int64_t (*now)(struct lb_transport *transport);

    /* Does the transport's I/O and calls on_reply for each request that ended. Returns after
     * replies were delivered, when the clock has reached `until_ns`, when a signal came, or after
     * LB_POLL_MAX_NS, whichever is first. `until_ns` in the past: does what can be done at once.
     * The callback may call send, open and close, also for the slot whose reply it is. */
    void (*poll)(struct lb_transport *transport, int64_t until_ns);

    /* A slot for `key`. The connection itself is made with the first request. `keep`: the
     * connection stays open for more requests; otherwise each request has a new one. NULL after
     * failure (a source address that is no address; out of memory). */
    struct lb_slot *(*open)(struct lb_transport *transport, const struct lb_slot_key *key,
                            bool keep, struct lb_error *err);

    /* Starts a request, which fails when the clock reaches `deadline_ns`. Never fails itself and
     * never calls on_reply: all that happens to the request is told by a reply from poll. */
    void (*send)(struct lb_slot *slot, uint64_t tag, int64_t deadline_ns);

    /* Closes the slot's connection. Requests in flight are cancelled; no reply will come. */
    void (*close)(struct lb_slot *slot);

    void (*facts)(struct lb_transport *transport, struct lb_transport_facts *facts);

    /* Looks the target's name up for facts, at the latest until the clock reaches `deadline_ns`. A
     * failure is told by the requests, not here. NULL: there is nothing to look up. */
    void (*look_up)(struct lb_transport *transport, int64_t deadline_ns);

    /* Closes all slots that are left and releases the transport. */
    void (*free)(struct lb_transport *transport);
};

/* The first member of each transport. The owner of the transport sets the callbacks before the
 * first poll; both are called from poll only. */
struct lb_transport {
    const struct lb_transport_ops *ops;
    lb_reply_fn *on_reply;
    lb_closed_fn
        *on_closed; /* a kept slot lost its connection while idle; the next send makes another.
                       Optional to call: the next reply's connection number tells it too */
    void *arg;      /* of both */
};

#endif
