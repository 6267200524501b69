/* evenness.h - do the counts fit the expected shares?
 *
 * Exact multinomial test ordered by Pearson's X^2 = sum (n_i - n p_i)^2 / (n p_i): the p-value is
 * the null probability of all tables whose X^2 is at least the observed. (Ordering by probability
 * is another, weaker test here.) N = 2: binomial; enumeration up to LB_EVENNESS_TABLES tables; else
 * Monte Carlo (k + 1) / (M + 1) with M = 9,999 and a fixed seed, stopped at 300 exceedances (Besag
 * & Clifford 1991: k / m there); chi-squared only for N >= 3 and every expectation >= 50. */
#ifndef LB_BALANCE_EVENNESS_H
#define LB_BALANCE_EVENNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_ALPHA_EVENNESS 0.01
#define LB_EVENNESS_TABLES 200000
#define LB_EVENNESS_SAMPLES 9999
#define LB_EVENNESS_EXCEED 300
#define LB_EVENNESS_ASYMPTOTIC 50.0 /* least expectation for chi-squared */

enum lb_evenness_method {
    LB_EVENNESS_TRIVIAL, /* one category, or nothing counted: p = 1 */
    LB_EVENNESS_EXACT,
    LB_EVENNESS_MONTE_CARLO,
    LB_EVENNESS_CHI_SQUARED
};

const char *lb_evenness_method_name(enum lb_evenness_method m);

struct lb_evenness {
    double x2;      /* Pearson's X^2 as observed */
    double deff;    /* design effect it was divided by, >= 1 */
    double p_value; /* of x2 / deff */
    enum lb_evenness_method method;
};

/* Remembers null distributions for equal shares by (n, N); optional, makes repeated verdicts cheap.
 * Same p-values with and without. Not thread-safe. */
struct lb_evenness_cache;
struct lb_evenness_cache *lb_evenness_cache_new(void);
void lb_evenness_cache_free(struct lb_evenness_cache *c);

/* counts[i] of category i with expected share shares[i] > 0 (they are normalised; NULL: equal), N
 * categories. deff >= 1 (less is taken as 1). 0, or -1 without memory. */
int lb_evenness_test(const uint64_t *counts, const double *shares, size_t N, double deff,
                     struct lb_evenness_cache *cache, struct lb_evenness *out);

/* Pours `errors` units into the counts that fall shortest of their expected share first (counts is
 * changed): what the counts were at best, had no request failed. */
void lb_evenness_pour(uint64_t *counts, const double *shares, size_t N, uint64_t errors);

/* Stopping early: looks at 36, 72, 144 and 200 requests spend .4, .3, .2 and .1 of alpha, so that a
 * run which ends at the first look that rejects is wrong at most in alpha of the times. Returns the
 * level to test at when n requests were counted: that of the first look not before n, and that of
 * the last one beyond it. */
double lb_evenness_look(uint64_t n, double alpha);

/* Whether there is a look at n requests. */
#define LB_EVENNESS_LAST_LOOK 200
bool lb_evenness_is_look(uint64_t n);

/* Non-centrality at which a chi-squared test of df degrees at level alpha has this power
 * (14.88, 17.43, 26.12, 46.95 for df 1, 2, 9, 49 at .01, 90 %). */
double lb_evenness_lambda(unsigned df, double alpha, double power);

/* Units needed to see one share off by the factor 1 +- r among N equal ones at 90 %. */
uint64_t lb_evenness_units(size_t N, double r, double alpha);

/* Smallest shift of a share p among N that n units would have shown at 90 %. */
double lb_evenness_shift(double p, size_t N, uint64_t n, double alpha);

/* Wilson's score interval (1927) for k of n at confidence 1 - alpha; n = 0: [0, 1]. */
void lb_wilson_interval(uint64_t k, uint64_t n, double alpha, double *low, double *high);

/* Index of dispersion X^2 / (N - 1): 0 round robin, about 1 random, more: uneven. */
double lb_dispersion(const uint64_t *counts, const double *shares, size_t N);

/* Jain's fairness index (sum x)^2 / (N sum x^2) of count / share, 1/N .. 1. */
double lb_jain(const uint64_t *counts, const double *shares, size_t N);

/* Chance that a category of share p is not met in n independent draws. */
double lb_missed_by_luck(double p, uint64_t n);

#endif
