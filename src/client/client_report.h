/* What a client leaves behind of its run: the report, and the last object of ndjson. */
#ifndef LB_CLIENT_CLIENT_REPORT_H
#define LB_CLIENT_CLIENT_REPORT_H

#include <stdio.h>

#include "client/client_options.h"
#include "report/report.h"

/* A run's record. Zero-initialised it is empty. */
struct lb_client_record {
    struct lb_report_run run;
    char *label_copies[LB_REPORT_MAX_LABELS];
    size_t label_count;
};

/* Whether a report can be written there, to be known before a long run: its folder must be there
 * and writable. "-" is standard output. */
int lb_client_report_check(const char *path, struct lb_error *err) LB_MUST_CHECK;

/* Takes the --label options over into the record. Refuses one given twice and too many. */
int lb_client_record_labels(struct lb_client_record *record, const struct lb_option_list *labels,
                            struct lb_error *err) LB_MUST_CHECK;

/* Fills in how the requests were sent. */
void lb_client_record_settings(struct lb_client_record *record, const struct lb_client_plan *plan);

/* Writes the report to `path`, "-" is standard output. All else of record->run is set, the tally is
 * flushed. */
int lb_client_record_save(const struct lb_client_record *record, const char *path,
                          const struct lb_client_plan *plan, const struct lb_tally *tally,
                          const struct lb_verdict *verdict, struct lb_error *err) LB_MUST_CHECK;

/* Prints {"verdict": ..., "expectation": ...} as a line. -1 without memory. */
int lb_client_verdict_print(FILE *out, const struct lb_expectation *expectation,
                            const struct lb_verdict *verdict) LB_MUST_CHECK;

/* What the live page shows, as JSON: {"target", "elapsed_s", "in_flight", "phase", "verdict"}.
 * malloc'd; NULL without memory. */
char *lb_client_status(const char *target, int64_t elapsed_ns, uint64_t in_flight,
                       const char *phase, const struct lb_verdict *verdict);

void lb_client_record_clear(struct lb_client_record *record);

#endif
