/* weights.h - the argument of --expect-weights, which clients and lbdemo-report have. */
#ifndef LB_REPORT_WEIGHTS_H
#define LB_REPORT_WEIGHTS_H

#include "balance/verdict.h"
#include "common/error.h"

struct lb_weights {
    struct lb_weight *list; /* names point into text; NULL: none */
    size_t count;           /* at most LB_REPORT_MAX_WEIGHTS */
    char *text;
};

/* Reads "v1=90,v2=10" (NULL: none) into `weights`, which lb_weights_clear releases, also after
 * failure. Refused: what is not like that, a negative weight, a name given twice, a sum of 0. */
int lb_weights_parse(const char *text, struct lb_weights *weights,
                     struct lb_error *err) LB_MUST_CHECK;
void lb_weights_clear(struct lb_weights *weights);

#endif
