/* The tests behind a comparison. See compare.h. */
#include "report/compare.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>

/* Tables whose probability differs from the observed one by rounding only are as probable. */
#define SAME_PROBABILITY (1 + 1e-7)

static double two_proportions(double k1, double n1, double k2, double n2)
{
    double pooled = (k1 + k2) / (n1 + n2);
    double deviation = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
    if (deviation <= 0)
        return 1;
    return 2 * gsl_cdf_ugaussian_Q(fabs(k1 / n1 - k2 / n2) / deviation);
}

double lb_fisher_test(uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2)
{
    if (n1 == 0 || n2 == 0 || k1 > n1 || k2 > n2)
        return 1;
    if (n1 + n2 > LB_FISHER_MAX)
        return two_proportions((double)k1, (double)n1, (double)k2, (double)n2);
    unsigned hits = (unsigned)(k1 + k2), misses = (unsigned)(n1 + n2 - k1 - k2);
    unsigned low = n1 > misses ? (unsigned)n1 - misses : 0;
    unsigned high = hits < n1 ? hits : (unsigned)n1;
    double observed = gsl_ran_hypergeometric_pdf((unsigned)k1, hits, misses, (unsigned)n1);
    double sum = 0;
    for (unsigned k = low; k <= high; k++) {
        double p = gsl_ran_hypergeometric_pdf(k, hits, misses, (unsigned)n1);
        if (p <= observed * SAME_PROBABILITY)
            sum += p;
    }
    return fmin(sum, 1);
}

/* Largest k with P(Binomial(n, q) <= k) <= most, or -1. */
static int64_t binomial_below(uint64_t n, double q, double most)
{
    int64_t low = -1, high = (int64_t)n; /* holds at low, fails at high */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (gsl_cdf_binomial_P((unsigned)middle, q, (unsigned)n) <= most)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int lb_quantile_ranks(uint64_t n, double q, double alpha, uint64_t *low, uint64_t *high)
{
    if (n == 0 || n > UINT32_MAX)
        return -1;
    /* The order statistic of rank r is below the quantile when at least r values are: the number of
     * values below it is Binomial(n, q). */
    int64_t below = binomial_below(n, q, alpha / 2);     /* rank low = below + 1 */
    int64_t above = binomial_below(n, 1 - q, alpha / 2); /* rank high = n - above */
    if (below < 0 || above < 0)
        return -1;
    *low = (uint64_t)below + 1;
    *high = n - (uint64_t)above;
    return 0;
}
