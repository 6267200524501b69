/* The topologies the lab can stand up: which balancer, how it decides, and the truth about it that
 * a verdict has to find. */
#ifndef LB_LAB_TOPOLOGY_H
#define LB_LAB_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum lb_balancer {
    LB_BALANCER_HAPROXY,
    LB_BALANCER_NGINX,
    LB_BALANCER_ENVOY,
    LB_BALANCER_KERNEL,    /* DNAT in network namespaces */
    LB_BALANCER_ADDRESSES, /* none: the client is given all addresses */
    LB_BALANCER_DNS,       /* none: the client is given a name that resolves to all addresses */
};

/* What a client sees by: a column of the matrix. */
enum lb_traffic { LB_TRAFFIC_HTTP_NEW, LB_TRAFFIC_HTTP_REUSED, LB_TRAFFIC_GRPC, LB_TRAFFIC_COUNT };
extern const char *const lb_traffic_names[LB_TRAFFIC_COUNT];

/* The right words about one kind of traffic. NULL layer: this traffic cannot take this path. */
struct lb_truth {
    const char *layer;   /* as in the verdict: "per-connection" */
    const char *outcome; /* "balanced", "pinned"; NULL: depends on chance, not judged */
};

struct lb_topology {
    const char *name;    /* "haproxy-tcp-roundrobin" */
    const char *path;    /* "L4", "L7" or "client": where the choice is made */
    const char *tool;    /* "haproxy tcp": as the demonstration's table names it */
    const char *summary; /* for list and the man page */
    enum lb_balancer balancer;
    const char *config;    /* name of the template; NULL for those without a balancer */
    const char *algorithm; /* what stands for @ALGORITHM@ there */
    const char *policy;    /* --lb-policy of the gRPC client; NULL: not given */
    bool random;           /* chooses at random: reaching every server takes more requests, and
                              now and then the shares of a sample look uneven */
    struct lb_truth truth[LB_TRAFFIC_COUNT];
    const char *workers; /* threads of Envoy; NULL: one */
    const char *weights; /* shares by version, for --expect-weights; NULL: equal ones */
};

extern const struct lb_topology lb_topologies[];
extern const size_t lb_topology_count;

/* Finds by full name, or by the short name of a path's usual topology: "haproxy", "nginx" and
 * "kernel" for L4; "envoy", "haproxy" and "nginx" for L7. `path` NULL: any path, full names only.
 * The error names what is allowed. */
const struct lb_topology *lb_topology_find(const char *name, const char *path,
                                           struct lb_error *err) LB_MUST_CHECK;

/* Whether what it needs is on this machine. `envoy`: see lb_programs_find_envoy. The error says
 * what is missing. */
bool lb_topology_available(const struct lb_topology *topology, const char *envoy,
                           struct lb_error *err);

#endif
