/* The facts a verdict rests on, as sentences. */
#include "balance/verdict_private.h"
#include "balance/verdict_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FACTS 96
#define SENTENCE 512
#define TOLD_EVENTS 8 /* the rest is in the report */

/* Facts are told once in English and, where there is a translator, once more into `local`. */
struct teller {
    struct lb_scene *sc;
    struct lb_verdict *v;
    lb_translator *translate; /* NULL: in English */
    size_t told;
    bool failed;
};

const char *lb_fact_name(enum lb_fact_id id)
{
    static const char *const names[LB_FACTS] = {
        [LB_FACT_CONNECTIONS] = "connections",
        [LB_FACT_FOLLOWED] = "followed",
        [LB_FACT_LEFT] = "left",
        [LB_FACT_BOUND] = "bound",
        [LB_FACT_LAYER_LEFT] = "layer-left",
        [LB_FACT_EVENNESS] = "evenness",
        [LB_FACT_COULD_MISS] = "could-miss",
        [LB_FACT_MISSING] = "missing",
        [LB_FACT_ERRORS] = "errors",
        [LB_FACT_FAILING] = "failing",
        [LB_FACT_PATTERN] = "pattern",
        [LB_FACT_CLIENTS] = "clients",
        [LB_FACT_POOL] = "pool",
        [LB_FACT_UPSTREAM] = "upstream",
        [LB_FACT_PROXY] = "proxy",
        [LB_FACT_TWO_HOPS] = "two-hops",
        [LB_FACT_ADDRESSES] = "addresses",
        [LB_FACT_IDENTITY] = "identity",
        [LB_FACT_EVENT] = "event",
        [LB_FACT_ONE_CHANNEL] = "one-channel",
        [LB_FACT_CHANGES] = "changes",
        [LB_FACT_ASIDE] = "aside",
    };
    return names[id];
}

void lb_fact_clear(struct lb_fact *fact)
{
    free(fact->text);
    free(fact->local);
    fact->text = fact->local = NULL;
}

__attribute__((format(printf, 6, 7))) static void
say(struct teller *t, enum lb_fact_id id, double a, double b, double c, const char *format, ...)
{
    struct lb_verdict *v = t->v;
    char text[SENTENCE];
    if (t->failed || t->told >= MAX_FACTS)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), lb_tr(t->translate, format), args);
    va_end(args);
    char *copy = strdup(text);
    struct lb_fact *f = &v->facts[t->told];
    t->failed = !copy;
    if (t->translate)
        f->local = copy;
    else
        *f = (struct lb_fact){.id = id, .text = copy, .value = {a, b, c}};
    t->told += !t->failed;
    v->n_facts = t->translate ? v->n_facts : t->told;
}

/* A text that is part of a sentence. */
__attribute__((format_arg(2))) static const char *part(const struct teller *t, const char *text)
{
    return lb_tr(t->translate, text);
}

static const char *plural(const struct teller *t, uint64_t n, const char *one, const char *many)
{
    return part(t, n == 1 ? one : many);
}

static const char *unit(const struct teller *t)
{
    return part(t, lb_unit_name(t->v->unit, t->v->units != 1));
}

#define LEAST_CHANCE 1e-300 /* smaller ones are bounded by it: "<= 0" would be no bound */

/* Largest evidence, as the chance it bounds: exp(-log_e). */
static double chance(double log_e)
{
    return fmax(exp(-fmax(log_e, 0)), LEAST_CHANCE);
}

static void tell_connections(struct teller *t)
{
    struct lb_verdict *v = t->v;
    const struct lb_layers *l = &v->layers;
    double follow = l->log_follow[LB_LEVEL_CONNECTION];
    if (v->connections == 1 && v->answers > 1) {
        say(t, LB_FACT_ONE_CHANNEL, (double)v->answers, NAN, NAN,
            "one connection carried all %" PRIu64 " answered requests", v->answers);
    } else if (v->connections > 0 && v->several_connections == 0 && v->single_connections > 0) {
        char odds[64] = "";
        if (l->followed)
            snprintf(odds, sizeof(odds), part(t, " (chance if requests were balanced: <= %.0e)"),
                     chance(follow));
        say(t, LB_FACT_CONNECTIONS, (double)v->connections, (double)l->backends, chance(follow),
            "%" PRIu64 " connections reached %" PRIu64 " %s, each stayed on one%s", v->connections,
            l->backends, plural(t, l->backends, N_("backend"), N_("backends")), odds);
    } else if (v->several_connections > 0) {
        say(t, LB_FACT_LEFT, (double)v->several_connections,
            (double)(v->several_connections + v->single_connections),
            chance(l->log_leaves[LB_PAIR_CONNECTION]),
            "%" PRIu64 " of %" PRIu64 " connections with several requests were answered by more "
            "than one backend%s",
            v->several_connections, v->several_connections + v->single_connections,
            l->explanations[LB_BY_CONNECTION].why == LB_OUT_LEAVES
                ? part(t, ", too often for a choice per connection")
                : "");
    }
    if (l->changes_below)
        say(t, LB_FACT_CHANGES, NAN, NAN, NAN,
            "backends changed inside connections now and then, below this client's sight");
    if (l->followed && v->several_connections > 0)
        say(t, LB_FACT_FOLLOWED, chance(follow), NAN, NAN,
            "answers followed the connection that was tossed for (chance otherwise: <= %.0e)",
            chance(follow));
}

/* "per-request, clock, sticky by source address or header" */
static void list_left(const struct teller *t, char *left, size_t size)
{
    static const char *const keys[] = {N_("source address"), N_("cookie"), N_("header"),
                                       N_("path")};
    const struct lb_layers *l = &t->v->layers;
    size_t used = 0;
    bool sticky = false;
    for (unsigned i = 0; i < LB_EXPLANATIONS && used < size; i++) {
        if (!l->explanations[i].left)
            continue;
        bool key = i >= LB_BY_SOURCE && i <= LB_BY_PATH;
        const char *between = used == 0 ? "" : key && sticky ? "/" : ", ";
        const char *before = key && !sticky ? part(t, "sticky by ") : "";
        used += (size_t)snprintf(left + used, size - used, "%s%s%s", between, before,
                                 part(t, key ? keys[i - LB_BY_SOURCE] : lb_explanation_name(i)));
        sticky |= key;
    }
}

static void tell_layer(struct teller *t)
{
    struct lb_verdict *v = t->v;
    const struct lb_layers *l = &v->layers;
    if (l->layer == LB_LAYER_UNKNOWN && v->answers > 0 && !l->identity_broken) {
        char left[256] = "";
        list_left(t, left, sizeof(left));
        if (l->left > 0)
            say(t, LB_FACT_LAYER_LEFT, l->left, NAN, NAN, "not yet told apart: %s", left);
        else
            say(t, LB_FACT_LAYER_LEFT, 0, NAN, NAN,
                "no single layer explains the answers: more than one of them chooses");
    }
    if (l->backends == 1 && l->units > 0)
        say(t, LB_FACT_BOUND, l->single_bound, (double)l->units, NAN,
            "no second backend above a share of %.3g %% (%" PRIu64 " %s)", 100 * l->single_bound,
            l->units, plural(t, l->units, N_("connection"), N_("connections")));
    if (l->behind != LB_LAYER_UNKNOWN)
        say(t, LB_FACT_TWO_HOPS, NAN, NAN, NAN,
            "two layers: the address decides which backends, then %s behind each address",
            part(t, lb_layer_name(l->behind)));
}

static void tell_target(struct teller *t)
{
    const struct lb_target_facts *target = t->sc->options->target;
    if (!target || target->addresses == 0)
        return;
    bool policy = target->lb_policy && *target->lb_policy;
    if (target->addresses > 1)
        say(t, LB_FACT_ADDRESSES, target->addresses, NAN, NAN,
            "the target resolved to %u addresses%s%s", target->addresses,
            policy ? part(t, ", policy ") : "", policy ? target->lb_policy : "");
    else if (policy && strcmp(target->lb_policy, "pick_first") != 0)
        say(t, LB_FACT_ADDRESSES, 1, NAN, NAN,
            "the target resolved to one address: %s has nothing to choose from", target->lb_policy);
}

static void tell_server_side(struct teller *t)
{
    uint64_t with_id = 0, with_new = 0, proxy = 0;
    for (size_t i = 0; i < lb_tally_segments(t->sc->tally); i++) {
        const struct lb_segment *s = lb_tally_segment(t->sc->tally, i);
        with_id += s->with_server_id;
        with_new += s->with_new_server;
        proxy += s->with_proxy;
    }
    if (t->v->layers.pool_proven)
        say(t, LB_FACT_POOL, NAN, NAN, NAN,
            "client connections shared a server-side connection: a proxy pools them");
    if (with_id >= 8 && with_new == with_id && t->v->several_connections > 0)
        say(t, LB_FACT_UPSTREAM, (double)with_id, NAN, NAN,
            "the proxy opened a connection to the backend for each request");
    if (proxy > 0)
        say(t, LB_FACT_PROXY, (double)proxy, NAN, NAN,
            "%" PRIu64 " of %" PRIu64 " requests reached the server with a proxy's headers", proxy,
            t->v->answers);
}

/* Of which requests the shares are, when not of all. */
static void tell_aside(struct teller *t)
{
    struct lb_verdict *v = t->v;
    const struct lb_target_facts *target = t->sc->options->target;
    if (v->aside > 0)
        say(t, LB_FACT_ASIDE, (double)v->aside, (double)v->units, NAN,
            "shares are of the %" PRIu64 " %s whose address the client itself chose; %" PRIu64
            " are left out: %s",
            v->units, unit(t), v->aside,
            target && target->diagnosed
                ? part(t, "the probe chose their address, or the channel was just starting")
                : part(t, "the channels were just starting and had not reached every address"));
}

static void tell_evenness(struct teller *t)
{
    struct lb_verdict *v = t->v;
    const struct lb_evenness *e = &v->evenness;
    char p[LB_P_VALUE_TEXT];
    if (lb_verdict_tells_evenness(v))
        say(t, LB_FACT_EVENNESS, e->p_value, (double)v->units, e->deff,
            "p %s is the chance that %" PRIu64
            " %s are at least this unequal when all is as expected (%s; "
            "dispersion %.2f, Jain's index %.3f)",
            lb_p_value_format(p, e->p_value), v->units, unit(t),
            part(t, lb_evenness_method_name(e->method)), v->dispersion, v->jain);
    else if (v->seen > 1 && v->doubt != LB_DOUBT_FEW) /* its headline says so */
        say(t, LB_FACT_EVENNESS, e->p_value, (double)v->units, e->deff,
            "%" PRIu64 " %s cannot tell how even the shares are: about %" PRIu64 " are needed",
            v->units, unit(t), lb_evenness_units(v->expected, 1, v->alpha_evenness));
    if (v->outcome == LB_OUTCOME_BALANCED)
        say(t, LB_FACT_COULD_MISS, v->could_miss, (double)v->units, NAN,
            "even, as far as %" PRIu64 " %s can tell: a share %.0f points off would have shown",
            v->units, unit(t), 100 * v->could_miss);
    if (v->missing_by_luck >= 0 && v->answers > 0)
        say(t, LB_FACT_MISSING, (double)(v->expected - v->seen), v->missing_by_luck, NAN,
            "%" PRIu64 " expected %s not seen (chance of missing one by luck: %.2g)",
            v->expected > v->seen ? v->expected - v->seen : 1,
            plural(t, v->expected - v->seen, N_("backend was"), N_("backends were")),
            v->missing_by_luck);
    for (size_t i = 0; i < v->n_shares; i++) {
        char *name = v->shares[i].not_expected ? lb_escape_name(v->shares[i].name) : NULL;
        if (name)
            say(t, LB_FACT_MISSING, (double)v->shares[i].answers, NAN, NAN,
                "%s was not expected and answered %" PRIu64 " %s", name, v->shares[i].answers,
                plural(t, v->shares[i].answers, N_("request"), N_("requests")));
        free(name);
    }
}

static void tell_errors(struct teller *t)
{
    struct lb_verdict *v = t->v;
    if (v->errors == 0)
        return;
    char *cause = lb_escape_name(v->cause);
    if (!cause) {
        t->failed = true;
        return;
    }
    say(t, LB_FACT_ERRORS, (double)v->errors, (double)v->requests, NAN,
        "%" PRIu64 " of %" PRIu64 " requests failed%s%.200s", v->errors, v->requests,
        *cause ? part(t, ", most often: ") : "", cause);
    free(cause);
    if (v->failing < 0)
        return;
    char *name = lb_escape_name(v->shares[v->failing].name);
    if (name)
        say(t, LB_FACT_FAILING, NAN, NAN, NAN,
            "the failed requests are enough to explain the difference: look at %s first", name);
    t->failed |= !name;
    free(name);
}

static void tell_pattern(struct teller *t)
{
    struct lb_verdict *v = t->v;
    const struct lb_pattern *p = &v->pattern;
    /* Of a client that stays on one backend the order shows only what was varied on purpose. */
    if (v->seen < 2 || v->outcome == LB_OUTCOME_PINNED || p->kind == LB_PATTERN_TOO_SHORT ||
        p->kind == LB_PATTERN_ONE_BACKEND)
        return;
    if (p->kind == LB_PATTERN_UNKNOWN)
        say(t, LB_FACT_PATTERN, NAN, NAN, NAN, "the order is neither random nor a turn");
    else if (p->period && p->kind != LB_PATTERN_SEVERAL_TURNS)
        say(t, LB_FACT_PATTERN, p->period, p->match, NAN, "order: %s, period %" PRIu32 "%s",
            part(t, lb_pattern_name(p->kind)), p->period, p->slips ? part(t, ", with slips") : "");
    else
        say(t, LB_FACT_PATTERN, NAN, NAN, NAN, "order: %s", part(t, lb_pattern_name(p->kind)));
}

static void tell_clients(struct teller *t)
{
    struct lb_verdict *v = t->v;
    if (v->clients > 1 && v->pinned_clients > 0)
        say(t, LB_FACT_CLIENTS, (double)v->pinned_clients, (double)v->clients, NAN,
            "%" PRIu64 " of %" PRIu64 " clients got one backend only, whatever the sum looks like",
            v->pinned_clients, v->clients);
}

static void tell_identity(struct teller *t)
{
    struct lb_verdict *v = t->v;
    if (v->layers.identity_broken)
        say(t, LB_FACT_IDENTITY, (double)v->answers, NAN, NAN,
            "every reply names another backend: more than %" PRIu64
            " of them, or the identity is not one",
            v->seen);
    else if (v->answers > 0 && v->seen == 0)
        say(t, LB_FACT_IDENTITY, (double)v->answers, NAN, NAN, "no reply named its backend");
    else if (t->sc->roster.shared_names)
        say(t, LB_FACT_IDENTITY, NAN, NAN, NAN,
            "several backends share a name; they are told apart by boot id");
}

static void tell_events(struct teller *t)
{
    struct lb_verdict *v = t->v;
    for (size_t i = 0; i < v->n_events && i < TOLD_EVENTS; i++) {
        const struct lb_event *e = &v->events[i];
        char *name = lb_escape_name(v->event_names[i]);
        double from = (double)e->from_ns / 1e9, until = (double)e->until_ns / 1e9;
        if (!name) {
            t->failed = true;
            return;
        }
        if (e->kind == LB_EVENT_RESTARTED)
            say(t, LB_FACT_EVENT, from, until, NAN,
                "%s restarted: old until %.1f s, new from %.1f s", name, from, until);
        else if (e->kind == LB_EVENT_APPEARED && e->fair_ns >= 0)
            say(t, LB_FACT_EVENT, from, (double)e->fair_ns / 1e9, NAN,
                "%s first answered at %.1f s and had its share %.1f s later", name, from,
                fmax(0, (double)e->fair_ns / 1e9 - from));
        else if (e->kind == LB_EVENT_APPEARED)
            say(t, LB_FACT_EVENT, from, NAN, NAN, "%s first answered at %.1f s", name, from);
        else if (e->kind == LB_EVENT_GONE)
            say(t, LB_FACT_EVENT, from, NAN, NAN, "%s did not answer after %.1f s", name, from);
        else
            say(t, LB_FACT_EVENT, from, until, NAN, "%s did not answer from %.1f s to %.1f s", name,
                from, until);
        free(name);
    }
}

static int tell(struct lb_scene *sc, lb_translator *translate)
{
    struct teller t = {.sc = sc, .v = sc->v, .translate = translate};
    tell_identity(&t);
    tell_errors(&t);
    tell_connections(&t);
    tell_layer(&t);
    tell_target(&t);
    tell_server_side(&t);
    tell_aside(&t);
    tell_evenness(&t);
    tell_pattern(&t);
    tell_clients(&t);
    tell_events(&t);
    return t.failed ? -1 : 0;
}

int lb_scene__tell(struct lb_scene *sc)
{
    sc->v->facts = calloc(MAX_FACTS, sizeof(*sc->v->facts));
    if (!sc->v->facts || tell(sc, NULL) < 0)
        return -1;
    return sc->options->translate ? tell(sc, sc->options->translate) : 0;
}
