/* expected.h - what a set of runs should show, written down beforehand.
 *
 * A JSON document, described in lbdemo-report(5): for a protocol and, where that is not enough,
 * labels, the outcome, where it can be told the layer, and where they are not equal the shares.
 * Each way to balance in contrib/k8s ships one. */
#ifndef LB_REPORT_EXPECTED_H
#define LB_REPORT_EXPECTED_H

#include <stdio.h>

#include "report/merge.h"

#define LB_EXPECTED_FORMAT "lbdemo-expected"
#define LB_EXPECTED_VERSION 1
#define LB_EXPECTED_MAX_BYTES ((size_t)1 << 20)
#define LB_EXPECTED_MAX_RUNS 1024

struct lb_expected;

/* Reads the document at `path`. NULL with one sentence that names the file and the place. The
 * result is the caller's to free. */
struct lb_expected *lb_expected_load(const char *path, struct lb_error *err) LB_MUST_CHECK;
void lb_expected_free(struct lb_expected *expected); /* NULL is allowed */

/* Prints one line for each expectation: what it is, what the cells of the matrix (merge.h) showed,
 * and whether that is as expected. An expectation without a cell is not met. Returns LB_EXIT_OK,
 * LB_EXIT_FAILURE, LB_EXIT_UNJUDGED when all that is missing is data, or -1 with *err. */
int lb_expected_check(const struct lb_expected *expected, const struct lb_groups *groups, FILE *out,
                      struct lb_error *err) LB_MUST_CHECK;

#endif
