/* What a client leaves behind of its run: the report, and the last object of ndjson. */
#include "client/client_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "balance/verdict_text.h"
#include "report/verdict_json.h"

int lb_client_report_check(const char *path, struct lb_error *err)
{
    const char *slash = strrchr(path, '/');
    struct stat at;
    if (!*path)
        return lb_error_set(err, "option --report: the name of the file is empty");
    if (strcmp(path, "-") == 0)
        return 0;
    if (stat(path, &at) == 0 && S_ISDIR(at.st_mode))
        return lb_error_set(err, "option --report: '%s' is a folder", path);
    char *folder = slash == path ? strdup("/")
                   : slash       ? strndup(path, (size_t)(slash - path))
                                 : strdup(".");
    int bad = !folder || access(folder, W_OK) < 0;
    if (bad)
        lb_error_set(err, "option --report: '%s' cannot be written: %s", path, strerror(errno));
    free(folder);
    return bad ? -1 : 0;
}

int lb_client_record_labels(struct lb_client_record *record, const struct lb_option_list *labels,
                            struct lb_error *err)
{
    for (size_t i = 0; i < labels->count; i++) {
        if (i == LB_REPORT_MAX_LABELS)
            return lb_error_set(err, "option --label: more than %d labels", LB_REPORT_MAX_LABELS);
        struct lb_error why;
        char **copy = &record->label_copies[record->label_count++];
        if (lb_report_label_parse(&record->run, labels->items[i], copy, &why) < 0)
            return lb_error_set(err, "option --label: %.400s", why.text);
    }
    return 0;
}

void lb_client_record_settings(struct lb_client_record *record, const struct lb_client_plan *plan)
{
    const struct lb_load *load = &plan->load;
    record->run.settings = (struct lb_report_settings){
        .mode = load->schedule.mode,
        .seed = load->schedule.seed,
        .connections = load->schedule.connections,
        .streams = load->schedule.streams,
        .interval_ns = load->interval_ns,
        .timeout_ns = load->timeout_ns,
        .warmup_ns = load->warmup_ns,
    };
}

int lb_client_record_save(const struct lb_client_record *record, const char *path,
                          const struct lb_client_plan *plan, const struct lb_tally *tally,
                          const struct lb_verdict *verdict, struct lb_error *err)
{
    const struct lb_report_judging judging = {
        .alpha_layer = verdict->alpha_layer,
        .alpha_evenness = verdict->alpha_evenness,
        .expected_backends = plan->expectation.backends,
        .weights = plan->weights.list,
        .n_weights = plan->weights.count,
        .group_by = lb_group_by_name(plan->group_by),
        .expectation = plan->expectation,
    };
    return lb_report_save(path, &record->run, tally, &judging, verdict, err);
}

int lb_client_verdict_print(FILE *out, const struct lb_expectation *expectation,
                            const struct lb_verdict *verdict)
{
    json_t *object = json_pack("{so so}", "verdict", lb_verdict_json(verdict), "expectation",
                               lb_expectation_json(expectation, verdict));
    int bad = !object || json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER) < 0;
    json_decref(object);
    fputc('\n', out);
    return bad ? -1 : 0;
}

char *lb_client_status(const char *target, int64_t elapsed_ns, uint64_t in_flight,
                       const char *phase, const struct lb_verdict *verdict)
{
    char *clean = lb_escape_name(target);
    json_t *object = !clean ? NULL
                            : json_pack("{ss sf sI ss so}", "target", clean, "elapsed_s",
                                        (double)elapsed_ns / (double)LB_NS_PER_S, "in_flight",
                                        (json_int_t)in_flight, "phase", phase, "verdict",
                                        lb_verdict_json(verdict));
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(object);
    free(clean);
    return text;
}

void lb_client_record_clear(struct lb_client_record *record)
{
    while (record->label_count > 0)
        free(record->label_copies[--record->label_count]);
    memset(record, 0, sizeof *record);
}
