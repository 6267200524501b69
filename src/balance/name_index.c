/* Backends by name: see name_index.h. */
#include "balance/name_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_DIGITS 16

_Static_assert(LB_MAX_NAME <= UINT8_MAX, "a slot holds the bytes of a name in eight bits");
_Static_assert(sizeof(struct lb_name_slot) == 64, "a slot is a cache line");

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
static uint64_t mix_text(const char *text, size_t n, uint64_t hash)
{
    uint64_t word;
    for (; n >= sizeof(word); n -= sizeof(word), text += sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    word = (uint64_t)n << 56;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)(unsigned char)text[i] << 8 * i;
    hash = (hash ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ hash >> 32;
}

/* What is looked for; the texts are bounded as kept. */
struct name_key {
    const char *name, *boot;
    size_t name_bytes, boot_bytes;
    uint64_t hash;
};

static struct name_key key_of(const char *name, const char *boot)
{
    struct name_key k = {name, boot, strlen(name), strlen(boot), 0};
    k.hash = mix_text(boot, k.boot_bytes, mix_text(name, k.name_bytes, LB_HASH_START));
    return k;
}

static bool in_slot(const struct name_key *k)
{
    return k->name_bytes + k->boot_bytes <= LB_NAME_SLOT_TEXT;
}

static bool is_key(const struct lb_name_slot *slot, const struct lb_segment *s,
                   const struct name_key *k)
{
    if (slot->name_bytes != k->name_bytes || slot->boot_bytes != k->boot_bytes)
        return false;
    if (in_slot(k))
        return memcmp(slot->text, k->name, k->name_bytes) == 0 &&
               memcmp(slot->text + k->name_bytes, k->boot, k->boot_bytes) == 0;
    const struct lb_backend *b = &s->backends[slot->backend - 1];
    return strcmp(b->name, k->name) == 0 && strcmp(b->boot, k->boot) == 0;
}

static uint32_t find(const struct lb_name_index *x, const struct lb_segment *s,
                     const struct name_key *k)
{
    if (x->size == 0)
        return LB_NONE;
    for (size_t i = k->hash & (x->size - 1); x->slot[i].backend; i = (i + 1) & (x->size - 1)) {
        if (is_key(&x->slot[i], s, k))
            return x->slot[i].backend - 1;
    }
    return LB_NONE;
}

uint32_t lb_name_index_find(const struct lb_name_index *x, const struct lb_segment *s,
                            const char *name, const char *boot)
{
    struct name_key k = key_of(name, boot);
    return find(x, s, &k);
}

static void enter(struct lb_name_index *x, const struct lb_segment *s, uint32_t backend)
{
    struct name_key k = key_of(s->backends[backend].name, s->backends[backend].boot);
    size_t i = k.hash & (x->size - 1);
    while (x->slot[i].backend)
        i = (i + 1) & (x->size - 1);
    struct lb_name_slot *slot = &x->slot[i];
    slot->backend = backend + 1;
    slot->name_bytes = (uint8_t)k.name_bytes; /* <= LB_MAX_NAME */
    slot->boot_bytes = (uint8_t)k.boot_bytes;
    if (in_slot(&k)) {
        memcpy(slot->text, k.name, k.name_bytes);
        memcpy(slot->text + k.name_bytes, k.boot, k.boot_bytes);
    }
    x->used++;
}

static int grow(struct lb_name_index *x, const struct lb_segment *s, size_t need)
{
    size_t size = 64;
    while (size < 2 * need)
        size *= 2;
    if (size <= x->size)
        return 0;
    struct lb_name_slot *slot = aligned_alloc(sizeof(*slot), size * sizeof(*slot));
    if (!slot)
        return -1;
    memset(slot, 0, size * sizeof(*slot));
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
    struct name_key k = key_of(name, boot);
    uint32_t i = find(x, s, &k);
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
