/* roster.h - the backends of a whole tally: runs joined, restarts of a name joined.
 *
 * A name with a new boot id is the same backend restarted, unless both answered in turns in one
 * run: then two backends share the name and are told apart by boot id. Internal to this folder. */
#ifndef LB_BALANCE_ROSTER_H
#define LB_BALANCE_ROSTER_H

#include "balance/tally.h"

struct lb_roster_entry {
    const char *name; /* borrowed from the tally, as is boot */
    const char *boot; /* set only where the name is shared, else "" */
    uint64_t answers, errors, starts, aside, aside_starts;
    unsigned boots; /* distinct boot ids joined */
    struct lb_pairs pairs[LB_PAIRS];
};

struct lb_roster {
    struct lb_roster_entry *entries;
    size_t n;
    uint32_t **map; /* map[segment][backend] -> entry */
    size_t n_maps;
    uint64_t seen;    /* entries with answers */
    uint64_t once;    /* entries with one answer */
    uint64_t answers; /* of named backends */
    uint64_t dropped; /* answers whose name could not be followed */
    bool shared_names;
};

/* 0, -1 without memory. */
int lb_roster_make(const struct lb_tally *t, struct lb_roster *r);
void lb_roster_clear(struct lb_roster *r);

#endif
