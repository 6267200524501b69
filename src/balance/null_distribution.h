/* null_distribution.h - p-values by enumeration and by simulation; internal to this folder. */
#ifndef LB_BALANCE_NULL_DISTRIBUTION_H
#define LB_BALANCE_NULL_DISTRIBUTION_H

#include "balance/evenness.h"

/* P(X^2 >= x2) for n units over N >= 3 categories; sets p_value and method of out. 0, -1 without
 * memory. */
int lb_null_p_value(uint64_t n, const double *shares, size_t N, double x2,
                    struct lb_evenness_cache *cache, struct lb_evenness *out);

#endif
