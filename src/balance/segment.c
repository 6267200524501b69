/* Segments: making, copying and freeing them. See segment.h. */
#include "balance/name_index.h"

#include <stdlib.h>
#include <string.h>

struct lb_segment *lb_segment_new(const char *run, const char *client)
{
    struct lb_segment *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->first = 1;
    s->run = lb_keep_text(run);
    s->client = lb_keep_text(client);
    if (!s->run || !s->client) {
        lb_segment_free(s);
        return NULL;
    }
    return s;
}

static void free_backend(struct lb_backend *b)
{
    free(b->name);
    free(b->boot);
    free(b->version);
    free(b->zone);
    free(b->node);
    lb_histogram_clear(&b->latency);
}

void lb_segment_free(struct lb_segment *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_backends; i++)
        free_backend(&s->backends[i]);
    for (size_t i = 0; i < s->n_addresses; i++)
        free(s->addresses[i]);
    for (size_t i = 0; i < s->n_statuses; i++)
        free(s->statuses[i].text);
    free(s->backends);
    free(s->addresses);
    free(s->connections);
    free(s->keys);
    free(s->raw);
    free(s->run);
    free(s->client);
    free(s);
}

uint32_t lb_segment_append_backend(struct lb_segment *s, const char *name, const char *boot)
{
    if (s->n_backends >= LB_MAX_BACKENDS)
        return LB_NONE;
    if (s->n_backends == s->cap_backends) {
        size_t cap = s->cap_backends ? 2 * s->cap_backends : 8;
        struct lb_backend *grown = realloc(s->backends, cap * sizeof(*grown));
        if (!grown)
            return LB_NONE;
        s->backends = grown;
        s->cap_backends = cap;
    }
    struct lb_backend *b = &s->backends[s->n_backends];
    *b = (struct lb_backend){
        .name = lb_keep_text(name),
        .boot = lb_keep_text(boot),
        .version = lb_keep_text(NULL),
        .zone = lb_keep_text(NULL),
        .node = lb_keep_text(NULL),
    };
    if (!b->name || !b->boot || !b->version || !b->zone || !b->node) {
        free_backend(b);
        return LB_NONE;
    }
    return (uint32_t)s->n_backends++;
}

uint32_t lb_segment_add_backend(struct lb_segment *s, const char *name, const char *boot)
{
    char name_buffer[LB_MAX_NAME + 1], boot_buffer[LB_MAX_NAME + 1];
    name = lb_bound_text(name, name_buffer);
    boot = lb_bound_text(boot, boot_buffer);
    if (!*name)
        return LB_NONE;
    for (uint32_t i = 0; i < s->n_backends; i++) {
        if (strcmp(s->backends[i].name, name) == 0 && strcmp(s->backends[i].boot, boot) == 0)
            return i;
    }
    return lb_segment_append_backend(s, name, boot);
}

uint32_t lb_segment_add_address(struct lb_segment *s, const char *address)
{
    char buffer[LB_MAX_NAME + 1];
    address = lb_bound_text(address, buffer);
    if (!*address)
        return LB_NONE;
    for (uint32_t i = 0; i < s->n_addresses; i++) {
        if (strcmp(s->addresses[i], address) == 0)
            return i;
    }
    if (s->n_addresses >= LB_MAX_KEY_VALUES)
        return LB_NONE;
    if (!s->addresses) {
        s->addresses = calloc(LB_MAX_KEY_VALUES, sizeof(*s->addresses));
        if (!s->addresses)
            return LB_NONE;
    }
    char *kept = strdup(address);
    if (!kept)
        return LB_NONE;
    s->addresses[s->n_addresses] = kept;
    return (uint32_t)s->n_addresses++;
}

static void *copy_array(const void *from, size_t n, size_t size)
{
    void *copy = malloc(n ? n * size : 1);
    if (copy && n)
        memcpy(copy, from, n * size);
    return copy;
}

/* Copies b onto an appended backend of the same name and boot. */
static int copy_backend(struct lb_backend *to, const struct lb_backend *from)
{
    char **texts[] = {&to->version, &to->zone, &to->node};
    const char *values[] = {from->version, from->zone, from->node};
    for (size_t i = 0; i < 3; i++) {
        char *text = lb_keep_text(values[i]);
        if (!text)
            return -1;
        free(*texts[i]);
        *texts[i] = text;
    }
    struct lb_backend kept = *to;
    *to = *from;
    to->name = kept.name;
    to->boot = kept.boot;
    to->version = kept.version;
    to->zone = kept.zone;
    to->node = kept.node;
    to->latency = (struct lb_histogram){0};
    return lb_histogram_merge(&to->latency, &from->latency);
}

static int copy_tables(struct lb_segment *c, const struct lb_segment *s)
{
    for (size_t i = 0; i < s->n_backends; i++) {
        uint32_t at = lb_segment_append_backend(c, s->backends[i].name, s->backends[i].boot);
        if (at == LB_NONE || copy_backend(&c->backends[at], &s->backends[i]) < 0)
            return -1;
    }
    for (size_t i = 0; i < s->n_addresses; i++) {
        if (lb_segment_add_address(c, s->addresses[i]) == LB_NONE)
            return -1;
    }
    for (size_t i = 0; i < s->n_statuses; i++) {
        c->statuses[i] = s->statuses[i];
        c->statuses[i].text = lb_keep_text(s->statuses[i].text);
        c->n_statuses = i + 1;
        if (!c->statuses[i].text)
            return -1;
    }
    c->connections = copy_array(s->connections, s->n_connections, sizeof(*s->connections));
    c->keys = copy_array(s->keys, s->n_keys, sizeof(*s->keys));
    c->raw = copy_array(s->raw, s->n_raw, sizeof(*s->raw));
    return c->connections && c->keys && c->raw ? 0 : -1;
}

struct lb_segment *lb_segment_copy(const struct lb_segment *s)
{
    struct lb_segment *c = lb_segment_new(s->run, s->client);
    if (!c)
        return NULL;
    struct lb_segment fresh = *c;
    *c = *s;
    c->run = fresh.run;
    c->client = fresh.client;
    c->backends = NULL;
    c->addresses = NULL;
    c->connections = NULL;
    c->keys = NULL;
    c->raw = NULL;
    c->n_backends = c->cap_backends = c->n_addresses = c->n_statuses = 0;
    memset(c->statuses, 0, sizeof(c->statuses));
    c->cap_connections = s->n_connections;
    c->cap_keys = s->n_keys;
    if (copy_tables(c, s) < 0) {
        lb_segment_free(c);
        return NULL;
    }
    return c;
}
