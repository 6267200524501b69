/* The table of backends that a run ends with. */
#include "client/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "balance/text_width.h"
#include "balance/verdict_text.h"
#include "common/clock.h"
#include "common/language.h"
#include "common/units.h"

enum { NAME_WIDTH = 29, MAX_ERROR_LINES = 5, ERROR_WIDTH = 64 };

struct row {
    const char *name; /* of the tally */
    uint64_t answers, errors, connections;
    struct lb_histogram latency;
};

struct table {
    struct row *rows;
    size_t count;
    struct row total;
    uint64_t requests;
};

static int add_to(struct row *row, const struct lb_backend *backend)
{
    row->answers += backend->answers;
    row->errors += backend->errors;
    row->connections += backend->starts;
    return lb_histogram_merge(&row->latency, &backend->latency);
}

static int by_name(const void *a, const void *b)
{
    const struct lb_backend *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int by_answers(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->answers != right->answers)
        return left->answers < right->answers ? 1 : -1;
    return strcmp(left->name, right->name);
}

/* All backends of all segments, so that those of one name stand together. */
static const struct lb_backend **sorted_backends(const struct lb_tally *tally, size_t *count)
{
    *count = 0;
    for (size_t s = 0; s < lb_tally_segments(tally); s++)
        *count += lb_tally_segment(tally, s)->n_backends;
    const struct lb_backend **all = calloc(*count + 1, sizeof *all);
    size_t n = 0;
    for (size_t s = 0; all && s < lb_tally_segments(tally); s++) {
        const struct lb_segment *segment = lb_tally_segment(tally, s);
        for (size_t i = 0; i < segment->n_backends; i++)
            all[n++] = &segment->backends[i];
    }
    if (all)
        qsort(all, n, sizeof *all, by_name);
    return all;
}

static int fill(struct table *table, const struct lb_tally *tally)
{
    size_t n;
    const struct lb_backend **all = sorted_backends(tally, &n);
    table->rows = calloc(n + 1, sizeof *table->rows);
    int bad = !all || !table->rows;
    for (size_t i = 0; i < n && !bad; i++) {
        if (table->count == 0 || strcmp(table->rows[table->count - 1].name, all[i]->name) != 0)
            table->rows[table->count++].name = all[i]->name;
        bad =
            add_to(&table->rows[table->count - 1], all[i]) < 0 || add_to(&table->total, all[i]) < 0;
    }
    free(all);
    for (size_t s = 0; s < lb_tally_segments(tally); s++) {
        const struct lb_segment *segment = lb_tally_segment(tally, s);
        table->requests += segment->requests;
    }
    if (!bad)
        qsort(table->rows, table->count, sizeof *table->rows, by_answers);
    return bad ? -1 : 0;
}

static void clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        lb_histogram_clear(&table->rows[i].latency);
    lb_histogram_clear(&table->total.latency);
    free(table->rows);
}

/* What of a name tells pods apart is its end: the middle of a long one gives way. */
static void print_name(FILE *out, const char *name)
{
    enum { HEAD = 8 };
    int excess = (int)lb_text_columns(name) - NAME_WIDTH;
    if (excess <= 0) {
        fprintf(out, "%s%*s", name, -excess, "");
        return;
    }
    const char *tail = name;
    for (int skip = HEAD + excess + 2; skip > 0; skip--) {
        do
            tail++;
        while (((unsigned char)*tail & 0xc0) == 0x80);
    }
    const char *head_end = name;
    for (int keep = HEAD; keep > 0; keep--) {
        do
            head_end++;
        while (((unsigned char)*head_end & 0xc0) == 0x80);
    }
    fprintf(out, "%.*s..%s", (int)(head_end - name), name, tail);
}

static void print_row(FILE *out, const char *name, const struct row *row, uint64_t answers,
                      uint64_t errors)
{
    char share[16] = "-", min[LB_DURATION_TEXT] = "-", median[LB_DURATION_TEXT] = "-",
         max[LB_DURATION_TEXT] = "-";
    const struct lb_histogram *h = &row->latency;
    if (answers > 0)
        snprintf(share, sizeof share, "%.1f%%", 100.0 * (double)row->answers / (double)answers);
    if (h->count > 0) {
        lb_format_latency(min, (int64_t)h->min_us * LB_NS_PER_US);
        lb_format_latency(median, (int64_t)(lb_histogram_quantile(h, 0.5) * (double)LB_NS_PER_US));
        lb_format_latency(max, (int64_t)h->max_us * LB_NS_PER_US);
    }
    print_name(out, name);
    fprintf(out, " %8" PRIu64 " %6s %6" PRIu64 " %5" PRIu64 " %6s %6s %6s\n", row->answers, share,
            errors, row->connections, min, median, max);
}

static void print_head(FILE *out)
{
    static const struct {
        const char *text;
        unsigned columns;
    } heads[] = {{N_("replies"), 8}, {N_("share"), 6},  {N_("errors"), 6}, {N_("conns"), 5},
                 {N_("min"), 6},     {N_("median"), 6}, {N_("max"), 6}};
    print_name(out, lb_text("backend"));
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        const char *text = lb_text(heads[i].text);
        unsigned used = lb_text_columns(text);
        fprintf(out, " %*s%s", used < heads[i].columns ? (int)(heads[i].columns - used) : 0, "",
                text);
    }
    fputc('\n', out);
}

static int print_rows(FILE *out, const struct table *table)
{
    print_head(out);
    for (size_t i = 0; i < table->count && i < LB_SUMMARY_ROWS; i++) {
        char *name = lb_escape_name(table->rows[i].name);
        if (!name)
            return -1;
        print_row(out, name, &table->rows[i], table->total.answers, table->rows[i].errors);
        free(name);
    }
    if (table->count > LB_SUMMARY_ROWS)
        fprintf(out, lb_text("... and %zu more\n"), table->count - LB_SUMMARY_ROWS);
    return 0;
}

/* The errors by their text, the most frequent first. */
static int print_errors(FILE *out, const struct lb_segment *segment)
{
    bool printed[LB_MAX_STATUSES] = {false};
    uint64_t left = segment->other_errors;
    for (size_t i = 0; i < segment->n_statuses; i++)
        left += segment->statuses[i].count;
    for (size_t line = 0; line < MAX_ERROR_LINES && line < segment->n_statuses; line++) {
        size_t most = LB_MAX_STATUSES;
        for (size_t i = 0; i < segment->n_statuses; i++) {
            if (!printed[i] && (most == LB_MAX_STATUSES ||
                                segment->statuses[i].count > segment->statuses[most].count))
                most = i;
        }
        char *text = lb_escape_name(segment->statuses[most].text);
        if (!text)
            return -1;
        fprintf(out, "%8" PRIu64 " x %.*s\n", segment->statuses[most].count, ERROR_WIDTH, text);
        free(text);
        printed[most] = true;
        left -= segment->statuses[most].count;
    }
    if (left > 0)
        fprintf(out, lb_text("%8" PRIu64 " x other errors\n"), left);
    return 0;
}

int lb_summary_print(FILE *out, const struct lb_tally *tally, const char *target,
                     int64_t elapsed_ns, uint64_t abandoned)
{
    struct table table = {0};
    char elapsed[LB_DURATION_TEXT];
    int bad = fill(&table, tally);
    uint64_t errors = 0;
    for (size_t s = 0; s < lb_tally_segments(tally); s++)
        errors += lb_tally_segment(tally, s)->errors;
    char *clean = lb_escape_name(target);
    if (bad < 0 || !clean)
        goto out;
    fprintf(out,
            lb_text_n("\n%s: %" PRIu64 " request in %s", "\n%s: %" PRIu64 " requests in %s",
                      table.requests),
            clean, table.requests, lb_format_latency(elapsed, elapsed_ns));
    if (abandoned > 0)
        fprintf(out, lb_text(", %" PRIu64 " more abandoned"), abandoned);
    fputc('\n', out);
    if (table.count > 0) {
        if (print_rows(out, &table) < 0)
            goto out;
        if (table.count > 1 || errors > table.rows[0].errors)
            print_row(out, lb_text("total"), &table.total, table.total.answers, errors);
    }
    for (size_t s = 0; s < lb_tally_segments(tally); s++) {
        if (print_errors(out, lb_tally_segment(tally, s)) < 0)
            goto out;
    }
    free(clean);
    clear(&table);
    return 0;
out:
    free(clean);
    clear(&table);
    return -1;
}
