/* Makes a verdict: layers, shares, outcome, pattern, events, facts, advice. */
#include "balance/advice.h"
#include "balance/verdict_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURNOVER 5    /* connections a backend, on the average */
#define LEAST_P 1e-15 /* below it the digits of a probability say nothing */

const char *lb_outcome_name(enum lb_outcome outcome)
{
    static const char *const names[] = {
        [LB_OUTCOME_BALANCED] = N_("balanced"),
        [LB_OUTCOME_UNEVEN] = N_("uneven"),
        [LB_OUTCOME_PINNED] = N_("pinned"),
        [LB_OUTCOME_SINGLE] = N_("single"),
        [LB_OUTCOME_INCONCLUSIVE] = N_("inconclusive"),
        [LB_OUTCOME_NO_DATA] = N_("no-data"),
    };
    return names[outcome];
}

const char *lb_unit_name(enum lb_unit unit, bool plural)
{
    static const char *const names[][2] = {
        [LB_UNIT_REQUEST] = {N_("request"), N_("requests")},
        [LB_UNIT_CONNECTION] = {N_("connection"), N_("connections")},
        [LB_UNIT_KEY] = {N_("key value"), N_("key values")},
    };
    return names[unit][plural];
}

static const char *const groupings[] = {
    [LB_GROUP_NONE] = "",     [LB_GROUP_VERSION] = "version", [LB_GROUP_ZONE] = "zone",
    [LB_GROUP_NODE] = "node", [LB_GROUP_BACKEND] = "backend",
};

const char *lb_group_by_name(enum lb_group_by by)
{
    return groupings[by];
}

int lb_group_by_parse(const char *name)
{
    for (int i = LB_GROUP_NONE; i <= LB_GROUP_BACKEND; i++) {
        if (strcmp(groupings[i], name) == 0)
            return i;
    }
    return -1;
}

static void count_totals(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        v->requests += s->requests;
        v->answers += s->answers;
        v->errors += s->errors;
        v->runs += i == 0 || strcmp(lb_tally_segment(sc->tally, i - 1)->run, s->run) != 0;
        v->connections += s->folded.connections;
        v->single_connections += s->folded.single;
        v->several_connections += s->folded.several;
        for (size_t c = 0; c < s->n_connections; c++) {
            const struct lb_connection *x = &s->connections[c];
            v->connections += x->answers > 0;
            v->single_connections += x->answers > 1 && x->leaves == 0;
            v->several_connections += x->leaves > 0;
        }
    }
}

/* What one segment says about its client. */
struct client_line {
    const char *client;
    uint32_t entry; /* the one backend it saw; LB_NONE: several */
    uint64_t answers;
};

static int by_client(const void *x, const void *y)
{
    const struct client_line *a = x, *b = y;
    return strcmp(a->client, b->client);
}

/* A client without a name is its run. */
static int count_clients(struct lb_scene *sc)
{
    size_t n = 0, segments = lb_tally_segments(sc->tally);
    struct client_line *lines = malloc((segments + 1) * sizeof(*lines));
    if (!lines)
        return -1;
    for (size_t i = 0; i < segments; i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        struct client_line line = {*s->client ? s->client : s->run, LB_NONE, 0};
        bool several = false;
        for (size_t j = 0; j < s->n_backends; j++) {
            if (s->backends[j].answers == 0)
                continue;
            uint32_t entry = sc->roster.map[i][j];
            several |= line.answers > 0 && line.entry != entry;
            line.entry = several ? LB_NONE : entry;
            line.answers += s->backends[j].answers;
        }
        if (line.answers)
            lines[n++] = line;
    }
    qsort(lines, n, sizeof(*lines), by_client);
    for (size_t i = 0, next; i < n; i = next) {
        bool one = lines[i].entry != LB_NONE;
        uint64_t answers = lines[i].answers;
        for (next = i + 1; next < n && strcmp(lines[i].client, lines[next].client) == 0; next++) {
            one &= lines[next].entry == lines[i].entry;
            answers += lines[next].answers;
        }
        sc->v->clients++;
        sc->v->pinned_clients += one && answers > 1;
    }
    free(lines);
    return 0;
}

/* A pattern is per run: of the run with the longest raw order. */
static int find_pattern(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    const struct lb_segment *best = NULL;
    size_t at = 0;
    for (size_t i = 0; i < lb_tally_segments(sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(sc->tally, i);
        if (s->n_raw > 0 && (!best || s->n_raw > best->n_raw)) {
            best = s;
            at = i;
        }
    }
    if (!best)
        return 0;
    struct lb_pattern p;
    if (lb_pattern_find(best, v->unit == LB_UNIT_CONNECTION, &p) < 0)
        return -1;
    v->pattern = p;
    v->pattern.cycle = NULL;
    v->pattern.n_cycle = 0;
    if (p.cycle) {
        v->pattern.cycle = calloc(v->n_shares + 1, sizeof(*v->pattern.cycle));
        v->pattern.n_cycle = v->n_shares;
        for (size_t i = 0; v->pattern.cycle && i < p.n_cycle; i++)
            v->pattern.cycle[sc->share_of[sc->roster.map[at][i]]] += p.cycle[i];
    }
    bool ok = !p.cycle || v->pattern.cycle;
    lb_pattern_clear(&p);
    return ok ? 0 : -1;
}

/* The cycle is by index into shares, which were sorted after it was found. */
static int follow_sorting(struct lb_verdict *v, char **names_before)
{
    if (!v->pattern.cycle)
        return 0;
    uint64_t *cycle = calloc(v->n_shares + 1, sizeof(*cycle));
    if (!cycle)
        return -1;
    for (size_t i = 0; i < v->n_shares; i++) {
        for (size_t j = 0; j < v->n_shares; j++) {
            if (v->shares[j].name == names_before[i])
                cycle[j] = v->pattern.cycle[i];
        }
    }
    free(v->pattern.cycle);
    v->pattern.cycle = cycle;
    return 0;
}

/* Answers that one choice decided: those of a connection, where connections are what is chosen for
 * and came and went so often that it is they who move the traffic. A backend's silence among a few
 * kept connections is the end of one of them. */
static double answers_a_choice(const struct lb_verdict *v)
{
    if (v->unit != LB_UNIT_CONNECTION || v->connections < TURNOVER * v->seen)
        return 1;
    return (double)v->answers / (double)v->connections;
}

static int find_events(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    const struct lb_target_facts *target = sc->options->target;
    /* Times of several runs are not one time; a probe changes what it sends as it goes. */
    if (lb_tally_segments(sc->tally) != 1 || (target && target->diagnosed))
        return 0;
    const struct lb_segment *s = lb_tally_segment(sc->tally, 0);
    v->events = calloc(LB_MAX_EVENTS, sizeof(*v->events));
    v->event_names = calloc(LB_MAX_EVENTS, sizeof(*v->event_names));
    if (!v->events || !v->event_names)
        return -1;
    v->n_events = lb_timeline_events(s, answers_a_choice(v), v->events);
    for (size_t i = 0; i < v->n_events; i++) {
        v->event_names[i] = strdup(s->backends[v->events[i].backend].name);
        if (!v->event_names[i])
            return -1;
    }
    return 0;
}

static int add_details(struct lb_scene *sc)
{
    struct lb_verdict *v = sc->v;
    char **names = malloc((v->n_shares + 1) * sizeof(*names));
    if (!names)
        return -1;
    for (size_t i = 0; i < v->n_shares; i++)
        names[i] = v->shares[i].name;
    int rc = lb_scene__detail_shares(sc);
    if (rc == 0)
        rc = follow_sorting(v, names);
    free(names);
    if (rc == 0)
        rc = find_events(sc);
    if (rc == 0)
        rc = lb_scene__tell(sc);
    if (rc == 0)
        v->n_advice = lb_advice_choose(v, sc->options->target, v->advice);
    return rc;
}

/* A probe knows the layer where requests sent one way cannot show it. */
static void take_known_layer(struct lb_scene *sc)
{
    const struct lb_layers *known = sc->options->known;
    struct lb_layers *l = &sc->v->layers;
    if (!known || sc->v->answers == 0 || l->layer != LB_LAYER_UNKNOWN ||
        known->layer == LB_LAYER_UNKNOWN || known->layer == LB_LAYER_SINGLE_BACKEND)
        return;
    l->layer = known->layer;
    l->sticky_level = known->sticky_level;
    l->changes_below = known->changes_below;
    l->behind = known->behind;
    sc->v->layer_told = true;
}

static int make(struct lb_scene *sc)
{
    const struct lb_verdict_options *o = sc->options;
    struct lb_verdict *v = sc->v;
    v->alpha_layer = o->alpha_layer > 0 ? o->alpha_layer : LB_ALPHA_LAYER;
    v->alpha_evenness = o->alpha_evenness > 0 ? o->alpha_evenness : LB_ALPHA_EVENNESS;
    v->failing = -1;
    v->by_group = o->group_by != LB_GROUP_NONE;
    v->translate = o->translate;
    if (lb_layers_judge(sc->tally, o->target, v->alpha_layer, &v->layers) < 0 ||
        lb_roster_make(sc->tally, &sc->roster) < 0)
        return -1;
    count_totals(sc);
    take_known_layer(sc);
    if (lb_scene__share_out(sc) < 0)
        return -1;
    if (!o->live && (count_clients(sc) < 0 || find_pattern(sc) < 0))
        return -1;
    if (lb_scene__conclude(sc) < 0)
        return -1;
    return o->live ? 0 : add_details(sc);
}

int lb_verdict_make(const struct lb_tally *t, const struct lb_verdict_options *options,
                    struct lb_verdict **out)
{
    struct lb_scene sc = {.tally = t, .options = options};
    *out = NULL;
    sc.v = calloc(1, sizeof(*sc.v));
    if (!sc.v)
        return -1;
    int rc = make(&sc);
    free(sc.share_of);
    lb_roster_clear(&sc.roster);
    if (rc == 0 && !sc.v->cause)
        rc = (sc.v->cause = strdup("")) ? 0 : -1;
    if (rc < 0) {
        lb_verdict_free(sc.v);
        return -1;
    }
    *out = sc.v;
    return 0;
}

bool lb_verdict_tells_evenness(const struct lb_verdict *v)
{
    if (v->seen < 2 || v->evenness.method == LB_EVENNESS_TRIVIAL)
        return false;
    return v->outcome == LB_OUTCOME_UNEVEN || v->evenness.p_value <= v->alpha_evenness ||
           v->units >= lb_evenness_units(v->expected, 1, v->alpha_evenness);
}

char *lb_p_value_format(char text[LB_P_VALUE_TEXT], double p)
{
    snprintf(text, LB_P_VALUE_TEXT, p < LEAST_P ? "< %.0g" : "= %.3g", fmax(p, LEAST_P));
    return text;
}

void lb_verdict_free(struct lb_verdict *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->n_shares; i++) {
        struct lb_share *s = &v->shares[i];
        free(s->name);
        free(s->version);
        free(s->zone);
        free(s->node);
    }
    for (size_t i = 0; i < v->n_facts; i++)
        lb_fact_clear(&v->facts[i]);
    for (size_t i = 0; i < v->n_events && v->event_names; i++)
        free(v->event_names[i]);
    lb_pattern_clear(&v->pattern);
    free(v->shares);
    free(v->facts);
    free(v->events);
    free(v->event_names);
    free(v->cause);
    free(v);
}
