/* One simulated run: the real schedule, tally and verdict against a model of a balancer. */
#ifndef LB_SIM_RUN_H
#define LB_SIM_RUN_H

#include "balance/verdict.h"
#include "balancers.h"

struct sim_design {
    const char *name;
    bool diagnose;
    bool looks;                 /* --expect balanced: a new connection each until a look rejects */
    unsigned connections, each; /* else connections x requests each */
};

#define SIM_DESIGNS 5
extern const struct sim_design sim_designs[SIM_DESIGNS];

struct sim_result {
    enum lb_layer layer;
    enum lb_level sticky_level;
    enum lb_outcome outcome;
    bool uneven;
    unsigned requests;
    unsigned left;
};

/* 0, or -1 without memory. */
int sim_run(enum sim_kind kind, unsigned N, const struct sim_design *design, uint32_t seed,
            struct lb_evenness_cache *cache, struct sim_result *out);

#endif
