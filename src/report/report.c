/* The report in memory. See report.h. */
#include "report/report.h"
#include "common/language.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LABEL_NAME 63

struct lb_report *lb_report_new(void)
{
    struct lb_report *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->tally = lb_tally_new(NULL, "", 1);
    r->judging.group_by = strdup("");
    if (r->tally && r->judging.group_by)
        return r;
    lb_report_free(r);
    return NULL;
}

/* Texts of a report are its own, though its structs show them as const. */
static void free_text(const char *text)
{
    free((char *)text);
}

void lb_report_run_clear(struct lb_report_run *run)
{
    free_text(run->id);
    free_text(run->client);
    free_text(run->program);
    free_text(run->program_version);
    free_text(run->target.protocol);
    free_text(run->target.target);
    free_text(run->target.lb_policy);
    for (size_t i = 0; i < run->n_labels; i++) {
        free_text(run->labels[i].name);
        free_text(run->labels[i].value);
    }
}

void lb_report_judging_clear(struct lb_report_judging *judging)
{
    for (size_t i = 0; i < judging->n_weights; i++)
        free_text(judging->weights[i].name);
    free(judging->weights);
    free_text(judging->group_by);
}

void lb_report_free(struct lb_report *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_runs; i++)
        lb_report_run_clear(&r->runs[i]);
    free(r->runs);
    lb_report_judging_clear(&r->judging);
    lb_tally_free(r->tally);
    free(r);
}

/* Replaces *text by a copy of it; NULL stays. 0, or -1: *text is NULL then. */
static int own(const char **text)
{
    if (!*text)
        return 0;
    *text = strdup(*text);
    return *text ? 0 : -1;
}

/* Makes all texts of a run copied bit by bit its own. After failure none is owned. */
static int own_run(struct lb_report_run *run)
{
    size_t n_labels = run->n_labels;
    int failed = own(&run->id) < 0;
    failed |= own(&run->client) < 0;
    failed |= own(&run->program) < 0;
    failed |= own(&run->program_version) < 0;
    failed |= own(&run->target.protocol) < 0;
    failed |= own(&run->target.target) < 0;
    failed |= own(&run->target.lb_policy) < 0;
    for (size_t i = 0; i < n_labels; i++) {
        failed |= own(&run->labels[i].name) < 0;
        failed |= own(&run->labels[i].value) < 0;
    }
    if (failed)
        lb_report_run_clear(run);
    return failed ? -1 : 0;
}

/* Where the run with this id is, or would be. */
static size_t position_of(const struct lb_report *r, const char *id, bool *found)
{
    size_t low = 0, high = r->n_runs;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(r->runs[middle].id, id);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

const struct lb_report_run *lb_report_find_run(const struct lb_report *r, const char *id)
{
    bool found;
    size_t i = position_of(r, id, &found);
    return found ? &r->runs[i] : NULL;
}

int lb_report_add_run(struct lb_report *r, const struct lb_report_run *run)
{
    bool found;
    size_t at = position_of(r, run->id, &found);
    if (found)
        return 0;
    if ((r->n_runs & (r->n_runs - 1)) == 0) { /* full at every power of two */
        size_t room = r->n_runs ? 2 * r->n_runs : 1;
        struct lb_report_run *grown = realloc(r->runs, room * sizeof *grown);
        if (!grown)
            return -1;
        r->runs = grown;
    }
    struct lb_report_run copy = *run;
    if (own_run(&copy) < 0)
        return -1;
    memmove(&r->runs[at + 1], &r->runs[at], (r->n_runs - at) * sizeof *r->runs);
    r->runs[at] = copy;
    r->n_runs++;
    return 0;
}

int lb_report_set_judging(struct lb_report *r, const struct lb_report_judging *judging)
{
    struct lb_report_judging copy = *judging;
    copy.n_weights = 0;
    copy.weights = NULL;
    if (own(&copy.group_by) < 0)
        return -1;
    if (judging->n_weights && !(copy.weights = calloc(judging->n_weights, sizeof *copy.weights)))
        goto fail;
    for (size_t i = 0; i < judging->n_weights; i++) {
        copy.weights[i] = judging->weights[i];
        if (own(&copy.weights[i].name) < 0)
            goto fail;
        copy.n_weights++;
    }
    lb_report_judging_clear(&r->judging);
    r->judging = copy;
    return 0;
fail:
    lb_report_judging_clear(&copy);
    return -1;
}

const char *lb_report_run_label(const struct lb_report_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_labels; i++) {
        if (strcmp(run->labels[i].name, name) == 0)
            return run->labels[i].value;
    }
    return NULL;
}

bool lb_report_label_name_ok(const char *name, size_t length)
{
    bool ok = length > 0 && length <= MAX_LABEL_NAME;
    for (size_t i = 0; i < length && ok; i++)
        ok = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
    return ok;
}

int lb_report_label_check(const char *text, struct lb_error *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || !lb_report_label_name_ok(text, (size_t)(equals - text)))
        return lb_error_set(err,
                            "'%.100s' is not NAME=VALUE with a NAME of 1 to %d letters, digits, "
                            "dots, dashes and underscores",
                            text, MAX_LABEL_NAME);
    if (strlen(equals + 1) > LB_MAX_NAME)
        return lb_error_set(err, "the value of label '%.*s' has more than %d bytes",
                            (int)(equals - text), text, LB_MAX_NAME);
    return 0;
}

int lb_report_label_parse(struct lb_report_run *run, const char *text, char **copy,
                          struct lb_error *err)
{
    *copy = NULL;
    if (lb_report_label_check(text, err) < 0)
        return -1;
    if (run->n_labels == LB_REPORT_MAX_LABELS)
        return lb_error_set(err, "'%.100s' is one label too many: at most %d are allowed", text,
                            LB_REPORT_MAX_LABELS);
    *copy = strdup(text);
    if (!*copy)
        return lb_error_set(err, "out of memory");
    char *value = strchr(*copy, '=');
    *value++ = '\0';
    if (lb_report_run_label(run, *copy))
        return lb_error_set(err, "label '%s' is given twice", *copy);
    run->labels[run->n_labels++] = (struct lb_report_label){*copy, value};
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

struct lb_target_facts lb_report_target_facts(const struct lb_report *r)
{
    struct lb_target_facts all = {0};
    for (size_t i = 0; i < r->n_runs; i++) {
        const struct lb_target_facts *t = &r->runs[i].target;
        if (i == 0) {
            all = *t;
            continue;
        }
        if (!same_text(all.protocol, t->protocol))
            all.protocol = NULL;
        if (!same_text(all.target, t->target))
            all.target = NULL;
        if (!same_text(all.lb_policy, t->lb_policy))
            all.lb_policy = NULL;
        if (all.addresses != t->addresses)
            all.addresses = 0;
        all.new_connections &= t->new_connections;
        all.channels = all.channels > t->channels ? all.channels : t->channels;
        all.cookies |= t->cookies;
        all.tls &= t->tls;
        all.diagnosed &= t->diagnosed;
    }
    return all;
}

int lb_report_judge(const struct lb_report *r, const struct lb_layers *known,
                    struct lb_verdict **out, struct lb_error *err)
{
    struct lb_target_facts facts = lb_report_target_facts(r);
    struct lb_verdict_options options = {
        .alpha_layer = r->judging.alpha_layer,
        .alpha_evenness = r->judging.alpha_evenness,
        .expected_backends = r->judging.expected_backends,
        .weights = r->judging.weights,
        .n_weights = r->judging.n_weights,
        .group_by = (enum lb_group_by)lb_group_by_parse(r->judging.group_by),
        .target = r->n_runs ? &facts : NULL,
        .known = known,
        .translate = lb_text,
    };
    if (lb_verdict_make(r->tally, &options, out) < 0)
        return lb_error_set(err, "out of memory");
    return 0;
}
