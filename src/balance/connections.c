/* Connection records of a segment: index by id, counts by backend, folding of old ones. */
#include "balance/segment_private.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_MIN 64
#define CACHE_LINE 64

static size_t place(const struct lb_connection_index *x, uint64_t id)
{
    return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (x->size - 1);
}

static void enter(struct lb_connection_index *x, const struct lb_segment *s, uint32_t at)
{
    size_t i = place(x, s->connections[at].id);
    while (x->slot[i])
        i = (i + 1) & (x->size - 1);
    x->slot[i] = at + 1;
}

int lb_connection_index__build(struct lb_connection_index *x, const struct lb_segment *s)
{
    size_t size = INDEX_MIN;
    while (size < 2 * (s->n_connections + 1))
        size *= 2;
    uint32_t *slot = calloc(size, sizeof(*slot));
    if (!slot)
        return -1;
    free(x->slot);
    x->slot = slot;
    x->size = size;
    for (uint32_t i = 0; i < s->n_connections; i++)
        enter(x, s, i);
    return 0;
}

struct lb_connection *lb_connection_index__find(const struct lb_connection_index *x,
                                                const struct lb_segment *s, uint64_t id)
{
    if (x->size == 0)
        return NULL;
    for (size_t i = place(x, id); x->slot[i]; i = (i + 1) & (x->size - 1)) {
        if (s->connections[x->slot[i] - 1].id == id)
            return &s->connections[x->slot[i] - 1];
    }
    return NULL;
}

void lb_connection_index__fetch(const struct lb_connection_index *x, const struct lb_segment *s,
                                uint64_t id)
{
    if (x->size == 0)
        return;
    uint32_t at = x->slot[place(x, id)];
    if (at == 0)
        return;
    const char *line = (const char *)&s->connections[at - 1];
    for (size_t i = 0; i < sizeof(struct lb_connection); i += CACHE_LINE)
        __builtin_prefetch(line + i, 1);
}

static int by_age(const void *a, const void *b)
{
    const struct lb_connection *x = a, *y = b;
    if (x->last_request != y->last_request)
        return x->last_request < y->last_request ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void fold_one(struct lb_folded *f, const struct lb_connection *c)
{
    if (c->answers == 0)
        return;
    f->connections++;
    f->answers += c->answers;
    f->single += c->answers > 1 && c->leaves == 0;
    f->several += c->leaves > 0;
    f->squares += c->answers * c->answers;
    if (c->n_backends > LB_CONNECTION_BACKENDS)
        return;
    f->pairs += c->answers * (c->answers - 1);
    for (uint32_t i = 0; i < c->n_backends; i++) {
        uint64_t n = c->backends[i].count;
        f->same_pairs += n * (n - 1);
    }
}

/* Folds the half that answered longest ago. */
static void fold_old(struct lb_segment *s)
{
    s->pooled += lb_segment__pooled(s);
    qsort(s->connections, s->n_connections, sizeof(*s->connections), by_age);
    size_t half = s->n_connections / 2;
    for (size_t i = 0; i < half; i++)
        fold_one(&s->folded, &s->connections[i]);
    s->n_connections -= half;
    memmove(s->connections, s->connections + half, s->n_connections * sizeof(*s->connections));
}

static int make_room(struct lb_segment *s, struct lb_connection_index *x)
{
    if (s->n_connections >= LB_MAX_CONNECTIONS) {
        fold_old(s);
        return lb_connection_index__build(x, s);
    }
    if (s->n_connections == s->cap_connections) {
        size_t cap = s->cap_connections ? 2 * s->cap_connections : 16;
        struct lb_connection *grown = realloc(s->connections, cap * sizeof(*grown));
        if (!grown)
            return -1;
        s->connections = grown;
        s->cap_connections = cap;
    }
    if (2 * (s->n_connections + 1) >= x->size)
        return lb_connection_index__build(x, s);
    return 0;
}

struct lb_connection *lb_segment__add_connection(struct lb_segment *s,
                                                 struct lb_connection_index *x, uint64_t id)
{
    if (make_room(s, x) < 0)
        return NULL;
    struct lb_connection *c = &s->connections[s->n_connections++];
    *c = (struct lb_connection){
        .id = id, .first_backend = LB_NONE, .last_backend = LB_NONE, .address = LB_NONE};
    enter(x, s, (uint32_t)s->n_connections - 1);
    return c;
}

void lb_connection__count(struct lb_connection *c, uint32_t backend, uint32_t n)
{
    if (c->n_backends > LB_CONNECTION_BACKENDS)
        return;
    for (uint32_t i = 0; i < c->n_backends; i++) {
        if (c->backends[i].backend == backend) {
            c->backends[i].count += n;
            return;
        }
    }
    if (c->n_backends == LB_CONNECTION_BACKENDS)
        memset(c->backends, 0, sizeof(c->backends));
    else
        c->backends[c->n_backends] = (struct lb_connection_backend){backend, n};
    c->n_backends++;
}

struct seen_server {
    uint64_t server;
    uint32_t connection;
};

static int by_server(const void *a, const void *b)
{
    const struct seen_server *x = a, *y = b;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    return (x->connection > y->connection) - (x->connection < y->connection);
}

uint64_t lb_segment__pooled(const struct lb_segment *s)
{
    if (s->with_server_id == 0 || s->n_connections < 2)
        return 0;
    struct seen_server *seen = malloc(2 * s->n_connections * sizeof(*seen));
    if (!seen)
        return 0;
    size_t n = 0;
    for (uint32_t i = 0; i < s->n_connections; i++) {
        const struct lb_connection *c = &s->connections[i];
        if (c->first_server)
            seen[n++] = (struct seen_server){c->first_server, i};
        if (c->last_server && c->last_server != c->first_server)
            seen[n++] = (struct seen_server){c->last_server, i};
    }
    qsort(seen, n, sizeof(*seen), by_server);
    uint64_t shared = 0;
    for (size_t i = 1; i < n; i++)
        shared += seen[i].server == seen[i - 1].server;
    free(seen);
    return shared;
}
