/* report_text.h - groups of runs as text for a terminal or a log. */
#ifndef LB_REPORT_REPORT_TEXT_H
#define LB_REPORT_REPORT_TEXT_H

#include <stdio.h>

#include "report/merge.h"

/* The matrix: a row a path (or target), a column a protocol, each cell outcome and layer. Printed
 * with one group too. */
int lb_report_print_matrix(FILE *out, const struct lb_groups *groups,
                           struct lb_error *err) LB_MUST_CHECK;

/* All of it: the matrix when there are several groups, then for each its table of backends and its
 * verdict. Wrapped at `width` columns. Fails without memory only. */
int lb_report_print_text(FILE *out, const struct lb_groups *groups, unsigned width,
                         struct lb_error *err) LB_MUST_CHECK;

/* Prints a name fit for printing (lb_escape_name), padded to `width` columns, or cut to them: its
 * end is kept, since that is what tells pods apart. */
void lb_print_name(FILE *out, const char *name, size_t width);

#endif
