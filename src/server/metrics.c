/* What the server counts: the shards. How it is written is in metrics_text.c. */
#include "server/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "server/metrics_shard.h"

const int64_t lb_metrics_bounds_ns[LB_METRICS_BUCKETS] = {
    10000,
    25000,
    50000,
    100000,
    250000,
    500000,
    1000000,
    2500000,
    5000000,
    10000000,
    25000000,
    50000000,
    100000000,
    250000000,
    500000000,
    1000000000,
    INT64_C(2500000000),
    INT64_C(5000000000),
    INT64_C(10000000000),
};

/* One writer: a plain add of which readers see either value. */
static void add(lb_metrics_cell *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

struct lb_metrics *lb_metrics_new(struct lb_error *err)
{
    struct lb_metrics *m = calloc(1, sizeof *m);
    if (!m)
        lb_error_set(err, "out of memory");
    return m;
}

void lb_metrics_free(struct lb_metrics *m)
{
    while (m && m->shards) {
        struct lb_metrics_shard *next = m->shards->next;
        free(m->shards);
        m->shards = next;
    }
    free(m);
}

struct lb_metrics_shard *lb_metrics_shard_new(struct lb_metrics *m,
                                              enum lb_metrics_protocol protocol,
                                              const char *const *methods, size_t method_count,
                                              const char *const *codes, size_t code_count,
                                              struct lb_error *err)
{
    struct lb_metrics_shard *s = NULL;
    if (method_count > LB_METRICS_METHODS_MAX || code_count > LB_METRICS_CODES_MAX) {
        lb_error_set(err, "more methods or codes than metrics have room for");
        return NULL;
    }
    /* A cache line of its own at both ends. */
    if (posix_memalign((void **)&s, 64, (sizeof *s + 63) & ~(size_t)63) != 0) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->protocol = protocol;
    s->methods = methods;
    s->method_count = method_count;
    s->codes = codes;
    s->code_count = code_count;
    s->next = m->shards;
    m->shards = s;
    return s;
}

void lb_metrics_begin(struct lb_metrics_shard *s)
{
    add(&s->begun, 1);
}

void lb_metrics_cancel(struct lb_metrics_shard *s)
{
    add(&s->ended, 1);
}

void lb_metrics_end(struct lb_metrics_shard *s, size_t method, size_t code, int64_t duration_ns)
{
    size_t bucket = 0;
    while (bucket < LB_METRICS_BUCKETS && duration_ns > lb_metrics_bounds_ns[bucket])
        bucket++;
    add(&s->ended, 1);
    add(&s->requests[method][code], 1);
    add(&s->durations[method][bucket], 1);
    add(&s->duration_ns[method], duration_ns > 0 ? (uint64_t)duration_ns : 0);
}

void lb_metrics_received(struct lb_metrics_shard *s, size_t bytes)
{
    add(&s->received, bytes);
}

void lb_metrics_sent(struct lb_metrics_shard *s, size_t bytes)
{
    add(&s->sent, bytes);
}

void lb_metrics_accepted(struct lb_metrics_shard *s)
{
    add(&s->accepted, 1);
}

void lb_metrics_closed(struct lb_metrics_shard *s, enum lb_close_reason reason)
{
    add(&s->closed[reason], 1);
}

void lb_metrics_fault(struct lb_metrics_shard *s, enum lb_metrics_fault kind)
{
    add(&s->faults[kind], 1);
}

uint64_t lb_metrics_open(const struct lb_metrics *m, enum lb_metrics_protocol protocol)
{
    uint64_t accepted = 0, closed = 0;
    for (const struct lb_metrics_shard *s = m->shards; s; s = s->next) {
        if (s->protocol != protocol)
            continue;
        for (size_t i = 0; i < LB_CLOSE_REASONS; i++)
            closed += atomic_load_explicit(&s->closed[i], memory_order_relaxed);
        accepted += atomic_load_explicit(&s->accepted, memory_order_relaxed);
    }
    return accepted > closed ? accepted - closed : 0;
}
