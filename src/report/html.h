/* html.h - groups of runs as one self-contained page: no script, no network, nothing but HTML, CSS
 * and SVG. All that comes from reports is escaped. */
#ifndef LB_REPORT_HTML_H
#define LB_REPORT_HTML_H

#include <stdio.h>

#include "report/merge.h"

/* Prints the page. Fails without memory only. */
int lb_report_print_html(FILE *out, const struct lb_groups *groups,
                         struct lb_error *err) LB_MUST_CHECK;

/* Writes the page to `path` (first to a temporary name; "-" is standard output). */
int lb_report_save_html(const char *path, const struct lb_groups *groups,
                        struct lb_error *err) LB_MUST_CHECK;

#endif
