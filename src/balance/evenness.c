/* Exact, simulated and large-sample multinomial tests: see evenness.h. */
#include "balance/null_distribution.h"
#include "balance/translate.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#define POWER 0.9

const char *lb_evenness_method_name(enum lb_evenness_method m)
{
    static const char *const names[] = {"none", N_("exact"), N_("Monte Carlo"), N_("chi-squared")};
    return names[m];
}

static double share_of(const double *shares, size_t N, size_t i, double sum)
{
    return shares ? shares[i] / sum : 1.0 / (double)N;
}

static double sum_of(const double *shares, size_t N)
{
    double sum = 0;
    for (size_t i = 0; shares && i < N; i++)
        sum += shares[i];
    return sum;
}

static double pearson(const uint64_t *counts, const double *shares, size_t N, double *least)
{
    double n = 0, x2 = 0, sum = sum_of(shares, N);
    for (size_t i = 0; i < N; i++)
        n += (double)counts[i];
    *least = INFINITY;
    for (size_t i = 0; i < N && n > 0; i++) {
        double expected = n * share_of(shares, N, i, sum);
        double off = (double)counts[i] - expected;
        x2 += off * off / expected;
        *least = fmin(*least, expected);
    }
    return x2;
}

/* Both tails of a binomial as far out as x2. */
static double binomial_tails(uint64_t n, double p, double x2)
{
    if (n > UINT32_MAX / 2)
        return gsl_cdf_chisq_Q(x2, 1);
    double mean = (double)n * p, reach = sqrt(x2 * mean * (1 - p));
    double slack = 1e-9 * (1 + reach);
    double low = floor(mean - reach + slack), high = ceil(mean + reach - slack);
    if (low >= high)
        return 1;
    double tails = 0;
    if (low >= 0)
        tails += gsl_cdf_binomial_P((unsigned)low, p, (unsigned)n);
    if (high <= (double)n && high > 0)
        tails += gsl_cdf_binomial_Q((unsigned)high - 1, p, (unsigned)n);
    return fmin(tails, 1);
}

int lb_evenness_test(const uint64_t *counts, const double *shares, size_t N, double deff,
                     struct lb_evenness_cache *cache, struct lb_evenness *out)
{
    double least;
    uint64_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += counts[i];
    *out = (struct lb_evenness){.deff = fmax(deff, 1), .p_value = 1};
    if (N < 2 || n == 0)
        return 0;
    out->x2 = pearson(counts, shares, N, &least);
    double x2 = out->x2 / out->deff;
    if (N == 2) {
        out->method = LB_EVENNESS_EXACT;
        out->p_value = binomial_tails(n, share_of(shares, N, 0, sum_of(shares, N)), x2);
        return 0;
    }
    if (least >= LB_EVENNESS_ASYMPTOTIC) {
        out->method = LB_EVENNESS_CHI_SQUARED;
        out->p_value = gsl_cdf_chisq_Q(x2, (double)N - 1);
        return 0;
    }
    return lb_null_p_value(n, shares, N, x2, cache, out);
}

/* How far categories could be raised to a common level. */
static double lacking(const uint64_t *counts, const double *shares, size_t N, double level)
{
    double sum = 0, total = sum_of(shares, N);
    for (size_t i = 0; i < N; i++)
        sum += fmax(0, level * share_of(shares, N, i, total) - (double)counts[i]);
    return sum;
}

void lb_evenness_pour(uint64_t *counts, const double *shares, size_t N, uint64_t errors)
{
    double total = sum_of(shares, N), low = 0, high = (double)errors;
    if (N == 0 || errors == 0)
        return;
    for (size_t i = 0; i < N; i++) {
        double p = share_of(shares, N, i, total);
        high = fmax(high, ((double)counts[i] + (double)errors) / p);
    }
    for (unsigned step = 0; step < 100; step++) {
        double middle = (low + high) / 2;
        if (lacking(counts, shares, N, middle) > (double)errors)
            high = middle;
        else
            low = middle;
    }
    for (size_t i = 0; i < N; i++) {
        double to = floor(low * share_of(shares, N, i, total) + 1e-6);
        uint64_t add = to > (double)counts[i] ? (uint64_t)to - counts[i] : 0;
        add = add > errors ? errors : add;
        counts[i] += add;
        errors -= add;
    }
    while (errors > 0) { /* fewer than N are left: one each to the shortest */
        size_t shortest = 0;
        for (size_t i = 1; i < N; i++) {
            if ((double)counts[i] / share_of(shares, N, i, total) <
                (double)counts[shortest] / share_of(shares, N, shortest, total))
                shortest = i;
        }
        counts[shortest]++;
        errors--;
    }
}

/* Upper tail beyond x of a chi-squared with df degrees and non-centrality lambda: a Poisson mixture
 * of central tails, each from the one before by Q(df + 2) = Q(df) + (x/2)^(df/2) e^(-x/2) /
 * Gamma(df/2 + 1) (Abramowitz & Stegun 26.4.8, 26.4.25). */
static double noncentral_tail(double x, unsigned df, double lambda)
{
    double half = lambda / 2, weight = exp(-half), covered = 0, tail = 0;
    double q = gsl_cdf_chisq_Q(x, df);
    double term = exp(df / 2.0 * log(x / 2) - x / 2 - lgamma(df / 2.0 + 1));
    for (unsigned j = 0; j < 100000; j++) {
        tail += weight * q;
        covered += weight;
        if (j > half && 1 - covered < 1e-13)
            break;
        q += term;
        term *= x / 2 / (df / 2.0 + j + 1);
        weight *= half / (j + 1);
    }
    return tail;
}

double lb_evenness_lambda(unsigned df, double alpha, double power)
{
    if (df == 0)
        return 0;
    double critical = gsl_cdf_chisq_Qinv(alpha, df), low = 0, high = 1;
    while (noncentral_tail(critical, df, high) < power && high < 1300)
        high *= 2;
    for (unsigned step = 0; step < 60; step++) {
        double middle = (low + high) / 2;
        if (noncentral_tail(critical, df, middle) < power)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static const struct look {
    uint64_t n;
    double part; /* of alpha */
} looks[] = {{36, 0.4}, {72, 0.3}, {144, 0.2}, {LB_EVENNESS_LAST_LOOK, 0.1}};
#define LOOKS (sizeof looks / sizeof looks[0])

double lb_evenness_look(uint64_t n, double alpha)
{
    size_t i = 0;
    while (i < LOOKS - 1 && looks[i].n < n)
        i++;
    return looks[i].part * alpha;
}

bool lb_evenness_is_look(uint64_t n)
{
    bool is = false;
    for (size_t i = 0; i < LOOKS; i++)
        is |= looks[i].n == n;
    return is;
}

uint64_t lb_evenness_units(size_t N, double r, double alpha)
{
    if (N < 2)
        return 1;
    double lambda = lb_evenness_lambda((unsigned)N - 1, alpha, POWER);
    return (uint64_t)ceil(lambda * ((double)N - 1) / (r * r));
}

double lb_evenness_shift(double p, size_t N, uint64_t n, double alpha)
{
    if (N < 2 || n == 0)
        return 1;
    double lambda = lb_evenness_lambda((unsigned)N - 1, alpha, POWER);
    return fmin(1, sqrt(lambda * p * (1 - p) / (double)n));
}

void lb_wilson_interval(uint64_t k, uint64_t n, double alpha, double *low, double *high)
{
    if (n == 0) {
        *low = 0;
        *high = 1;
        return;
    }
    double z = gsl_cdf_ugaussian_Qinv(alpha / 2), N = (double)n, p = (double)k / N;
    double scale = 1 + z * z / N, middle = (p + z * z / (2 * N)) / scale;
    double half = z / scale * sqrt(p * (1 - p) / N + z * z / (4 * N * N));
    *low = k == 0 ? 0 : fmax(0, middle - half);
    *high = k == n ? 1 : fmin(1, middle + half);
}

double lb_dispersion(const uint64_t *counts, const double *shares, size_t N)
{
    double least;
    return N < 2 ? 0 : pearson(counts, shares, N, &least) / ((double)N - 1);
}

double lb_jain(const uint64_t *counts, const double *shares, size_t N)
{
    double sum = 0, squares = 0, total = sum_of(shares, N);
    for (size_t i = 0; i < N; i++) {
        double x = (double)counts[i] / share_of(shares, N, i, total);
        sum += x;
        squares += x * x;
    }
    return squares > 0 ? sum * sum / ((double)N * squares) : 1;
}

double lb_missed_by_luck(double p, uint64_t n)
{
    return p >= 1 ? (n > 0 ? 0 : 1) : exp((double)n * log1p(-p));
}
