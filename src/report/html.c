/* The report as a page. See html.h. */
#include "config.h"

#include "report/html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "balance/verdict_text.h"
#include "common/file.h"
#include "report/html_private.h"
#include "report/when.h"

#define MAX_RUN_DETAILS 100

static void write_count(FILE *out, const char *name, uint64_t n)
{
    char number[LB_NUMBER_TEXT];
    fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>", name, lb_html_number(number, n));
}

static void write_counts(FILE *out, const struct lb_group *group)
{
    const struct lb_verdict *v = group->verdict;
    fputs("<dl class=\"counts\">", out);
    write_count(out, v->requests == 1 ? "request" : "requests", v->requests);
    write_count(out, v->seen == 1 ? "backend answered" : "backends answered", v->seen);
    write_count(out, v->connections == 1 ? "connection" : "connections", v->connections);
    if (v->clients > 1)
        write_count(out, "clients", v->clients);
    write_count(out, v->errors == 1 ? "error" : "errors", v->errors);
    fprintf(out, "<div><dt>layer%s</dt><dd>%s</dd></div>",
            group->layer_by_probe ? ", by the probe" : "", lb_layer_name(v->layers.layer));
    if (lb_verdict_tells_evenness(v)) {
        char p[LB_P_VALUE_TEXT];
        lb_p_value_format(p, v->evenness.p_value);
        fputs("<div><dt>chance if it were even</dt><dd>", out);
        lb_html_text(out, *p == '=' ? p + 2 : p);
        fputs("</dd></div>", out);
    }
    fputs("</dl>\n", out);
}

/* A sentence; options in it do not break across lines. */
static void write_sentence(FILE *out, const char *text)
{
    while (*text) {
        size_t before = strspn(text, " (,;"), length = strcspn(text + before, " ),;.");
        bool option = strncmp(text + before, "--", 2) == 0;
        char word[4 * LB_MAX_NAME + 1];
        size_t all = before + length ? before + length : 1;
        snprintf(word, sizeof word, "%.*s", (int)before, text);
        lb_html_text(out, word);
        snprintf(word, sizeof word, "%.*s", (int)(all - before), text + before);
        fputs(option ? "<code>" : "", out);
        lb_html_text(out, word);
        fputs(option ? "</code>" : "", out);
        text += all;
    }
}

static void write_why(FILE *out, const struct lb_verdict *v)
{
    fputs("<div class=\"why\">", out);
    if (v->n_facts) {
        fputs("<div><h3>What it rests on</h3><ul>", out);
        for (size_t i = 0; i < v->n_facts; i++) {
            fputs("<li>", out);
            write_sentence(out, v->facts[i].text);
            fputs("</li>\n", out);
        }
        fputs("</ul></div>", out);
    }
    if (v->n_advice) {
        fputs("<div class=\"advice\"><h3>What to do</h3><p>", out);
        for (unsigned i = 0; i < v->n_advice; i++) {
            fputs(i ? " " : "", out);
            write_sentence(out, v->advice[i]);
        }
        fputs("</p></div>", out);
    }
    fputs("</div>\n", out);
}

/* What follows "balanced: " in a verdict's headline; malloc'd. NULL without memory. */
static char *said_of(const struct lb_verdict *v)
{
    char *headline = lb_verdict_headline(v);
    const char *word = lb_outcome_name(v->outcome);
    size_t length = strlen(word);
    if (headline && strncmp(headline, word, length) == 0 &&
        strncmp(headline + length, ": ", 2) == 0)
        memmove(headline, headline + length + 2, strlen(headline + length + 2) + 1);
    return headline;
}

/* The word large, then the rest of the headline. 0, or -1 without memory. */
static int write_verdict(FILE *out, const struct lb_group *group)
{
    enum lb_outcome outcome = lb_group_outcome(group);
    bool borrowed = outcome != group->verdict->outcome;
    const char *word = lb_outcome_name(outcome);
    char *own = said_of(group->verdict);
    char *probe = borrowed ? said_of(group->probed_by->verdict) : NULL;
    int status = own && (probe || !borrowed) ? 0 : -1;
    if (status == 0) {
        fprintf(out, "<div class=\"verdict %s\"><p class=\"word\">%s</p><p class=\"said\">", word,
                word);
        lb_html_text(out, borrowed ? probe : own);
        fputs(
            borrowed
                ? ", by its probe</p>\n<p class=\"own\">Alone these requests are too few to tell: "
                : "",
            out);
        if (borrowed)
            lb_html_text(out, own);
        fputs("</p>\n", out);
        write_counts(out, group);
        write_why(out, borrowed ? group->probed_by->verdict : group->verdict);
        fputs("</div>\n", out);
    }
    free(own);
    free(probe);
    return status;
}

static void write_fact(FILE *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, "<dt>%s</dt><dd><bdi>", name);
    lb_html_text(out, value);
    fputs("</bdi></dd>", out);
}

static void write_run_details(FILE *out, const struct lb_report_run *run)
{
    char text[512], a[LB_DURATION_TEXT], b[LB_DURATION_TEXT], when[LB_WHEN_TEXT];
    const struct lb_report_settings *s = &run->settings;
    fputs("<dl class=\"facts\">", out);
    write_fact(out, "run", run->id);
    write_fact(out, "client", run->client);
    snprintf(text, sizeof text, "%s %s", run->program, run->program_version);
    write_fact(out, "program", text);
    snprintf(text, sizeof text, "%s, took %s", lb_when_format_short(when, run->started_ms),
             lb_format_latency(a, run->duration_ns));
    write_fact(out, "started", text);
    write_fact(out, "target", run->target.target);
    write_fact(out, "lb policy", run->target.lb_policy);
    snprintf(text, sizeof text,
             "%s; %u connection%s, %u in flight on each; every %s, timeout %s; seed %" PRIu64,
             s->mode == LB_SCHEDULE_DIAGNOSE ? "probe"
             : s->mode == LB_SCHEDULE_NEW    ? "a new connection for each request"
                                             : "kept connections, drawn at random",
             s->connections, s->connections == 1 ? "" : "s", s->streams,
             s->interval_ns ? lb_format_duration(a, s->interval_ns) : "reply",
             lb_format_duration(b, s->timeout_ns), s->seed);
    write_fact(out, "schedule", text);
    for (size_t i = 0; i < run->n_labels; i++) {
        snprintf(text, sizeof text, "%s = %s", run->labels[i].name, run->labels[i].value);
        write_fact(out, "label", text);
    }
    fputs("</dl>\n", out);
}

static void write_details(FILE *out, const struct lb_report *r)
{
    fprintf(out, "<section><details><summary>%zu run%s in detail</summary>\n", r->n_runs,
            r->n_runs == 1 ? "" : "s");
    for (size_t i = 0; i < r->n_runs && i < MAX_RUN_DETAILS; i++)
        write_run_details(out, &r->runs[i]);
    if (r->n_runs > MAX_RUN_DETAILS)
        fprintf(out, "<p class=\"more\">and %zu more</p>", r->n_runs - MAX_RUN_DETAILS);
    fputs("</details></section>\n", out);
}

static int write_group(FILE *out, const struct lb_groups *groups, size_t index)
{
    const struct lb_group *group = &groups->groups[index];
    struct lb_lanes lanes;
    if (lb_lanes_make(group, &lanes) < 0)
        return -1;
    fprintf(out, "<article id=\"g%zu\"><h2><bdi>", index);
    lb_html_text(out, group->title);
    fputs("</bdi></h2>\n", out);
    int status = write_verdict(out, group);
    if (status == 0) {
        lb_html_shares(out, group, &lanes);
        status = lb_html_timelines(out, group, &lanes);
    }
    if (status == 0)
        status = lb_html_map(out, group, &lanes);
    if (status == 0) {
        lb_html_latencies(out, group, &lanes);
        lb_html_figures(out, group);
        write_details(out, group->report);
        fputs("</article>\n", out);
    }
    lb_lanes_clear(&lanes);
    return status;
}

static void write_cell(FILE *out, const struct lb_groups *groups, const struct lb_group *group,
                       const char *column)
{
    char cell[LB_CELL_TEXT];
    char *comma = strchr(lb_group_cell(group, cell), ',');
    if (comma)
        *comma = '\0';
    fprintf(out, "<td data-of=\"%s\" class=\"%s\"><a href=\"#g%zu\">", column,
            lb_outcome_name(lb_group_outcome(group)), (size_t)(group - groups->groups));
    fprintf(out, "<span class=\"word\">%s</span></a>", cell);
    if (comma)
        fprintf(out, "<small>%s</small>", comma + 2);
    fputs("</td>", out);
}

/* Writes one line of the matrix and returns how many cells it took. */
static size_t write_line(FILE *out, const struct lb_groups *groups, const struct lb_group **cells,
                         size_t n_cells, const char **columns, size_t n_columns)
{
    size_t used = 0;
    fputs("<tr><th><bdi>", out);
    lb_html_text(out, cells[0]->row);
    fputs("</bdi></th>", out);
    for (size_t c = 0; c < n_columns; c++) {
        if (used < n_cells && strcmp(cells[used]->row, cells[0]->row) == 0 &&
            strcmp(cells[used]->column, columns[c]) == 0)
            write_cell(out, groups, cells[used++], columns[c]);
        else
            fputs("<td></td>", out);
    }
    fputs("</tr>\n", out);
    return used;
}

static int write_matrix(FILE *out, const struct lb_groups *groups)
{
    const struct lb_group **cells = calloc(groups->count + 1, sizeof *cells);
    const char **columns = calloc(groups->count + 1, sizeof *columns);
    if (!cells || !columns) {
        free(cells);
        free(columns);
        return -1;
    }
    size_t n = lb_groups_cells(groups, cells);
    size_t n_columns = lb_groups_columns(cells, n, columns);
    fprintf(out, "<div class=\"wide\"><table class=\"matrix\"><thead><tr><th>%s</th>",
            groups->labelled ? "path" : "target");
    for (size_t c = 0; c < n_columns; c++)
        fprintf(out, "<th>%s</th>", columns[c]);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < n;)
        i += write_line(out, groups, cells + i, n - i, columns, n_columns);
    fputs("</tbody></table></div>\n", out);
    free(cells);
    free(columns);
    return 0;
}

static int64_t first_start(const struct lb_groups *groups)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < groups->count; i++) {
        const struct lb_report *r = groups->groups[i].report;
        for (size_t k = 0; k < r->n_runs; k++)
            first = r->runs[k].started_ms < first ? r->runs[k].started_ms : first;
    }
    return first;
}

static int write_page(FILE *out, const struct lb_groups *groups)
{
    char when[LB_WHEN_TEXT];
    size_t runs = 0;
    for (size_t i = 0; i < groups->count; i++)
        runs += groups->groups[i].report->n_runs;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\">\n<title>",
          out);
    if (groups->count == 1)
        fprintf(out, "%s &#8211; ", lb_outcome_name(groups->groups[0].verdict->outcome));
    fprintf(out, "lbdemo report</title>\n<style>\n%s</style>\n</head>\n<body>\n", lb_page_css);
    fprintf(out, "<header><h1>Load balancing report</h1><p>%zu run%s, %s</p></header>\n", runs,
            runs == 1 ? "" : "s", lb_when_format_short(when, first_start(groups)));
    if (groups->count > 1 && write_matrix(out, groups) < 0)
        return -1;
    for (size_t i = 0; i < groups->count; i++) {
        if (write_group(out, groups, i) < 0)
            return -1;
    }
    fputs("<footer>Written by lbdemo-report " PACKAGE_VERSION
          ". Every figure can be recomputed from the reports.</footer>\n</body>\n</html>\n",
          out);
    return 0;
}

int lb_report_print_html(FILE *out, const struct lb_groups *groups, struct lb_error *err)
{
    return write_page(out, groups) < 0 ? lb_error_set(err, "out of memory") : 0;
}

int lb_report_save_html(const char *path, const struct lb_groups *groups, struct lb_error *err)
{
    if (strcmp(path, "-") == 0)
        return lb_report_print_html(stdout, groups, err);
    char *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);
    int failed = !out || write_page(out, groups) < 0;
    failed |= out && fclose(out) != 0;
    int status = failed ? lb_error_set(err, "cannot write '%s': out of memory", path)
                        : lb_file_write(path, page, size, err);
    free(page);
    return status;
}
