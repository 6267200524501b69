/* Groups of runs as text. See report_text.h. */
#include "report/report_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "balance/verdict_text.h"
#include "common/clock.h"
#include "common/units.h"
#include "common/utf8.h"
#include "report/when.h"

#define NAME_COLUMNS 23 /* of the table's first column at most */
#define MAX_ROWS 50     /* backends before "... and n more" */
#define GAP 2           /* columns between the matrix's columns */

/* Characters of a text: what a terminal needs in columns, wide and combining ones aside. */
static size_t columns_of(const char *text)
{
    size_t n = 0;
    for (const char *s = text; *s; n++) {
        size_t length = lb_utf8_length(s);
        s += length ? length : 1;
    }
    return n;
}

/* Prints an escaped name cut to `width` columns, its end kept, since that is what tells pods apart,
 * and padded. */
static void print_name(FILE *out, const char *name, size_t width)
{
    size_t n = columns_of(name);
    if (n > width) {
        for (size_t skip = n - width + 1; skip > 0; skip--) {
            size_t length = lb_utf8_length(name);
            name += length ? length : 1;
        }
        fprintf(out, "…%s", name);
        n = width;
    } else {
        fputs(name, out);
    }
    fprintf(out, "%*s", (int)(width - n), "");
}

static char *latency_text(char buf[LB_DURATION_TEXT], double us)
{
    return lb_format_latency(buf, (int64_t)(us * (double)LB_NS_PER_US));
}

static void print_row(FILE *out, const struct lb_share *s, const char *name, size_t width)
{
    char p50[LB_DURATION_TEXT], p99[LB_DURATION_TEXT], max[LB_DURATION_TEXT];
    fputs("  ", out);
    print_name(out, name, width);
    fprintf(out, " %8" PRIu64 " %5.1f %% %6" PRIu64 " %6" PRIu64, s->answers, 100 * s->of_answers,
            s->errors, s->connections);
    if (s->answers)
        fprintf(out, " %7s %7s %7s", latency_text(p50, s->p50_us), latency_text(p99, s->p99_us),
                latency_text(max, s->max_us));
    fputc('\n', out);
}

static int print_table(FILE *out, const struct lb_verdict *v, struct lb_error *err)
{
    size_t width = strlen("backend"), rows = v->n_shares < MAX_ROWS ? v->n_shares : MAX_ROWS;
    char *names[MAX_ROWS] = {0};
    int status = 0;
    for (size_t i = 0; i < rows; i++) {
        names[i] = lb_escape_name(v->shares[i].name);
        if (!names[i])
            status = lb_error_set(err, "out of memory");
        else if (columns_of(names[i]) > width)
            width = columns_of(names[i]);
    }
    width = width < NAME_COLUMNS ? width : NAME_COLUMNS;
    if (status == 0 && rows) {
        fprintf(out, "  %-*s %8s %7s %6s %6s %7s %7s %7s\n", (int)width, "backend", "answers",
                "share", "errors", "conns", "p50", "p99", "max");
        for (size_t i = 0; i < rows; i++)
            print_row(out, &v->shares[i], names[i], width);
        if (v->n_shares > rows)
            fprintf(out, "  ... and %zu more\n", v->n_shares - rows);
    }
    for (size_t i = 0; i < rows; i++)
        free(names[i]);
    return status;
}

/* "3 runs of 2 clients, 2026-11-23 23:05:06 UTC" */
static void print_origin(FILE *out, const struct lb_group *group)
{
    char when[LB_WHEN_TEXT];
    const struct lb_report *r = group->report;
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < r->n_runs; i++)
        first = r->runs[i].started_ms < first ? r->runs[i].started_ms : first;
    fprintf(out, "%zu %s of %" PRIu64 " %s, from %s\n", r->n_runs, r->n_runs == 1 ? "run" : "runs",
            group->verdict->clients, group->verdict->clients == 1 ? "client" : "clients",
            lb_when_format_short(when, first));
}

static int print_group(FILE *out, const struct lb_group *group, unsigned width,
                       struct lb_error *err)
{
    char *title = lb_escape_name(group->title);
    char *verdict = lb_verdict_text(group->verdict, width);
    int status = title && verdict ? 0 : lb_error_set(err, "out of memory");
    if (status == 0) {
        fprintf(out, "%s\n", title);
        print_origin(out, group);
        fputc('\n', out);
        status = print_table(out, group->verdict, err);
        fprintf(out, "\n%s", verdict);
    }
    free(title);
    free(verdict);
    return status;
}

/* The distinct columns in order of their first group. */
static size_t find_columns(const struct lb_groups *groups, const char **columns)
{
    size_t n = 0;
    for (size_t i = 0; i < groups->count; i++) {
        size_t k = 0;
        while (k < n && strcmp(columns[k], groups->groups[i].column) != 0)
            k++;
        if (k == n)
            columns[n++] = groups->groups[i].column;
    }
    return n;
}

/* Prints one line of the matrix and returns how many groups it took: those of a row, unless two
 * share a column. */
static size_t print_line(FILE *out, const struct lb_groups *groups, size_t from,
                         const char *const *columns, const size_t *widths, size_t n_columns)
{
    char cell[LB_CELL_TEXT];
    size_t used = 0, pending = 0;
    const struct lb_group *first = &groups->groups[from];
    char *row = lb_escape_name(first->row);
    print_name(out, row ? row : "?", widths[n_columns]);
    free(row);
    for (size_t c = 0; c < n_columns; c++) {
        const struct lb_group *g = &groups->groups[from + used];
        pending += GAP;
        if (from + used < groups->count && strcmp(g->row, first->row) == 0 &&
            strcmp(g->column, columns[c]) == 0) {
            lb_verdict_cell(g->verdict, cell);
            fprintf(out, "%*s%s", (int)pending, "", cell);
            pending = widths[c] - strlen(cell);
            used++;
        } else {
            pending += widths[c];
        }
    }
    fputc('\n', out);
    return used ? used : 1;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int lb_report_print_matrix(FILE *out, const struct lb_groups *groups, struct lb_error *err)
{
    char cell[LB_CELL_TEXT];
    const char **columns = calloc(groups->count + 1, sizeof *columns);
    size_t *widths = calloc(groups->count + 1, sizeof *widths);
    if (!columns || !widths) {
        free(columns);
        free(widths);
        return lb_error_set(err, "out of memory");
    }
    size_t n = find_columns(groups, columns);
    qsort(columns, n, sizeof *columns, by_text); /* as the groups of a row are */
    const char *head = groups->labelled ? "path" : "target";
    widths[n] = strlen(head);
    for (size_t c = 0; c < n; c++)
        widths[c] = strlen(columns[c]);
    for (size_t i = 0; i < groups->count; i++) {
        const struct lb_group *g = &groups->groups[i];
        size_t row = columns_of(g->row);
        widths[n] = row > widths[n] ? row : widths[n];
        for (size_t c = 0; c < n; c++) {
            size_t w = strlen(lb_verdict_cell(g->verdict, cell));
            if (strcmp(columns[c], g->column) == 0 && w > widths[c])
                widths[c] = w;
        }
    }
    widths[n] = widths[n] < 48 ? widths[n] : 48;
    print_name(out, head, widths[n]);
    for (size_t c = 0; c < n; c++)
        fprintf(out, "%*s%s%*s", GAP, "", columns[c],
                c + 1 < n ? (int)(widths[c] - strlen(columns[c])) : 0, "");
    fputc('\n', out);
    for (size_t i = 0; i < groups->count;)
        i += print_line(out, groups, i, columns, widths, n);
    free(columns);
    free(widths);
    return 0;
}

int lb_report_print_text(FILE *out, const struct lb_groups *groups, unsigned width,
                         struct lb_error *err)
{
    if (groups->count > 1 && lb_report_print_matrix(out, groups, err) < 0)
        return -1;
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->count > 1)
            fputc('\n', out);
        if (print_group(out, &groups->groups[i], width, err) < 0)
            return -1;
    }
    return 0;
}
