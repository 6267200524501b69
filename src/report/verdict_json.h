/* verdict_json.h - a verdict as JSON: in reports, and for --output json.
 *
 * A verdict is a consequence of the tally and is made anew from it after reading, so reading one is
 * only a check that a report is whole. */
#ifndef LB_REPORT_VERDICT_JSON_H
#define LB_REPORT_VERDICT_JSON_H

#include "balance/expect.h"
#include "balance/verdict.h"
#include "report/place.h"

/* NULL without memory. */
json_t *lb_verdict_json(const struct lb_verdict *v);

/* How it compares with what was expected: {"result": "met", "reason": ""}. NULL without memory. */
json_t *lb_expectation_json(const struct lb_expectation *e, const struct lb_verdict *v);

/* Checks the type and range of every member. */
int lb_verdict_check_json(const struct lb_place *at, json_t *object) LB_MUST_CHECK;

/* "met", "not met", "cannot judge". */
const char *lb_expect_result_name(enum lb_expect_result result);

#endif
