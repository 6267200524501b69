/* schedule_private.h - what the parts of the schedule share; internal to this folder. */
#ifndef LB_BALANCE_SCHEDULE_PRIVATE_H
#define LB_BALANCE_SCHEDULE_PRIVATE_H

#include "balance/schedule.h"

#include <gsl/gsl_rng.h>

#define LB_GROUPS 64        /* backends are tossed in at most this many groups, by index modulo */
#define LB_MAX_ADDRESSES 64 /* addresses the probe uses */

struct lb_slot_state {
    uint32_t next_free; /* unused: index + 1 of the next unused one */
    bool used;          /* the engine has a connection for it, or will with the next step */
    bool open;          /* and it stands, as far as is known */
    bool in_pool;       /* ROUNDS: still to be visited in this round, and idle */
    bool due;           /* ROUNDS: still to be visited, but busy */
    uint32_t in_flight;
    uint32_t backend;    /* last one, LB_NONE unknown */
    uint64_t connection; /* transport connection that carried its last request */
    int address;
    uint16_t key[LB_LEVELS];
};

/* A request that was sent. */
struct lb_flight {
    uint64_t ticket;    /* 0: free */
    uint32_t next_free; /* then: index + 1 of the next free one */
    uint32_t slot;
    bool keep;
    bool opened;
    bool tossed;
    bool address_drawn;  /* DIAGNOSE: address_total holds for it */
    enum lb_level level; /* of the toss */
    uint32_t group;      /* drawn */
    uint32_t groups, total;
    uint32_t weight[LB_GROUPS]; /* chance of each group, over total */
};

/* Last backend of each value of a key, by connections opened with it. */
struct lb_key_state {
    uint32_t backend[LB_MAX_KEY_VALUES]; /* LB_NONE: not tried */
    unsigned tried;                      /* values tried so far, the default among them */
};

struct lb_schedule {
    struct lb_schedule_options options;
    struct lb_tally *tally;
    gsl_rng *rng;
    struct lb_slot_state *slots;
    size_t n_slots, cap_slots;
    struct lb_flight *flights;
    size_t n_flights, cap_flights;
    uint32_t free_slot, free_flight; /* index + 1 of the first that is free, 0: none */
    uint64_t tickets;
    uint64_t in_flight;

    /* ROUNDS */
    uint32_t *pool;
    size_t n_pool, n_due;
    uint32_t remaining[LB_GROUPS]; /* slots of the pool by the group of their last backend */

    /* DIAGNOSE */
    struct lb_layers layers;
    uint64_t judged; /* version of the tally they were made of, + 1 */
    uint64_t answered;
    uint64_t own, own_starts; /* of those, not aside; and the first of their connections */
    uint32_t own_slot;        /* kept, its address the client's own choice; + 1, 0: none */
    uint64_t failed_at_once;  /* requests that failed before any was answered */
    unsigned together;        /* requests of the burst still to send */
    bool burst_done;
    enum lb_level varying; /* level whose values are tried one by one */
    struct lb_key_state keys[LB_LEVELS];
    int *backend_address; /* by backend: address + 1 it was last seen behind */
    size_t cap_backend_address;
    uint32_t first_address;                   /* of the first connection */
    uint32_t address_total[LB_MAX_ADDRESSES]; /* chance of an address in the last draw: 1 / total */
    size_t n_needed;                          /* N that needed_units was computed for */
    uint64_t needed_units;
    uint64_t look_at;   /* answers at which the verdict is asked again, 0: it was not */
    bool by_connection; /* its units are new connections, not requests */
    const char *phase;
};

uint32_t lb_schedule__draw(struct lb_schedule *s, size_t n);

/* A slot to open; index of one that is free, or a new one. LB_NONE without memory. */
uint32_t lb_schedule__free_slot(struct lb_schedule *s);

/* Registers a request on a slot and fills the step. NULL without memory. */
struct lb_flight *lb_schedule__send(struct lb_schedule *s, uint32_t slot, bool keep,
                                    struct lb_step *step);

/* Notes that the flight's connection, of this last backend, was drawn among count[g] of each group
 * with equal chance: a toss, when there are two groups. */
void lb_schedule__note_draw(struct lb_flight *f, const uint32_t count[LB_GROUPS], uint32_t backend);

int lb_schedule__next_probe(struct lb_schedule *s, struct lb_step *step);

/* The probe learns of an answer: key values, addresses. 0, -1 without memory. */
int lb_schedule__probe_done(struct lb_schedule *s, const struct lb_flight *flight, uint32_t backend,
                            struct lb_observation *o);

#endif
