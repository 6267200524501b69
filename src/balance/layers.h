/* layers.h - which explanations of the answers are left?
 *
 * Levels are nested: one backend or the clock, client, remote address, source address / cookie /
 * header / path, connection, request. The layer is the level where a fresh choice is made: finer
 * levels follow it (coin.h), coarser ones do not (leaves.h). An explanation is eliminated when its
 * evidence reaches 4/alpha; each is an e-process, so looking at any time is allowed. */
#ifndef LB_BALANCE_LAYERS_H
#define LB_BALANCE_LAYERS_H

#include "balance/tally.h"

#define LB_ALPHA_LAYER 0.001 /* default; threshold 4 / alpha */

enum lb_layer {
    LB_LAYER_UNKNOWN, /* inconclusive: several explanations are left, or none */
    LB_LAYER_PER_CONNECTION,
    LB_LAYER_PER_REQUEST,
    LB_LAYER_CLIENT_SIDE,
    LB_LAYER_STICKY,
    LB_LAYER_SINGLE_BACKEND /* only when one was expected: it can be bounded, never proved */
};

/* "per-connection", "per-request", "client-side", "sticky", "single-backend", "inconclusive". */
const char *lb_layer_name(enum lb_layer layer);

enum lb_explanation_id {
    LB_BY_REQUEST,
    LB_BY_CONNECTION,
    LB_BY_CLOCK,
    LB_BY_ADDRESS, /* client-side */
    LB_BY_SOURCE,  /* sticky, four ways */
    LB_BY_COOKIE,
    LB_BY_HEADER,
    LB_BY_PATH,
    LB_BY_NONE, /* single backend */
    LB_EXPLANATIONS
};

/* "per-request", "per-connection", "clock", "client-side", "sticky (source address)", ... */
const char *lb_explanation_name(enum lb_explanation_id id);

/* Why an explanation is out. */
enum lb_elimination {
    LB_LEFT,            /* it is not */
    LB_OUT_FOLLOWED,    /* A: the answers followed tossed connections or keys */
    LB_OUT_LEAVES,      /* B: backends were left inside connections */
    LB_OUT_TIME,        /* B: backends were left between requests adjacent in time */
    LB_OUT_NEW,         /* B: new connections with the same key left */
    LB_OUT_KEY_DECIDES, /* new connections followed the tossed key */
    LB_OUT_ONE_VALUE,   /* one value used, and answers moved all the same */
    LB_OUT_ONE_ADDRESS, /* the target resolved to one address */
    LB_OUT_TWO_SEEN,    /* more than one backend answered */
    LB_OUT_POOL,        /* two client connections shared a server-side connection */
    LB_OUT_NOT_USED     /* the client has no such key: no cookie, ... */
};

/* What the client knows of its target; zero-initialised: nothing. */
struct lb_target_facts {
    const char *protocol;  /* "http" or "grpc" */
    const char *target;    /* as the user named it */
    unsigned addresses;    /* the name resolved to; 0: not known */
    const char *lb_policy; /* gRPC policy in force, "pick_first", "round_robin", ...; NULL: none */
    bool new_connections;  /* a new connection for each request */
    unsigned channels;     /* gRPC channels, or HTTP connections kept */
    bool cookies;          /* the client keeps and sends cookies */
    bool tls;
    bool diagnosed; /* the run was --diagnose */
};

struct lb_explanation {
    bool left;
    enum lb_elimination why;
    double log_e; /* natural log of the evidence against it so far */
};

struct lb_layers {
    enum lb_layer layer;
    enum lb_level sticky_level; /* for LB_LAYER_STICKY */
    bool changes_below;         /* per-connection, with changes below the client's sight */
    bool followed;              /* answers followed tossed connections (A) */
    enum lb_layer behind;       /* two hops: client-side, and this one behind each address */
    bool pool_proven;           /* client connections share a server-side connection */
    bool server_ids;            /* hidden reconnects could be seen */
    bool own_choice;            /* a channel's own policy chose among remote addresses */
    bool identity_broken;       /* >= 24 answers and no backend twice: not an identity */
    unsigned left;              /* explanations left */
    struct lb_explanation explanations[LB_EXPLANATIONS];
    double log_threshold;         /* log(4 / alpha) */
    uint64_t backends;            /* distinct (name, boot), restarts of a name counted once */
    double log_follow[LB_LEVELS]; /* E_A by level */
    double log_half;              /* half rule, connections */
    double log_leaves[LB_PAIRS];  /* E_B by sequence */
    bool bounded_single; /* one backend, whatever was varied, and the bound below is worth saying */
    double single_bound; /* with one backend seen: no second above this share (1 - alpha^(1/u)) */
    uint64_t units;      /* u: connections opened that were answered */
};

/* Under client-side: is the address chosen for each request (true), or for each connection, as by
 * pick_first and by clients without a policy? */
bool lb_layers_choose_by_request(const struct lb_layers *l, const struct lb_target_facts *target);

/* Judges a tally. target may be NULL. alpha: LB_ALPHA_LAYER or the user's, in (0, 1). Costs time in
 * the number of backends, connections and runs. 0, or -1 without memory. */
int lb_layers_judge(const struct lb_tally *t, const struct lb_target_facts *target, double alpha,
                    struct lb_layers *out);

#endif
