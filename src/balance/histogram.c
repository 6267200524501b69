/* Latency histogram: see histogram.h. */
#include "balance/histogram.h"

#include <math.h>
#include <stdlib.h>

#define SUB_BITS 6

size_t lb_histogram_bucket(uint64_t us)
{
    if (us > LB_HISTOGRAM_MAX_US)
        us = LB_HISTOGRAM_MAX_US;
    if (us < LB_HISTOGRAM_SUB)
        return (size_t)us;
    unsigned shift = (unsigned)(63 - __builtin_clzll(us)) - SUB_BITS;
    return ((size_t)shift << SUB_BITS) + (size_t)(us >> shift);
}

uint64_t lb_histogram_bucket_low(size_t bucket)
{
    if (bucket < LB_HISTOGRAM_SUB)
        return bucket;
    unsigned shift = (unsigned)(bucket >> SUB_BITS) - 1;
    return (uint64_t)((bucket & (LB_HISTOGRAM_SUB - 1)) + LB_HISTOGRAM_SUB) << shift;
}

uint64_t lb_histogram_bucket_count(const struct lb_histogram *h, size_t bucket)
{
    if (bucket >= LB_HISTOGRAM_BUCKETS)
        return 0;
    const uint64_t *octave = h->octave[bucket >> SUB_BITS];
    return octave ? octave[bucket & (LB_HISTOGRAM_SUB - 1)] : 0;
}

static uint64_t *octave_of(struct lb_histogram *h, size_t bucket)
{
    uint64_t **octave = &h->octave[bucket >> SUB_BITS];
    if (!*octave)
        *octave = calloc(LB_HISTOGRAM_SUB, sizeof(**octave));
    return *octave;
}

int lb_histogram_set(struct lb_histogram *h, size_t bucket, uint64_t n)
{
    if (bucket >= LB_HISTOGRAM_BUCKETS)
        return -1;
    uint64_t *octave = octave_of(h, bucket);
    if (!octave)
        return -1;
    octave[bucket & (LB_HISTOGRAM_SUB - 1)] = n;
    return 0;
}

int lb_histogram_add(struct lb_histogram *h, uint64_t us, uint64_t n)
{
    if (n == 0)
        return 0;
    if (us > LB_HISTOGRAM_MAX_US)
        us = LB_HISTOGRAM_MAX_US;
    size_t bucket = lb_histogram_bucket(us);
    uint64_t *octave = octave_of(h, bucket);
    if (!octave)
        return -1;
    octave[bucket & (LB_HISTOGRAM_SUB - 1)] += n;
    if (h->count == 0 || us < h->min_us)
        h->min_us = us;
    if (us > h->max_us)
        h->max_us = us;
    h->count += n;
    h->sum_us += us * n;
    return 0;
}

void lb_histogram_fetch(const struct lb_histogram *h, uint64_t us)
{
    size_t bucket = lb_histogram_bucket(us);
    const uint64_t *octave = h->octave[bucket >> SUB_BITS];
    __builtin_prefetch(&h->count, 1);
    if (octave)
        __builtin_prefetch(&octave[bucket & (LB_HISTOGRAM_SUB - 1)], 1);
}

int lb_histogram_merge(struct lb_histogram *into, const struct lb_histogram *from)
{
    if (from->count == 0)
        return 0;
    for (size_t i = 0; i < LB_HISTOGRAM_OCTAVES; i++) {
        if (!from->octave[i])
            continue;
        uint64_t *octave = octave_of(into, i << SUB_BITS);
        if (!octave)
            return -1;
        for (size_t j = 0; j < LB_HISTOGRAM_SUB; j++)
            octave[j] += from->octave[i][j];
    }
    if (into->count == 0 || from->min_us < into->min_us)
        into->min_us = from->min_us;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    into->count += from->count;
    into->sum_us += from->sum_us;
    return 0;
}

double lb_histogram_quantile(const struct lb_histogram *h, double q)
{
    if (h->count == 0)
        return 0;
    double wanted = ceil(q * (double)h->count);
    uint64_t rank = wanted < 1 ? 1 : wanted > (double)h->count ? h->count : (uint64_t)wanted;
    for (size_t b = 0; b < LB_HISTOGRAM_BUCKETS; b++) {
        uint64_t n = lb_histogram_bucket_count(h, b);
        if (rank > n) {
            rank -= n;
            continue;
        }
        double low = (double)lb_histogram_bucket_low(b);
        double middle = (low + (double)lb_histogram_bucket_low(b + 1) - 1) / 2;
        return fmin(fmax(middle, (double)h->min_us), (double)h->max_us);
    }
    return (double)h->max_us;
}

double lb_histogram_mean(const struct lb_histogram *h)
{
    return h->count ? (double)h->sum_us / (double)h->count : 0;
}

/* Lowest and highest bucket that hold something. */
static void ends(const struct lb_histogram *h, size_t *low, size_t *high)
{
    *low = LB_HISTOGRAM_BUCKETS;
    *high = 0;
    for (size_t b = 0; b < LB_HISTOGRAM_BUCKETS; b++) {
        if (lb_histogram_bucket_count(h, b) == 0)
            continue;
        if (*low == LB_HISTOGRAM_BUCKETS)
            *low = b;
        *high = b;
    }
}

bool lb_histogram_valid(const struct lb_histogram *h)
{
    uint64_t count = 0;
    double least = 0, most = 0;
    for (size_t b = 0; b < LB_HISTOGRAM_BUCKETS; b++) {
        uint64_t n = lb_histogram_bucket_count(h, b);
        if (n > UINT64_MAX - count)
            return false;
        count += n;
        least += (double)n * (double)lb_histogram_bucket_low(b);
        most += (double)n * ((double)lb_histogram_bucket_low(b + 1) - 1);
    }
    if (count != h->count)
        return false;
    if (count == 0)
        return h->sum_us == 0;
    size_t low, high;
    ends(h, &low, &high);
    double sum = (double)h->sum_us;
    return h->max_us <= LB_HISTOGRAM_MAX_US && lb_histogram_bucket(h->min_us) == low &&
           lb_histogram_bucket(h->max_us) == high && sum >= least * (1 - 1e-9) - 1 &&
           sum <= most * (1 + 1e-9) + 1;
}

bool lb_histogram_equal(const struct lb_histogram *a, const struct lb_histogram *b)
{
    if (a->count != b->count || a->sum_us != b->sum_us)
        return false;
    if (a->count == 0)
        return true;
    if (a->min_us != b->min_us || a->max_us != b->max_us)
        return false;
    for (size_t i = 0; i < LB_HISTOGRAM_BUCKETS; i++) {
        if (lb_histogram_bucket_count(a, i) != lb_histogram_bucket_count(b, i))
            return false;
    }
    return true;
}

void lb_histogram_clear(struct lb_histogram *h)
{
    for (size_t i = 0; i < LB_HISTOGRAM_OCTAVES; i++)
        free(h->octave[i]);
    *h = (struct lb_histogram){0};
}
