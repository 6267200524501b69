/* Test B, leaves: see leaves.h. */
#include "balance/leaves.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#define STAY_LIMIT 0.1 /* "at most once in ten" */
#define SHORT_SUM 256  /* terms worth adding up by hand */

double lb_log_add(double a, double b)
{
    double high = fmax(a, b);
    if (isinf(high))
        return high;
    return high + log1p(exp(fmin(a, b) - high));
}

/* log P(Binomial(n, .1) <= k), k < n. */
static double log_binomial_cdf(uint64_t k, uint64_t n)
{
    double odds = STAY_LIMIT / (1 - STAY_LIMIT);
    if (k < SHORT_SUM && n < 4 * SHORT_SUM) {
        double term = pow(1 - STAY_LIMIT, (double)n), sum = term;
        for (uint64_t i = 0; i < k; i++) {
            term *= odds * (double)(n - i) / (double)(i + 1);
            sum += term;
        }
        return log(fmin(sum, 1));
    }
    if (n < UINT32_MAX) {
        double p = gsl_cdf_binomial_P((unsigned)k, STAY_LIMIT, (unsigned)n);
        if (p > 1e-290)
            return log(p);
    } else if ((double)k > STAY_LIMIT * (double)n) {
        return log(0.5); /* at least half lies below the mean */
    }
    /* Far below the mean: the largest term times a geometric series. */
    double dk = (double)k, dn = (double)n;
    double log_term = lgamma(dn + 1) - lgamma(dk + 1) - lgamma(dn - dk + 1) + dk * log(STAY_LIMIT) +
                      (dn - dk) * log1p(-STAY_LIMIT);
    double ratio = dk / (dn - dk + 1) / odds;
    return fmin(log_term - log1p(-fmin(ratio, 1 - 1e-9)), 0);
}

double lb_leaves_log_e(uint64_t leaves, uint64_t stays)
{
    if (leaves == 0 && stays == 0)
        return 0;
    double l = (double)leaves, s = (double)stays;
    double log_beta = lgamma(l + 1) + lgamma(s + 1) - lgamma(l + s + 2);
    return log_beta + log_binomial_cdf(leaves, leaves + stays + 1) - log1p(-STAY_LIMIT) -
           l * log(STAY_LIMIT) - s * log1p(-STAY_LIMIT);
}

void lb_leaves_add(struct lb_leaves *sum, uint64_t leaves, uint64_t stays)
{
    sum->log_product += lb_leaves_log_e(leaves, stays);
    sum->leaves += leaves;
    sum->stays += stays;
}

double lb_leaves_log_total(const struct lb_leaves *sum)
{
    return lb_log_add(sum->log_product, lb_leaves_log_e(sum->leaves, sum->stays)) - log(2);
}
