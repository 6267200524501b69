/* The outcome: even, uneven, pinned, single, or what is missing to say so. */
#include "balance/verdict_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ONCE_MAX 0.1     /* Good-Turing: backends seen once, as a part of the units */
#define PERIOD_CERTAIN 1 /* every turn of the cycle as the one before */
#define STRONG_EFFECT 2  /* a larger design effect is no accident: units count for less */

/* Mean agreement of two random answers. */
static double chance_same(const struct lb_scene *sc, bool starts)
{
    double n = 0, pairs = 0;
    for (size_t i = 0; i < sc->roster.n; i++) {
        const struct lb_roster_entry *e = &sc->roster.entries[i];
        double x = (double)(starts ? e->starts : e->answers);
        n += x;
        pairs += x * (x - 1);
    }
    return n > 1 ? pairs / (n * (n - 1)) : 1;
}

/* 1 + 2 sum of the correlations at lags 1..6. */
static double time_effect(const struct lb_scene *sc, bool starts)
{
    double same = chance_same(sc, starts), effect = 1;
    if (same >= 1)
        return 1;
    for (unsigned lag = 0; lag < LB_LAGS; lag++) {
        double pairs = 0, matches = 0;
        for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
            const struct lb_segment *s = lb_tally_segment(sc->tally, i);
            const struct lb_lags *l = starts ? &s->opened : &s->order;
            pairs += (double)l->pairs[lag];
            matches += (double)l->matches[lag];
        }
        if (pairs > 0)
            effect += 2 * (matches / pairs - same) / (1 - same);
    }
    return effect;
}

/* 1 + (k - 1) rho over connections. */
static double connection_effect(const struct lb_scene *sc)
{
    double pairs = 0, same_pairs = 0, squares = 0, answers = 0;
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        pairs += (double)s->folded.pairs;
        same_pairs += (double)s->folded.same_pairs;
        squares += (double)s->folded.squares;
        answers += (double)s->folded.answers;
        for (size_t c = 0; c < s->n_connections; c++) {
            const struct lb_connection *x = &s->connections[c];
            double n = (double)x->answers;
            answers += n;
            squares += n * n;
            if (x->n_backends > LB_CONNECTION_BACKENDS)
                continue;
            pairs += n * (n - 1);
            for (uint32_t b = 0; b < x->n_backends; b++)
                same_pairs += (double)x->backends[b].count * (x->backends[b].count - 1.0);
        }
    }
    double same = chance_same(sc, false);
    if (pairs <= 0 || answers <= 0 || same >= 1)
        return 1;
    double rho = (same_pairs / pairs - same) / (1 - same);
    return 1 + (squares / answers - 1) * rho;
}

static double design_effect(const struct lb_scene *sc)
{
    bool client_side = sc->v->layers.layer == LB_LAYER_CLIENT_SIDE && !sc->v->layers.behind;
    if (client_side && sc->v->aside > 0)
        return 1; /* the counts below include what was left aside */
    /* One connection an address is what the client's choice leads to, no cluster of choices. */
    if (client_side && sc->v->unit == LB_UNIT_REQUEST)
        return fmax(1, time_effect(sc, false));
    switch (sc->v->unit) {
    case LB_UNIT_REQUEST:
        return fmax(1, fmax(connection_effect(sc), time_effect(sc, false)));
    case LB_UNIT_CONNECTION:
        return fmax(1, time_effect(sc, true));
    default:
        return 1;
    }
}

/* Counts and expected shares of all categories, those not seen included. */
struct table {
    uint64_t *counts;
    double *shares;
    size_t N;
};

static int table_make(const struct lb_scene *sc, bool unseen, struct table *t)
{
    const struct lb_verdict *v = sc->v;
    size_t most = v->n_shares + (unseen ? sc->not_named : 0);
    *t = (struct table){.counts = calloc(most + 1, sizeof(*t->counts)),
                        .shares = calloc(most + 1, sizeof(*t->shares))};
    if (!t->counts || !t->shares) {
        free(t->counts);
        free(t->shares);
        return -1;
    }
    for (size_t i = 0; i < v->n_shares; i++) {
        const struct lb_share *s = &v->shares[i];
        if ((s->not_seen && !unseen) || (s->answers == 0 && !s->not_seen) || s->not_expected)
            continue;
        t->counts[t->N] = s->units;
        t->shares[t->N++] = s->expected > 0 ? s->expected : 1;
    }
    for (size_t i = 0; unseen && i < sc->not_named; i++)
        t->shares[t->N++] = 1.0 / (double)v->expected;
    return 0;
}

static void table_free(struct table *t)
{
    free(t->counts);
    free(t->shares);
}

static const char *most_frequent_error(const struct lb_scene *sc, uint64_t *count)
{
    const char *text = "";
    *count = 0;
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        for (size_t j = 0; j < s->n_statuses; j++) {
            uint64_t sum = 0;
            for (size_t k = 0; k < lb_tally_segments(sc->tally); k++) {
                const struct lb_segment *other = lb_tally_segment(sc->tally, k);
                for (size_t l = 0; l < other->n_statuses; l++)
                    if (strcmp(other->statuses[l].text, s->statuses[j].text) == 0)
                        sum += other->statuses[l].count;
            }
            if (sum > *count || (sum == *count && strcmp(s->statuses[j].text, text) < 0)) {
                *count = sum;
                text = s->statuses[j].text;
            }
        }
        if (i >= 8 && *count) /* of thousands of reports the first few tell */
            break;
    }
    return text;
}

static int set_cause(struct lb_scene *sc)
{
    const char *text = most_frequent_error(sc, &sc->v->cause_count);
    free(sc->v->cause);
    sc->v->cause = strdup(text);
    return sc->v->cause ? 0 : -1;
}

static void doubt(struct lb_verdict *v, enum lb_doubt why)
{
    v->outcome = LB_OUTCOME_INCONCLUSIVE;
    v->doubt = why;
}

/* Share that the one backend seen should have had. */
static double share_of_one(const struct lb_verdict *v)
{
    for (size_t i = 0; i < v->n_shares; i++) {
        if (v->shares[i].answers > 0)
            return v->shares[i].expected;
    }
    return 1;
}

/* One backend answered all. */
static void conclude_one(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    double share = share_of_one(v);
    bool told_one = sc->options->expected_backends == 1 && !sc->options->weights;
    if (sc->options->weights && share <= 0) {
        v->outcome = LB_OUTCOME_UNEVEN;
    } else if (v->expected > 1) {
        double log_luck = (double)(v->answers - 1) * log(share);
        if (log_luck <= log(v->alpha_evenness)) {
            v->outcome = LB_OUTCOME_PINNED;
        } else {
            doubt(v, LB_DOUBT_FEW);
            v->needed_units = (uint64_t)ceil(1 + log(v->alpha_evenness) / log(share));
        }
    } else if (told_one || sc->options->weights || v->layers.bounded_single) {
        v->outcome = LB_OUTCOME_SINGLE;
        if (told_one)
            v->layers.layer = LB_LAYER_SINGLE_BACKEND;
    } else {
        doubt(v, LB_DOUBT_ONE_BACKEND);
    }
}

/* The backend that fell shortest, with errors that would fill the gap. */
static int find_failing(const struct lb_scene *sc)
{
    const struct lb_verdict *v = sc->v;
    int worst = -1;
    double most = 0;
    for (size_t i = 0; i < v->n_shares; i++) {
        const struct lb_share *s = &v->shares[i];
        double total = (double)(v->units + sc->unit_errors);
        double missing =
            (s->expected > 0 ? s->expected : 1.0 / (double)v->expected) * total - (double)s->units;
        missing += (double)s->errors;
        if (missing > most) {
            most = missing;
            worst = (int)i;
        }
    }
    return worst;
}

/* Could all move together with the clock? Then neither requests nor connections are choices. */
static bool clock_possible(const struct lb_layers *l)
{
    return l->layer == LB_LAYER_UNKNOWN && l->explanations[LB_BY_CLOCK].left &&
           l->log_leaves[LB_PAIR_STARTS] < l->log_threshold;
}

/* Several layers choose, as a pool of upstream connections over L4: is nothing here a choice? */
static bool no_unit(const struct lb_layers *l)
{
    return l->layer == LB_LAYER_UNKNOWN && l->left == 0;
}

static bool pattern_is_uneven(const struct lb_scene *sc)
{
    const struct lb_pattern *p = &sc->v->pattern;
    return p->kind == LB_PATTERN_WEIGHTED_ROUND_ROBIN && p->match >= PERIOD_CERTAIN &&
           !sc->options->weights && !sc->v->by_group && !clock_possible(&sc->v->layers);
}

/* The test rejected: unless failed requests can explain it. */
static int conclude_odd(struct lb_scene *sc, struct table *t)
{
    struct lb_verdict *v = sc->v;
    if (sc->unit_errors > 0) {
        struct lb_evenness poured;
        lb_evenness_pour(t->counts, t->shares, t->N, sc->unit_errors);
        if (lb_evenness_test(t->counts, t->shares, t->N, v->evenness.deff, sc->options->cache,
                             &poured) < 0)
            return -1;
        if (poured.p_value > v->alpha_evenness) {
            doubt(v, LB_DOUBT_ERRORS);
            v->failing = find_failing(sc);
            return 0;
        }
    }
    if (clock_possible(&v->layers))
        doubt(v, LB_DOUBT_LAYER);
    else
        v->outcome = LB_OUTCOME_UNEVEN;
    return 0;
}

/* The expected share that is nearest to a half: a shift of it shows last. */
static double vaguest_share(const struct table *t)
{
    double sum = 0, most = 0, share = 0;
    for (size_t i = 0; i < t->N; i++)
        sum += t->shares[i];
    for (size_t i = 0; i < t->N; i++) {
        double p = t->shares[i] / sum;
        if (p * (1 - p) > most) {
            most = p * (1 - p);
            share = p;
        }
    }
    return share;
}

static void conclude_even(struct lb_scene *sc, const struct table *t)
{
    struct lb_verdict *v = sc->v;
    bool told = sc->options->weights || sc->options->expected_backends >= v->seen;
    double each = v->evenness.deff > STRONG_EFFECT ? v->evenness.deff : 1;
    uint64_t need = lb_evenness_units(t->N, 1, v->alpha_evenness);
    if (v->units >= need) /* of fewer the effect cannot be told */
        need = (uint64_t)ceil(each * (double)need);
    if (v->units < need) {
        doubt(v, LB_DOUBT_FEW);
        v->needed_units = need;
    } else if (clock_possible(&v->layers)) {
        doubt(v, LB_DOUBT_LAYER);
    } else if (v->missing_by_luck >= 0) {
        doubt(v, LB_DOUBT_NOT_SEEN);
    } else if (!told && (double)v->once > ONCE_MAX * (double)v->units) {
        doubt(v, LB_DOUBT_FEW);
        v->needed_units = (uint64_t)ceil((double)v->once / ONCE_MAX);
    } else {
        v->outcome = LB_OUTCOME_BALANCED;
        v->could_miss = lb_evenness_shift(vaguest_share(t), t->N,
                                          (uint64_t)((double)v->units / each), v->alpha_evenness);
    }
}

/* One backend for all that this client sends unless a key is varied on purpose. */
static bool default_key_is_pinned(const struct lb_scene *sc)
{
    bool pinned = true;
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        for (size_t k = 0; k < s->n_keys; k++) {
            const struct lb_key *key = &s->keys[k];
            if (key->level == sc->v->layers.sticky_level && key->value == 0)
                pinned &= key->first_backend == key->last_backend;
        }
    }
    return pinned;
}

/* Does this client's own choice or key keep it on one of several backends? */
static bool kept_by_client(const struct lb_scene *sc)
{
    const struct lb_target_facts *target = sc->options->target;
    const struct lb_layers *l = &sc->v->layers;
    if (l->layer == LB_LAYER_STICKY)
        return default_key_is_pinned(sc);
    if (l->layer != LB_LAYER_CLIENT_SIDE || l->behind)
        return false;
    size_t chosen = 0;
    for (size_t i = 0; i < sc->v->n_shares; i++)
        chosen += sc->v->shares[i].units > 0;
    if (target && target->lb_policy && strcmp(target->lb_policy, "pick_first") == 0 &&
        !l->own_choice)
        return true;
    double log_luck = -((double)sc->v->units - 1) * log((double)sc->v->seen);
    return chosen == 1 && log_luck <= log(sc->v->alpha_evenness);
}

static int conclude_several(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    /* Backends the client never resolved are not seen, not uneven. */
    bool unseen = v->layers.layer != LB_LAYER_CLIENT_SIDE;
    struct table t;
    if (table_make(sc, unseen, &t) < 0)
        return -1;
    double deff = design_effect(sc);
    int rc = lb_evenness_test(t.counts, t.shares, t.N, deff, sc->options->cache, &v->evenness);
    v->dispersion = lb_dispersion(t.counts, t.shares, t.N);
    v->jain = lb_jain(t.counts, t.shares, t.N);
    if (rc < 0)
        goto out;
    bool unexpected = false;
    for (size_t i = 0; i < v->n_shares; i++)
        unexpected |= v->shares[i].not_expected;
    if (kept_by_client(sc))
        v->outcome = LB_OUTCOME_PINNED;
    else if (unexpected)
        v->outcome = LB_OUTCOME_UNEVEN;
    else if (no_unit(&v->layers))
        doubt(v, LB_DOUBT_NO_UNIT);
    else if (v->evenness.p_value <= v->alpha_evenness)
        rc = conclude_odd(sc, &t);
    else if (pattern_is_uneven(sc))
        v->outcome = LB_OUTCOME_UNEVEN;
    else
        conclude_even(sc, &t);
out:
    table_free(&t);
    return rc;
}

static void find_missing(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    v->missing_by_luck = -1;
    double p = 0;
    for (size_t i = 0; i < v->n_shares; i++) {
        if (v->shares[i].not_seen)
            p = fmax(p, v->shares[i].expected);
    }
    if (sc->not_named > 0)
        p = 1.0 / (double)v->expected;
    if (p > 0)
        v->missing_by_luck = lb_missed_by_luck(p, v->units);
}

int lb_scene__conclude(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    v->failing = -1;
    if (v->errors > 0 && set_cause(sc) < 0)
        return -1;
    find_missing(sc);
    v->jain = 1;
    v->evenness = (struct lb_evenness){.deff = 1, .p_value = 1};
    if (v->answers == 0) {
        v->outcome = LB_OUTCOME_NO_DATA;
        return 0;
    }
    if (v->seen == 0 || v->layers.identity_broken) {
        doubt(v, LB_DOUBT_IDENTITY);
        return 0;
    }
    if (v->seen == 1 && v->layers.backends == 1) {
        conclude_one(sc);
        return 0;
    }
    return conclude_several(sc);
}
