/* Which explanations are left: see layers.h. */
#include "balance/layers.h"
#include "balance/roster.h"
#include "balance/segment_private.h"
#include "balance/spread.h"
#include "balance/translate.h"

#include <math.h>
#include <string.h>

#define MIN_KEY_TOSSES 8  /* new connections to a tossed key before it is said to decide */
#define MIN_KEY_VALUES 11 /* values a key must have had to be ruled out as the one */
#define IDENTITY_MIN_ANSWERS 24
#define SINGLE_MAX_BOUND 0.25 /* a weaker bound on a second backend is no finding */

const char *lb_layer_name(enum lb_layer layer)
{
    static const char *const names[] = {
        [LB_LAYER_UNKNOWN] = "inconclusive",
        [LB_LAYER_PER_CONNECTION] = N_("per-connection"),
        [LB_LAYER_PER_REQUEST] = N_("per-request"),
        [LB_LAYER_CLIENT_SIDE] = N_("client-side"),
        [LB_LAYER_STICKY] = "sticky",
        [LB_LAYER_SINGLE_BACKEND] = "single-backend",
    };
    return names[layer];
}

const char *lb_explanation_name(enum lb_explanation_id id)
{
    static const char *const names[LB_EXPLANATIONS] = {
        [LB_BY_REQUEST] = N_("per-request"),
        [LB_BY_CONNECTION] = N_("per-connection"),
        [LB_BY_CLOCK] = N_("clock"),
        [LB_BY_ADDRESS] = N_("client-side"),
        [LB_BY_SOURCE] = "sticky by source address",
        [LB_BY_COOKIE] = "sticky by cookie",
        [LB_BY_HEADER] = "sticky by header",
        [LB_BY_PATH] = "sticky by path",
        [LB_BY_NONE] = "single-backend",
    };
    return names[id];
}

/* What the rules need besides the evidence. */
struct sight {
    const struct lb_target_facts *target;
    unsigned values[LB_LEVELS]; /* of each key, used by connections that were answered */
    uint64_t tosses[LB_LEVELS];
    struct lb_spread spread;
    bool leaves_inside; /* a connection left a backend that answered again */
};

static enum lb_level level_of(enum lb_explanation_id id)
{
    switch (id) {
    case LB_BY_ADDRESS:
        return LB_LEVEL_ADDRESS;
    case LB_BY_SOURCE:
        return LB_LEVEL_SOURCE;
    case LB_BY_COOKIE:
        return LB_LEVEL_COOKIE;
    case LB_BY_HEADER:
        return LB_LEVEL_HEADER;
    case LB_BY_PATH:
        return LB_LEVEL_PATH;
    default:
        return LB_LEVEL_CONNECTION;
    }
}

/* Most values a level has in one run: values of different runs need not be the same. */
static void count_values(const struct lb_tally *t, struct sight *see)
{
    for (size_t i = 0; i < lb_tally_segments(t); i++) {
        const struct lb_segment *s = lb_tally_segment(t, i);
        unsigned values[LB_LEVELS] = {0};
        for (size_t k = 0; k < s->n_keys; k++)
            values[s->keys[k].level]++;
        for (unsigned l = 0; l < LB_LEVELS; l++) {
            if (values[l] > see->values[l])
                see->values[l] = values[l];
        }
    }
}

static void weigh_coins(const struct lb_tally *t, struct sight *see, struct lb_layers *out)
{
    for (unsigned l = 0; l < LB_LEVELS; l++) {
        struct lb_coin sum = {0};
        for (size_t i = 0; i < lb_tally_segments(t); i++)
            lb_coin_merge(&sum, &lb_tally_segment(t, i)->coins[l]);
        see->tosses[l] = sum.tosses;
        out->log_follow[l] = lb_coin_log_follow(&sum);
        if (l == LB_LEVEL_CONNECTION)
            out->log_half = lb_coin_log_half(&sum);
    }
}

static bool worth_weighing(const struct sight *see, enum lb_pair_kind kind)
{
    switch (kind) {
    case LB_PAIR_ADDRESS:
        return see->values[LB_LEVEL_ADDRESS] > 1;
    case LB_PAIR_SOURCE:
        return see->values[LB_LEVEL_SOURCE] > 1;
    case LB_PAIR_COOKIE:
        return see->values[LB_LEVEL_COOKIE] > 1;
    case LB_PAIR_HEADER:
        return see->values[LB_LEVEL_HEADER] > 1;
    case LB_PAIR_PATH:
        return see->values[LB_LEVEL_PATH] > 1;
    default:
        return true;
    }
}

static void weigh_leaves(const struct lb_roster *r, const struct sight *see, struct lb_layers *out)
{
    for (unsigned k = 0; k < LB_PAIRS; k++) {
        struct lb_leaves sum = {0};
        for (size_t i = 0; worth_weighing(see, k) && i < r->n; i++) {
            const struct lb_pairs *p = &r->entries[i].pairs[k];
            if (p->stays || p->leaves)
                lb_leaves_add(&sum, p->leaves, p->stays);
        }
        out->log_leaves[k] = lb_leaves_log_total(&sum);
    }
}

/* A second backend of share s is missed by u connections with chance (1 - s)^u. */
static double bound_second(uint64_t units, double alpha)
{
    return units ? -expm1(log(alpha) / (double)units) : 1;
}

static void eliminate(struct lb_layers *out, enum lb_explanation_id id, enum lb_elimination why)
{
    if (!out->explanations[id].left)
        return;
    out->explanations[id].left = false;
    out->explanations[id].why = why;
}

static bool reached(const struct lb_layers *out, double log_e)
{
    return log_e >= out->log_threshold;
}

/* The channels' own choice of an address was all that chose a backend. */
static bool spread_decides(const struct lb_layers *out, const struct sight *see)
{
    return reached(out, lb_spread_log_e(&see->spread)) && see->spread.stays >= MIN_KEY_TOSSES;
}

/* A key decides when new connections followed the tossed value often enough. */
static bool key_decides(const struct lb_layers *out, const struct sight *see, enum lb_level level)
{
    return reached(out, out->log_follow[level]) && see->tosses[level] >= MIN_KEY_TOSSES;
}

static void judge_request_and_clock(struct lb_layers *out, const struct sight *see)
{
    double follow = out->log_follow[LB_LEVEL_CONNECTION], any = follow;
    bool by_key = spread_decides(out, see);
    for (enum lb_level l = LB_LEVEL_ADDRESS; l <= LB_LEVEL_PATH; l++) {
        any = fmax(any, out->log_follow[l]);
        by_key |= key_decides(out, see, l);
    }
    any = fmax(any, out->log_follow[LB_LEVEL_ADDRESS_SET]);
    out->followed = reached(out, follow);
    out->explanations[LB_BY_REQUEST].log_e = follow;
    if (out->followed)
        eliminate(out, LB_BY_REQUEST, LB_OUT_FOLLOWED);
    if (by_key)
        eliminate(out, LB_BY_REQUEST, LB_OUT_KEY_DECIDES);
    out->explanations[LB_BY_CLOCK].log_e = fmax(out->log_leaves[LB_PAIR_TIME], any);
    if (reached(out, out->log_leaves[LB_PAIR_TIME]))
        eliminate(out, LB_BY_CLOCK, LB_OUT_TIME);
    else if (reached(out, any))
        eliminate(out, LB_BY_CLOCK, LB_OUT_FOLLOWED);
}

static void judge_connection(struct lb_layers *out, const struct sight *see)
{
    double plain = fmin(out->log_leaves[LB_PAIR_CONNECTION], out->log_half);
    double kept = out->log_leaves[LB_PAIR_KEPT];
    out->explanations[LB_BY_CONNECTION].log_e = fmax(plain, kept);
    if (reached(out, fmax(plain, kept)))
        eliminate(out, LB_BY_CONNECTION, LB_OUT_LEAVES);
    for (enum lb_level l = LB_LEVEL_ADDRESS; l <= LB_LEVEL_PATH; l++) {
        if (key_decides(out, see, l))
            eliminate(out, LB_BY_CONNECTION, LB_OUT_KEY_DECIDES);
    }
    if (spread_decides(out, see))
        eliminate(out, LB_BY_CONNECTION, LB_OUT_KEY_DECIDES);
    if (out->pool_proven)
        eliminate(out, LB_BY_CONNECTION, LB_OUT_POOL);
}

static void judge_key(struct lb_layers *out, const struct sight *see, enum lb_explanation_id id)
{
    enum lb_level level = level_of(id);
    double inside = out->log_leaves[LB_PAIR_CONNECTION];
    double fresh = out->log_leaves[lb_pair_kind__of(level)];
    out->explanations[id].log_e = fmax(inside, fresh);
    bool address = id == LB_BY_ADDRESS;
    if (address && see->target && see->target->addresses == 1 && see->values[level] <= 1)
        eliminate(out, id, LB_OUT_ONE_ADDRESS);
    if (id == LB_BY_COOKIE && see->target && !see->target->cookies)
        eliminate(out, id, LB_OUT_NOT_USED);
    if (reached(out, inside))
        eliminate(out, id, LB_OUT_LEAVES);
    if (reached(out, fresh))
        eliminate(out, id, LB_OUT_NEW);
    /* With one value all requests share the key: they would move together, as by a clock. */
    if (see->values[level] == 1 && !out->explanations[LB_BY_CLOCK].left)
        eliminate(out, id, LB_OUT_ONE_VALUE);
}

/* One backend and nothing else to vary: bounded, and only then a finding. */
static bool is_single(const struct lb_layers *out, const struct sight *see)
{
    const struct lb_target_facts *target = see->target;
    bool keys_varied =
        see->values[LB_LEVEL_SOURCE] >= MIN_KEY_VALUES &&
        (!target || !target->cookies || see->values[LB_LEVEL_COOKIE] >= MIN_KEY_VALUES) &&
        (!target || target->addresses <= 1 || see->values[LB_LEVEL_ADDRESS] >= target->addresses);
    return out->backends == 1 && keys_varied && out->single_bound <= SINGLE_MAX_BOUND;
}

static enum lb_layer decide(struct lb_layers *out, const struct sight *see)
{
    if (out->identity_broken || out->backends == 0)
        return LB_LAYER_UNKNOWN;
    if (out->left != 1)
        return LB_LAYER_UNKNOWN;
    if (out->explanations[LB_BY_REQUEST].left)
        return LB_LAYER_PER_REQUEST;
    if (out->explanations[LB_BY_CONNECTION].left)
        return LB_LAYER_PER_CONNECTION;
    for (enum lb_explanation_id id = LB_BY_ADDRESS; id <= LB_BY_PATH; id++) {
        bool spread = id == LB_BY_ADDRESS && spread_decides(out, see);
        if (!out->explanations[id].left || !(spread || key_decides(out, see, level_of(id))))
            continue;
        out->sticky_level = level_of(id);
        return id == LB_BY_ADDRESS ? LB_LAYER_CLIENT_SIDE : LB_LAYER_STICKY;
    }
    return LB_LAYER_UNKNOWN;
}

/* The address decides which backends, another layer behind it which of them. */
static void find_two_hops(struct lb_layers *out, const struct sight *see)
{
    if (!key_decides(out, see, LB_LEVEL_ADDRESS_SET) || out->explanations[LB_BY_ADDRESS].left)
        return;
    if (out->layer == LB_LAYER_PER_REQUEST || out->layer == LB_LAYER_PER_CONNECTION) {
        out->behind = out->layer;
    } else if (!out->explanations[LB_BY_CLOCK].left &&
               out->explanations[LB_BY_CONNECTION].why == LB_OUT_LEAVES) {
        /* Followed tosses of the address excluded per-request for the whole, not behind it. */
        out->behind = LB_LAYER_PER_REQUEST;
    } else {
        return;
    }
    out->layer = LB_LAYER_CLIENT_SIDE;
    out->sticky_level = LB_LEVEL_ADDRESS;
}

static int survey(const struct lb_tally *t, const struct lb_roster *r, struct sight *see,
                  struct lb_layers *out)
{
    uint64_t most = 0, with_ids = 0, answers = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct lb_roster_entry *e = &r->entries[i];
        if (e->answers > most)
            most = e->answers;
        out->units += e->starts;
        see->leaves_inside |= e->pairs[LB_PAIR_CONNECTION].leaves > 0;
    }
    for (size_t i = 0; i < lb_tally_segments(t); i++) {
        const struct lb_segment *s = lb_tally_segment(t, i);
        out->pool_proven |= s->pooled > 0 || lb_segment__pooled(s) > 0;
        with_ids += s->with_server_id;
        answers += s->answers;
    }
    out->backends = r->seen;
    out->server_ids = answers > 0 && with_ids == answers;
    out->identity_broken = r->dropped > 0 || (r->answers >= IDENTITY_MIN_ANSWERS && most <= 1);
    count_values(t, see);
    weigh_coins(t, see, out);
    weigh_leaves(r, see, out);
    if (lb_spread_find(t, r, &see->spread) < 0)
        return -1;
    out->own_choice = see->spread.several;
    return 0;
}

bool lb_layers_choose_by_request(const struct lb_layers *l, const struct lb_target_facts *target)
{
    if (l->behind != LB_LAYER_UNKNOWN)
        return l->behind == LB_LAYER_PER_REQUEST;
    return l->own_choice ||
           (target && target->lb_policy && strcmp(target->lb_policy, "pick_first") != 0);
}

int lb_layers_judge(const struct lb_tally *t, const struct lb_target_facts *target, double alpha,
                    struct lb_layers *out)
{
    struct lb_roster r;
    struct sight see = {.target = target};
    *out = (struct lb_layers){.log_threshold = log(4 / alpha)};
    if (lb_roster_make(t, &r) < 0)
        return -1;
    int rc = survey(t, &r, &see, out);
    lb_roster_clear(&r);
    if (rc < 0)
        return -1;
    for (unsigned i = 0; i < LB_EXPLANATIONS; i++)
        out->explanations[i].left = true;
    judge_request_and_clock(out, &see);
    judge_connection(out, &see);
    for (enum lb_explanation_id id = LB_BY_ADDRESS; id <= LB_BY_PATH; id++)
        judge_key(out, &see, id);
    if (out->backends > 1)
        eliminate(out, LB_BY_NONE, LB_OUT_TWO_SEEN);
    for (unsigned i = 0; i < LB_EXPLANATIONS; i++)
        out->left += out->explanations[i].left;
    out->single_bound = bound_second(out->units, alpha);
    out->bounded_single = is_single(out, &see);
    out->layer = decide(out, &see);
    find_two_hops(out, &see);
    out->changes_below = out->layer == LB_LAYER_PER_CONNECTION && see.leaves_inside;
    return 0;
}
