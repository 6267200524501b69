/* Models of balancers for the simulation of the verdict: what a request gets, given how it came. */
#ifndef LB_SIM_BALANCERS_H
#define LB_SIM_BALANCERS_H

#include "balance/layers.h"

#include <gsl/gsl_rng.h>

enum sim_kind {
    SIM_L7_RANDOM,
    SIM_L7_ROUND_ROBIN,
    SIM_L7_95_5,
    SIM_L7_WORKERS,       /* 4 workers, a turn each; a connection belongs to a worker */
    SIM_L7_LEAST_REQUEST, /* the less busy of two at random, with other load */
    SIM_L4_RANDOM,
    SIM_L4_ROUND_ROBIN,
    SIM_L4_95_5,
    SIM_CLIENT_SIDE, /* an address each */
    SIM_STICKY_SOURCE,
    SIM_STICKY_COOKIE,
    SIM_CLOCK,    /* all move together, after 15 requests on average */
    SIM_POOLED,   /* an L7 proxy with upstream connections over L4 */
    SIM_HIDDEN_2, /* per connection, chosen anew every 2 requests, unseen */
    SIM_HIDDEN_3,
    SIM_FAILING, /* per request at random, one backend failing every other */
    SIM_SINGLE,
    SIM_KINDS
};

struct sim_truth {
    const char *name;
    enum lb_layer layer; /* the right word; LB_LAYER_UNKNOWN: none is */
    bool even;
    double uneven_max; /* false `uneven` allowed, as a rate */
};

extern const struct sim_truth sim_truths[SIM_KINDS];

#define SIM_MAX_BACKENDS 64
#define SIM_MAX_CONNECTIONS 4096
#define SIM_FAILED (-1)

struct sim_connection {
    int backend; /* -1: not chosen yet */
    unsigned requests;
    unsigned worker;
};

struct sim_balancer {
    enum sim_kind kind;
    unsigned N;
    gsl_rng *rng; /* borrowed */
    unsigned turn[4];
    unsigned load[SIM_MAX_BACKENDS];
    int clock;
    int idle[64]; /* pooled upstream connections, by their backend */
    unsigned n_idle;
    struct sim_connection connections[SIM_MAX_CONNECTIONS];
};

void sim_balancer_init(struct sim_balancer *b, enum sim_kind kind, unsigned N, gsl_rng *rng);

/* Backend of a request on connection id (below SIM_MAX_CONNECTIONS) to an address with these keys,
 * or SIM_FAILED. */
int sim_balancer_pick(struct sim_balancer *b, unsigned id, int address, const uint16_t *key);

/* The request that picked this backend ended. */
void sim_balancer_done(struct sim_balancer *b, int backend);

#endif
