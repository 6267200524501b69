/* The probe of --diagnose: what to send next given what is known. See schedule.h. */
#include "balance/evenness.h"
#include "balance/schedule_private.h"

#include <stdlib.h>
#include <string.h>

#define BURST (2 * LB_DIAGNOSE_IN_FLIGHT) /* requests sent together before keys are varied */
#define FAILURES_MAX 12                   /* requests that fail at once before giving up */

static int stop(struct lb_step *step, enum lb_stop_reason reason)
{
    *step = (struct lb_step){.kind = LB_STEP_STOP, .reason = reason};
    return 0;
}

static int judge(struct lb_schedule *s)
{
    uint64_t version = lb_tally_version(s->tally);
    if (s->judged == version + 1)
        return 0;
    s->judged = version + 1;
    return lb_layers_judge(s->tally, &s->options.target, s->options.alpha, &s->layers);
}

/* Units for evenness over the backends seen or expected: double or nothing at 90 %. */
static uint64_t needed(struct lb_schedule *s)
{
    size_t N = s->layers.backends > s->options.expected_backends ? s->layers.backends
                                                                 : s->options.expected_backends;
    if (N != s->n_needed) {
        s->n_needed = N;
        s->needed_units = lb_evenness_units(N, 1, s->options.verdict.alpha_evenness);
    }
    return s->needed_units;
}

/* --- tossing --- */

/* Kept slots with a last backend, by group; returns the number of groups. */
static uint32_t count_groups(const struct lb_schedule *s, uint32_t count[LB_GROUPS])
{
    uint32_t groups = 0;
    memset(count, 0, LB_GROUPS * sizeof(*count));
    for (size_t i = 0; i < s->n_slots; i++) {
        const struct lb_slot_state *x = &s->slots[i];
        if (x->used && x->open && x->in_flight == 0 && x->backend != LB_NONE)
            groups += count[x->backend % LB_GROUPS]++ == 0;
    }
    return groups;
}

/* The n-th group that has members. */
static uint32_t nth_group(const uint32_t count[LB_GROUPS], uint32_t n)
{
    uint32_t g = 0;
    for (;; g++) {
        if (count[g] > 0 && n-- == 0)
            return g;
    }
}

/* Each group had the same chance, whatever its size. */
static void note_toss(struct lb_flight *f, enum lb_level level, const uint32_t count[LB_GROUPS],
                      uint32_t groups, uint32_t drawn)
{
    f->tossed = groups >= 2;
    f->level = level;
    f->group = drawn;
    f->groups = f->total = groups;
    for (unsigned g = 0; g < LB_GROUPS; g++)
        f->weight[g] = count[g] > 0;
}

static int toss_connection(struct lb_schedule *s, struct lb_step *step)
{
    uint32_t count[LB_GROUPS], groups = count_groups(s, count);
    uint32_t group = nth_group(count, lb_schedule__draw(s, groups));
    uint32_t nth = lb_schedule__draw(s, count[group]), slot = 0;
    for (;; slot++) {
        const struct lb_slot_state *x = &s->slots[slot];
        if (x->used && x->open && x->in_flight == 0 && x->backend != LB_NONE &&
            x->backend % LB_GROUPS == group && nth-- == 0)
            break;
    }
    struct lb_flight *f = lb_schedule__send(s, slot, true, step);
    if (!f)
        return -1;
    note_toss(f, LB_LEVEL_CONNECTION, count, groups, group);
    s->phase = "tossing among connections";
    return 0;
}

/* Draws a value of a key: a group of last backends, then a value in it. */
static uint16_t draw_value(struct lb_schedule *s, enum lb_level level, struct lb_flight *toss)
{
    const struct lb_key_state *k = &s->keys[level];
    uint32_t count[LB_GROUPS] = {0}, groups = 0;
    for (unsigned v = 0; v < LB_MAX_KEY_VALUES; v++) {
        if (k->backend[v] != LB_NONE)
            groups += count[k->backend[v] % LB_GROUPS]++ == 0;
    }
    uint32_t group = nth_group(count, lb_schedule__draw(s, groups));
    uint32_t nth = lb_schedule__draw(s, count[group]);
    uint16_t value = 0;
    for (;; value++) {
        if (k->backend[value] != LB_NONE && k->backend[value] % LB_GROUPS == group && nth-- == 0)
            break;
    }
    note_toss(toss, level, count, groups, group);
    if (level != LB_LEVEL_ADDRESS)
        return value;
    for (unsigned v = 0; v < LB_MAX_ADDRESSES; v++) {
        uint32_t b = k->backend[v];
        s->address_total[v] = b == LB_NONE ? 0 : groups * count[b % LB_GROUPS];
    }
    toss->address_drawn = true;
    return value;
}

/* An address for a new connection: the first ones take turns until each was tried, which tosses
 * nothing; later ones draw any with the same chance. */
static int draw_address(struct lb_schedule *s, struct lb_flight *toss)
{
    unsigned n = s->options.addresses;
    if (n < 2)
        return -1;
    uint32_t drawn = lb_schedule__draw(s, n);
    bool turn = s->tickets < n && s->tickets < LB_DIAGNOSE_CONNECTIONS;
    if (s->tickets == 0)
        s->first_address = drawn;
    for (unsigned v = 0; v < n; v++)
        s->address_total[v] = turn ? 0 : n;
    toss->address_drawn = !turn;
    return (int)(turn ? (s->first_address + s->tickets) % n : drawn);
}

/* Opens a connection. With a level, the value of that key is tossed; value > 0 sets it. */
static int open_connection(struct lb_schedule *s, bool keep, enum lb_level level, bool toss_key,
                           uint16_t value, struct lb_step *step)
{
    struct lb_flight toss = {0};
    struct lb_slot_state fresh = {.backend = LB_NONE, .address = -1};
    if (toss_key)
        value = draw_value(s, level, &toss);
    if (level == LB_LEVEL_ADDRESS && toss_key)
        fresh.address = value;
    else
        fresh.address = draw_address(s, &toss);
    if (level > LB_LEVEL_ADDRESS)
        fresh.key[level] = value;
    uint32_t slot = lb_schedule__free_slot(s);
    if (slot == LB_NONE)
        return -1;
    s->slots[slot] = fresh;
    struct lb_flight *f = lb_schedule__send(s, slot, keep, step);
    if (!f)
        return -1;
    f->tossed = toss.tossed;
    f->level = toss.level;
    f->group = toss.group;
    f->groups = toss.groups;
    f->total = toss.total;
    f->address_drawn = toss.address_drawn;
    memcpy(f->weight, toss.weight, sizeof(f->weight));
    return 0;
}

static int open_plain(struct lb_schedule *s, bool keep, struct lb_step *step)
{
    return open_connection(s, keep, LB_LEVEL_CONNECTION, false, 0, step);
}

/* --- phases --- */

static size_t kept(const struct lb_schedule *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_slots; i++)
        n += s->slots[i].used && s->slots[i].open;
    return n;
}

/* Any idle kept slot, with equal chance; a slot that was closed is opened again. Also when the
 * layer is known it is a toss: connections that share a proxy's pool may follow it all the same. */
static int revisit(struct lb_schedule *s, struct lb_step *step)
{
    uint32_t count[LB_GROUPS];
    size_t idle = 0;
    count_groups(s, count);
    for (size_t i = 0; i < s->n_slots; i++)
        idle += s->slots[i].used && s->slots[i].in_flight == 0;
    if (idle == 0)
        return open_plain(s, true, step);
    size_t nth = lb_schedule__draw(s, idle);
    uint32_t slot = 0;
    for (;; slot++) {
        if (s->slots[slot].used && s->slots[slot].in_flight == 0 && nth-- == 0)
            break;
    }
    uint32_t backend = s->slots[slot].open ? s->slots[slot].backend : LB_NONE;
    struct lb_flight *f = lb_schedule__send(s, slot, true, step);
    if (f && backend != LB_NONE)
        lb_schedule__note_draw(f, count, backend);
    return f ? 0 : -1;
}

static int new_or_revisit(struct lb_schedule *s, struct lb_step *step)
{
    s->phase = "looking for a second backend";
    return lb_schedule__draw(s, 2) ? open_plain(s, true, step) : revisit(s, step);
}

/* A key with at least two last backends among its values that could still be the one. */
static bool tossable(const struct lb_schedule *s, enum lb_level level)
{
    uint32_t first = LB_NONE;
    for (unsigned v = 0; v < LB_MAX_KEY_VALUES; v++) {
        uint32_t b = s->keys[level].backend[v];
        if (b == LB_NONE)
            continue;
        if (first == LB_NONE)
            first = b;
        else if (b % LB_GROUPS != first % LB_GROUPS)
            return true;
    }
    return false;
}

static enum lb_level key_to_toss(const struct lb_schedule *s)
{
    for (enum lb_explanation_id id = LB_BY_ADDRESS; id <= LB_BY_PATH; id++) {
        enum lb_level level = LB_LEVEL_ADDRESS + (enum lb_level)(id - LB_BY_ADDRESS);
        if (s->layers.explanations[id].left && tossable(s, level))
            return level;
    }
    return LB_LEVEL_CONNECTION;
}

static int toss_key(struct lb_schedule *s, enum lb_level level, struct lb_step *step)
{
    s->phase = "new connections with a tossed key";
    return open_connection(s, false, level, true, 0, step);
}

/* Two backends were seen, the layer is not known. */
static int tell_apart(struct lb_schedule *s, struct lb_step *step)
{
    uint32_t count[LB_GROUPS];
    bool can_toss = count_groups(s, count) >= 2;
    s->together = 0; /* from here on one at a time: overlapping requests have no order */
    enum lb_level key = key_to_toss(s);
    if (can_toss && !s->layers.followed)
        return toss_connection(s, step);
    if (key != LB_LEVEL_CONNECTION)
        return toss_key(s, key, step);
    return can_toss ? toss_connection(s, step) : new_or_revisit(s, step);
}

/* The next value of a key to try; false when all that can be varied was. */
static bool next_value(struct lb_schedule *s, enum lb_level *level, uint16_t *value)
{
    for (; s->varying <= LB_LEVEL_PATH; s->varying++) {
        unsigned most = s->options.key_values[s->varying];
        if (most > LB_DIAGNOSE_KEY_VALUES)
            most = LB_DIAGNOSE_KEY_VALUES;
        if (s->keys[s->varying].tried < most) {
            *level = s->varying;
            *value = (uint16_t)(++s->keys[s->varying].tried);
            return true;
        }
    }
    return false;
}

/* One backend so far. */
static int search(struct lb_schedule *s, struct lb_step *step)
{
    if (s->answered < LB_DIAGNOSE_ONE_BACKEND)
        return new_or_revisit(s, step);
    if (!s->burst_done) {
        s->burst_done = true;
        s->together = BURST;
    }
    if (s->together > 0) {
        s->phase = "some requests in flight together";
        s->together--;
        return revisit(s, step);
    }
    enum lb_level level;
    uint16_t value;
    if (!next_value(s, &level, &value))
        return stop(step, LB_STOP_ONE_BACKEND);
    s->phase = "varying keys";
    return open_connection(s, false, level, false, value, step);
}

/* Would the verdict ask for more units than it has? Then they are counted before it is asked again:
 * looks are few, so that looking does not find what is not there. */
static int look(struct lb_schedule *s, bool *more)
{
    struct lb_verdict *v;
    if (lb_verdict_make(s->tally, &s->options.verdict, &v) < 0)
        return -1;
    *more = v->outcome == LB_OUTCOME_INCONCLUSIVE && v->doubt == LB_DOUBT_FEW &&
            v->needed_units > v->units && v->unit != LB_UNIT_KEY;
    if (*more) {
        s->by_connection = v->unit == LB_UNIT_CONNECTION;
        s->look_at = s->answered + (v->needed_units - v->units);
    }
    lb_verdict_free(v);
    return 0;
}

/* Sends where the client itself chooses the address: all on one channel, when its policy chooses
 * for each request; else on a new connection. */
static int leave_to_client(struct lb_schedule *s, bool one_channel, struct lb_step *step)
{
    uint32_t slot = s->own_slot - 1;
    s->phase = "letting the client choose the address";
    if (!one_channel || s->own_slot == 0) {
        slot = lb_schedule__free_slot(s);
        if (slot == LB_NONE)
            return -1;
        s->slots[slot] = (struct lb_slot_state){.backend = LB_NONE, .address = -1};
        s->own_slot = one_channel ? slot + 1 : 0;
    }
    return lb_schedule__send(s, slot, one_channel, step) ? 0 : -1;
}

static int weigh_client_side(struct lb_schedule *s, struct lb_step *step)
{
    bool by_request = lb_layers_choose_by_request(&s->layers, &s->options.target);
    uint64_t units = by_request ? s->own : s->own_starts;
    bool more = true;
    if (units >= needed(s) && s->answered >= s->look_at && look(s, &more) < 0)
        return -1;
    if (!more)
        return stop(step, LB_STOP_CERTAIN);
    bool policy = s->options.target.lb_policy != NULL;
    return leave_to_client(s, by_request && policy, step);
}

/* The layer is known, or all is eliminated: units for evenness, as many as the verdict wants. */
static int weigh(struct lb_schedule *s, struct lb_step *step)
{
    enum lb_layer layer = s->layers.layer;
    bool more = true;
    s->phase = "counting units for evenness";
    if (layer == LB_LAYER_CLIENT_SIDE)
        return weigh_client_side(s, step);
    if (layer == LB_LAYER_STICKY)
        return stop(step, LB_STOP_CERTAIN);
    if (s->look_at == 0)
        s->by_connection = layer == LB_LAYER_PER_CONNECTION;
    uint64_t units = layer == LB_LAYER_PER_CONNECTION ? s->layers.units : s->answered;
    if (units >= needed(s) && s->answered >= s->look_at && look(s, &more) < 0)
        return -1;
    if (!more)
        return stop(step, LB_STOP_CERTAIN);
    return s->by_connection ? open_plain(s, false, step) : revisit(s, step);
}

int lb_schedule__next_probe(struct lb_schedule *s, struct lb_step *step)
{
    unsigned limit = s->together > 0 ? LB_DIAGNOSE_IN_FLIGHT : 1;
    if (s->in_flight >= limit) {
        *step = (struct lb_step){.kind = LB_STEP_WAIT};
        return 0;
    }
    bool enough = s->tickets >= s->options.max_requests;
    if (enough || (s->answered == 0 && s->failed_at_once >= FAILURES_MAX)) {
        if (s->in_flight == 0)
            return stop(step, LB_STOP_BUDGET);
        *step = (struct lb_step){.kind = LB_STEP_WAIT};
        return 0;
    }
    if (judge(s) < 0)
        return -1;
    if (kept(s) < LB_DIAGNOSE_CONNECTIONS && s->tickets < 2 * LB_DIAGNOSE_CONNECTIONS) {
        s->phase = "opening connections";
        return open_plain(s, true, step);
    }
    if (s->layers.layer != LB_LAYER_UNKNOWN || s->layers.left == 0)
        return weigh(s, step);
    return s->layers.backends > 1 ? tell_apart(s, step) : search(s, step);
}

static int note_address(struct lb_schedule *s, const struct lb_flight *f, uint32_t backend,
                        struct lb_observation *o)
{
    int address = s->slots[f->slot].address;
    if (address < 0)
        return 0;
    if (backend >= s->cap_backend_address) {
        size_t cap = 2 * (size_t)backend + 16;
        int *grown = realloc(s->backend_address, cap * sizeof(*grown));
        if (!grown)
            return -1;
        memset(grown + s->cap_backend_address, 0, (cap - s->cap_backend_address) * sizeof(*grown));
        s->backend_address = grown;
        s->cap_backend_address = cap;
    }
    int before = s->backend_address[backend] - 1;
    if (f->opened && f->address_drawn && before >= 0 && s->address_total[before] > 0)
        o->toss[1] = (struct lb_toss){.tossed = true,
                                      .own = before == address,
                                      .level = LB_LEVEL_ADDRESS_SET,
                                      .groups = 2,
                                      .weight = 1,
                                      .total = s->address_total[before]};
    s->backend_address[backend] = address + 1;
    if (f->opened)
        s->keys[LB_LEVEL_ADDRESS].backend[address] = backend;
    return 0;
}

int lb_schedule__probe_done(struct lb_schedule *s, const struct lb_flight *f, uint32_t backend,
                            struct lb_observation *o)
{
    if (backend == LB_NONE) {
        s->failed_at_once += s->answered == 0;
        return 0;
    }
    s->answered++;
    s->own += !o->aside;
    s->own_starts += !o->aside && f->opened;
    const struct lb_slot_state *x = &s->slots[f->slot];
    for (enum lb_level l = LB_LEVEL_SOURCE; f->opened && l <= LB_LEVEL_PATH; l++)
        s->keys[l].backend[x->key[l]] = backend;
    return note_address(s, f, backend, o);
}
