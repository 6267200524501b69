/* observation.h - what a client saw of one request.
 *
 * The only input of this folder. A fact that is not known is left zero, NULL or "": it makes a
 * verdict weaker, never wrong. All strings are borrowed for the duration of the call they are
 * passed to, may be any bytes a hostile server chose, and are bounded when they are kept. */
#ifndef LB_BALANCE_OBSERVATION_H
#define LB_BALANCE_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

/* The levels at which a backend may be chosen, finest first; coarser ones contain finer ones. Those
 * from ADDRESS to PATH are keys a client can vary. LB_LEVEL_ADDRESS_SET is the remote address
 * again, known by all backends last seen behind it instead of by its last one (two hops). */
enum lb_level {
    LB_LEVEL_CONNECTION,
    LB_LEVEL_ADDRESS,
    LB_LEVEL_SOURCE,
    LB_LEVEL_COOKIE,
    LB_LEVEL_HEADER,
    LB_LEVEL_PATH,
    LB_LEVEL_ADDRESS_SET,
    LB_LEVELS
};

enum lb_result {
    LB_RESULT_ANSWER, /* a reply that counts as success */
    LB_RESULT_STATUS, /* a reply with an error status: HTTP 5xx, gRPC code != 0 from the peer */
    LB_RESULT_FAILED  /* no reply: refused, reset, timed out */
};

/* How the unit (connection or key value) of a request was drawn. The schedule fills this in; it
 * holds all that the coin test needs: the chance, known when the request was sent, that the draw
 * would pick a unit whose last backend is the one that then answered, and whether it did. */
struct lb_toss {
    bool tossed; /* false: not drawn at random among >= 2 groups, proves nothing */
    bool own;    /* the answer came from the last backend of the drawn unit */
    enum lb_level level;
    uint32_t groups; /* distinct last backends among the units drawn from, >= 2 */
    uint32_t weight; /* chance of the answering backend's group = weight / total; */
    uint32_t total;  /*   weight is 0 when no unit had it as its last backend */
};

#define LB_MAX_TOSSES 2 /* a new connection to a tossed address is tossed in two ways */

struct lb_observation {
    uint64_t request;   /* number in its run in the order of sending, dense from 1 */
    int64_t planned_ns; /* when it was due; since the start of the run, monotonic */
    int64_t sent_ns;    /* when it was sent, >= planned_ns */
    int64_t finish_ns;  /* when it ended; latency counts from planned_ns */

    uint64_t connection; /* client connection that carried it, unique in the run; 0: none stood */
    uint32_t ordinal;    /* number of this request on that connection, from 1; 0: not known */
    uint64_t channel;    /* what of the client chose the connection: a channel, unique in the run;
                            0: nothing did */
    bool aside;          /* says nothing of the client's own choice: the probe chose the address, or
                            the channel had not reached all of them yet */
    const char *remote;  /* remote address of that connection, "ip:port" */

    enum lb_result result;
    const char *status; /* "200", "UNAVAILABLE", "connect: Connection refused" */

    const char *backend; /* name the reply gave; NULL or "": none */
    const char *boot;    /* its boot id where known */
    const char *version;
    const char *zone;
    const char *node;

    const char *server_connection; /* server-side connection id, unique under (backend, boot) */
    uint64_t server_ordinal;       /* number of this request on it, from 1; 0: not known */
    const char *server_peer;       /* the peer the server saw */
    bool proxy_headers;            /* the server saw headers that only a proxy adds */

    uint16_t key[LB_LEVELS]; /* per varied level the index of the value used; 0: the default */
    struct lb_toss toss[LB_MAX_TOSSES];
};

#endif
