/* What a set of runs should show. See expected.h. */
#include "report/expected.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/language.h"
#include "common/file.h"
#include "report/place.h"

#define ANY -1

struct lb_expected {
    json_t *document; /* holds the texts */
    size_t count;
    struct wanted {
        const char *name;
        const char *protocol;      /* "http", "grpc" */
        json_t *labels;            /* borrowed: name to value; NULL: any */
        int outcome;               /* enum lb_outcome */
        int layer;                 /* enum lb_layer, or ANY */
        int group_by;              /* enum lb_group_by, or ANY: as the reports are judged */
        struct lb_weight *weights; /* expected shares; NULL: as the reports are judged */
        size_t n_weights;
    } wanted[];
};

static const char *text_of(const struct lb_place *at, json_t *object, const char *name)
{
    struct lb_place here = lb_place_member(at, name);
    const char *text = json_string_value(json_object_get(object, name));
    if (!text)
        lb_place_fail(&here, "is no string");
    return text;
}

static int outcome_of(const struct lb_place *at, const char *word)
{
    for (int i = 0; i <= LB_OUTCOME_NO_DATA; i++) {
        if (strcmp(word, lb_outcome_name(i)) == 0)
            return i;
    }
    return lb_place_fail(at, "'%.40s' is no outcome", word);
}

static int layer_of(const struct lb_place *at, const char *word)
{
    for (int i = 0; i <= LB_LAYER_SINGLE_BACKEND; i++) {
        if (strcmp(word, lb_layer_name(i)) == 0)
            return i;
    }
    return lb_place_fail(at, "'%.40s' is no layer", word);
}

static int read_labels(const struct lb_place *at, json_t *object, json_t **labels)
{
    struct lb_place here = lb_place_member(at, "labels");
    const char *name;
    json_t *value;
    *labels = json_object_get(object, "labels");
    if (*labels && !json_is_object(*labels))
        return lb_place_fail(&here, "is no object");
    json_object_foreach(*labels, name, value)
    {
        struct lb_place label_at = lb_place_member(&here, name);
        if (!json_is_string(value))
            return lb_place_fail(&label_at, "is no string");
    }
    return 0;
}

/* "group_by" and "weights", an object of a number by name. */
static int read_shares(const struct lb_place *at, json_t *object, struct wanted *w)
{
    struct lb_place group_at = lb_place_member(at, "group_by");
    struct lb_place weights_at = lb_place_member(at, "weights");
    json_t *group = json_object_get(object, "group_by"), *value;
    json_t *weights = json_object_get(object, "weights");
    const char *word = group ? text_of(at, object, "group_by") : "", *name;
    double sum = 0;
    if (!word)
        return -1;
    w->group_by = group || weights ? lb_group_by_parse(word) : ANY;
    if (group && w->group_by <= LB_GROUP_NONE)
        return lb_place_fail(&group_at, "'%.40s' is nothing to group by", word);
    if (!weights)
        return 0;
    size_t n = json_object_size(weights);
    if (n == 0 || n > LB_REPORT_MAX_WEIGHTS)
        return lb_place_fail(&weights_at, "is no object of 1 to %d weights", LB_REPORT_MAX_WEIGHTS);
    w->weights = calloc(n, sizeof *w->weights);
    if (!w->weights)
        return lb_place_no_memory(at);
    json_object_foreach(weights, name, value)
    {
        struct lb_place here = lb_place_member(&weights_at, name);
        double weight = json_number_value(value);
        if (!json_is_number(value) || !(weight >= 0 && weight <= 1e9))
            return lb_place_fail(&here, "is no number from 0 to 1000000000");
        w->weights[w->n_weights++] = (struct lb_weight){name, weight};
        sum += weight;
    }
    return sum > 0 ? 0 : lb_place_fail(&weights_at, "has only weights of 0");
}

static int read_wanted(const struct lb_place *at, json_t *object, struct wanted *w)
{
    struct lb_place outcome_at = lb_place_member(at, "outcome");
    struct lb_place layer_at = lb_place_member(at, "layer");
    if (!json_is_object(object))
        return lb_place_fail(at, "is no object");
    w->name = text_of(at, object, "name");
    w->protocol = w->name ? text_of(at, object, "protocol") : NULL;
    const char *outcome = w->protocol ? text_of(at, object, "outcome") : NULL;
    if (!outcome)
        return -1;
    w->outcome = outcome_of(&outcome_at, outcome);
    w->layer = ANY;
    if (w->outcome >= 0 && json_object_get(object, "layer")) {
        const char *layer = text_of(at, object, "layer");
        w->layer = layer ? layer_of(&layer_at, layer) : -1;
        if (w->layer < 0)
            return -1;
    }
    return w->outcome < 0 || read_labels(at, object, &w->labels) < 0 ? -1
                                                                     : read_shares(at, object, w);
}

static int read_document(const struct lb_place *at, json_t *document)
{
    const char *format = json_string_value(json_object_get(document, "format"));
    if (!format || strcmp(format, LB_EXPECTED_FORMAT) != 0)
        return lb_place_fail(at, "is no list of expected verdicts: 'format' is not %s",
                             LB_EXPECTED_FORMAT);
    int64_t version;
    struct lb_place version_at = lb_place_member(at, "version");
    return lb_place_integer(&version_at, json_object_get(document, "version"), 1,
                            LB_EXPECTED_VERSION, &version);
}

static struct lb_expected *parse(const struct lb_place *at, json_t *document)
{
    if (read_document(at, document) < 0)
        return NULL;
    json_t *list = lb_place_array(at, document, "expected", 1, LB_EXPECTED_MAX_RUNS);
    if (!list)
        return NULL;
    size_t n = json_array_size(list);
    struct lb_expected *e = calloc(1, sizeof *e + n * sizeof e->wanted[0]);
    if (!e) {
        lb_place_no_memory(at);
        return NULL;
    }
    struct lb_place list_at = lb_place_member(at, "expected");
    e->document = json_incref(document);
    while (e->count < n) {
        struct lb_place here = lb_place_element(&list_at, e->count);
        json_t *object = json_array_get(list, e->count);
        if (read_wanted(&here, object, &e->wanted[e->count++]) < 0) {
            lb_expected_free(e);
            return NULL;
        }
    }
    return e;
}

struct lb_expected *lb_expected_load(const char *path, struct lb_error *err)
{
    char *data;
    size_t size;
    struct lb_place at = lb_place_document(path, err);
    json_error_t wrong;
    if (lb_file_read(path, LB_EXPECTED_MAX_BYTES, &data, &size, err) < 0)
        return NULL;
    json_t *document = json_loadb(data, size, JSON_REJECT_DUPLICATES, &wrong);
    free(data);
    if (!document) {
        lb_place_fail(&at, "line %d, column %d: %s", wrong.line, wrong.column, wrong.text);
        return NULL;
    }
    struct lb_expected *e = parse(&at, document);
    json_decref(document);
    return e;
}

void lb_expected_free(struct lb_expected *expected)
{
    if (!expected)
        return;
    for (size_t i = 0; i < expected->count; i++)
        free(expected->wanted[i].weights);
    json_decref(expected->document);
    free(expected);
}

/* Whether all runs of the group are of the protocol and have the labels that `w` names. */
static bool concerns(const struct wanted *w, const struct lb_group *group)
{
    for (size_t i = 0; i < group->report->n_runs; i++) {
        const struct lb_report_run *run = &group->report->runs[i];
        const char *name;
        json_t *value;
        if (strcmp(run->target.protocol, w->protocol) != 0)
            return false;
        json_object_foreach(w->labels, name, value)
        {
            const char *has = lb_report_run_label(run, name);
            if (!has || strcmp(has, json_string_value(value)) != 0)
                return false;
        }
    }
    return true;
}

static int check_group(const struct wanted *w, const struct lb_group *group)
{
    int outcome = lb_group_outcome(group), layer = group->verdict->layers.layer;
    if (outcome == w->outcome && (w->layer == ANY || layer == w->layer))
        return LB_EXIT_OK;
    bool open = outcome == LB_OUTCOME_INCONCLUSIVE || outcome == LB_OUTCOME_NO_DATA ||
                (outcome == w->outcome && layer == LB_LAYER_UNKNOWN);
    return open ? LB_EXIT_UNJUDGED : LB_EXIT_FAILURE;
}

/* Judges a group by the shares that are wanted, as `view` of it, whose verdict is the caller's.
 * What its probe says of shares was judged otherwise: only the layer is taken from there. */
static int judge_shares(const struct wanted *w, const struct lb_group *group,
                        struct lb_report *report, struct lb_group *view, struct lb_error *err)
{
    *report = *group->report;
    *view = *group;
    report->judging.group_by = lb_group_by_name((enum lb_group_by)w->group_by);
    report->judging.weights = w->weights;
    report->judging.n_weights = w->n_weights;
    view->report = report;
    view->probed_by = NULL;
    view->verdict = NULL;
    return lb_report_judge(report, group->probed_by ? &group->probed_by->verdict->layers : NULL,
                           &view->verdict, err);
}

static int worse(int a, int b)
{
    static const int rank[] = {[LB_EXIT_OK] = 0, [LB_EXIT_UNJUDGED] = 1, [LB_EXIT_FAILURE] = 2};
    return rank[a] >= rank[b] ? a : b;
}

static void print_wanted(const struct wanted *w, FILE *out)
{
    fprintf(out, lb_text("expected %s%s%s\n"), lb_outcome_name(w->outcome),
            w->layer == ANY ? "" : ", ", w->layer == ANY ? "" : lb_layer_name(w->layer));
}

/* Prints what a cell showed. The exit status, or -1. */
static int check_cell(const struct wanted *w, const struct lb_group *group, FILE *out,
                      struct lb_error *err)
{
    char cell[LB_CELL_TEXT];
    struct lb_report report;
    struct lb_group view = *group;
    bool anew = w->group_by != ANY;
    if (anew && judge_shares(w, group, &report, &view, err) < 0)
        return -1;
    int status = check_group(w, &view);
    fprintf(out, "%-26s  %-34s  ", w->name, lb_group_cell(&view, cell));
    if (status == LB_EXIT_OK)
        fputs(lb_text("as expected\n"), out);
    else
        print_wanted(w, out);
    if (anew)
        lb_verdict_free(view.verdict);
    return status;
}

static int check_one(const struct wanted *w, const struct lb_group *const *cells, size_t n,
                     FILE *out, struct lb_error *err)
{
    int status = LB_EXIT_OK;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (!concerns(w, cells[i]))
            continue;
        int one = check_cell(w, cells[i], out, err);
        if (one < 0)
            return -1;
        found = true;
        status = worse(status, one);
    }
    if (!found) {
        fprintf(out, "%-26s  %-34s  ", w->name, "no report");
        print_wanted(w, out);
        status = LB_EXIT_FAILURE;
    }
    return status;
}

int lb_expected_check(const struct lb_expected *expected, const struct lb_groups *groups, FILE *out,
                      struct lb_error *err)
{
    const struct lb_group **cells = calloc(groups->count + 1, sizeof *cells);
    if (!cells)
        return lb_error_set(err, "out of memory");
    size_t n = lb_groups_cells(groups, cells);
    int status = LB_EXIT_OK;
    for (size_t i = 0; i < expected->count && status >= 0; i++) {
        int one = check_one(&expected->wanted[i], cells, n, out, err);
        status = one < 0 ? -1 : worse(status, one);
    }
    free(cells);
    return status;
}
