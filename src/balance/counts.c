/* Small counts that feeding and stitching share: keys, error texts, lags, time slots. */
#include "balance/segment_private.h"
#include "balance/name_index.h"

#include <stdlib.h>
#include <string.h>

struct lb_key *lb_segment__add_key(struct lb_segment *s, enum lb_level level, uint32_t value)
{
    if (s->n_keys == s->cap_keys) {
        size_t cap = s->cap_keys ? 2 * s->cap_keys : 8;
        struct lb_key *grown = realloc(s->keys, cap * sizeof(*grown));
        if (!grown)
            return NULL;
        s->keys = grown;
        s->cap_keys = cap;
    }
    struct lb_key *k = &s->keys[s->n_keys++];
    *k = (struct lb_key){
        .level = level, .value = value, .first_backend = LB_NONE, .last_backend = LB_NONE};
    return k;
}

enum lb_pair_kind lb_pair_kind__of(enum lb_level level)
{
    switch (level) {
    case LB_LEVEL_ADDRESS:
        return LB_PAIR_ADDRESS;
    case LB_LEVEL_SOURCE:
        return LB_PAIR_SOURCE;
    case LB_LEVEL_COOKIE:
        return LB_PAIR_COOKIE;
    case LB_LEVEL_HEADER:
        return LB_PAIR_HEADER;
    case LB_LEVEL_PATH:
        return LB_PAIR_PATH;
    default:
        return LB_PAIR_CONNECTION;
    }
}

int lb_segment__add_status(struct lb_segment *s, const char *text, bool replied, uint64_t n)
{
    char buffer[LB_MAX_NAME + 1];
    text = lb_bound_text(text, buffer);
    for (size_t i = 0; i < s->n_statuses; i++) {
        if (s->statuses[i].replied == replied && strcmp(s->statuses[i].text, text) == 0) {
            s->statuses[i].count += n;
            return 0;
        }
    }
    if (s->n_statuses == LB_MAX_STATUSES) {
        s->other_errors += n;
        return 0;
    }
    char *kept = strdup(text);
    if (!kept)
        return -1;
    s->statuses[s->n_statuses++] = (struct lb_status){.text = kept, .count = n, .replied = replied};
    return 0;
}

void lb_lags__push(struct lb_lags *l, struct lb_edge edge)
{
    for (uint32_t lag = 1; lag <= l->n_tail; lag++) {
        l->pairs[lag - 1]++;
        l->matches[lag - 1] += l->tail[l->n_tail - lag].backend == edge.backend;
    }
    if (l->n_head < LB_LAGS)
        l->head[l->n_head++] = edge;
    if (l->n_tail == LB_LAGS)
        memmove(l->tail, l->tail + 1, (LB_LAGS - 1) * sizeof(l->tail[0]));
    else
        l->n_tail++;
    l->tail[l->n_tail - 1] = edge;
}

static void halve_slots(struct lb_segment *s)
{
    for (size_t i = 0; i < s->n_backends; i++) {
        uint32_t *slot = s->backends[i].slots;
        for (unsigned j = 0; j < LB_SLOTS / 2; j++)
            slot[j] = slot[2 * j] + slot[2 * j + 1];
        memset(slot + LB_SLOTS / 2, 0, LB_SLOTS / 2 * sizeof(*slot));
    }
    s->slot_shift++;
}

void lb_segment__cover_time(struct lb_segment *s, int64_t ns)
{
    if (ns > s->end_ns)
        s->end_ns = ns;
    while (s->end_ns / LB_SLOT_MIN_NS >> s->slot_shift >= LB_SLOTS)
        halve_slots(s);
}

size_t lb_segment__raw_due(const struct lb_segment *s)
{
    if (s->first > s->last || s->first > LB_RAW_REQUESTS)
        return 0;
    uint64_t last = s->last < LB_RAW_REQUESTS ? s->last : LB_RAW_REQUESTS;
    return (size_t)(last - s->first + 1);
}
