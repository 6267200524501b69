/* Groups of runs as text. See report_text.h. */
#include "report/report_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "balance/text_width.h"
#include "balance/verdict_text.h"
#include "common/clock.h"
#include "common/language.h"
#include "common/units.h"
#include "report/when.h"

#define NAME_COLUMNS 23 /* of the table's first column at most */
#define MAX_ROWS 50     /* backends before "... and n more" */
#define MAX_ROW_NAME 48 /* of the matrix's first column */
#define GAP 2           /* columns between the matrix's columns */

void lb_print_name(FILE *out, const char *name, size_t width)
{
    size_t n = lb_text_columns(name), bytes;
    if (n <= width) {
        fprintf(out, "%s%*s", name, (int)(width - n), "");
        return;
    }
    while (n > width - 1) {
        lb_text_char(name, &bytes);
        name += bytes;
        n = lb_text_columns(name);
    }
    fprintf(out, "…%s%*s", name, (int)(width - 1 - n), "");
}

/* A column's title, right-aligned as its figures. */
static void print_title(FILE *out, const char *title, size_t width)
{
    size_t used = lb_text_columns(lb_text(title));
    fprintf(out, " %*s%s", used < width ? (int)(width - used) : 0, "", lb_text(title));
}

static char *latency_text(char buf[LB_DURATION_TEXT], double us)
{
    return lb_format_latency(buf, (int64_t)(us * (double)LB_NS_PER_US));
}

static void print_row(FILE *out, const struct lb_share *s, const char *name, size_t width)
{
    char p50[LB_DURATION_TEXT], p99[LB_DURATION_TEXT], max[LB_DURATION_TEXT];
    fputs("  ", out);
    lb_print_name(out, name, width);
    fprintf(out, " %8" PRIu64 " %5.1f %% %6" PRIu64 " %6" PRIu64, s->answers, 100 * s->of_answers,
            s->errors, s->connections);
    if (s->answers)
        fprintf(out, " %7s %7s %7s", latency_text(p50, s->p50_us), latency_text(p99, s->p99_us),
                latency_text(max, s->max_us));
    fputc('\n', out);
}

static void print_titles(FILE *out, size_t width)
{
    fputs("  ", out);
    lb_print_name(out, lb_text("backend"), width);
    print_title(out, N_("answers"), 8);
    print_title(out, N_("share"), 7);
    print_title(out, N_("errors"), 6);
    print_title(out, N_("conns"), 6);
    print_title(out, "p50", 7);
    print_title(out, "p99", 7);
    print_title(out, N_("max"), 7);
    fputc('\n', out);
}

static int print_table(FILE *out, const struct lb_verdict *v, struct lb_error *err)
{
    size_t width = lb_text_columns(lb_text("backend")),
           rows = v->n_shares < MAX_ROWS ? v->n_shares : MAX_ROWS;
    char *names[MAX_ROWS] = {0};
    int status = 0;
    for (size_t i = 0; i < rows; i++) {
        names[i] = lb_escape_name(v->shares[i].name);
        if (!names[i])
            status = lb_error_set(err, "out of memory");
        else if (lb_text_columns(names[i]) > width)
            width = lb_text_columns(names[i]);
    }
    width = width < NAME_COLUMNS ? width : NAME_COLUMNS;
    if (status == 0 && rows) {
        print_titles(out, width);
        for (size_t i = 0; i < rows; i++)
            print_row(out, &v->shares[i], names[i], width);
        if (v->n_shares > rows)
            fprintf(out, lb_text("  ... and %zu more\n"), v->n_shares - rows);
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
    fprintf(out, lb_text("%zu %s of %" PRIu64 " %s, from %s\n"), r->n_runs,
            lb_text_n("run", "runs", r->n_runs), group->verdict->clients,
            lb_text_n("client", "clients", group->verdict->clients),
            lb_when_format_short(when, first));
}

static int print_group(FILE *out, const struct lb_group *group, unsigned width,
                       struct lb_error *err)
{
    char *title = lb_escape_name(group->title);
    char *verdict = lb_verdict_text(group->verdict, width);
    int status = title && verdict ? 0 : lb_error_set(err, "out of memory");
    if (status == 0) {
        char cell[LB_CELL_TEXT];
        fprintf(out, "%s\n", title);
        print_origin(out, group);
        if (lb_group_outcome(group) != group->verdict->outcome)
            fprintf(out, lb_text("by its probe: %s\n"), lb_group_cell(group, cell));
        else if (group->layer_by_probe)
            fputs(lb_text("the layer is known by its probe\n"), out);
        fputc('\n', out);
        status = print_table(out, group->verdict, err);
        fprintf(out, "\n%s", verdict);
    }
    free(title);
    free(verdict);
    return status;
}

/* The matrix while it is laid out. */
struct matrix {
    const struct lb_group **cells;
    size_t n_cells;
    const char **columns;
    size_t n_columns;
    size_t *widths; /* of the columns; after them that of the rows' names */
};

static void measure(struct matrix *m, const char *head)
{
    char cell[LB_CELL_TEXT];
    size_t *first = &m->widths[m->n_columns];
    *first = lb_text_columns(head);
    for (size_t c = 0; c < m->n_columns; c++)
        m->widths[c] = strlen(m->columns[c]);
    for (size_t i = 0; i < m->n_cells; i++) {
        size_t row = lb_text_columns(m->cells[i]->row),
               width = strlen(lb_group_cell(m->cells[i], cell));
        *first = row > *first ? row : *first;
        for (size_t c = 0; c < m->n_columns; c++) {
            if (strcmp(m->columns[c], m->cells[i]->column) == 0 && width > m->widths[c])
                m->widths[c] = width;
        }
    }
    *first = *first < MAX_ROW_NAME ? *first : MAX_ROW_NAME;
}

/* Prints one line of the matrix and returns how many cells it took: those of a row, unless two
 * share a column. */
static size_t print_line(FILE *out, const struct matrix *m, size_t from)
{
    char text[LB_CELL_TEXT];
    size_t used = 0, pending = 0;
    const char *name = m->cells[from]->row;
    char *row = lb_escape_name(name);
    lb_print_name(out, row ? row : "?", m->widths[m->n_columns]);
    free(row);
    for (size_t c = 0; c < m->n_columns; c++) {
        const struct lb_group *cell = from + used < m->n_cells ? m->cells[from + used] : NULL;
        pending += GAP;
        if (cell && strcmp(cell->row, name) == 0 && strcmp(cell->column, m->columns[c]) == 0) {
            lb_group_cell(cell, text);
            fprintf(out, "%*s%s", (int)pending, "", text);
            pending = m->widths[c] - strlen(text);
            used++;
        } else {
            pending += m->widths[c];
        }
    }
    fputc('\n', out);
    return used;
}

int lb_report_print_matrix(FILE *out, const struct lb_groups *groups, struct lb_error *err)
{
    const char *head = lb_text(groups->labelled ? N_("path") : N_("target"));
    struct matrix m = {
        .cells = calloc(groups->count + 1, sizeof *m.cells),
        .columns = calloc(groups->count + 1, sizeof *m.columns),
        .widths = calloc(groups->count + 1, sizeof *m.widths),
    };
    int status = m.cells && m.columns && m.widths ? 0 : lb_error_set(err, "out of memory");
    if (status == 0) {
        m.n_cells = lb_groups_cells(groups, m.cells);
        m.n_columns = lb_groups_columns(m.cells, m.n_cells, m.columns);
        measure(&m, head);
        lb_print_name(out, head, m.widths[m.n_columns]);
        for (size_t c = 0; c < m.n_columns; c++)
            fprintf(out, "%*s%s%*s", GAP, "", m.columns[c],
                    c + 1 < m.n_columns ? (int)(m.widths[c] - strlen(m.columns[c])) : 0, "");
        fputc('\n', out);
        for (size_t i = 0; i < m.n_cells;)
            i += print_line(out, &m, i);
    }
    free(m.cells);
    free(m.columns);
    free(m.widths);
    return status;
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
