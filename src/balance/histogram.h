/* histogram.h - latency histogram with bounded relative error, compact and mergeable.
 *
 * Logarithmic buckets with a linear subdivision, the layout of HdrHistogram (Tene): values below
 * 128 us are exact, each octave above is cut into 64 equal buckets, so a bucket's middle is within
 * 1/128 (0.79 %) of every value in it. Range 1 us to 1 h; values outside are clamped and counted.
 * An octave takes memory only once it has a value. Not thread-safe. */
#ifndef LB_BALANCE_HISTOGRAM_H
#define LB_BALANCE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_HISTOGRAM_SUB 64     /* buckets an octave */
#define LB_HISTOGRAM_OCTAVES 27 /* octave 0 is [0, 64) us, the last ends above 1 h */
#define LB_HISTOGRAM_BUCKETS (LB_HISTOGRAM_OCTAVES * LB_HISTOGRAM_SUB)
#define LB_HISTOGRAM_MAX_US UINT64_C(3600000000) /* 1 h */

/* Zero-initialised it is empty. Ends with lb_histogram_clear. */
struct lb_histogram {
    uint64_t count;
    uint64_t sum_us;                        /* of clamped values */
    uint64_t min_us;                        /* exact; meaningless while count is 0 */
    uint64_t max_us;                        /* exact */
    uint64_t *octave[LB_HISTOGRAM_OCTAVES]; /* LB_HISTOGRAM_SUB counts each, or NULL */
};

/* Counts n values of us microseconds. Returns 0, or -1 without memory (nothing is counted). */
int lb_histogram_add(struct lb_histogram *h, uint64_t us, uint64_t n);

/* Asks the caches for where a value will be counted, and does not wait for it. */
void lb_histogram_fetch(const struct lb_histogram *h, uint64_t us);

/* Adds all of from to into. Returns 0, or -1 without memory (into is then partly added to and only
 * fit for lb_histogram_clear). */
int lb_histogram_merge(struct lb_histogram *into, const struct lb_histogram *from);

/* Value in us below which the share q (0..1) of all values lies: middle of the bucket that holds
 * the ceil(q n)-th smallest, limited to [min_us, max_us]. 0 when empty. */
double lb_histogram_quantile(const struct lb_histogram *h, double q);

/* Mean in us; 0 when empty. */
double lb_histogram_mean(const struct lb_histogram *h);

/* For writing and restoring: bucket of a value, its lowest value, and the count in a bucket. */
size_t lb_histogram_bucket(uint64_t us);
uint64_t lb_histogram_bucket_low(size_t bucket);
uint64_t lb_histogram_bucket_count(const struct lb_histogram *h, size_t bucket);

/* Restores a bucket's count (count and sum_us are left to the caller). 0, -1 without memory or when
 * bucket is not below LB_HISTOGRAM_BUCKETS. */
int lb_histogram_set(struct lb_histogram *h, size_t bucket, uint64_t n);

/* True when the bucket counts add up to count and min/max/sum fit them. */
bool lb_histogram_valid(const struct lb_histogram *h);

bool lb_histogram_equal(const struct lb_histogram *a, const struct lb_histogram *b);

/* Frees what it holds and makes it empty. */
void lb_histogram_clear(struct lb_histogram *h);

#endif
