/* The inside of metrics: one thread's counters. For metrics*.c alone. */
#ifndef LB_SERVER_METRICS_SHARD_H
#define LB_SERVER_METRICS_SHARD_H

#include <stdatomic.h>

#include "server/metrics.h"

typedef _Atomic uint64_t lb_metrics_cell;

#define LB_METRICS_BUCKETS 19
extern const int64_t lb_metrics_bounds_ns[LB_METRICS_BUCKETS]; /* upper; the last bucket has none */

struct lb_metrics_shard {
    struct lb_metrics_shard *next;
    enum lb_metrics_protocol protocol;
    const char *const *methods, *const *codes;
    size_t method_count, code_count;

    lb_metrics_cell begun, ended;
    lb_metrics_cell received, sent; /* bytes */
    lb_metrics_cell accepted, closed[LB_CLOSE_REASONS];
    lb_metrics_cell faults[LB_METRICS_FAULTS];
    lb_metrics_cell requests[LB_METRICS_METHODS_MAX][LB_METRICS_CODES_MAX];
    lb_metrics_cell durations[LB_METRICS_METHODS_MAX][LB_METRICS_BUCKETS + 1];
    lb_metrics_cell duration_ns[LB_METRICS_METHODS_MAX];
};

struct lb_metrics {
    struct lb_metrics_shard *shards;
};

#endif
