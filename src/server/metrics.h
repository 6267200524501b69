/* What the server counts, and how Prometheus reads it. Each thread counts in a shard of its own,
 * without locks or shared cache lines; a scrape adds the shards up. */
#ifndef LB_SERVER_METRICS_H
#define LB_SERVER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct lb_metrics;
struct lb_metrics_shard;

enum lb_metrics_protocol { LB_METRICS_HTTP, LB_METRICS_GRPC, LB_METRICS_PROTOCOLS };

/* Why a connection was closed, as far as it can be known. */
enum lb_close_reason {
    LB_CLOSE_CLIENT,   /* the other end closed it, or broke it */
    LB_CLOSE_REQUEST,  /* the client asked for it with its last request */
    LB_CLOSE_REFUSED,  /* a request was refused in a way that ends the connection */
    LB_CLOSE_TIMEOUT,  /* a head, body, response or handshake was too slow */
    LB_CLOSE_IDLE,     /* idle for too long */
    LB_CLOSE_AGE,      /* older than allowed */
    LB_CLOSE_REQUESTS, /* as many requests as allowed */
    LB_CLOSE_LIMIT,    /* more connections than allowed */
    LB_CLOSE_DRAIN,    /* the server stops */
    LB_CLOSE_FAULT,    /* an injected fault */
    LB_CLOSE_UNKNOWN,
    LB_CLOSE_REASONS,
};

#define LB_METRICS_METHODS_MAX 16
#define LB_METRICS_CODES_MAX 24
#define LB_METRICS_FAULTS_MAX 4

struct lb_metrics *lb_metrics_new(struct lb_error *err) LB_MUST_CHECK;

/* Releases the shards, too. */
void lb_metrics_free(struct lb_metrics *m);

/* A shard for one thread. `methods` (HTTP: routes) and `codes` are the label values by index; they
 * must be the same for all shards of a protocol and outlive `m`. Before the first scrape. */
struct lb_metrics_shard *lb_metrics_shard_new(struct lb_metrics *m,
                                              enum lb_metrics_protocol protocol,
                                              const char *const *methods, size_t method_count,
                                              const char *const *codes, size_t code_count,
                                              struct lb_error *err) LB_MUST_CHECK;

/* Counting: by the shard's thread alone. */
void lb_metrics_begin(struct lb_metrics_shard *s); /* a request is being served */
void lb_metrics_end(struct lb_metrics_shard *s, size_t method, size_t code, int64_t duration_ns);
void lb_metrics_cancel(
    struct lb_metrics_shard *s); /* begun, but its connection went: not counted */
void lb_metrics_received(struct lb_metrics_shard *s, size_t bytes);
void lb_metrics_sent(struct lb_metrics_shard *s, size_t bytes);
void lb_metrics_accepted(struct lb_metrics_shard *s);
void lb_metrics_closed(struct lb_metrics_shard *s, enum lb_close_reason reason);

enum lb_metrics_fault {
    LB_FAULT_DELAYED,
    LB_FAULT_STATUS_SENT,
    LB_FAULT_RESET_SENT,
    LB_METRICS_FAULTS
};
void lb_metrics_fault(struct lb_metrics_shard *s, enum lb_metrics_fault kind);

/* Connections open now over all shards of a protocol. Any thread. */
uint64_t lb_metrics_open(const struct lb_metrics *m, enum lb_metrics_protocol protocol);

/* Facts that are no counters, asked for at each scrape. */
struct lb_metrics_facts {
    bool ready;
    const char *version, *libevent, *grpc, *pod, *pod_version;
    int64_t start_time_unix_ms;
};

#define LB_METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define LB_METRICS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* All of it as Prometheus' text format 0.0.4, or as OpenMetrics 1.0. The caller frees it; NULL when
 * out of memory. Any thread. */
char *lb_metrics_format(const struct lb_metrics *m, const struct lb_metrics_facts *facts,
                        bool openmetrics, size_t *len);

/* Whether an Accept header asks for OpenMetrics. */
bool lb_metrics_wants_openmetrics(const char *accept, size_t len);

#endif
