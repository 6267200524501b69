/* The backends of a whole tally: see roster.h. */
#include "balance/roster.h"
#include "balance/name_index.h"

#include <stdlib.h>
#include <string.h>

/* One backend of one segment, for sorting by name. */
struct line {
    const struct lb_backend *b;
    uint32_t segment, backend;
    uint32_t run; /* number of its run */
};

static int by_name(const void *x, const void *y)
{
    const struct line *a = x, *b = y;
    int order = strcmp(a->b->name, b->b->name);
    if (order == 0)
        order = strcmp(a->b->boot, b->b->boot);
    if (order == 0)
        order = (a->segment > b->segment) - (a->segment < b->segment);
    return order;
}

static bool same_name(const struct line *a, const struct line *b)
{
    return strcmp(a->b->name, b->b->name) == 0;
}

/* Do two boots among n lines of one name answer in turns within a run? */
static bool is_shared(const struct line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n && j < i + 64; j++) {
            const struct lb_backend *a = lines[i].b, *b = lines[j].b;
            if (lines[i].run == lines[j].run && strcmp(a->boot, b->boot) != 0 && a->answers &&
                b->answers && a->first_request < b->last_request &&
                b->first_request < a->last_request)
                return true;
        }
    }
    return false;
}

static void join(struct lb_roster_entry *e, const struct lb_backend *b)
{
    e->answers += b->answers;
    e->errors += b->errors;
    e->starts += b->starts;
    e->aside += b->aside;
    e->aside_starts += b->aside_starts;
    for (unsigned k = 0; k < LB_PAIRS; k++) {
        e->pairs[k].stays += b->pairs[k].stays;
        e->pairs[k].leaves += b->pairs[k].leaves;
        e->pairs[k].pending += b->pairs[k].pending;
    }
}

/* Enters n lines of one name. */
static void enter_name(struct lb_roster *r, const struct line *lines, size_t n)
{
    bool shared = is_shared(lines, n);
    r->shared_names |= shared;
    struct lb_roster_entry *e = NULL;
    for (size_t i = 0; i < n; i++) {
        bool new_boot = i == 0 || strcmp(lines[i - 1].b->boot, lines[i].b->boot) != 0;
        if (!e || (shared && new_boot)) {
            e = &r->entries[r->n++];
            *e = (struct lb_roster_entry){.name = lines[i].b->name,
                                          .boot = shared ? lines[i].b->boot : ""};
        }
        e->boots += new_boot;
        join(e, lines[i].b);
        r->map[lines[i].segment][lines[i].backend] = (uint32_t)(r->n - 1);
    }
}

static size_t list_lines(const struct lb_tally *t, struct line *lines)
{
    size_t n = 0;
    uint32_t run = 0;
    for (uint32_t i = 0; i < lb_tally_segments(t); i++) {
        const struct lb_segment *s = lb_tally_segment(t, i);
        if (i > 0 && strcmp(lb_tally_segment(t, i - 1)->run, s->run) != 0)
            run++;
        for (uint32_t j = 0; j < s->n_backends; j++)
            lines[n++] = (struct line){&s->backends[j], i, j, run};
    }
    return n;
}

static int make_maps(const struct lb_tally *t, struct lb_roster *r, size_t *total)
{
    *total = 0;
    r->n_maps = lb_tally_segments(t);
    r->map = calloc(r->n_maps + 1, sizeof(*r->map));
    if (!r->map)
        return -1;
    for (size_t i = 0; i < r->n_maps; i++) {
        const struct lb_segment *s = lb_tally_segment(t, i);
        r->map[i] = malloc((s->n_backends + 1) * sizeof(**r->map));
        if (!r->map[i])
            return -1;
        *total += s->n_backends;
        r->dropped += s->dropped_names;
    }
    r->entries = malloc((*total + 1) * sizeof(*r->entries));
    return r->entries ? 0 : -1;
}

int lb_roster_make(const struct lb_tally *t, struct lb_roster *r)
{
    *r = (struct lb_roster){0};
    size_t total;
    struct line *lines = NULL;
    if (make_maps(t, r, &total) < 0 || !(lines = malloc((total + 1) * sizeof(*lines)))) {
        lb_roster_clear(r);
        return -1;
    }
    size_t n = list_lines(t, lines);
    qsort(lines, n, sizeof(*lines), by_name);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && same_name(&lines[i], &lines[next]);)
            next++;
        enter_name(r, lines + i, next - i);
    }
    free(lines);
    for (size_t i = 0; i < r->n; i++) {
        r->seen += r->entries[i].answers > 0;
        r->once += r->entries[i].answers == 1;
        r->answers += r->entries[i].answers;
    }
    return 0;
}

void lb_roster_clear(struct lb_roster *r)
{
    for (size_t i = 0; i < r->n_maps && r->map; i++)
        free(r->map[i]);
    free(r->map);
    free(r->entries);
    *r = (struct lb_roster){0};
}
