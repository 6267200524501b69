/* verdict_private.h - what the makers of a verdict share; internal to this folder. */
#ifndef LB_BALANCE_VERDICT_PRIVATE_H
#define LB_BALANCE_VERDICT_PRIVATE_H

#include "balance/roster.h"
#include "balance/verdict.h"

struct lb_scene {
    const struct lb_tally *tally;
    const struct lb_verdict_options *options;
    struct lb_roster roster;
    uint32_t *share_of; /* roster entry -> index into v->shares */
    size_t named;       /* shares that have a name; unseen ones without follow only as a number */
    uint64_t unit_errors;
    uint64_t not_named; /* expected backends that were not seen and whose names are not known */
    struct lb_verdict *v;
};

/* Shares by backend or group with answers, errors, units and expectations. 0, -1 without memory. */
int lb_scene__share_out(struct lb_scene *scene);

/* Latencies, intervals, order of the shares. 0, -1 without memory. */
int lb_scene__detail_shares(struct lb_scene *scene);

/* Sets outcome, doubt and what belongs to them. 0, -1 without memory. */
int lb_scene__conclude(struct lb_scene *scene);

/* Writes the facts. 0, -1 without memory. */
int lb_scene__tell(struct lb_scene *scene);

#endif
