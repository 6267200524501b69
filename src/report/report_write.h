/* report_write.h - a report as JSON. */
#ifndef LB_REPORT_REPORT_WRITE_H
#define LB_REPORT_REPORT_WRITE_H

#include "report/merge.h"
#include "report/report.h"

/* The whole document on one line; malloc'd. `program` and `version` say who wrote it. `verdict` is
 * what was concluded from all of it; NULL when its runs are about several things, each a group with
 * its own verdict. The same report gives the same bytes. NULL without memory. */
char *lb_report_text(const struct lb_report *r, const struct lb_verdict *verdict,
                     const struct lb_groups *groups, const char *program, const char *version);

/* Writes a text and a newline to a file (first to a temporary name), or with "-" to standard
 * output. */
int lb_report_write_text(const char *path, const char *text, struct lb_error *err) LB_MUST_CHECK;

#endif
