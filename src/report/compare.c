/* What changed between two sets of runs. See compare.h. */
#include "common/language.h"
#include "report/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "balance/verdict_text.h"
#include "common/clock.h"
#include "common/units.h"
#include "report/place.h"
#include "report/report_text.h"

#define WHAT_COLUMNS 20
#define SHARE "share " /* begins the name of a share's line */

/* A line with room for its values; NULL without memory. The pointer is valid until the next one. */
static struct lb_change *add(struct lb_comparison *c, const char *format, ...) LB_PRINTF(2, 3);

static char *text_of(const char *format, va_list args) LB_PRINTF(1, 0);

static char *text_of(const char *format, va_list args)
{
    char buf[1200];
    vsnprintf(buf, sizeof buf, format, args);
    return strdup(buf);
}

static int set(char **text, const char *format, ...) LB_PRINTF(2, 3);

static int set(char **text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    free(*text);
    *text = text_of(format, args);
    va_end(args);
    return *text ? 0 : -1;
}

static struct lb_change *add(struct lb_comparison *c, const char *format, ...)
{
    if ((c->count & (c->count - 1)) == 0) { /* full at every power of two */
        size_t room = c->count ? 2 * c->count : 1;
        struct lb_change *grown = realloc(c->changes, room * sizeof *grown);
        if (!grown)
            return NULL;
        c->changes = grown;
    }
    struct lb_change *change = &c->changes[c->count];
    va_list args;
    va_start(args, format);
    *change = (struct lb_change){.what = text_of(format, args), .p_value = NAN};
    va_end(args);
    c->count++;
    return change->what && set(&change->shift, "%s", "") == 0 ? change : NULL;
}

static int compare_words(struct lb_comparison *c, const char *what, const char *a, const char *b)
{
    struct lb_change *change = add(c, "%s", what);
    if (!change || set(&change->a, "%s", a) < 0 || set(&change->b, "%s", b) < 0)
        return -1;
    change->changed = strcmp(a, b) != 0;
    return 0;
}

static int compare_errors(struct lb_comparison *c, const struct lb_verdict *a,
                          const struct lb_verdict *b)
{
    struct lb_change *change = add(c, "errors");
    if (!change || set(&change->a, "%" PRIu64 " of %" PRIu64, a->errors, a->requests) < 0 ||
        set(&change->b, "%" PRIu64 " of %" PRIu64, b->errors, b->requests) < 0)
        return -1;
    if (a->requests == 0 || b->requests == 0) {
        change->too_few = true;
        return 0;
    }
    double from = (double)a->errors / (double)a->requests;
    double to = (double)b->errors / (double)b->requests;
    change->p_value = lb_fisher_test(a->errors, a->requests, b->errors, b->requests);
    change->changed = change->p_value <= LB_ALPHA_COMPARE;
    return from == to ? 0 : set(&change->shift, "%+.1f pts", 100 * (to - from));
}

/* The latencies of all answers of a group. 0, or -1 without memory. */
static int all_latencies(const struct lb_group *group, struct lb_histogram *all)
{
    const struct lb_tally *tally = group->report->tally;
    for (size_t i = 0; i < lb_tally_segments(tally); i++) {
        const struct lb_segment *s = lb_tally_segment(tally, i);
        for (size_t b = 0; b < s->n_backends; b++) {
            if (lb_histogram_merge(all, &s->backends[b].latency) < 0)
                return -1;
        }
    }
    return 0;
}

static double at_rank(const struct lb_histogram *h, uint64_t rank)
{
    return lb_histogram_quantile(h, ((double)rank - 0.5) / (double)h->count);
}

static int compare_quantile(struct lb_comparison *c, const char *what, double q,
                            const struct lb_histogram *a, const struct lb_histogram *b)
{
    char text[LB_DURATION_TEXT];
    struct lb_change *change = add(c, "%s", what);
    double from = lb_histogram_quantile(a, q), to = lb_histogram_quantile(b, q);
    if (!change ||
        set(&change->a, "%s", a->count ? lb_format_latency(text, (int64_t)(from * 1000)) : "") <
            0 ||
        set(&change->b, "%s", b->count ? lb_format_latency(text, (int64_t)(to * 1000)) : "") < 0)
        return -1;
    uint64_t a_low, a_high, b_low, b_high;
    if (lb_quantile_ranks(a->count, q, LB_ALPHA_COMPARE, &a_low, &a_high) < 0 ||
        lb_quantile_ranks(b->count, q, LB_ALPHA_COMPARE, &b_low, &b_high) < 0)
        change->too_few = true;
    else
        change->changed =
            at_rank(a, a_high) < at_rank(b, b_low) || at_rank(b, b_high) < at_rank(a, a_low);
    if (from <= 0 || to <= 0 || from == to)
        return 0;
    return set(&change->shift, "%+.0f %%", 100 * (to / from - 1));
}

static int compare_latencies(struct lb_comparison *c, const struct lb_group *a,
                             const struct lb_group *b)
{
    struct lb_histogram from = {0}, to = {0};
    int failed = all_latencies(a, &from) < 0 || all_latencies(b, &to) < 0 ||
                 compare_quantile(c, "p50", 0.5, &from, &to) < 0 ||
                 compare_quantile(c, "p90", 0.9, &from, &to) < 0 ||
                 compare_quantile(c, "p99", 0.99, &from, &to) < 0;
    lb_histogram_clear(&from);
    lb_histogram_clear(&to);
    return failed ? -1 : 0;
}

/* A backend of both sides, with what it got in the unit of each. */
struct pair {
    const char *name;
    uint64_t a, b;
    double p_value;
};

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct pair *)x)->name, ((const struct pair *)y)->name);
}

static int by_p_value(const void *x, const void *y)
{
    const struct pair *a = x, *b = y;
    if (a->p_value != b->p_value)
        return a->p_value < b->p_value ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* The backends of either side, each once. */
static size_t pair_up(struct pair *pairs, const struct lb_verdict *a, const struct lb_verdict *b)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < a->n_shares; i++)
        pairs[n++] = (struct pair){a->shares[i].name, a->shares[i].units, 0, 1};
    for (size_t i = 0; i < b->n_shares; i++)
        pairs[n++] = (struct pair){b->shares[i].name, 0, b->shares[i].units, 1};
    qsort(pairs, n, sizeof *pairs, by_name);
    for (size_t i = 0; i < n; i++) {
        if (kept && strcmp(pairs[kept - 1].name, pairs[i].name) == 0) {
            pairs[kept - 1].a += pairs[i].a;
            pairs[kept - 1].b += pairs[i].b;
        } else {
            pairs[kept++] = pairs[i];
        }
    }
    return kept;
}

/* Units that count for as many independent ones. */
static uint64_t effective(uint64_t n, double deff)
{
    return (uint64_t)llround((double)n / (deff > 1 ? deff : 1));
}

static int add_share(struct lb_comparison *c, const struct pair *p, uint64_t a, uint64_t b)
{
    double from = a ? (double)p->a / (double)a : 0, to = b ? (double)p->b / (double)b : 0;
    char *name = lb_escape_name(p->name);
    struct lb_change *change = name ? add(c, SHARE "%s", name) : NULL;
    free(name);
    if (!change || set(&change->a, "%.1f %%", 100 * from) < 0 ||
        set(&change->b, "%.1f %%", 100 * to) < 0 ||
        set(&change->shift, "%+.1f pts", 100 * (to - from)) < 0)
        return -1;
    change->p_value = p->p_value;
    change->changed = p->p_value <= LB_ALPHA_COMPARE;
    change->too_few = a == 0 || b == 0;
    return 0;
}

static int compare_shares(struct lb_comparison *c, const struct lb_verdict *a,
                          const struct lb_verdict *b)
{
    struct pair *pairs = calloc(a->n_shares + b->n_shares + 1, sizeof *pairs);
    if (!pairs)
        return -1;
    size_t n = pair_up(pairs, a, b);
    uint64_t from = 0, to = 0;
    for (size_t i = 0; i < n; i++) {
        from += pairs[i].a;
        to += pairs[i].b;
    }
    for (size_t i = 0; i < n; i++)
        pairs[i].p_value = lb_fisher_test(
            effective(pairs[i].a, a->evenness.deff), effective(from, a->evenness.deff),
            effective(pairs[i].b, b->evenness.deff), effective(to, b->evenness.deff));
    qsort(pairs, n, sizeof *pairs, by_p_value);
    double holm = 0;
    for (size_t i = 0; i < n; i++) {
        holm = fmax(holm, fmin(1, (double)(n - i) * pairs[i].p_value));
        pairs[i].p_value = holm;
    }
    int failed = 0;
    for (size_t i = 0; i < n && !failed; i++)
        failed = add_share(c, &pairs[i], from, to) < 0;
    free(pairs);
    return failed ? -1 : 0;
}

int lb_compare(const struct lb_group *a, const struct lb_group *b, struct lb_comparison *c,
               struct lb_error *err)
{
    const struct lb_verdict *x = a->verdict, *y = b->verdict;
    if (compare_words(c, "outcome", lb_outcome_name(x->outcome), lb_outcome_name(y->outcome)) < 0 ||
        compare_words(c, "layer", lb_layer_name(x->layers.layer), lb_layer_name(y->layers.layer)) <
            0 ||
        compare_errors(c, x, y) < 0 || compare_latencies(c, a, b) < 0 ||
        compare_shares(c, x, y) < 0)
        return lb_error_set(err, "out of memory");
    for (size_t i = 0; i < c->count; i++)
        c->changed |= c->changes[i].changed;
    return 0;
}

void lb_comparison_clear(struct lb_comparison *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->changes[i].what);
        free(c->changes[i].a);
        free(c->changes[i].b);
        free(c->changes[i].shift);
    }
    free(c->changes);
    *c = (struct lb_comparison){0};
}

/* "share " and the end of the name, in WHAT_COLUMNS. */
static void print_what(FILE *out, const char *what)
{
    size_t share = strlen(SHARE);
    bool is_share = strncmp(what, SHARE, share) == 0;
    fputs(is_share ? "  " SHARE : "  ", out);
    lb_print_name(out, is_share ? what + share : what, WHAT_COLUMNS - (is_share ? share : 0));
}

void lb_comparison_print(FILE *out, const struct lb_comparison *c)
{
    fprintf(out, "  %-*s %-14s %-14s %-11s %s\n", WHAT_COLUMNS, "", "A", "B", "",
            lb_text("(p-value)"));
    for (size_t i = 0; i < c->count; i++) {
        const struct lb_change *change = &c->changes[i];
        print_what(out, change->what);
        fprintf(out, " %-14s %-14s %-11s %s", change->a, change->b, change->shift,
                change->too_few   ? lb_text("too few")
                : change->changed ? lb_text("changed")
                : *change->shift  ? lb_text("chance")
                                  : lb_text("same"));
        if (!change->too_few && *change->shift && isfinite(change->p_value))
            fprintf(out, " %.2g", change->p_value);
        fputc('\n', out);
    }
}

json_t *lb_comparison_json(const struct lb_comparison *c)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < c->count; i++) {
        const struct lb_change *change = &c->changes[i];
        json_t *p = isfinite(change->p_value) ? json_real(change->p_value) : json_null();
        json_t *one = json_pack("{s: o, s: o, s: o, s: s, s: o, s: b, s: b}", "what",
                                lb_json_text(change->what), "a", lb_json_text(change->a), "b",
                                lb_json_text(change->b), "shift", change->shift, "p_value", p,
                                "changed", (int)change->changed, "too_few", (int)change->too_few);
        if (json_array_append_new(array, one) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
