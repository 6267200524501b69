/* The null distribution of X^2: all tables where they are few, else samples with a fixed seed. */
#include "balance/null_distribution.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TIE 1e-9         /* relative: a table this close to the observed X^2 counts as a tie */
#define MAX_DEPTH 1000   /* categories that may be enumerated */
#define SEED 20231       /* of the simulation; fixed, so that a verdict can be repeated */
#define WORK 200000000.0 /* draws at most; fewer samples for larger tables */
#define LEAST_SAMPLES 999
#define CACHE_SLOTS 256

/* Null distribution for equal shares. Enumerated: each value of sum c^2 with its tail probability.
 * Simulated: sum c^2 of the samples drawn so far. */
struct null {
    uint64_t n;
    size_t N;
    bool enumerated;
    double *squares; /* enumerated: falling */
    double *tail;    /* enumerated: P(sum c^2 >= squares[i]) */
    size_t count, cap;
    gsl_rng *rng;
    unsigned *scratch;
};

struct lb_evenness_cache {
    struct null *slot[CACHE_SLOTS];
};

struct lb_evenness_cache *lb_evenness_cache_new(void)
{
    return calloc(1, sizeof(struct lb_evenness_cache));
}

static void null_free(struct null *d)
{
    if (!d)
        return;
    free(d->squares);
    free(d->tail);
    free(d->scratch);
    if (d->rng)
        gsl_rng_free(d->rng);
    free(d);
}

void lb_evenness_cache_free(struct lb_evenness_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        null_free(c->slot[i]);
    free(c);
}

/* C(n + N - 1, N - 1), or infinity when above the limit. */
static double tables(uint64_t n, size_t N)
{
    double count = 1;
    for (size_t i = 1; i < N && count <= LB_EVENNESS_TABLES; i++)
        count *= (double)(n + i) / (double)i;
    return count;
}

/* --- equal shares, enumerated: partitions of n into at most N parts, largest first --- */

struct partition_walk {
    struct null *d;
    double log_scale; /* log n! - n log N + log N! */
    bool failed;
};

static int null_push(struct null *d, double squares, double probability)
{
    if (d->count == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 256;
        double *grown = realloc(d->squares, cap * sizeof(*grown));
        if (!grown)
            return -1;
        d->squares = grown;
        if (d->enumerated) {
            grown = realloc(d->tail, cap * sizeof(*grown));
            if (!grown)
                return -1;
            d->tail = grown;
        }
        d->cap = cap;
    }
    d->squares[d->count] = squares;
    if (d->enumerated)
        d->tail[d->count] = probability;
    d->count++;
    return 0;
}

/* parts: categories still free; log_p: minus the logs of c! and of the multiplicities so far; run:
 * how many parts equal `last` were placed. */
static void walk_partitions(struct partition_walk *w, uint64_t rest, size_t parts, uint64_t last,
                            unsigned run, double log_p, double squares)
{
    if (w->failed)
        return;
    if (rest == 0) {
        double log_all = w->log_scale + log_p - lgamma((double)parts + 1);
        w->failed = null_push(w->d, squares, exp(log_all)) < 0;
        return;
    }
    if (parts == 0)
        return;
    uint64_t least = (rest + parts - 1) / parts;
    for (uint64_t c = rest < last ? rest : last; c >= least; c--) {
        unsigned again = c == last ? run + 1 : 1;
        /* 1 / run! built up one factor at a time */
        double step = -lgamma((double)c + 1) - log(again);
        walk_partitions(w, rest - c, parts - 1, c, again, log_p + step,
                        squares + (double)c * (double)c);
    }
}

struct point {
    double squares, probability;
};

static int falling(const void *x, const void *y)
{
    const struct point *a = x, *b = y;
    return (a->squares < b->squares) - (a->squares > b->squares);
}

/* Sorts by squares and turns probabilities into tails. */
static int make_tails(struct null *d)
{
    struct point *points = malloc((d->count + 1) * sizeof(*points));
    if (!points)
        return -1;
    for (size_t i = 0; i < d->count; i++)
        points[i] = (struct point){d->squares[i], d->tail[i]};
    qsort(points, d->count, sizeof(*points), falling);
    double tail = 0;
    for (size_t i = 0; i < d->count; i++) {
        tail += points[i].probability;
        d->squares[i] = points[i].squares;
        d->tail[i] = tail;
    }
    free(points);
    return 0;
}

static int enumerate_equal(struct null *d)
{
    struct partition_walk w = {.d = d};
    double n = (double)d->n, N = (double)d->N;
    w.log_scale = lgamma(n + 1) - n * log(N) + lgamma(N + 1);
    walk_partitions(&w, d->n, d->N, d->n + 1, 0, 0, 0);
    return w.failed ? -1 : make_tails(d);
}

static double enumerated_p(const struct null *d, double squares)
{
    size_t low = 0, high = d->count; /* first index whose squares are below */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (d->squares[middle] >= squares)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? fmin(d->tail[low - 1], 1) : 0;
}

/* --- simulated --- */

static unsigned samples_for(uint64_t n, size_t N)
{
    double each = fmin((double)n, 30.0 * (double)N);
    double affordable = WORK / each;
    if (affordable >= LB_EVENNESS_SAMPLES)
        return LB_EVENNESS_SAMPLES;
    return affordable < LEAST_SAMPLES ? LEAST_SAMPLES : (unsigned)affordable;
}

/* One draw of n units over N equal categories into counts. */
static void draw_equal(gsl_rng *rng, uint64_t n, size_t N, unsigned *counts)
{
    memset(counts, 0, N * sizeof(*counts));
    if (n <= 30 * N) {
        for (uint64_t i = 0; i < n; i++)
            counts[gsl_rng_uniform_int(rng, N)]++;
        return;
    }
    uint64_t rest = n;
    for (size_t i = 0; i + 1 < N; i++) {
        counts[i] = gsl_ran_binomial(rng, 1.0 / (double)(N - i), (unsigned)rest);
        rest -= counts[i];
    }
    counts[N - 1] = (unsigned)rest;
}

static int next_sample(struct null *d)
{
    draw_equal(d->rng, d->n, d->N, d->scratch);
    double squares = 0;
    for (size_t i = 0; i < d->N; i++)
        squares += (double)d->scratch[i] * d->scratch[i];
    return null_push(d, squares, 0);
}

/* Besag & Clifford: stop at h exceedances, p = h / samples. */
static int simulated_p(struct null *d, double squares, double *p)
{
    unsigned wanted = samples_for(d->n, d->N), above = 0, i = 0;
    while (i < wanted && above < LB_EVENNESS_EXCEED) {
        if (i == d->count && next_sample(d) < 0)
            return -1;
        above += d->squares[i++] >= squares;
    }
    *p = above == LB_EVENNESS_EXCEED ? (double)above / i : (above + 1.0) / (wanted + 1.0);
    return 0;
}

static struct null *null_new(uint64_t n, size_t N)
{
    struct null *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->n = n;
    d->N = N;
    d->enumerated = N <= MAX_DEPTH && tables(n, N) <= LB_EVENNESS_TABLES;
    if (d->enumerated) {
        if (enumerate_equal(d) == 0)
            return d;
    } else {
        d->rng = gsl_rng_alloc(gsl_rng_taus2);
        d->scratch = calloc(N, sizeof(*d->scratch));
        if (d->rng && d->scratch) {
            gsl_rng_set(d->rng, SEED);
            return d;
        }
    }
    null_free(d);
    return NULL;
}

static int equal_p_value(uint64_t n, size_t N, double x2, struct lb_evenness_cache *cache,
                         struct lb_evenness *out)
{
    struct null **slot = cache ? &cache->slot[(n * 31 + N) % CACHE_SLOTS] : NULL;
    struct null *d = slot ? *slot : NULL;
    if (!d || d->n != n || d->N != N) {
        d = null_new(n, N);
        if (!d)
            return -1;
        if (slot) {
            null_free(*slot);
            *slot = d;
        }
    }
    double dn = (double)n, squares = (x2 * (1 - TIE) + dn) * dn / (double)N;
    squares -= TIE * squares * 1e-3;
    int rc = 0;
    out->method = d->enumerated ? LB_EVENNESS_EXACT : LB_EVENNESS_MONTE_CARLO;
    if (d->enumerated)
        out->p_value = enumerated_p(d, squares);
    else
        rc = simulated_p(d, squares, &out->p_value);
    if (!slot)
        null_free(d);
    return rc;
}

/* --- unequal shares --- */

struct table_walk {
    const double *p; /* normalised */
    size_t N;
    uint64_t n;
    double limit; /* X^2 from which a table counts */
    double tail;
};

static void walk_tables(struct table_walk *w, size_t i, uint64_t rest, double log_p, double x2)
{
    double expected = (double)w->n * w->p[i], log_share = log(w->p[i]);
    if (i + 1 == w->N) {
        double off = (double)rest - expected;
        if (x2 + off * off / expected >= w->limit)
            w->tail += exp(log_p + (double)rest * log_share - lgamma((double)rest + 1));
        return;
    }
    for (uint64_t c = 0; c <= rest; c++) {
        double off = (double)c - expected;
        walk_tables(w, i + 1, rest - c, log_p + (double)c * log_share - lgamma((double)c + 1),
                    x2 + off * off / expected);
    }
}

static int simulate_unequal(uint64_t n, const double *p, size_t N, double limit, double *p_value)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    unsigned *counts = calloc(N, sizeof(*counts));
    if (!rng || !counts) {
        if (rng)
            gsl_rng_free(rng);
        free(counts);
        return -1;
    }
    gsl_rng_set(rng, SEED);
    unsigned wanted = samples_for(n, N), above = 0, i = 0;
    for (; i < wanted && above < LB_EVENNESS_EXCEED; i++) {
        double x2 = 0;
        gsl_ran_multinomial(rng, N, (unsigned)n, p, counts);
        for (size_t j = 0; j < N; j++) {
            double expected = (double)n * p[j], off = counts[j] - expected;
            x2 += off * off / expected;
        }
        above += x2 >= limit;
    }
    *p_value = above == LB_EVENNESS_EXCEED ? (double)above / i : (above + 1.0) / (wanted + 1.0);
    gsl_rng_free(rng);
    free(counts);
    return 0;
}

static bool all_equal(const double *shares, size_t N)
{
    for (size_t i = 1; shares && i < N; i++) {
        if (shares[i] < shares[0] || shares[i] > shares[0])
            return false;
    }
    return true;
}

int lb_null_p_value(uint64_t n, const double *shares, size_t N, double x2,
                    struct lb_evenness_cache *cache, struct lb_evenness *out)
{
    if (n > UINT32_MAX) { /* one tiny share and billions of units: no sampler reaches that far */
        n = UINT32_MAX;
    }
    if (all_equal(shares, N))
        return equal_p_value(n, N, x2, cache, out);
    double *p = malloc(N * sizeof(*p)), sum = 0;
    if (!p)
        return -1;
    for (size_t i = 0; i < N; i++)
        sum += shares[i];
    for (size_t i = 0; i < N; i++)
        p[i] = shares[i] / sum;
    int rc = 0;
    double limit = x2 * (1 - TIE) - 1e-12;
    if (N <= MAX_DEPTH && tables(n, N) <= LB_EVENNESS_TABLES) {
        struct table_walk w = {.p = p, .N = N, .n = n, .limit = limit};
        walk_tables(&w, 0, n, lgamma((double)n + 1), 0);
        out->method = LB_EVENNESS_EXACT;
        out->p_value = fmin(w.tail, 1);
    } else {
        out->method = LB_EVENNESS_MONTE_CARLO;
        rc = simulate_unequal(n, p, N, limit, &out->p_value);
    }
    free(p);
    return rc;
}
