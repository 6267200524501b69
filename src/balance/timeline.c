/* Events in the course of a run: see timeline.h. */
#include "balance/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHANCE_MAX 0.001
#define FAIR 0.5 /* of its later share, in the slots from its first answer on */

struct run {
    const struct lb_segment *s;
    uint64_t total[LB_SLOTS]; /* answers of all */
    unsigned slots;           /* in use */
    int64_t width_ns;
    double choice; /* answers that one choice of a backend decided, on the average */
    struct lb_event *events;
    size_t n;
};

static void add_event(struct run *r, struct lb_event event)
{
    if (r->n < LB_MAX_EVENTS)
        r->events[r->n++] = event;
}

/* Answers of all in slots from .. until - 1 that are not this backend's. */
static double others_in(const struct run *r, const struct lb_backend *b, unsigned from,
                        unsigned until)
{
    double n = 0;
    for (unsigned i = from; i < until; i++)
        n += (double)(r->total[i] - b->slots[i]);
    return n;
}

/* Would a backend of this share have been silent that long by luck? With share p of all, the odds
 * against each choice of the others are 1 - p; as many silences are looked at as there are slots
 * and backends. */
static bool silence_is_odd(const struct run *r, double p, double others)
{
    double tries = (double)r->slots * (double)r->s->n_backends;
    return p > 0 && others / r->choice * log1p(-fmin(p, 0.999)) < log(CHANCE_MAX / tries);
}

/* First slot from which the backend had half its later share in that and the next slot. */
static int64_t fair_from(const struct run *r, const struct lb_backend *b, unsigned first, double p)
{
    for (unsigned i = first; i < r->slots; i++) {
        if (r->total[i] && (double)b->slots[i] >= FAIR * p * (double)r->total[i])
            return (int64_t)i * r->width_ns;
    }
    return -1;
}

static void judge_backend(struct run *r, uint32_t index)
{
    const struct lb_backend *b = &r->s->backends[index];
    unsigned first = LB_SLOTS, last = 0;
    for (unsigned i = 0; i < r->slots; i++) {
        if (b->slots[i] && first == LB_SLOTS)
            first = i;
        if (b->slots[i])
            last = i;
    }
    if (first == LB_SLOTS)
        return;
    double own = (double)b->answers;
    double p = own / (own + others_in(r, b, first, last + 1));
    if (silence_is_odd(r, p, others_in(r, b, 0, first)))
        add_event(r, (struct lb_event){LB_EVENT_APPEARED, index, b->first_ns, b->first_ns,
                                       fair_from(r, b, first, p)});
    if (silence_is_odd(r, p, others_in(r, b, last + 1, r->slots)))
        add_event(r, (struct lb_event){LB_EVENT_GONE, index, b->last_ns, r->s->end_ns, -1});
    for (unsigned i = first + 1, gap = 0; i <= last; i++) {
        if (b->slots[i] == 0) {
            gap++;
            continue;
        }
        if (gap && silence_is_odd(r, p, others_in(r, b, i - gap, i)))
            add_event(r, (struct lb_event){LB_EVENT_EJECTED, index, (i - gap) * r->width_ns,
                                           i * r->width_ns, -1});
        gap = 0;
    }
}

static int by_name_then_time(const void *x, const void *y)
{
    const struct lb_backend *a = *(const struct lb_backend *const *)x;
    const struct lb_backend *b = *(const struct lb_backend *const *)y;
    int order = strcmp(a->name, b->name);
    return order ? order
                 : (a->first_request > b->first_request) - (a->first_request < b->first_request);
}

/* A name that goes on under a new boot id, the old one never again. */
static void find_restarts(struct run *r, bool *continued)
{
    size_t n = r->s->n_backends;
    const struct lb_backend **sorted = malloc((n + 1) * sizeof(*sorted));
    if (!sorted)
        return;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &r->s->backends[i];
    qsort(sorted, n, sizeof(*sorted), by_name_then_time);
    for (size_t i = 1; i < n; i++) {
        const struct lb_backend *a = sorted[i - 1], *b = sorted[i];
        if (strcmp(a->name, b->name) != 0 || a->answers == 0 || b->answers == 0)
            continue;
        continued[a - r->s->backends] = continued[b - r->s->backends] = true;
        if (a->last_request < b->first_request)
            add_event(r, (struct lb_event){LB_EVENT_RESTARTED, (uint32_t)(b - r->s->backends),
                                           a->last_ns, b->first_ns, -1});
    }
    free(sorted);
}

static int by_time(const void *x, const void *y)
{
    const struct lb_event *a = x, *b = y;
    if (a->from_ns != b->from_ns)
        return a->from_ns < b->from_ns ? -1 : 1;
    return (a->backend > b->backend) - (a->backend < b->backend);
}

size_t lb_timeline_events(const struct lb_segment *s, double choice,
                          struct lb_event events[LB_MAX_EVENTS])
{
    struct run r = {
        .s = s, .choice = choice, .events = events, .width_ns = LB_SLOT_MIN_NS << s->slot_shift};
    bool *continued = calloc(s->n_backends + 1, sizeof(*continued));
    if (!continued)
        return 0;
    for (size_t i = 0; i < s->n_backends; i++) {
        for (unsigned j = 0; j < LB_SLOTS; j++)
            r.total[j] += s->backends[i].slots[j];
    }
    for (unsigned j = 0; j < LB_SLOTS; j++)
        r.slots = r.total[j] ? j + 1 : r.slots;
    find_restarts(&r, continued);
    for (uint32_t i = 0; i < s->n_backends; i++) {
        if (!continued[i])
            judge_backend(&r, i);
    }
    free(continued);
    qsort(events, r.n, sizeof(*events), by_time);
    return r.n;
}
