/* Many reports into one. See merge.h. */
#include "report/merge.h"

#include <inttypes.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Names what differs between two runs of the same id, or NULL. */
static const char *difference(const struct lb_report_run *a, const struct lb_report_run *b)
{
    if (strcmp(a->client, b->client) != 0)
        return "client";
    if (strcmp(a->program, b->program) != 0)
        return "program";
    if (a->started_ms != b->started_ms)
        return "start";
    if (!same_text(a->target.target, b->target.target))
        return "target";
    if (a->settings.seed != b->settings.seed)
        return "seed";
    if (a->n_labels != b->n_labels)
        return "labels";
    for (size_t i = 0; i < a->n_labels; i++) {
        const char *value = lb_report_run_label(b, a->labels[i].name);
        if (!value || strcmp(value, a->labels[i].value) != 0)
            return "labels";
    }
    return NULL;
}

static bool same_weights(const struct lb_report_judging *a, const struct lb_report_judging *b)
{
    bool same = a->n_weights == b->n_weights;
    for (size_t i = 0; same && i < a->n_weights; i++)
        same = strcmp(a->weights[i].name, b->weights[i].name) == 0 &&
               a->weights[i].weight == b->weights[i].weight;
    return same;
}

/* What both agree on; the defaults for the rest. */
static struct lb_report_judging agreed(const struct lb_report_judging *a,
                                       const struct lb_report_judging *b)
{
    struct lb_report_judging both = *a;
    if (a->alpha_layer != b->alpha_layer)
        both.alpha_layer = LB_ALPHA_LAYER;
    if (a->alpha_evenness != b->alpha_evenness)
        both.alpha_evenness = LB_ALPHA_EVENNESS;
    if (a->expected_backends != b->expected_backends)
        both.expected_backends = 0;
    if (!same_weights(a, b)) {
        both.weights = NULL;
        both.n_weights = 0;
    }
    if (strcmp(a->group_by, b->group_by) != 0)
        both.group_by = "";
    both.expectation = (struct lb_expectation){0}; /* of single clients */
    return both;
}

int lb_report_merge(struct lb_report *into, const struct lb_report *from, const char *file,
                    struct lb_error *err)
{
    for (size_t i = 0; i < from->n_runs; i++) {
        const struct lb_report_run *known = lb_report_find_run(into, from->runs[i].id);
        const char *differs = known ? difference(known, &from->runs[i]) : NULL;
        if (differs)
            return lb_error_set(err, "%s: run '%s' has the id of a run read before, but another %s",
                                file, from->runs[i].id, differs);
    }
    struct lb_report_judging judging =
        into->n_runs ? agreed(&into->judging, &from->judging) : from->judging;
    judging.expectation = (struct lb_expectation){0};
    switch (lb_tally_merge(into->tally, from->tally)) {
    case LB_MERGE_OK:
    case LB_MERGE_KNOWN:
        break;
    case LB_MERGE_OVERLAP:
        return lb_error_set(err,
                            "%s: counts requests of run '%s' that were counted in part already",
                            file, from->runs[0].id);
    case LB_MERGE_NO_MEMORY:
        return lb_error_set(err, "out of memory");
    }
    for (size_t i = 0; i < from->n_runs; i++) {
        if (lb_report_add_run(into, &from->runs[i]) < 0)
            return lb_error_set(err, "out of memory");
    }
    if (lb_report_set_judging(into, &judging) < 0)
        return lb_error_set(err, "out of memory");
    return 0;
}
