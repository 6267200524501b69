/* Compares two segments count by count, whatever the order of their tables. */
#include "balance/name_index.h"

#include <stdlib.h>
#include <string.h>

/* a's index of each backend and address of b. */
struct maps {
    uint32_t *backend;
    uint32_t address[LB_MAX_KEY_VALUES];
};

static uint32_t mapped(const struct maps *m, uint32_t backend)
{
    return backend == LB_NONE ? LB_NONE : m->backend[backend];
}

static bool equal_backend(const struct lb_backend *a, const struct lb_backend *b)
{
    return strcmp(a->version, b->version) == 0 && strcmp(a->zone, b->zone) == 0 &&
           strcmp(a->node, b->node) == 0 && a->answers == b->answers && a->errors == b->errors &&
           a->starts == b->starts && a->aside == b->aside && a->aside_starts == b->aside_starts &&
           a->first_request == b->first_request && a->last_request == b->last_request &&
           a->first_ns == b->first_ns && a->last_ns == b->last_ns &&
           memcmp(a->pairs, b->pairs, sizeof(a->pairs)) == 0 &&
           memcmp(a->slots, b->slots, sizeof(a->slots)) == 0 &&
           lb_histogram_equal(&a->latency, &b->latency);
}

static bool map_tables(struct maps *m, const struct lb_segment *a, const struct lb_segment *b)
{
    struct lb_name_index names = {0};
    bool equal = a->n_backends == b->n_backends && a->n_addresses == b->n_addresses &&
                 lb_name_index_build(&names, a) == 0;
    for (size_t i = 0; equal && i < b->n_backends; i++) {
        const struct lb_backend *x = &b->backends[i];
        m->backend[i] = lb_name_index_find(&names, a, x->name, x->boot);
        equal = m->backend[i] != LB_NONE && equal_backend(&a->backends[m->backend[i]], x);
    }
    lb_name_index_clear(&names);
    for (size_t i = 0; equal && i < b->n_addresses; i++) {
        size_t at = 0;
        while (at < a->n_addresses && strcmp(a->addresses[at], b->addresses[i]) != 0)
            at++;
        m->address[i] = (uint32_t)at;
        equal = at < a->n_addresses;
    }
    return equal;
}

static bool equal_connection(const struct maps *m, const struct lb_connection *a,
                             const struct lb_connection *b)
{
    uint32_t address = b->address == LB_NONE ? LB_NONE : m->address[b->address];
    bool equal = a->id == b->id && a->channel == b->channel && a->requests == b->requests &&
                 a->answers == b->answers && a->first_request == b->first_request &&
                 a->last_request == b->last_request && a->leaves == b->leaves &&
                 a->first_backend == mapped(m, b->first_backend) &&
                 a->last_backend == mapped(m, b->last_backend) &&
                 a->first_ordinal == b->first_ordinal && a->last_ordinal == b->last_ordinal &&
                 a->first_server == b->first_server && a->last_server == b->last_server &&
                 a->first_server_ordinal == b->first_server_ordinal && a->address == address &&
                 memcmp(a->key, b->key, sizeof(a->key)) == 0 && a->n_backends == b->n_backends;
    for (uint32_t i = 0; equal && a->n_backends <= LB_CONNECTION_BACKENDS && i < a->n_backends; i++)
        equal = a->backends[i].backend == mapped(m, b->backends[i].backend) &&
                a->backends[i].count == b->backends[i].count;
    return equal;
}

static int by_id(const void *x, const void *y)
{
    const struct lb_connection *const *a = x, *const *b = y;
    return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

static const struct lb_connection **sorted(const struct lb_segment *s)
{
    const struct lb_connection **list = malloc((s->n_connections + 1) * sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; i < s->n_connections; i++)
        list[i] = &s->connections[i];
    qsort(list, s->n_connections, sizeof(*list), by_id);
    return list;
}

static bool equal_connections(const struct maps *m, const struct lb_segment *a,
                              const struct lb_segment *b)
{
    if (a->n_connections != b->n_connections)
        return false;
    const struct lb_connection **x = sorted(a), **y = sorted(b);
    bool equal = x && y;
    for (size_t i = 0; equal && i < a->n_connections; i++)
        equal = equal_connection(m, x[i], y[i]);
    free(x);
    free(y);
    return equal;
}

static bool equal_keys(const struct maps *m, const struct lb_segment *a, const struct lb_segment *b)
{
    if (a->n_keys != b->n_keys)
        return false;
    for (size_t i = 0; i < b->n_keys; i++) {
        const struct lb_key *y = &b->keys[i], *x = a->keys;
        uint32_t value = y->level == LB_LEVEL_ADDRESS ? m->address[y->value] : y->value;
        while (x < a->keys + a->n_keys && !(x->level == y->level && x->value == value))
            x++;
        if (x == a->keys + a->n_keys || x->starts != y->starts ||
            x->first_request != y->first_request || x->last_request != y->last_request ||
            x->first_backend != mapped(m, y->first_backend) ||
            x->last_backend != mapped(m, y->last_backend))
            return false;
    }
    return true;
}

static bool equal_edge(const struct maps *m, const struct lb_edge *a, const struct lb_edge *b)
{
    return a->request == b->request && a->start == b->start && a->backend == mapped(m, b->backend);
}

static bool equal_lags(const struct maps *m, const struct lb_lags *a, const struct lb_lags *b)
{
    bool equal = memcmp(a->pairs, b->pairs, sizeof(a->pairs)) == 0 &&
                 memcmp(a->matches, b->matches, sizeof(a->matches)) == 0 &&
                 a->n_head == b->n_head && a->n_tail == b->n_tail;
    for (uint32_t i = 0; equal && i < a->n_head; i++)
        equal = equal_edge(m, &a->head[i], &b->head[i]);
    for (uint32_t i = 0; equal && i < a->n_tail; i++)
        equal = equal_edge(m, &a->tail[i], &b->tail[i]);
    return equal;
}

static bool equal_statuses(const struct lb_segment *a, const struct lb_segment *b)
{
    if (a->n_statuses != b->n_statuses || a->other_errors != b->other_errors)
        return false;
    for (size_t i = 0; i < a->n_statuses; i++) {
        size_t j = 0;
        while (j < b->n_statuses && !(a->statuses[i].replied == b->statuses[j].replied &&
                                      strcmp(a->statuses[i].text, b->statuses[j].text) == 0))
            j++;
        if (j == b->n_statuses || a->statuses[i].count != b->statuses[j].count)
            return false;
    }
    return true;
}

static bool equal_raw(const struct maps *m, const struct lb_segment *a, const struct lb_segment *b)
{
    if (a->n_raw != b->n_raw)
        return false;
    for (size_t i = 0; i < a->n_raw; i++) {
        const struct lb_raw *x = &a->raw[i], *y = &b->raw[i];
        if (x->sent_ns != y->sent_ns || x->connection != y->connection ||
            x->latency_us != y->latency_us || x->backend != mapped(m, y->backend))
            return false;
    }
    return true;
}

static bool equal_totals(const struct lb_segment *a, const struct lb_segment *b)
{
    return strcmp(a->run, b->run) == 0 && strcmp(a->client, b->client) == 0 &&
           a->first == b->first && a->last == b->last && a->requests == b->requests &&
           a->answers == b->answers && a->errors == b->errors && a->starts == b->starts &&
           a->start_errors == b->start_errors && a->aside_errors == b->aside_errors &&
           a->aside_start_errors == b->aside_start_errors &&
           a->unnamed_answers == b->unnamed_answers && a->dropped_names == b->dropped_names &&
           a->late == b->late && a->with_server_id == b->with_server_id &&
           a->with_new_server == b->with_new_server && a->with_proxy == b->with_proxy &&
           a->pooled == b->pooled && a->end_ns == b->end_ns && a->slot_shift == b->slot_shift &&
           memcmp(&a->folded, &b->folded, sizeof(a->folded)) == 0 &&
           memcmp(a->coins, b->coins, sizeof(a->coins)) == 0;
}

bool lb_segment_equal(const struct lb_segment *a, const struct lb_segment *b)
{
    if (!equal_totals(a, b) || !equal_statuses(a, b))
        return false;
    struct maps m;
    m.backend = malloc((b->n_backends + 1) * sizeof(*m.backend));
    bool equal = m.backend && map_tables(&m, a, b) && equal_connections(&m, a, b) &&
                 equal_keys(&m, a, b) && equal_lags(&m, &a->order, &b->order) &&
                 equal_lags(&m, &a->opened, &b->opened) && equal_raw(&m, a, b);
    free(m.backend);
    return equal;
}
