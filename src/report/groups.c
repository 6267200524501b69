/* A report cut into groups of runs that are judged together. See merge.h. */
#include "report/merge.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance/advice.h"

#define DEFAULT_KEYS "protocol,target"

/* The value of a run for one key of --by; NULL: it has no such label. */
static const char *value_of(const struct lb_report_run *run, const char *key, size_t length)
{
    static const char *const known[] = {"protocol", "target", "client", "run"};
    const char *const values[] = {run->target.protocol, run->target.target, run->client, run->id};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i]) == length && strncmp(known[i], key, length) == 0)
            return values[i];
    }
    for (size_t i = 0; i < run->n_labels; i++) {
        const char *name = run->labels[i].name;
        if (strlen(name) == length && strncmp(name, key, length) == 0)
            return run->labels[i].value;
    }
    return NULL;
}

static int by_label_name(const void *a, const void *b)
{
    const struct lb_report_label *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Writes the labels, sorted; "path" alone is only its value. */
static void print_labels(FILE *out, const struct lb_report_run *run)
{
    struct lb_report_label labels[LB_REPORT_MAX_LABELS];
    memcpy(labels, run->labels, run->n_labels * sizeof *labels);
    qsort(labels, run->n_labels, sizeof *labels, by_label_name);
    const char *path = lb_report_run_label(run, "path");
    if (path)
        fputs(path, out);
    const char *between = path ? ", " : "";
    for (size_t i = 0; i < run->n_labels; i++) {
        if (strcmp(labels[i].name, "path") == 0)
            continue;
        fprintf(out, "%s%s=%s", between, labels[i].name, labels[i].value);
        between = ", ";
    }
}

/* What of a run makes its group: "protocol=grpc\ntarget=..." */
static void print_key(FILE *out, const struct lb_report_run *run, const char *by)
{
    for (const char *key = by ? by : DEFAULT_KEYS; *key;) {
        size_t length = strcspn(key, ",");
        const char *value = value_of(run, key, length);
        fprintf(out, "%.*s=%s\n", (int)length, key, value ? value : "");
        key += length + (key[length] == ',');
    }
    if (!by) {
        print_labels(out, run);
        fputs(run->target.diagnosed ? "\nprobe" : "", out);
    }
}

static void print_title(FILE *out, const struct lb_report_run *run, const char *by)
{
    if (!by) {
        fprintf(out, "%s %s", run->target.protocol, run->target.target);
        if (run->n_labels) {
            fputs(", ", out);
            print_labels(out, run);
        }
        fputs(run->target.diagnosed ? " (probe)" : "", out);
        return;
    }
    const char *between = "";
    for (const char *key = by; *key;) {
        size_t length = strcspn(key, ",");
        const char *value = value_of(run, key, length);
        fprintf(out, "%s%.*s %s", between, (int)length, key, value ? value : "(none)");
        between = ", ";
        key += length + (key[length] == ',');
    }
}

static void print_row(FILE *out, const struct lb_report_run *run, const char *by)
{
    if (by)
        print_title(out, run, by);
    else if (run->n_labels)
        print_labels(out, run);
    else
        fputs(run->target.target, out);
}

/* "HTTP/1.1 (new connections)", "gRPC (one channel)". */
static void print_column(FILE *out, const struct lb_report_run *run)
{
    bool http = strcmp(run->target.protocol, "http") == 0;
    fputs(http ? "HTTP/1.1" : "gRPC", out);
    if (run->target.diagnosed)
        fputs(" (probe)", out);
    else if (run->target.new_connections)
        fputs(" (new connections)", out);
    else if (run->target.channels == 1)
        fputs(http ? " (one connection)" : " (one channel)", out);
    else
        fprintf(out, " (%u %s)", run->target.channels, http ? "connections" : "channels");
}

/* A malloc'd string of what `print` writes. */
static char *printed(void (*print)(FILE *, const struct lb_report_run *, const char *),
                     const struct lb_report_run *run, const char *by)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    print(out, run, by);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void print_column_of(FILE *out, const struct lb_report_run *run, const char *by)
{
    (void)by;
    print_column(out, run);
}

/* Each run with its group's key. */
struct keyed {
    char *key;
    const struct lb_report_run *run;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : strcmp(x->run->id, y->run->id);
}

/* Copies a run and its segments. The tally is sorted by run id. */
static int add_run(struct lb_report *to, const struct lb_report *r, const struct lb_report_run *run)
{
    if (lb_report_add_run(to, run) < 0)
        return -1;
    size_t low = 0, high = lb_tally_segments(r->tally), n = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(lb_tally_segment(r->tally, middle)->run, run->id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && strcmp(lb_tally_segment(r->tally, low)->run, run->id) == 0; low++) {
        struct lb_segment *copy = lb_segment_copy(lb_tally_segment(r->tally, low));
        if (!copy)
            return -1;
        enum lb_merge merged = lb_tally_add_segment(to->tally, &copy);
        lb_segment_free(copy);
        if (merged == LB_MERGE_NO_MEMORY)
            return -1;
    }
    return 0;
}

static int fill_group(struct lb_group *group, const struct lb_report *r, const struct keyed *runs,
                      size_t n, const char *by, struct lb_error *err)
{
    const struct lb_report_run *example = runs[0].run;
    group->probe = example->target.diagnosed && !by;
    group->title = printed(print_title, example, by);
    group->row = printed(print_row, example, by);
    group->column = printed(print_column_of, example, by);
    group->report = lb_report_new();
    if (!group->title || !group->row || !group->column || !group->report ||
        lb_report_set_judging(group->report, &r->judging) < 0)
        return lb_error_set(err, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (add_run(group->report, r, runs[i].run) < 0)
            return lb_error_set(err, "out of memory");
    }
    return lb_report_judge(group->report, NULL, &group->verdict, err);
}

static int by_place(const void *a, const void *b)
{
    const struct lb_group *x = a, *y = b;
    int order = strcmp(x->row, y->row);
    if (order == 0)
        order = strcmp(x->column, y->column);
    return order ? order : strcmp(x->title, y->title);
}

static bool same_aim(const struct lb_group *a, const struct lb_group *b)
{
    const struct lb_target_facts *x = &a->report->runs[0].target, *y = &b->report->runs[0].target;
    return strcmp(a->row, b->row) == 0 && strcmp(x->protocol, y->protocol) == 0 &&
           strcmp(x->target, y->target) == 0;
}

/* Judges the traffic of a group again, knowing what its probe found: the layer, and that there are
 * as many backends as it saw. */
static int judge_by_probe(struct lb_group *group, struct lb_error *err)
{
    struct lb_report_judging *judging = &group->report->judging;
    const struct lb_verdict *probe = group->probed_by->verdict;
    struct lb_verdict *verdict;
    if (!judging->expected_backends && !judging->n_weights && probe->seen > group->verdict->seen)
        judging->expected_backends = (unsigned)probe->seen;
    if (lb_report_judge(group->report, &probe->layers, &verdict, err) < 0)
        return -1;
    lb_verdict_free(group->verdict);
    group->verdict = verdict;
    group->layer_by_probe = verdict->layer_told;
    return 0;
}

static int find_probes(struct lb_groups *groups, struct lb_error *err)
{
    for (size_t i = 0; i < groups->count; i++)
        groups->groups[i].in_matrix = true;
    for (size_t i = 0; i < groups->count; i++) {
        struct lb_group *probe = &groups->groups[i];
        for (size_t k = 0; probe->probe && k < groups->count; k++) {
            struct lb_group *group = &groups->groups[k];
            if (group->probe || !same_aim(group, probe))
                continue;
            group->probed_by = probe;
            probe->in_matrix = false;
            if (judge_by_probe(group, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int check_by(const struct lb_report *r, const char *by, struct lb_error *err)
{
    for (const char *key = by; *key;) {
        size_t length = strcspn(key, ",");
        bool known = false;
        for (size_t i = 0; i < r->n_runs && !known; i++)
            known = value_of(&r->runs[i], key, length) != NULL;
        if (!known && length)
            return lb_error_set(
                err, "'%.*s' is neither protocol, target, client, run nor a label of a run",
                (int)length, key);
        key += length + (key[length] == ',');
    }
    return 0;
}

int lb_groups_make(const struct lb_report *r, const char *by, struct lb_groups *groups,
                   struct lb_error *err)
{
    if (by && check_by(r, by, err) < 0)
        return -1;
    struct keyed *keyed = calloc(r->n_runs ? r->n_runs : 1, sizeof *keyed);
    groups->groups = calloc(r->n_runs ? r->n_runs : 1, sizeof *groups->groups);
    int status = keyed && groups->groups ? 0 : lb_error_set(err, "out of memory");
    for (size_t i = 0; i < r->n_runs && status == 0; i++) {
        keyed[i] = (struct keyed){printed(print_key, &r->runs[i], by), &r->runs[i]};
        groups->labelled |= by || r->runs[i].n_labels > 0;
        if (!keyed[i].key)
            status = lb_error_set(err, "out of memory");
    }
    if (status == 0)
        qsort(keyed, r->n_runs, sizeof *keyed, by_key);
    for (size_t i = 0, n; i < r->n_runs && status == 0; i += n) {
        for (n = 1; i + n < r->n_runs && strcmp(keyed[i].key, keyed[i + n].key) == 0;)
            n++;
        status = fill_group(&groups->groups[groups->count++], r, &keyed[i], n, by, err);
    }
    if (status == 0)
        qsort(groups->groups, groups->count, sizeof *groups->groups, by_place);
    if (status == 0)
        status = find_probes(groups, err);
    for (size_t i = 0; keyed && i < r->n_runs; i++)
        free(keyed[i].key);
    free(keyed);
    return status;
}

void lb_groups_clear(struct lb_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct lb_group *g = &groups->groups[i];
        free(g->title);
        free(g->row);
        free(g->column);
        lb_report_free(g->report);
        lb_verdict_free(g->verdict);
    }
    free(groups->groups);
    *groups = (struct lb_groups){0};
}

enum lb_outcome lb_group_outcome(const struct lb_group *group)
{
    const struct lb_verdict *v = group->verdict;
    if (!group->probed_by || v->outcome != LB_OUTCOME_INCONCLUSIVE || v->doubt == LB_DOUBT_ERRORS)
        return v->outcome;
    bool fresh = true; /* each request on a connection of its own */
    for (size_t i = 0; i < group->report->n_runs; i++)
        fresh &= group->report->runs[i].target.new_connections;
    enum lb_layer layer = group->verdict->layers.layer;
    bool alike = layer == LB_LAYER_PER_REQUEST || (layer == LB_LAYER_PER_CONNECTION && fresh);
    bool all_seen = v->seen == group->probed_by->verdict->seen;
    return alike && all_seen ? group->probed_by->verdict->outcome : v->outcome;
}

size_t lb_groups_cells(const struct lb_groups *groups, const struct lb_group **cells)
{
    size_t n = 0;
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->groups[i].in_matrix)
            cells[n++] = &groups->groups[i];
    }
    return n;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t lb_groups_columns(const struct lb_group *const *cells, size_t n, const char **columns)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        columns[i] = cells[i]->column;
    qsort(columns, n, sizeof *columns, by_text);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || strcmp(columns[kept - 1], columns[i]) != 0)
            columns[kept++] = columns[i];
    }
    return kept;
}

char *lb_group_cell(const struct lb_group *group, char buf[LB_CELL_TEXT])
{
    const struct lb_verdict *v = group->verdict;
    enum lb_layer layer = group->verdict->layers.layer;
    char word[32];
    snprintf(word, sizeof word, "%s", lb_layer_name(layer));
    for (char *c = word; *c; c++) {
        if (*c == '-')
            *c = ' ';
    }
    unsigned long long seen = v->seen, of = v->expected > v->seen ? v->expected : v->seen;
    enum lb_outcome is = lb_group_outcome(group);
    const char *outcome = lb_outcome_name(is);
    int n = 0;
    if (is == LB_OUTCOME_NO_DATA)
        return strcpy(buf, outcome);
    if (is == LB_OUTCOME_PINNED)
        n = snprintf(buf, LB_CELL_TEXT, "%s to %llu of %llu", outcome, seen, of);
    else if (is == LB_OUTCOME_SINGLE)
        n = snprintf(buf, LB_CELL_TEXT, "%s backend", outcome);
    else
        n = snprintf(buf, LB_CELL_TEXT, "%s over %llu", outcome, seen);
    snprintf(buf + n, LB_CELL_TEXT - (size_t)n, ", %s",
             layer == LB_LAYER_UNKNOWN ? "layer unknown" : word);
    return buf;
}
