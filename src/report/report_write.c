/* A report as JSON. See report_write.h. */
#include "report/report_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "report/run_fields.h"
#include "report/segment_json.h"
#include "report/verdict_json.h"
#include "report/when.h"

/* Takes `value` (which may be NULL) over into `object`. 0, or -1 without memory. */
static int put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value);
}

static json_t *write_settings(const struct lb_report_settings *s)
{
    json_t *object = json_pack("{s: s}", "mode", lb_mode_names[s->mode]);
    if (object && lb_fields_write(object, lb_settings_fields, LB_SETTINGS_FIELDS, s) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_labels(const struct lb_report_run *run)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < run->n_labels; i++) {
        if (put(object, run->labels[i].name, lb_json_text(run->labels[i].value)) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *write_target(const struct lb_target_facts *target)
{
    json_t *object = json_object();
    if (object && lb_fields_write(object, lb_target_fields, LB_TARGET_FIELDS, target) == 0)
        return object;
    json_decref(object);
    return NULL;
}

/* The segments of a run, in order. They lie together in the tally: from *next on. */
static json_t *write_segments(const struct lb_tally *tally, const char *run, size_t *next)
{
    json_t *array = json_array();
    for (; array && *next < lb_tally_segments(tally); (*next)++) {
        const struct lb_segment *s = lb_tally_segment(tally, *next);
        int order = strcmp(s->run, run);
        if (order > 0)
            break;
        if (order == 0 && s->first <= s->last &&
            json_array_append_new(array, lb_segment_write(s)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_run(const struct lb_report_run *run, const struct lb_tally *tally,
                         size_t *next)
{
    char when[LB_WHEN_TEXT];
    json_t *object = json_object();
    if (object && lb_fields_write(object, lb_run_fields, LB_RUN_FIELDS, run) == 0 &&
        put(object, "started", json_string(lb_when_format(when, run->started_ms))) == 0 &&
        put(object, "target", write_target(&run->target)) == 0 &&
        put(object, "settings", write_settings(&run->settings)) == 0 &&
        put(object, "labels", write_labels(run)) == 0 &&
        put(object, "segments", write_segments(tally, run->id, next)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_runs(const struct lb_report *r)
{
    size_t next = 0;
    json_t *array = json_array();
    for (size_t i = 0; array && i < r->n_runs; i++) {
        if (json_array_append_new(array, write_run(&r->runs[i], r->tally, &next)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_weights(const struct lb_report_judging *judging)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < judging->n_weights; i++) {
        json_t *weight = json_object();
        if (weight &&
            lb_fields_write(weight, lb_weight_fields, LB_WEIGHT_FIELDS, &judging->weights[i]) < 0) {
            json_decref(weight);
            weight = NULL;
        }
        if (json_array_append_new(array, weight) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* null when nothing was expected; with the verdict, what came of it is told too. */
static json_t *write_expectation(const struct lb_expectation *e, const struct lb_verdict *v)
{
    bool word = e->word != LB_EXPECT_NOTHING;
    if (!word && !e->backends && !e->weights && !e->limit_errors)
        return json_null();
    json_t *object = lb_expectation_json(e, v);
    if (object &&
        put(object, "word", word ? json_string(lb_expect_name(e->word)) : json_null()) == 0 &&
        put(object, "backends", json_integer(e->backends)) == 0 &&
        put(object, "max_errors",
            e->limit_errors ? json_integer((json_int_t)e->max_errors) : json_null()) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_judging(const struct lb_report_judging *judging, const struct lb_verdict *v)
{
    struct lb_report_judging used = *judging;
    used.alpha_layer = used.alpha_layer > 0 ? used.alpha_layer : LB_ALPHA_LAYER;
    used.alpha_evenness = used.alpha_evenness > 0 ? used.alpha_evenness : LB_ALPHA_EVENNESS;
    json_t *object = json_object();
    if (object && lb_fields_write(object, lb_judging_fields, LB_JUDGING_FIELDS, &used) == 0 &&
        put(object, "weights", write_weights(judging)) == 0 &&
        put(object, "expectation", write_expectation(&judging->expectation, v)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_group(const struct lb_group *group)
{
    json_t *object = json_object();
    if (object && put(object, "title", lb_json_text(group->title)) == 0 &&
        put(object, "row", lb_json_text(group->row)) == 0 &&
        put(object, "column", json_string(group->column)) == 0 &&
        put(object, "verdict", lb_verdict_json(group->verdict)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_groups(const struct lb_groups *groups)
{
    json_t *array = json_array();
    for (size_t i = 0; array && groups && i < groups->count; i++) {
        if (json_array_append_new(array, write_group(&groups->groups[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

char *lb_report_text(const struct lb_report *r, const struct lb_verdict *verdict,
                     const struct lb_groups *groups, const char *program, const char *version)
{
    char *text = NULL;
    json_t *document = json_object();
    if (document && put(document, "format", json_string(LB_REPORT_FORMAT)) == 0 &&
        put(document, "version", json_integer(LB_REPORT_VERSION)) == 0 &&
        put(document, "program", json_string(program)) == 0 &&
        put(document, "program_version", json_string(version)) == 0 &&
        put(document, "verdict", verdict ? lb_verdict_json(verdict) : json_null()) == 0 &&
        put(document, "groups", write_groups(groups)) == 0 &&
        put(document, "judging", write_judging(&r->judging, verdict)) == 0 &&
        put(document, "runs", write_runs(r)) == 0)
        text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    return text;
}

int lb_report_write_text(const char *path, const char *text, struct lb_error *err)
{
    if (strcmp(path, "-") == 0) {
        puts(text);
        return lb_stdout_finish(err);
    }
    size_t size = strlen(text);
    char *line = malloc(size + 2);
    if (!line)
        return lb_error_set(err, "cannot write '%s': out of memory", path);
    memcpy(line, text, size);
    line[size] = '\n';
    int status = lb_file_write(path, line, size + 1, err);
    free(line);
    return status;
}

int lb_report_save(const char *path, const struct lb_report_run *run, const struct lb_tally *tally,
                   const struct lb_report_judging *judging, const struct lb_verdict *verdict,
                   struct lb_error *err)
{
    struct lb_report_run runs[1] = {*run};
    struct lb_report report = {
        .runs = runs, .n_runs = 1, .tally = (struct lb_tally *)tally, .judging = *judging};
    if (!report.judging.group_by)
        report.judging.group_by = "";
    char *text = lb_report_text(&report, verdict, NULL, run->program, run->program_version);
    int status = text ? lb_report_write_text(path, text, err)
                      : lb_error_set(err, "cannot write the report '%s': out of memory", path);
    free(text);
    return status;
}
