/* Power of the evenness test: the share of samples it rejects against the exact sum over all tables
 * of three categories. */
#include "power.h"

#include "balance/evenness.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdio.h>

#define SAMPLES 20000
#define POINTS_MAX 2.0

struct alternative {
    unsigned n;
    double p[3];
};

static const struct alternative alternatives[] = {
    {36, {1.0 / 3, 1.0 / 3, 1.0 / 3}},
    {36, {0.6, 0.2, 0.2}},
    {48, {0.6, 0.2, 0.2}},
    {48, {0.5, 0.25, 0.25}},
    {48, {0.62, 0.19, 0.19}},
    {12, {0.5, 0.5, 0}},
    {35, {0.5, 0.5, 0}},
};

static double p_value(const unsigned *counts, struct lb_evenness_cache *cache)
{
    uint64_t wide[3] = {counts[0], counts[1], counts[2]};
    struct lb_evenness e;
    return lb_evenness_test(wide, NULL, 3, 1, cache, &e) < 0 ? NAN : e.p_value;
}

static double enumerated(const struct alternative *a, struct lb_evenness_cache *cache)
{
    double power = 0;
    for (unsigned i = 0; i <= a->n; i++) {
        for (unsigned j = 0; i + j <= a->n; j++) {
            unsigned counts[3] = {i, j, a->n - i - j};
            if (p_value(counts, cache) <= LB_ALPHA_EVENNESS)
                power += gsl_ran_multinomial_pdf(3, a->p, counts);
        }
    }
    return power;
}

static double simulated(const struct alternative *a, gsl_rng *rng, struct lb_evenness_cache *cache)
{
    unsigned rejected = 0;
    for (unsigned i = 0; i < SAMPLES; i++) {
        unsigned counts[3];
        gsl_ran_multinomial(rng, 3, a->n, a->p, counts);
        rejected += p_value(counts, cache) <= LB_ALPHA_EVENNESS;
    }
    return (double)rejected / SAMPLES;
}

bool power_check(unsigned seed)
{
    bool ok = true;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    struct lb_evenness_cache *cache = lb_evenness_cache_new();
    gsl_rng_set(rng, seed);
    printf("\nPower of the evenness test at .01:\n\n"
           "| units | shares | enumerated | simulated |\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof(alternatives) / sizeof(alternatives[0]); i++) {
        const struct alternative *a = &alternatives[i];
        double exact = enumerated(a, cache), seen = simulated(a, rng, cache);
        bool near = fabs(exact - seen) * 100 <= POINTS_MAX;
        printf("| %u | %.2f / %.2f / %.2f | %.1f %% | %.1f %% |%s\n", a->n, a->p[0], a->p[1],
               a->p[2], 100 * exact, 100 * seen, near ? "" : " **differ**");
        ok &= near;
    }
    lb_evenness_cache_free(cache);
    gsl_rng_free(rng);
    return ok;
}
