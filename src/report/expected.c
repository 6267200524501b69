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
        const char *protocol; /* "http", "grpc" */
        json_t *labels;       /* borrowed: name to value; NULL: any */
        int outcome;          /* enum lb_outcome */
        int layer;            /* enum lb_layer, or ANY */
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
    return w->outcome < 0 ? -1 : read_labels(at, object, &w->labels);
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
    for (; e->count < n; e->count++) {
        struct lb_place here = lb_place_element(&list_at, e->count);
        if (read_wanted(&here, json_array_get(list, e->count), &e->wanted[e->count]) < 0) {
            free(e);
            return NULL;
        }
    }
    e->document = json_incref(document);
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

static int check_one(const struct wanted *w, const struct lb_group *const *cells, size_t n,
                     FILE *out)
{
    char cell[LB_CELL_TEXT];
    int status = LB_EXIT_OK;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (!concerns(w, cells[i]))
            continue;
        int one = check_group(w, cells[i]);
        found = true;
        status = worse(status, one);
        fprintf(out, "%-26s  %-34s  ", w->name, lb_group_cell(cells[i], cell));
        if (one == LB_EXIT_OK)
            fputs(lb_text("as expected\n"), out);
        else
            print_wanted(w, out);
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
    for (size_t i = 0; i < expected->count; i++)
        status = worse(status, check_one(&expected->wanted[i], cells, n, out));
    free(cells);
    return status;
}
