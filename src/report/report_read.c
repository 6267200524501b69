/* A report from JSON, every member checked. See report_read.h. */
#include "report/report_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "report/run_fields.h"
#include "report/segment_json.h"
#include "report/verdict_json.h"
#include "report/when.h"

static int read_format(const struct lb_place *at, json_t *document)
{
    struct lb_place version_at = lb_place_member(at, "version");
    const char *format = json_string_value(json_object_get(document, "format"));
    if (!format || strcmp(format, LB_REPORT_FORMAT) != 0)
        return lb_place_fail(at, "is not an lbdemo report: no \"format\": \"%s\"",
                             LB_REPORT_FORMAT);
    int64_t version;
    json_t *value = json_object_get(document, "version");
    if (lb_place_integer(&version_at, value, 1, INT32_MAX, &version) < 0)
        return -1;
    if (version > LB_REPORT_VERSION)
        return lb_place_fail(&version_at, "is %d, newer than the %d this program reads",
                             (int)version, LB_REPORT_VERSION);
    return 0;
}

/* Reads the members of table `fields` and the word `word` among `names`. */
static int read_word(const struct lb_place *at, json_t *object, const char *member,
                     const char *const *names, int n, int *out)
{
    struct lb_place here = lb_place_member(at, member);
    const char *word = json_string_value(json_object_get(object, member));
    for (int i = 0; word && i < n; i++) {
        if (strcmp(word, names[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return lb_place_fail(&here, "is not a word this version knows");
}

static int read_settings(const struct lb_place *up, json_t *run_json,
                         struct lb_report_settings *settings)
{
    struct lb_place at = lb_place_member(up, "settings");
    json_t *object = lb_place_object(up, run_json, "settings");
    int mode = 0;
    if (!object ||
        lb_fields_read(&at, object, lb_settings_fields, LB_SETTINGS_FIELDS, lb_settings_others,
                       settings) < 0 ||
        read_word(&at, object, "mode", lb_mode_names, LB_MODES, &mode) < 0)
        return -1;
    settings->mode = (enum lb_schedule_mode)mode;
    return 0;
}

static int read_target(const struct lb_place *up, json_t *run_json, struct lb_target_facts *target)
{
    struct lb_place at = lb_place_member(up, "target");
    struct lb_place protocol_at = lb_place_member(&at, "protocol");
    json_t *object = lb_place_object(up, run_json, "target");
    if (!object ||
        lb_fields_read(&at, object, lb_target_fields, LB_TARGET_FIELDS, NULL, target) < 0)
        return -1;
    if (strcmp(target->protocol, "http") != 0 && strcmp(target->protocol, "grpc") != 0)
        return lb_place_fail(&protocol_at, "is neither http nor grpc");
    if (!*target->lb_policy) { /* left out: none is in force */
        free((char *)target->lb_policy);
        target->lb_policy = NULL;
    }
    return 0;
}

static int read_labels(const struct lb_place *up, json_t *run_json, struct lb_report_run *run)
{
    struct lb_place at = lb_place_member(up, "labels");
    json_t *object = lb_place_object(up, run_json, "labels");
    if (!object)
        return -1;
    if (json_object_size(object) > LB_REPORT_MAX_LABELS)
        return lb_place_fail(&at, "has more than %d labels", LB_REPORT_MAX_LABELS);
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        struct lb_place here = lb_place_member(&at, name);
        struct lb_report_label *label = &run->labels[run->n_labels];
        if (!lb_report_label_name_ok(name, strlen(name)))
            return lb_place_fail(&here, "is not a label's name");
        char *text;
        if (lb_place_text(&here, value, LB_MAX_NAME, &text) < 0)
            return -1;
        label->value = text;
        label->name = strdup(name);
        run->n_labels++;
        if (!label->name)
            return lb_place_no_memory(at.up);
    }
    return 0;
}

static int add_segment(const struct lb_place *at, struct lb_tally *tally, struct lb_segment *s)
{
    enum lb_merge merged = lb_tally_add_segment(tally, &s);
    lb_segment_free(s);
    switch (merged) {
    case LB_MERGE_OK:
    case LB_MERGE_KNOWN:
        return 0;
    case LB_MERGE_OVERLAP:
        return lb_place_fail(at, "counts requests that another segment of the run counts too");
    default:
        return lb_place_no_memory(at);
    }
}

static int read_segments(const struct lb_place *up, json_t *run_json,
                         const struct lb_report_run *run, struct lb_tally *tally)
{
    struct lb_place at = lb_place_member(up, "segments");
    json_t *array = lb_place_array(up, run_json, "segments", 0, LB_REPORT_MAX_RUNS);
    if (!array)
        return -1;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct lb_place here = lb_place_element(&at, i);
        struct lb_segment *s =
            lb_segment_read(&here, json_array_get(array, i), run->id, run->client);
        if (!s || add_segment(&here, tally, s) < 0)
            return -1;
    }
    return 0;
}

static int read_run_members(const struct lb_place *at, json_t *object, struct lb_report_run *run)
{
    struct lb_place id_at = lb_place_member(at, "id"), started_at = lb_place_member(at, "started");
    if (lb_fields_read(at, object, lb_run_fields, LB_RUN_FIELDS, lb_run_others, run) < 0)
        return -1;
    if (!*run->id)
        return lb_place_fail(&id_at, "is empty");
    const char *started = json_string_value(json_object_get(object, "started"));
    if (!started || lb_when_parse(started, &run->started_ms) < 0)
        return lb_place_fail(&started_at, "is not a time like 2026-01-31T23:59:59.000Z");
    if (read_target(at, object, &run->target) < 0 || read_settings(at, object, &run->settings) < 0)
        return -1;
    return read_labels(at, object, run);
}

static int read_run(const struct lb_place *at, json_t *object, struct lb_report *r)
{
    struct lb_place id_at = lb_place_member(at, "id");
    struct lb_report_run run = {0};
    int status = read_run_members(at, object, &run);
    if (status == 0 && lb_report_find_run(r, run.id))
        status = lb_place_fail(&id_at, "is that of another run in the same file");
    if (status == 0 && lb_report_add_run(r, &run) < 0)
        status = lb_place_no_memory(at);
    if (status == 0)
        status = read_segments(at, object, &run, r->tally);
    lb_report_run_clear(&run);
    return status;
}

static int read_runs(const struct lb_place *document_at, json_t *document, struct lb_report *r)
{
    struct lb_place at = lb_place_member(document_at, "runs");
    json_t *array = lb_place_array(document_at, document, "runs", 1, LB_REPORT_MAX_RUNS);
    if (!array)
        return -1;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct lb_place here = lb_place_element(&at, i);
        if (read_run(&here, json_array_get(array, i), r) < 0)
            return -1;
    }
    return 0;
}

static int read_weights(const struct lb_place *up, json_t *object,
                        struct lb_report_judging *judging)
{
    json_t *array = lb_place_array(up, object, "weights", 0, LB_REPORT_MAX_WEIGHTS);
    if (!array)
        return -1;
    struct lb_place at = lb_place_member(up, "weights");
    size_t n = json_array_size(array);
    if (n && !(judging->weights = calloc(n, sizeof *judging->weights)))
        return lb_place_no_memory(up);
    for (size_t i = 0; i < n; i++) {
        struct lb_place here = lb_place_element(&at, i);
        judging->n_weights++;
        if (lb_fields_read(&here, json_array_get(array, i), lb_weight_fields, LB_WEIGHT_FIELDS,
                           NULL, &judging->weights[i]) < 0)
            return -1;
        if (!(judging->weights[i].weight >= 0))
            return lb_place_fail(&here, "has a weight that is not a number");
    }
    return 0;
}

static int read_expectation(const struct lb_place *up, json_t *parent, struct lb_expectation *e)
{
    struct lb_place at = lb_place_member(up, "expectation");
    struct lb_place word_at = lb_place_member(&at, "word");
    struct lb_place backends_at = lb_place_member(&at, "backends");
    struct lb_place errors_at = lb_place_member(&at, "max_errors");
    json_t *object = json_object_get(parent, "expectation");
    if (!object)
        return lb_place_fail(&at, "is missing");
    if (json_is_null(object))
        return 0;
    if (lb_fields_read(&at, object, NULL, 0, lb_expectation_members, e) < 0)
        return -1;
    json_t *word = json_object_get(object, "word");
    if (json_is_string(word))
        e->word = lb_expect_parse(json_string_value(word));
    if (!json_is_null(word) && e->word == LB_EXPECT_NOTHING)
        return lb_place_fail(&word_at, "is not a word this version knows");
    int64_t backends, errors = 0;
    json_t *limit = json_object_get(object, "max_errors");
    if (lb_place_integer(&backends_at, json_object_get(object, "backends"), 0, UINT32_MAX,
                         &backends) < 0 ||
        (!json_is_null(limit) &&
         lb_place_integer(&errors_at, limit, 0, LB_REPORT_MAX_COUNT, &errors) < 0))
        return -1;
    e->backends = (unsigned)backends;
    e->limit_errors = !json_is_null(limit);
    e->max_errors = (uint64_t)errors;
    static const char *const told[] = {"result", "reason"};
    for (int i = 0; i < 2; i++) {
        struct lb_place told_at = lb_place_member(&at, told[i]);
        json_t *value = json_object_get(object, told[i]);
        if (value && !json_is_string(value))
            return lb_place_fail(&told_at, "is not a string");
    }
    return 0;
}

static int read_judging(const struct lb_place *document_at, json_t *document, struct lb_report *r)
{
    struct lb_place at = lb_place_member(document_at, "judging");
    json_t *object = lb_place_object(document_at, document, "judging");
    struct lb_report_judging judging = {0};
    int status = object ? lb_fields_read(&at, object, lb_judging_fields, LB_JUDGING_FIELDS,
                                         lb_judging_others, &judging)
                        : -1;
    if (status == 0)
        status = read_weights(&at, object, &judging);
    if (status == 0)
        status = read_expectation(&at, object, &judging.expectation);
    if (status == 0 && !(judging.alpha_layer > 0 && judging.alpha_evenness > 0))
        status = lb_place_fail(&at, "has a significance that is not above 0");
    if (status == 0 && lb_group_by_parse(judging.group_by) < 0) {
        struct lb_place group_at = lb_place_member(&at, "group_by");
        status = lb_place_fail(&group_at, "'%.40s' is nothing to group by", judging.group_by);
    }
    judging.expectation.weights = judging.n_weights > 0;
    if (status == 0 && lb_report_set_judging(r, &judging) < 0)
        status = lb_place_no_memory(&at);
    lb_report_judging_clear(&judging);
    return status;
}

/* Groups are made anew from the runs: only checked. */
static int check_groups(const struct lb_place *document_at, json_t *document)
{
    static const char *const members[] = {"title", "row", "column", "verdict", NULL};
    struct lb_place at = lb_place_member(document_at, "groups");
    json_t *array = lb_place_array(document_at, document, "groups", 0, LB_REPORT_MAX_RUNS);
    if (!array)
        return -1;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct lb_place here = lb_place_element(&at, i);
        struct lb_place verdict_at = lb_place_member(&here, "verdict");
        json_t *group = json_array_get(array, i);
        if (lb_fields_read(&here, group, NULL, 0, members, NULL) < 0)
            return -1;
        for (int k = 0; k < 3; k++) {
            struct lb_place text_at = lb_place_member(&here, members[k]);
            if (!json_is_string(json_object_get(group, members[k])))
                return lb_place_fail(&text_at, "is not a string");
        }
        json_t *verdict = lb_place_object(&here, group, "verdict");
        if (!verdict || lb_verdict_check_json(&verdict_at, verdict) < 0)
            return -1;
    }
    return 0;
}

static int read_document(const struct lb_place *at, json_t *document, struct lb_report *r)
{
    struct lb_place verdict_at = lb_place_member(at, "verdict");
    if (!json_is_object(document))
        return lb_place_fail(at, "is not an lbdemo report: not a JSON object");
    if (read_format(at, document) < 0 ||
        lb_fields_read(at, document, NULL, 0, lb_document_members, NULL) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        static const char *const who[] = {"program", "program_version"};
        struct lb_place who_at = lb_place_member(at, who[i]);
        if (!json_is_string(json_object_get(document, who[i])))
            return lb_place_fail(&who_at, "is not a string");
    }
    json_t *verdict = json_object_get(document, "verdict");
    if (!verdict)
        return lb_place_fail(&verdict_at, "is missing");
    if ((!json_is_null(verdict) && lb_verdict_check_json(&verdict_at, verdict) < 0) ||
        check_groups(at, document) < 0 || read_judging(at, document, r) < 0)
        return -1;
    return read_runs(at, document, r);
}

struct lb_report *lb_report_parse(const char *file, const char *data, size_t size,
                                  struct lb_error *err)
{
    struct lb_place at = lb_place_document(file, err);
    struct lb_report *r = NULL;
    json_error_t wrong;
    if (size == 0) {
        lb_place_fail(&at, "is empty");
        return NULL;
    }
    json_t *document = json_loadb(data, size, JSON_REJECT_DUPLICATES, &wrong);
    if (!document) {
        bool cut = json_error_code(&wrong) == json_error_premature_end_of_input;
        lb_place_fail(&at, "line %d, column %d: %s", wrong.line, wrong.column,
                      cut ? "the file ends in the middle of the report" : wrong.text);
        return NULL;
    }
    r = lb_report_new();
    if (!r)
        lb_place_no_memory(&at);
    else if (read_document(&at, document, r) < 0) {
        lb_report_free(r);
        r = NULL;
    }
    json_decref(document);
    return r;
}

struct lb_report *lb_report_load(const char *path, struct lb_error *err)
{
    char *data;
    size_t size;
    if (lb_file_read(path, LB_REPORT_MAX_BYTES, &data, &size, err) < 0)
        return NULL;
    const char *file = strcmp(path, "-") == 0 ? "standard input" : path;
    struct lb_report *r = lb_report_parse(file, data, size, err);
    free(data);
    return r;
}
