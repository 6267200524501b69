/* The table of backends that a run ends with. */
#ifndef LB_CLIENT_SUMMARY_H
#define LB_CLIENT_SUMMARY_H

#include <stdio.h>

#include "balance/tally.h"
#include "common/error.h"

#define LB_SUMMARY_WIDTH 80
#define LB_SUMMARY_ROWS 40 /* then "... and n more" */

/* Prints, within LB_SUMMARY_WIDTH columns, a line on the run of `elapsed_ns`, a row a backend
 * (restarts of one name joined, by falling number of replies), a total, and the errors by their
 * text. `abandoned` requests were in flight at the end. -1 without memory. */
int lb_summary_print(FILE *out, const struct lb_tally *tally, const char *target,
                     int64_t elapsed_ns, uint64_t abandoned) LB_MUST_CHECK;

#endif
