/* report_read.h - a report from JSON that may be truncated, foreign, newer or hostile. */
#ifndef LB_REPORT_REPORT_READ_H
#define LB_REPORT_REPORT_READ_H

#include "report/report.h"

/* Reads the report in `data`; `file` names it in errors. The report is whole and checked, or NULL
 * with one sentence that names the file and the place: "run.json: /runs/0/id: is missing". */
struct lb_report *lb_report_parse(const char *file, const char *data, size_t size,
                                  struct lb_error *err);

/* Reads a file of at most LB_REPORT_MAX_BYTES; "-" is standard input. */
struct lb_report *lb_report_load(const char *path, struct lb_error *err);

#endif
