/* The client's own choice among remote addresses: see spread.h. */
#include "balance/spread.h"

#include <math.h>
#include <stdlib.h>

static int by_channel(const void *x, const void *y)
{
    const struct lb_connection *a = *(const struct lb_connection *const *)x;
    const struct lb_connection *b = *(const struct lb_connection *const *)y;
    if (a->channel != b->channel)
        return a->channel < b->channel ? -1 : 1;
    if (a->first_request != b->first_request)
        return a->first_request < b->first_request ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Of n connections by channel and age: did one answer again after a younger one of its channel, to
 * another address, had answered? A channel that moved on because its connection ended does not. */
static bool took_turns(const struct lb_connection *const *all, size_t n)
{
    const struct lb_connection *last = NULL, *other = NULL; /* used longest, by address */
    for (size_t i = 0; i < n; i++) {
        const struct lb_connection *c = all[i];
        if (!last || last->channel != c->channel) {
            last = c;
            other = NULL;
            continue;
        }
        const struct lb_connection *before = last->address != c->address ? last : other;
        if (before && before->last_request > c->first_request)
            return true;
        if (last->address == c->address) {
            last = c->last_request > last->last_request ? c : last;
        } else if (c->last_request > last->last_request) {
            other = last;
            last = c;
        } else if (!other || c->last_request > other->last_request) {
            other = c;
        }
    }
    return false;
}

static int find_turns(const struct lb_segment *s, struct lb_spread *out)
{
    const struct lb_connection **list = malloc((s->n_connections + 1) * sizeof(*list));
    size_t n = 0;
    if (!list)
        return -1;
    for (size_t i = 0; i < s->n_connections; i++) {
        const struct lb_connection *c = &s->connections[i];
        if (c->channel && c->answers && c->address != LB_NONE)
            list[n++] = c;
    }
    qsort(list, n, sizeof(*list), by_channel);
    out->several |= took_turns(list, n);
    free(list);
    return 0;
}

/* Each address with the backend of all its connections. */
static void find_backends(const struct lb_segment *s, const uint32_t *map, struct lb_spread *out)
{
    uint32_t backend[LB_MAX_KEY_VALUES];
    uint64_t groups = 0;
    for (unsigned i = 0; i < LB_MAX_KEY_VALUES; i++)
        backend[i] = LB_NONE;
    for (size_t i = 0; i < s->n_connections; i++) {
        const struct lb_connection *c = &s->connections[i];
        if (c->answers == 0)
            continue;
        if (c->leaves > 0 || c->address >= LB_MAX_KEY_VALUES) {
            out->faithful = false;
            continue;
        }
        uint32_t entry = map[c->first_backend], *known = &backend[c->address];
        out->faithful &= *known == LB_NONE || *known == entry;
        out->stays += *known == entry;
        *known = entry;
    }
    for (unsigned i = 0; i < LB_MAX_KEY_VALUES; i++) {
        bool first = backend[i] != LB_NONE;
        for (unsigned j = 0; first && j < i; j++)
            first = backend[j] != backend[i];
        groups += first;
    }
    out->groups = groups > out->groups ? groups : out->groups;
    out->faithful &= s->folded.connections == 0;
}

int lb_spread_find(const struct lb_tally *t, const struct lb_roster *r, struct lb_spread *out)
{
    *out = (struct lb_spread){.faithful = true};
    for (size_t i = 0; i < lb_tally_segments(t); i++) {
        const struct lb_segment *s = lb_tally_segment(t, i);
        if (find_turns(s, out) < 0)
            return -1;
        find_backends(s, r->map[i], out);
    }
    out->faithful &= out->several && out->groups > 1;
    return 0;
}

double lb_spread_log_e(const struct lb_spread *s)
{
    return s->faithful ? (double)s->stays * log((double)s->groups) : 0;
}
