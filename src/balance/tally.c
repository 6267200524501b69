/* A sorted list of segments, one of which may be fed. See tally.h. */
#include "balance/tally.h"
#include "balance/feed.h"
#include "balance/segment_private.h"

#include <stdlib.h>
#include <string.h>

struct lb_tally {
    struct lb_segment **segments; /* by run, then first */
    size_t n, cap;
    struct lb_feed *feed; /* of fed; NULL: only merged into */
    struct lb_segment *fed;
    uint64_t version;
};

struct lb_tally *lb_tally_new(const char *run, const char *client, uint64_t first)
{
    struct lb_tally *t = calloc(1, sizeof(*t));
    if (!t || !run)
        return t;
    t->segments = calloc(1, sizeof(*t->segments));
    t->fed = lb_segment_new(run, client);
    if (!t->segments || !t->fed)
        goto fail;
    t->fed->first = first;
    t->fed->last = first - 1;
    t->feed = lb_feed_new(t->fed);
    if (!t->feed)
        goto fail;
    t->segments[0] = t->fed;
    t->n = t->cap = 1;
    return t;
fail:
    lb_segment_free(t->fed);
    free(t->segments);
    free(t);
    return NULL;
}

void lb_tally_free(struct lb_tally *t)
{
    if (!t)
        return;
    lb_feed_free(t->feed);
    for (size_t i = 0; i < t->n; i++)
        lb_segment_free(t->segments[i]);
    free(t->segments);
    free(t);
}

int lb_tally_add(struct lb_tally *t, const struct lb_observation *o)
{
    if (!t->feed)
        return -1;
    t->version++;
    return lb_feed_add(t->feed, o);
}

void lb_tally_flush(struct lb_tally *t)
{
    if (!t->feed)
        return;
    t->version++;
    lb_feed_flush(t->feed);
}

uint32_t lb_tally_backend(struct lb_tally *t, const char *name, const char *boot)
{
    return t->feed ? lb_feed_backend(t->feed, name, boot) : LB_NONE;
}

size_t lb_tally_segments(const struct lb_tally *t)
{
    return t->n;
}

const struct lb_segment *lb_tally_segment(const struct lb_tally *t, size_t i)
{
    return t->segments[i];
}

uint64_t lb_tally_version(const struct lb_tally *t)
{
    return t->version;
}

/* Raw orders are kept for the runs of lowest id only, whatever the order of merging. */
static void limit_raw(struct lb_tally *t)
{
    size_t runs = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct lb_segment *s = t->segments[i];
        runs += i == 0 || strcmp(t->segments[i - 1]->run, s->run) != 0;
        if (runs > LB_TALLY_RAW_RUNS && s->n_raw > 0 && s != t->fed) {
            free(s->raw);
            s->raw = NULL;
            s->n_raw = 0;
        }
    }
}

/* What a segment is to those of its run that are there: nothing shared, or how not. */
static enum lb_merge overlap(const struct lb_tally *t, const struct lb_segment *s, size_t *position,
                             size_t *inside)
{
    *inside = 0;
    size_t i = 0;
    for (; i < t->n; i++) {
        const struct lb_segment *x = t->segments[i];
        int order = strcmp(x->run, s->run);
        if (order > 0)
            break;
        if (order < 0 || x->last < s->first)
            continue;
        if (x->first > s->last)
            break;
        if (x->first <= s->first && x->last >= s->last)
            return LB_MERGE_KNOWN;
        if (x->first < s->first || x->last > s->last || x == t->fed)
            return LB_MERGE_OVERLAP;
        (*inside)++;
    }
    *position = i - *inside;
    return LB_MERGE_OK;
}

static void remove_at(struct lb_tally *t, size_t i)
{
    lb_segment_free(t->segments[i]);
    memmove(&t->segments[i], &t->segments[i + 1], (t->n - i - 1) * sizeof(*t->segments));
    t->n--;
}

static bool touch(const struct lb_tally *t, size_t i)
{
    const struct lb_segment *a = t->segments[i], *b = t->segments[i + 1];
    return a != t->fed && b != t->fed && a->last + 1 == b->first && strcmp(a->run, b->run) == 0;
}

/* Stitches segment i to i + 1 on a copy, so that a failure changes nothing. */
static int stitch_at(struct lb_tally *t, size_t i)
{
    struct lb_segment *joined = lb_segment_copy(t->segments[i]);
    if (!joined || lb_segment_stitch(joined, t->segments[i + 1]) < 0) {
        lb_segment_free(joined);
        return -1;
    }
    lb_segment_free(t->segments[i]);
    t->segments[i] = joined;
    remove_at(t, i + 1);
    return 0;
}

enum lb_merge lb_tally_add_segment(struct lb_tally *t, struct lb_segment **s)
{
    if ((*s)->first > (*s)->last) {
        lb_segment_free(*s);
        *s = NULL;
        return LB_MERGE_KNOWN;
    }
    size_t at = 0, inside = 0;
    enum lb_merge is = overlap(t, *s, &at, &inside);
    if (is == LB_MERGE_KNOWN) {
        lb_segment_free(*s);
        *s = NULL;
    }
    if (is != LB_MERGE_OK)
        return is;
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 8;
        struct lb_segment **grown = realloc(t->segments, cap * sizeof(*grown));
        if (!grown)
            return LB_MERGE_NO_MEMORY;
        t->segments = grown;
        t->cap = cap;
    }
    for (; inside > 0; inside--)
        remove_at(t, at);
    memmove(&t->segments[at + 1], &t->segments[at], (t->n - at) * sizeof(*t->segments));
    t->segments[at] = *s;
    t->n++;
    *s = NULL;
    t->version++;
    /* Without memory they stay apart: nothing is lost but the pairs across the seam. */
    if (at + 1 < t->n && touch(t, at))
        (void)stitch_at(t, at);
    if (at > 0 && touch(t, at - 1))
        (void)stitch_at(t, at - 1);
    limit_raw(t);
    return LB_MERGE_OK;
}

enum lb_merge lb_tally_merge(struct lb_tally *t, const struct lb_tally *from)
{
    size_t at, inside;
    bool known = true;
    for (size_t i = 0; i < from->n; i++) {
        const struct lb_segment *s = from->segments[i];
        enum lb_merge is = s->first > s->last ? LB_MERGE_KNOWN : overlap(t, s, &at, &inside);
        if (is == LB_MERGE_OVERLAP)
            return is;
        known &= is == LB_MERGE_KNOWN;
    }
    if (known)
        return LB_MERGE_KNOWN;
    size_t n = from->n, made = 0;
    struct lb_segment **copies = calloc(n, sizeof(*copies));
    if (!copies)
        return LB_MERGE_NO_MEMORY;
    while (made < n && (copies[made] = lb_segment_copy(from->segments[made])))
        made++;
    enum lb_merge rc = made == n ? LB_MERGE_OK : LB_MERGE_NO_MEMORY;
    for (size_t i = 0; i < made; i++) {
        if (rc == LB_MERGE_OK && lb_tally_add_segment(t, &copies[i]) == LB_MERGE_NO_MEMORY)
            rc = LB_MERGE_NO_MEMORY;
        lb_segment_free(copies[i]);
    }
    free(copies);
    return rc;
}
