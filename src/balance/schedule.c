/* Slots, tickets and the rounds of an ordinary run: see schedule.h. */
#include "balance/schedule_private.h"

#include <stdlib.h>
#include <string.h>

/* How the verdict is asked while the probe runs. */
static void plan_looks(struct lb_schedule_options *o)
{
    o->verdict.alpha_layer = o->alpha;
    o->verdict.expected_backends = o->expected_backends;
    o->verdict.live = true;
    o->verdict.target = &o->target;
    if (o->verdict.alpha_evenness <= 0)
        o->verdict.alpha_evenness = LB_ALPHA_EVENNESS;
}

static bool options_ok(const struct lb_schedule_options *o)
{
    switch (o->mode) {
    case LB_SCHEDULE_ROUNDS:
        return o->connections >= 1 && o->connections <= LB_SCHEDULE_MAX_SLOTS && o->streams >= 1;
    case LB_SCHEDULE_NEW:
        return o->in_flight >= 1 && o->in_flight <= LB_SCHEDULE_MAX_SLOTS;
    case LB_SCHEDULE_DIAGNOSE:
        return o->alpha >= 0 && o->alpha < 1 && o->verdict.alpha_evenness < 1;
    }
    return false;
}

struct lb_schedule *lb_schedule_new(const struct lb_schedule_options *options,
                                    struct lb_tally *tally)
{
    if (!options_ok(options))
        return NULL;
    struct lb_schedule *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->options = *options;
    s->tally = tally;
    s->phase = "";
    s->varying = LB_LEVEL_SOURCE;
    if (s->options.alpha <= 0)
        s->options.alpha = LB_ALPHA_LAYER;
    plan_looks(&s->options);
    if (s->options.max_requests == 0)
        s->options.max_requests = LB_DIAGNOSE_MAX_REQUESTS;
    if (s->options.addresses > LB_MAX_ADDRESSES)
        s->options.addresses = LB_MAX_ADDRESSES;
    for (unsigned l = 0; l < LB_LEVELS; l++) {
        for (unsigned v = 0; v < LB_MAX_KEY_VALUES; v++)
            s->keys[l].backend[v] = LB_NONE;
    }
    s->rng = gsl_rng_alloc(gsl_rng_taus2);
    s->pool =
        malloc((options->mode == LB_SCHEDULE_ROUNDS ? options->connections : 1) * sizeof(*s->pool));
    if (!s->rng || !s->pool) {
        lb_schedule_free(s);
        return NULL;
    }
    gsl_rng_set(s->rng, options->seed);
    return s;
}

void lb_schedule_free(struct lb_schedule *s)
{
    if (!s)
        return;
    if (s->rng)
        gsl_rng_free(s->rng);
    free(s->slots);
    free(s->flights);
    free(s->pool);
    free(s->backend_address);
    free(s);
}

const char *lb_schedule_phase(const struct lb_schedule *s)
{
    return s->phase;
}

uint32_t lb_schedule__draw(struct lb_schedule *s, size_t n)
{
    return (uint32_t)gsl_rng_uniform_int(s->rng, n);
}

uint32_t lb_schedule__free_slot(struct lb_schedule *s)
{
    if (s->free_slot) {
        uint32_t slot = s->free_slot - 1;
        s->free_slot = s->slots[slot].next_free;
        return slot;
    }
    if (s->n_slots == s->cap_slots) {
        size_t cap = s->cap_slots ? 2 * s->cap_slots : 8;
        struct lb_slot_state *grown = realloc(s->slots, cap * sizeof(*grown));
        if (!grown)
            return LB_NONE;
        s->slots = grown;
        s->cap_slots = cap;
    }
    s->slots[s->n_slots] = (struct lb_slot_state){.backend = LB_NONE, .address = -1};
    return (uint32_t)s->n_slots++;
}

static struct lb_flight *new_flight(struct lb_schedule *s)
{
    if (s->free_flight) {
        struct lb_flight *f = &s->flights[s->free_flight - 1];
        s->free_flight = f->next_free;
        return f;
    }
    if (s->n_flights == s->cap_flights) {
        size_t cap = s->cap_flights ? 2 * s->cap_flights : 4;
        struct lb_flight *grown = realloc(s->flights, cap * sizeof(*grown));
        if (!grown)
            return NULL;
        s->flights = grown;
        s->cap_flights = cap;
    }
    return &s->flights[s->n_flights++];
}

/* A ticket holds the index of its flight in its low half. */
static struct lb_flight *find_flight(struct lb_schedule *s, uint64_t ticket)
{
    size_t i = (size_t)(ticket & UINT32_MAX);
    return ticket && i < s->n_flights && s->flights[i].ticket == ticket ? &s->flights[i] : NULL;
}

struct lb_flight *lb_schedule__send(struct lb_schedule *s, uint32_t slot, bool keep,
                                    struct lb_step *step)
{
    struct lb_flight *f = new_flight(s);
    if (!f)
        return NULL;
    struct lb_slot_state *x = &s->slots[slot];
    *f = (struct lb_flight){.slot = slot, .keep = keep, .opened = !x->open};
    f->ticket = (++s->tickets << 32) | (uint64_t)(f - s->flights);
    x->used = true;
    x->open = true;
    x->in_flight++;
    s->in_flight++;
    *step = (struct lb_step){.kind = LB_STEP_SEND,
                             .ticket = f->ticket,
                             .slot = slot,
                             .open = f->opened,
                             .keep = keep,
                             .address = x->address};
    memcpy(step->key, x->key, sizeof(step->key));
    return f;
}

/* --- rounds --- */

static void pool_add(struct lb_schedule *s, uint32_t slot)
{
    struct lb_slot_state *x = &s->slots[slot];
    x->in_pool = true;
    s->pool[s->n_pool++] = slot;
    if (x->open && x->backend != LB_NONE)
        s->remaining[x->backend % LB_GROUPS]++;
}

/* The last backend of a slot changes; keeps the count of the pool right. */
static void set_backend(struct lb_schedule *s, struct lb_slot_state *x, uint32_t backend)
{
    if (x->in_pool && x->open && x->backend != LB_NONE)
        s->remaining[x->backend % LB_GROUPS]--;
    x->backend = backend;
    if (x->in_pool && x->open && x->backend != LB_NONE)
        s->remaining[x->backend % LB_GROUPS]++;
}

static int open_slots(struct lb_schedule *s)
{
    while (s->n_slots < s->options.connections) {
        uint32_t slot = lb_schedule__free_slot(s);
        if (slot == LB_NONE)
            return -1;
        s->slots[slot].used = true;
    }
    return 0;
}

static void start_round(struct lb_schedule *s)
{
    memset(s->remaining, 0, sizeof(s->remaining));
    for (uint32_t i = 0; i < s->n_slots; i++) {
        s->slots[i].due = s->slots[i].in_flight >= s->options.streams;
        s->n_due += s->slots[i].due;
        if (!s->slots[i].due)
            pool_add(s, i);
    }
}

void lb_schedule__note_draw(struct lb_flight *f, const uint32_t count[LB_GROUPS], uint32_t backend)
{
    f->level = LB_LEVEL_CONNECTION;
    f->group = backend % LB_GROUPS;
    memcpy(f->weight, count, sizeof(f->weight));
    for (unsigned g = 0; g < LB_GROUPS; g++) {
        f->groups += count[g] > 0;
        f->total += count[g];
    }
    f->tossed = f->groups >= 2;
}

static int next_in_round(struct lb_schedule *s, struct lb_step *step)
{
    if (open_slots(s) < 0)
        return -1;
    if (s->n_pool == 0 && s->n_due == 0)
        start_round(s);
    if (s->n_pool == 0) {
        *step = (struct lb_step){.kind = LB_STEP_WAIT};
        return 0;
    }
    size_t at = lb_schedule__draw(s, s->n_pool);
    uint32_t slot = s->pool[at];
    struct lb_slot_state *x = &s->slots[slot];
    uint32_t backend = x->open ? x->backend : LB_NONE;
    struct lb_flight *f = lb_schedule__send(s, slot, true, step);
    if (!f)
        return -1;
    s->pool[at] = s->pool[--s->n_pool];
    x->in_pool = false;
    if (backend != LB_NONE) {
        lb_schedule__note_draw(f, s->remaining, backend);
        s->remaining[backend % LB_GROUPS]--;
    }
    return 0;
}

static int next_new(struct lb_schedule *s, struct lb_step *step)
{
    *step = (struct lb_step){.kind = LB_STEP_WAIT};
    if (s->in_flight >= s->options.in_flight)
        return 0;
    uint32_t slot = lb_schedule__free_slot(s);
    if (slot == LB_NONE)
        return -1;
    s->slots[slot] = (struct lb_slot_state){.backend = LB_NONE, .address = -1};
    return lb_schedule__send(s, slot, false, step) ? 0 : -1;
}

int lb_schedule_next(struct lb_schedule *s, struct lb_step *step)
{
    switch (s->options.mode) {
    case LB_SCHEDULE_ROUNDS:
        return next_in_round(s, step);
    case LB_SCHEDULE_NEW:
        return next_new(s, step);
    default:
        return lb_schedule__next_probe(s, step);
    }
}

/* --- results --- */

static void fill_toss(const struct lb_flight *f, uint32_t backend, struct lb_toss *toss)
{
    uint32_t group = backend % LB_GROUPS;
    *toss = (struct lb_toss){.tossed = f->tossed,
                             .own = group == f->group,
                             .level = f->level,
                             .groups = f->groups,
                             .weight = f->weight[group],
                             .total = f->total};
}

static void slot_done(struct lb_schedule *s, const struct lb_flight *f, uint32_t backend,
                      const struct lb_observation *o)
{
    struct lb_slot_state *x = &s->slots[f->slot];
    x->in_flight--;
    if (x->due && x->in_flight < s->options.streams) {
        x->due = false;
        s->n_due--;
        pool_add(s, f->slot);
    }
    bool stands = o->connection != 0;
    if (backend != LB_NONE)
        set_backend(s, x, backend);
    else if (!stands)
        set_backend(s, x, LB_NONE);
    if (stands)
        x->connection = o->connection;
    else if (!x->in_pool)
        x->open = false;
    if (!f->keep) {
        x->used = x->open = false;
        x->next_free = s->free_slot;
        s->free_slot = f->slot + 1;
    }
}

int lb_schedule_done(struct lb_schedule *s, uint64_t ticket, struct lb_observation *o)
{
    struct lb_flight *f = find_flight(s, ticket);
    if (!f)
        return -1;
    const struct lb_slot_state *x = &s->slots[f->slot];
    memset(o->toss, 0, sizeof(o->toss));
    memcpy(o->key, x->key, sizeof(o->key));
    uint32_t backend = LB_NONE;
    if (o->result == LB_RESULT_ANSWER)
        backend = lb_tally_backend(s->tally, o->backend, o->boot);
    /* A toss among connections holds for the connection that was tossed, not for another. */
    bool other = f->level == LB_LEVEL_CONNECTION && o->connection != x->connection;
    if (f->tossed && !other && backend != LB_NONE)
        fill_toss(f, backend, &o->toss[0]);
    o->aside |= x->address >= 0;
    int rc = 0;
    if (s->options.mode == LB_SCHEDULE_DIAGNOSE)
        rc = lb_schedule__probe_done(s, f, backend, o);
    slot_done(s, f, backend, o);
    f->ticket = 0;
    f->next_free = s->free_flight;
    s->free_flight = (uint32_t)(f - s->flights) + 1;
    s->in_flight--;
    return lb_tally_add(s->tally, o) < 0 ? -1 : rc;
}

void lb_schedule_closed(struct lb_schedule *s, uint32_t slot)
{
    if (slot >= s->n_slots)
        return;
    set_backend(s, &s->slots[slot], LB_NONE);
    s->slots[slot].open = false;
}
