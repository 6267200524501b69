/* Who got how much: the shares of a verdict, by backend or by group. */
#include "balance/verdict_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_text(char **to, const char *text)
{
    free(*to);
    *to = strdup(text);
    return *to ? 0 : -1;
}

static int share_init(struct lb_share *s, const char *name)
{
    *s = (struct lb_share){.expected = -1, .first_ns = -1, .last_ns = -1};
    return set_text(&s->name, name) < 0 || set_text(&s->version, "") < 0 ||
                   set_text(&s->zone, "") < 0 || set_text(&s->node, "") < 0
               ? -1
               : 0;
}

static uint32_t find_share(const struct lb_verdict *v, const char *name)
{
    for (uint32_t i = 0; i < v->n_shares; i++) {
        if (strcmp(v->shares[i].name, name) == 0)
            return i;
    }
    return LB_NONE;
}

/* Groups are few, backends many: only groups are looked up. */
static uint32_t add_share(struct lb_verdict *v, const char *name, bool look)
{
    uint32_t at = look ? find_share(v, name) : LB_NONE;
    if (at != LB_NONE)
        return at;
    v->n_shares++;
    return share_init(&v->shares[v->n_shares - 1], name) < 0 ? LB_NONE : (uint32_t)v->n_shares - 1;
}

static const char *entry_name(const struct lb_roster_entry *e, char *buffer, size_t size)
{
    if (!*e->boot)
        return e->name;
    snprintf(buffer, size, "%s (boot %.8s)", e->name, e->boot);
    return buffer;
}

/* A label of a backend that differs between runs is not told. */
static int agree(char **kept, const char *label, bool first)
{
    if (first)
        return set_text(kept, label);
    return strcmp(*kept, label) == 0 ? 0 : set_text(kept, "");
}

static int join_labels(struct lb_share *s, const struct lb_backend *b)
{
    bool first = s->first_ns < 0;
    if (agree(&s->version, b->version, first) < 0 || agree(&s->zone, b->zone, first) < 0 ||
        agree(&s->node, b->node, first) < 0)
        return -1;
    if (first || b->first_ns < s->first_ns)
        s->first_ns = b->first_ns < 0 ? 0 : b->first_ns;
    if (b->last_ns > s->last_ns)
        s->last_ns = b->last_ns;
    return 0;
}

/* The group of a backend; NULL when each is by itself. */
static const char *group_of(enum lb_group_by by, const struct lb_backend *b)
{
    switch (by) {
    case LB_GROUP_NONE:
        break;
    case LB_GROUP_VERSION:
        return b->version;
    case LB_GROUP_ZONE:
        return b->zone;
    case LB_GROUP_NODE:
        return b->node;
    case LB_GROUP_BACKEND:
        return b->name;
    }
    return NULL;
}

/* Makes the shares of all roster entries; several segments may give an entry different groups, the
 * first one counts. */
static int make_shares(struct lb_scene *sc)
{
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        for (size_t j = 0; j < s->n_backends; j++) {
            const struct lb_backend *b = &s->backends[j];
            uint32_t entry = sc->roster.map[i][j];
            if (sc->share_of[entry] == LB_NONE) {
                char buffer[LB_MAX_NAME + 32];
                const char *group = group_of(sc->options->group_by, b);
                const char *name =
                    !group   ? entry_name(&sc->roster.entries[entry], buffer, sizeof(buffer))
                    : *group ? group
                             : "none";
                sc->share_of[entry] = add_share(sc->v, name, group != NULL);
                if (sc->share_of[entry] == LB_NONE)
                    return -1;
            }
            if (b->answers && join_labels(&sc->v->shares[sc->share_of[entry]], b) < 0)
                return -1;
        }
    }
    for (size_t i = 0; i < sc->roster.n; i++) {
        const struct lb_roster_entry *e = &sc->roster.entries[i];
        struct lb_share *s = &sc->v->shares[sc->share_of[i]];
        s->answers += e->answers;
        s->errors += e->errors;
        s->connections += e->starts;
        s->restarts += e->boots > 1 ? e->boots - 1 : 0;
    }
    return 0;
}

static void count_keys(struct lb_scene *sc)
{
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        for (size_t k = 0; k < s->n_keys; k++) {
            const struct lb_key *key = &s->keys[k];
            if (key->level == sc->v->layers.sticky_level && key->last_backend != LB_NONE)
                sc->v->shares[sc->share_of[sc->roster.map[i][key->last_backend]]].units++;
        }
    }
}

/* The unit is what was chosen for; with the layer unknown the coarser. */
static enum lb_unit choose_unit(const struct lb_scene *sc)
{
    const struct lb_layers *l = &sc->v->layers;
    const struct lb_target_facts *target = sc->options->target;
    if (l->units == 0)
        return LB_UNIT_REQUEST;
    switch (l->layer) {
    case LB_LAYER_PER_REQUEST:
        return LB_UNIT_REQUEST;
    case LB_LAYER_STICKY:
        return LB_UNIT_KEY;
    case LB_LAYER_CLIENT_SIDE:
        return lb_layers_choose_by_request(l, target) ? LB_UNIT_REQUEST : LB_UNIT_CONNECTION;
    default:
        return LB_UNIT_CONNECTION;
    }
}

/* Units by backend; under client-side those whose address the client itself chose. */
static void count_answers(struct lb_scene *sc)
{
    bool own = sc->v->layers.layer == LB_LAYER_CLIENT_SIDE;
    bool requests = sc->v->unit == LB_UNIT_REQUEST;
    for (size_t i = 0; i < sc->roster.n; i++) {
        const struct lb_roster_entry *e = &sc->roster.entries[i];
        uint64_t aside = !own ? 0 : requests ? e->aside : e->aside_starts;
        sc->v->shares[sc->share_of[i]].units += (requests ? e->answers : e->starts) - aside;
        sc->v->aside += aside;
    }
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        if (requests)
            sc->unit_errors += s->errors - (own ? s->aside_errors : 0);
        else
            sc->unit_errors += s->start_errors - (own ? s->aside_start_errors : 0);
    }
}

static void count_units(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    v->unit = choose_unit(sc);
    if (v->unit == LB_UNIT_KEY)
        count_keys(sc);
    else
        count_answers(sc);
    for (size_t i = 0; i < v->n_shares; i++) {
        struct lb_share *s = &v->shares[i];
        v->units += s->units;
        v->seen += s->answers > 0;
        v->once += s->units == 1;
    }
    for (size_t i = 0; i < v->n_shares; i++) {
        struct lb_share *s = &v->shares[i];
        s->share = v->units ? (double)s->units / (double)v->units : 0;
        s->of_answers = v->answers ? (double)s->answers / (double)v->answers : 0;
    }
}

static int expect_weights(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    const struct lb_verdict_options *o = sc->options;
    double sum = 0;
    for (size_t i = 0; i < o->n_weights; i++)
        sum += o->weights[i].weight;
    for (size_t i = 0; i < v->n_shares; i++)
        v->shares[i].expected = 0;
    v->expected_told = true;
    for (size_t i = 0; i < o->n_weights; i++) {
        uint32_t at = add_share(v, o->weights[i].name, true);
        if (at == LB_NONE)
            return -1;
        struct lb_share *s = &v->shares[at];
        s->expected = sum > 0 ? o->weights[i].weight / sum : 0;
        s->not_seen = s->answers == 0 && s->expected > 0;
        if (s->not_seen)
            s->first_ns = s->last_ns = 0;
        v->expected += s->expected > 0;
    }
    for (size_t i = 0; i < v->n_shares; i++)
        v->shares[i].not_expected = v->shares[i].expected <= 0 && v->shares[i].answers > 0;
    return 0;
}

static void expect_equal(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    uint64_t told = sc->v->by_group ? 0 : sc->options->expected_backends;
    v->expected = told > v->seen ? told : v->seen;
    v->expected_told = told >= v->seen;
    sc->not_named = v->expected - v->seen;
    for (size_t i = 0; i < v->n_shares; i++)
        v->shares[i].expected =
            v->shares[i].answers && v->expected > 1 ? 1.0 / (double)v->expected : -1;
}

int lb_scene__share_out(struct lb_scene *sc)
{
    size_t most = sc->roster.n + sc->options->n_weights + 1;
    sc->v->shares = calloc(most, sizeof(*sc->v->shares));
    sc->share_of = malloc((sc->roster.n + 1) * sizeof(*sc->share_of));
    if (!sc->v->shares || !sc->share_of)
        return -1;
    for (size_t i = 0; i < sc->roster.n; i++)
        sc->share_of[i] = LB_NONE;
    if (make_shares(sc) < 0)
        return -1;
    count_units(sc);
    if (sc->options->weights)
        return expect_weights(sc);
    expect_equal(sc);
    return 0;
}

static int set_latencies(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    struct lb_histogram *sum = calloc(v->n_shares + 1, sizeof(*sum));
    int rc = sum ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        for (size_t j = 0; rc == 0 && j < s->n_backends; j++)
            rc = lb_histogram_merge(&sum[sc->share_of[sc->roster.map[i][j]]],
                                    &s->backends[j].latency);
    }
    for (size_t i = 0; sum && i < v->n_shares; i++) {
        struct lb_share *s = &v->shares[i];
        s->p50_us = lb_histogram_quantile(&sum[i], 0.5);
        s->p90_us = lb_histogram_quantile(&sum[i], 0.9);
        s->p99_us = lb_histogram_quantile(&sum[i], 0.99);
        s->max_us = sum[i].count ? (double)sum[i].max_us : 0;
        lb_histogram_clear(&sum[i]);
    }
    free(sum);
    return rc;
}

static int by_units(const void *x, const void *y)
{
    const struct lb_share *a = x, *b = y;
    if (a->units != b->units)
        return a->units > b->units ? -1 : 1;
    if (a->answers != b->answers)
        return a->answers > b->answers ? -1 : 1;
    return strcmp(a->name, b->name);
}

int lb_scene__detail_shares(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    for (size_t i = 0; i < v->n_shares; i++)
        lb_wilson_interval(v->shares[i].units, v->units, v->alpha_evenness, &v->shares[i].low,
                           &v->shares[i].high);
    if (set_latencies(sc) < 0)
        return -1;
    const char *failing = v->failing >= 0 ? v->shares[v->failing].name : NULL;
    qsort(v->shares, v->n_shares, sizeof(*v->shares), by_units);
    for (size_t i = 0; failing && i < v->n_shares; i++) {
        if (v->shares[i].name == failing)
            v->failing = (int)i;
    }
    return 0;
}
