/* Backends by name: see name_index.h. */
#include "balance/name_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_DIGITS 16

uint64_t lb_hash_text(const char *text, uint64_t hash)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        hash = (hash ^ *c) * UINT64_C(1099511628211);
    return (hash ^ 0xff) * UINT64_C(1099511628211);
}

const char *lb_bound_text(const char *text, char buffer[LB_MAX_NAME + 1])
{
    if (!text)
        return "";
    if (strnlen(text, LB_MAX_NAME + 1) <= LB_MAX_NAME)
        return text;
    snprintf(buffer, LB_MAX_NAME + 1, "%.*s~%0*" PRIx64, LB_MAX_NAME - HASH_DIGITS - 1, text,
             HASH_DIGITS, lb_hash_text(text, LB_HASH_START));
    return buffer;
}

char *lb_keep_text(const char *text)
{
    char buffer[LB_MAX_NAME + 1];
    return strdup(lb_bound_text(text, buffer));
}

/* Eight bytes at a time: only for this table, never written anywhere. */
static uint64_t mix_text(const char *text, uint64_t hash)
{
    size_t n = strlen(text);
    uint64_t word;
    for (; n >= sizeof(word); n -= sizeof(word), text += sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, text, n);
    hash = (hash ^ word ^ (uint64_t)n << 56) * UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ hash >> 32;
}

static size_t place(const struct lb_name_index *x, const char *name, const char *boot)
{
    return (size_t)mix_text(boot, mix_text(name, LB_HASH_START)) & (x->size - 1);
}

uint32_t lb_name_index_find(const struct lb_name_index *x, const struct lb_segment *s,
                            const char *name, const char *boot)
{
    if (x->size == 0)
        return LB_NONE;
    for (size_t i = place(x, name, boot); x->slot[i]; i = (i + 1) & (x->size - 1)) {
        const struct lb_backend *b = &s->backends[x->slot[i] - 1];
        if (strcmp(b->name, name) == 0 && strcmp(b->boot, boot) == 0)
            return x->slot[i] - 1;
    }
    return LB_NONE;
}

static void enter(struct lb_name_index *x, const struct lb_segment *s, uint32_t backend)
{
    size_t i = place(x, s->backends[backend].name, s->backends[backend].boot);
    while (x->slot[i])
        i = (i + 1) & (x->size - 1);
    x->slot[i] = backend + 1;
    x->used++;
}

static int grow(struct lb_name_index *x, const struct lb_segment *s, size_t need)
{
    size_t size = 64;
    while (size < 2 * need)
        size *= 2;
    if (size <= x->size)
        return 0;
    uint32_t *slot = calloc(size, sizeof(*slot));
    if (!slot)
        return -1;
    size_t used = x->used;
    free(x->slot);
    *x = (struct lb_name_index){.slot = slot, .size = size};
    for (uint32_t i = 0; i < used; i++)
        enter(x, s, i);
    return 0;
}

int lb_name_index_build(struct lb_name_index *x, const struct lb_segment *s)
{
    if (grow(x, s, s->n_backends + 1) < 0)
        return -1;
    for (uint32_t i = (uint32_t)x->used; i < s->n_backends; i++)
        enter(x, s, i);
    return 0;
}

uint32_t lb_name_index_add(struct lb_name_index *x, struct lb_segment *s, const char *name,
                           const char *boot)
{
    char name_buffer[LB_MAX_NAME + 1], boot_buffer[LB_MAX_NAME + 1];
    name = lb_bound_text(name, name_buffer);
    boot = lb_bound_text(boot, boot_buffer);
    if (!*name)
        return LB_NONE;
    uint32_t i = lb_name_index_find(x, s, name, boot);
    if (i != LB_NONE)
        return i;
    if (grow(x, s, s->n_backends + 2) < 0)
        return LB_NONE;
    i = lb_segment_append_backend(s, name, boot);
    if (i != LB_NONE)
        enter(x, s, i);
    return i;
}

void lb_name_index_clear(struct lb_name_index *x)
{
    free(x->slot);
    *x = (struct lb_name_index){0};
}
