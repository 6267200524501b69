/* lbdemo-report: merges reports of many clients and runs into a table, a verdict, a page. */
#include "config.h"

#include <gsl/gsl_version.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "balance/verdict_text.h"
#include "common/file.h"
#include "common/language.h"
#include "common/options.h"
#include "common/units.h"
#include "report/compare.h"
#include "report/expected.h"
#include "report/html.h"
#include "report/inputs.h"
#include "report/reader.h"
#include "report/report_text.h"
#include "report/report_write.h"
#include "report/verdict_json.h"
#include "report/weights.h"

#define PROGRAM "lbdemo-report"

struct config {
    const char *html, *by, *check;
    int json, matrix, compare, keep_going;
    int expect;
    uint64_t expect_backends;
    const char *expect_weights; /* "v1=90,v2=10" */
    int group_by;               /* enum lb_group_by */
    const char *max_errors;     /* NULL: no limit */
    double alpha;
};

/* In the order of enum lb_expect_word. */
static const char *const expect_words[] = {"nothing",        "balanced",    "per-request",
                                           "per-connection", "client-side", "sticky",
                                           "pinned",         NULL};

/* In the order of enum lb_group_by. */
static const char *const groupings[] = {"nothing", "version", "zone", "node", "backend", NULL};

static int check_count(const char *text, struct lb_error *err)
{
    uint64_t count;
    return lb_parse_uint(text, 0, LB_REPORT_MAX_COUNT, &count, err);
}

#define AT(field) offsetof(struct config, field)
static const struct lb_option output_options[] = {
    {"html", LB_OPTION_STRING, "FILE",
     "Write a page: verdict, shares, timeline, latencies. One file, no network, no script.",
     AT(html)},
    {"json", LB_OPTION_FLAG, NULL, "Print the merged report as JSON, which can be merged again.",
     AT(json), 1},
    {"matrix", LB_OPTION_FLAG, NULL,
     "Print only the table of outcomes: a row a path (label 'path') or target, a column a "
     "protocol.",
     AT(matrix), 1},
    {"compare", LB_OPTION_FLAG, NULL,
     "Compare two reports, or two folders of them: what changed beyond chance. Exit 1 if anything "
     "did.",
     AT(compare), 1},
};
static const struct lb_option judging_options[] = {
    {"by", LB_OPTION_STRING, "KEYS",
     "Judge together the runs that agree in these: protocol, target, client, run and names of "
     "labels, "
     "separated by commas. Without it: protocol, target and all labels.",
     AT(by)},
    {"check", LB_OPTION_STRING, "FILE",
     "Print what each kind of run showed beside what FILE expects of it, and exit 1 unless all is "
     "as expected.",
     AT(check)},
    {"expect", LB_OPTION_CHOICE, NULL, "Exit 1 unless every verdict is this.", AT(expect),
     .choices = expect_words},
    {"expect-backends", LB_OPTION_UINT, "N",
     "Exit 1 unless that many backends answered. 0: as many as the reports expected.",
     AT(expect_backends), .max = 10000},
    {"expect-weights", LB_OPTION_STRING, "NAME=W,...",
     "Exit 1 unless shares are in proportion to these, as in v1=90,v2=10.", AT(expect_weights)},
    {"group-by", LB_OPTION_CHOICE, NULL,
     "Judge the shares of versions, zones or nodes, which the names of --expect-weights are.",
     AT(group_by), .choices = groupings},
    {"max-errors", LB_OPTION_STRING, "N", "Exit 1 when more requests failed.", AT(max_errors),
     .check = check_count},
    {"alpha", LB_OPTION_DOUBLE, "P",
     "Chance of a wrong verdict that is accepted; 0: as in the reports.", AT(alpha), .max = 1},
};
static const struct lb_option reading_options[] = {
    {"keep-going", LB_OPTION_FLAG, NULL,
     "Leave out reports that cannot be read, and say so; the status is 2 all the same.",
     AT(keep_going), 1, .letter = 'k'},
};
static const struct lb_option_group groups_of_options[] = {
    LB_OPTION_GROUP("Output", output_options),
    LB_OPTION_GROUP("Judging", judging_options),
    LB_OPTION_GROUP("Reading", reading_options),
};

static void print_libraries(FILE *out)
{
    fprintf(out, "Uses Jansson %s, GSL %s\n", JANSSON_VERSION, gsl_version);
}

static const struct lb_program program = {
    .name = PROGRAM,
    .synopsis = "[OPTION]... REPORT...",
    .summary =
        "Merges reports that lbdemo-http-client and lbdemo-grpc-client wrote with --report and "
        "judges the whole anew from its counts. REPORT is a file, a folder (all *.json in it), "
        "a quoted pattern, or - for standard input.",
    .epilog = "Exit status: 0 as expected, 1 not as expected, changed (--compare) or a\n"
              "failure, 2 bad usage or a report that cannot be read, 3 could not be\n"
              "judged.\n",
    .groups = groups_of_options,
    .group_count = sizeof groups_of_options / sizeof groups_of_options[0],
    .max_args = INT_MAX,
    .print_libraries = print_libraries,
};

/* Says what is left out for --keep-going. -1: it ends the program with *err. */
static int leave_out(const struct config *c, struct lb_error *err)
{
    return c->keep_going ? lb_program_fail(&program, err, LB_EXIT_USAGE) : -1;
}

/* Merges the reports at `paths`. Returns the exit status so far: LB_EXIT_USAGE when one was left
 * out. -1: to be ended with *err. */
static int read_all(const struct config *c, const struct lb_inputs *inputs, struct lb_report *into,
                    struct lb_error *err)
{
    struct lb_reader *reader = lb_reader_new(inputs->paths, inputs->count, err);
    int status = reader ? LB_EXIT_OK : -1;
    for (size_t i = 0; i < inputs->count && status >= 0; i++) {
        struct lb_report *r = lb_reader_next(reader, err);
        if (!r || lb_report_merge(into, r, inputs->paths[i], err) < 0)
            status = leave_out(c, err);
        lb_report_free(r);
    }
    lb_reader_free(reader);
    return status;
}

/* What the options say takes the place of what the reports say. */
static int set_judging(const struct config *c, struct lb_report *r, struct lb_error *err)
{
    struct lb_report_judging judging = r->judging;
    struct lb_weights weights;
    if (lb_weights_parse(c->expect_weights, &weights, err) < 0) {
        lb_weights_clear(&weights);
        return -1;
    }
    /* The reports' weights are of what they were grouped by. */
    if (weights.count || c->group_by != LB_GROUP_NONE) {
        judging.weights = weights.list;
        judging.n_weights = weights.count;
    }
    if (c->group_by != LB_GROUP_NONE)
        judging.group_by = lb_group_by_name((enum lb_group_by)c->group_by);
    if (c->alpha > 0)
        judging.alpha_layer = judging.alpha_evenness = c->alpha;
    if (c->expect_backends)
        judging.expected_backends = (unsigned)c->expect_backends;
    judging.expectation = (struct lb_expectation){
        .word = (enum lb_expect_word)c->expect,
        .backends = (unsigned)c->expect_backends,
        .weights = weights.count > 0,
        .limit_errors = c->max_errors != NULL,
        .max_errors = c->max_errors ? strtoull(c->max_errors, NULL, 10) : 0,
    };
    int failed = lb_report_set_judging(r, &judging);
    lb_weights_clear(&weights);
    return failed < 0 ? lb_error_set(err, "out of memory") : 0;
}

/* Reads and merges the arguments and cuts the result into judged groups. */
static int prepare(const struct config *c, char **arguments, int count, struct lb_report *all,
                   struct lb_groups *groups, struct lb_error *err)
{
    struct lb_inputs inputs = {0};
    int status = LB_EXIT_OK;
    for (int i = 0; i < count && status >= 0; i++) {
        if (lb_inputs_add(&inputs, arguments[i], err) < 0)
            status = leave_out(c, err);
    }
    if (status >= 0) {
        int read = read_all(c, &inputs, all, err);
        status = read < 0 || read > status ? read : status;
    }
    lb_inputs_free(&inputs);
    if (status < 0)
        return -1;
    if (all->n_runs == 0)
        return lb_error_set(err, "no report could be read");
    if (set_judging(c, all, err) < 0)
        return -1;
    return lb_groups_make(all, c->by, groups, err) < 0 ? -1 : status;
}

static int print_json(const struct lb_report *all, const struct lb_groups *groups,
                      struct lb_error *err)
{
    const struct lb_verdict *one = groups->count == 1 ? groups->groups[0].verdict : NULL;
    char *text = lb_report_text(all, one, one ? NULL : groups, PROGRAM, PACKAGE_VERSION);
    if (!text)
        return lb_error_set(err, "out of memory");
    puts(text);
    free(text);
    return 0;
}

static int print_result(const struct config *c, const struct lb_report *all,
                        const struct lb_groups *groups, struct lb_error *err)
{
    if (c->html && lb_report_save_html(c->html, groups, err) < 0)
        return -1;
    if (c->json)
        return print_json(all, groups, err);
    if (c->matrix)
        return lb_report_print_matrix(stdout, groups, err);
    return c->html ? 0 : lb_report_print_text(stdout, groups, LB_TEXT_WIDTH, err);
}

/* The worst of what the groups say to what was expected; says why. */
static int check_expectations(const struct lb_report *all, const struct lb_groups *groups)
{
    int status = LB_EXIT_OK;
    for (size_t i = 0; i < groups->count; i++) {
        struct lb_error why;
        char reason[400];
        enum lb_expect_result result = lb_expect_check(
            &all->judging.expectation, groups->groups[i].verdict, lb_text, reason, sizeof reason);
        if (result == LB_EXPECT_MET)
            continue;
        if (*reason) {
            lb_error_set(&why, "%.100s: %s", groups->groups[i].title, reason);
            lb_program_fail(&program, &why, LB_EXIT_FAILURE);
        }
        if (result == LB_EXPECT_NOT_MET)
            status = LB_EXIT_FAILURE;
        else if (status == LB_EXIT_OK)
            status = LB_EXIT_UNJUDGED;
    }
    return status;
}

/* --check: what was expected beforehand. The exit status, or -1. */
static int check_expected(const char *path, const struct lb_groups *groups, struct lb_error *err)
{
    struct lb_expected *expected = lb_expected_load(path, err);
    if (!expected)
        return -1;
    int status = lb_expected_check(expected, groups, stdout, err);
    lb_expected_free(expected);
    return status;
}

static int run_merge(const struct config *c, char **arguments, int count, struct lb_error *err)
{
    struct lb_groups groups = {0};
    struct lb_report *all = lb_report_new();
    int status =
        all ? prepare(c, arguments, count, all, &groups, err) : lb_error_set(err, "out of memory");
    if (status < 0) {
        status = lb_program_fail(&program, err, LB_EXIT_USAGE);
    } else if (!c->check && print_result(c, all, &groups, err) < 0) {
        status = lb_program_fail(&program, err, LB_EXIT_FAILURE);
    } else {
        int judged =
            c->check ? check_expected(c->check, &groups, err) : check_expectations(all, &groups);
        if (judged < 0)
            status = lb_program_fail(&program, err, LB_EXIT_USAGE);
        else if (lb_stdout_finish(err) < 0)
            status = lb_program_fail(&program, err, LB_EXIT_FAILURE);
        else
            status = status == LB_EXIT_OK ? judged : status;
    }
    lb_groups_clear(&groups);
    lb_report_free(all);
    return status;
}

/* The group of b that one of a is compared with: the only one, or that of the same title. */
static const struct lb_group *partner(const struct lb_groups *a, size_t i,
                                      const struct lb_groups *b)
{
    if (a->count == 1 && b->count == 1)
        return &b->groups[0];
    for (size_t k = 0; k < b->count; k++) {
        if (strcmp(a->groups[i].title, b->groups[k].title) == 0)
            return &b->groups[k];
    }
    return NULL;
}

static int print_comparison(const struct lb_group *a, const struct lb_comparison *comparison,
                            json_t *list, struct lb_error *err)
{
    if (list) {
        json_t *one =
            json_pack("{s: o, s: o, s: b}", "title", lb_json_text(a->title), "changes",
                      lb_comparison_json(comparison), "changed", (int)comparison->changed);
        return json_array_append_new(list, one) < 0 ? lb_error_set(err, "out of memory") : 0;
    }
    char *title = lb_escape_name(a->title);
    if (!title)
        return lb_error_set(err, "out of memory");
    printf("%s\n", title);
    lb_comparison_print(stdout, comparison);
    free(title);
    return 0;
}

/* Compares group by group. The exit status, or -1. */
static int compare_groups(const struct config *c, const struct lb_groups *a,
                          const struct lb_groups *b, struct lb_error *err)
{
    json_t *list = c->json ? json_array() : NULL;
    int status = c->json && !list ? lb_error_set(err, "out of memory") : LB_EXIT_OK;
    size_t compared = 0;
    for (size_t i = 0; i < a->count && status >= 0; i++) {
        struct lb_comparison comparison = {0};
        const struct lb_group *other = partner(a, i, b);
        if (!other)
            continue;
        compared++;
        if (lb_compare(&a->groups[i], other, &comparison, err) < 0 ||
            print_comparison(&a->groups[i], &comparison, list, err) < 0)
            status = -1;
        else if (comparison.changed)
            status = LB_EXIT_FAILURE;
        lb_comparison_clear(&comparison);
    }
    if (status >= 0 && compared == 0)
        status = lb_error_set(err, "nothing to compare: the two have no %s in common; see --by",
                              c->by ? c->by : "protocol, target and labels");
    if (status >= 0 && list && json_dumpf(list, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    json_decref(list);
    return status;
}

static int run_compare(const struct config *c, char **arguments, struct lb_error *err)
{
    struct lb_groups groups[2] = {{0}, {0}};
    struct lb_report *sides[2] = {lb_report_new(), lb_report_new()};
    int status = LB_EXIT_OK, left_out = LB_EXIT_OK;
    for (int i = 0; i < 2 && status >= 0; i++) {
        status = sides[i] ? prepare(c, &arguments[i], 1, sides[i], &groups[i], err)
                          : lb_error_set(err, "out of memory");
        left_out = status > left_out ? status : left_out;
    }
    if (status >= 0)
        status = compare_groups(c, &groups[0], &groups[1], err);
    if (status < 0)
        status = lb_program_fail(&program, err, LB_EXIT_USAGE);
    else if (lb_stdout_finish(err) < 0)
        status = lb_program_fail(&program, err, LB_EXIT_FAILURE);
    else if (left_out)
        status = left_out;
    for (int i = 0; i < 2; i++) {
        lb_groups_clear(&groups[i]);
        lb_report_free(sides[i]);
    }
    return status;
}

static int check_usage(const struct config *c, int count, struct lb_error *err)
{
    if (c->compare && count != 2)
        return lb_error_set(err, "--compare takes two reports (or folders), not %d", count);
    if (c->compare && (c->html || c->matrix))
        return lb_error_set(err, "--compare excludes --html and --matrix");
    if (c->check && (c->compare || c->html || c->matrix || c->json))
        return lb_error_set(err, "--check excludes --compare, --html, --json and --matrix");
    if (c->json && c->matrix)
        return lb_error_set(err, "--json and --matrix exclude each other");
    if (count == 0)
        return lb_error_set(err, "no report is given; see --help");
    return 0;
}

int main(int argc, char **argv)
{
    struct config config = {0};
    struct lb_error err;
    int first, status = LB_EXIT_OK;
    lb_language_begin();
    enum lb_options_result parsed = lb_options_parse(&program, argc, argv, &config, &first, &err);
    if (parsed == LB_OPTIONS_ERROR ||
        (parsed == LB_OPTIONS_RUN && check_usage(&config, argc - first, &err) < 0))
        status = lb_program_fail(&program, &err, LB_EXIT_USAGE);
    else if (parsed == LB_OPTIONS_DONE)
        status = lb_stdout_finish(&err) < 0 ? lb_program_fail(&program, &err, LB_EXIT_FAILURE)
                                            : LB_EXIT_OK;
    else if (config.compare)
        status = run_compare(&config, argv + first, &err);
    else
        status = run_merge(&config, argv + first, argc - first, &err);
    lb_options_free(&program, &config);
    return status;
}
