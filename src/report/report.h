/* report.h - the report: what a client leaves behind and lbdemo-report merges.
 *
 * A report holds runs (who called what, how, when), the tally of them all (every count the verdict
 * rests on), how it was judged, and the verdict. One client writes a report of one run; merging
 * gives a report of many, which can be merged again. On disk it is JSON, described in
 * lbdemo-report(5) and lbdemo-report.schema.json.
 *
 * Reports come from anywhere and are hostile until read: the reader checks the type and the range
 * of every member, and a sentence that names the file and the place says what is wrong. Not
 * thread-safe. */
#ifndef LB_REPORT_REPORT_H
#define LB_REPORT_REPORT_H

#include "balance/expect.h"
#include "balance/schedule.h"
#include "balance/tally.h"
#include "balance/verdict.h"
#include "common/error.h"

#define LB_REPORT_FORMAT "lbdemo-report"
#define LB_REPORT_VERSION 1                           /* newer ones are refused */
#define LB_REPORT_MAX_BYTES ((size_t)64 << 20)        /* of one file */
#define LB_REPORT_MAX_LABELS 16                       /* a run */
#define LB_REPORT_MAX_RUNS 65536                      /* in one file */
#define LB_REPORT_MAX_WEIGHTS 1024                    /* expected shares */
#define LB_REPORT_MAX_COUNT INT64_C(9007199254740991) /* 2^53 - 1: exact in every JSON reader */

/* Set with --label NAME=VALUE; the label "path" makes the rows of the matrix. */
struct lb_report_label {
    const char *name;  /* 1 to 63 of A-Z a-z 0-9 . _ - */
    const char *value; /* at most LB_MAX_NAME bytes, any */
};

/* How the requests were sent. */
struct lb_report_settings {
    enum lb_schedule_mode mode;
    uint64_t seed; /* of the draws; at most INT64_MAX */
    unsigned connections;
    unsigned streams;    /* in flight a connection */
    int64_t interval_ns; /* between planned sends; 0: as fast as replies came */
    int64_t timeout_ns;
    int64_t warmup_ns;
};

/* One run of one client. Strings are never NULL ("" is unknown) except those of `target`, and
 * borrowed: lb_report_add_run copies them. */
struct lb_report_run {
    const char *id;      /* unique; that of its segments in the tally; at most LB_MAX_NAME bytes */
    const char *client;  /* who ran it: pod or host name; that of its segments */
    const char *program; /* "lbdemo-http-client" */
    const char *program_version;
    int64_t started_ms;            /* since the Unix epoch */
    int64_t duration_ns;           /* of the run, warm-up included */
    struct lb_target_facts target; /* protocol and target are needed */
    struct lb_report_settings settings;
    struct lb_report_label labels[LB_REPORT_MAX_LABELS];
    size_t n_labels;
};

/* How the verdict was, or is to be, made. */
struct lb_report_judging {
    double alpha_layer, alpha_evenness; /* 0: the defaults */
    unsigned expected_backends;         /* 0: not told */
    struct lb_weight *weights;          /* expected shares; NULL: equal */
    size_t n_weights;
    const char *group_by; /* what observation.group is, "version"; "": none */
    struct lb_expectation expectation;
};

struct lb_report {
    struct lb_report_run *runs; /* by id */
    size_t n_runs;
    struct lb_tally *tally;
    struct lb_report_judging judging;
};

/* What a client calls for --report FILE: writes the report of one run to `path` (first to a
 * temporary name; "-" is standard output). The tally must be flushed; all arguments stay the
 * caller's. */
int lb_report_save(const char *path, const struct lb_report_run *run, const struct lb_tally *tally,
                   const struct lb_report_judging *judging, const struct lb_verdict *verdict,
                   struct lb_error *err) LB_MUST_CHECK;

/* Takes "NAME=VALUE" apart and adds it to the run's labels; the strings point into *copy, which the
 * caller frees when the run is done with (also after failure). Refuses a malformed label, a name
 * given twice and more than LB_REPORT_MAX_LABELS. */
int lb_report_label_parse(struct lb_report_run *run, const char *text, char **copy,
                          struct lb_error *err) LB_MUST_CHECK;

/* Checks "NAME=VALUE" only: for an option table's `check`. */
int lb_report_label_check(const char *text, struct lb_error *err);

/* An empty report. NULL without memory. */
struct lb_report *lb_report_new(void);
void lb_report_free(struct lb_report *r); /* NULL is allowed */

/* Adds a copy of a run (not its tally). A run that is there already is left as it is. 0, or -1
 * without memory. */
int lb_report_add_run(struct lb_report *r, const struct lb_report_run *run);

/* Replaces how it is judged by a copy. 0, or -1 without memory. */
int lb_report_set_judging(struct lb_report *r, const struct lb_report_judging *judging);

/* Release the texts of a struct that owns them. */
void lb_report_run_clear(struct lb_report_run *run);
void lb_report_judging_clear(struct lb_report_judging *judging);

/* NULL when the report has no such run. */
const struct lb_report_run *lb_report_find_run(const struct lb_report *r, const char *id);

/* Whether the first `length` bytes of `name` are a label's name. */
bool lb_report_label_name_ok(const char *name, size_t length);

/* The value of a run's label, or NULL. */
const char *lb_report_run_label(const struct lb_report_run *run, const char *name);

/* The facts of the target that all runs agree on; what they do not is unknown or, for a yes and no,
 * a no. Strings are those of the report. */
struct lb_target_facts lb_report_target_facts(const struct lb_report *r);

/* Makes the verdict of the whole report. `known`: of a probe of the same target, as in
 * lb_verdict_options; or NULL. *out is the caller's; 0, or -1 without memory. */
int lb_report_judge(const struct lb_report *r, const struct lb_layers *known,
                    struct lb_verdict **out, struct lb_error *err) LB_MUST_CHECK;

#endif
