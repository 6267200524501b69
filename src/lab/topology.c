/* The topologies the lab can stand up, as data. */
#include "config.h"

#include "lab/topology.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/language.h"
#include "lab/kernel.h"
#include "lab/programs.h"

const char *const lb_traffic_names[LB_TRAFFIC_COUNT] = {"HTTP new", "HTTP reused", "gRPC"};

/* clang-format off */
/* The truth of all three kinds of traffic alike, and of gRPC where HTTP has no such path. */
#define ALL(layer, outcome) {{layer, outcome}, {layer, outcome}, {layer, outcome}}
#define GRPC_ONLY(layer, outcome) {[LB_TRAFFIC_GRPC] = {layer, outcome}}
/* clang-format on */

const struct lb_topology lb_topologies[] = {
    {"haproxy-tcp-roundrobin", "L4", "haproxy tcp",
     N_("HAProxy mode tcp, a turn for each connection"), LB_BALANCER_HAPROXY, "haproxy-tcp.cfg",
     "roundrobin", NULL, false, ALL("per-connection", "balanced")},
    {"haproxy-tcp-leastconn", "L4", "haproxy tcp", N_("HAProxy mode tcp, fewest connections"),
     LB_BALANCER_HAPROXY, "haproxy-tcp.cfg", "leastconn", NULL, false,
     ALL("per-connection", "balanced")},
    /* Connections that stand count as load, so that later ones need not be spread evenly. */
    {"haproxy-tcp-random", "L4", "haproxy tcp",
     N_("HAProxy mode tcp, better of two random servers"), LB_BALANCER_HAPROXY, "haproxy-tcp.cfg",
     "random", NULL, true, ALL("per-connection", NULL)},
    {"haproxy-tcp-source", "L4", "haproxy tcp",
     N_("HAProxy mode tcp, by hash of the source address"), LB_BALANCER_HAPROXY, "haproxy-tcp.cfg",
     "source", NULL, true, ALL("sticky", NULL)},
    {"nginx-stream-roundrobin", "L4", "nginx stream",
     N_("nginx stream, a turn for each connection"), LB_BALANCER_NGINX, "nginx-stream.conf", "",
     NULL, false, ALL("per-connection", "balanced")},
    {"nginx-stream-random", "L4", "nginx stream", N_("nginx stream, a random server"),
     LB_BALANCER_NGINX, "nginx-stream.conf", "random;", NULL, true,
     ALL("per-connection", "balanced")},
    {"kernel-nftables", "L4", "kernel DNAT", N_("kube-proxy's nftables rules; needs root"),
     LB_BALANCER_KERNEL, "kube-proxy.nft", "nftables", NULL, true,
     ALL("per-connection", "balanced")},
    {"kernel-iptables", "L4", "kernel DNAT", N_("kube-proxy's iptables rules; needs root"),
     LB_BALANCER_KERNEL, "kube-proxy.iptables", "iptables", NULL, true,
     ALL("per-connection", "balanced")},
    {"haproxy-http-roundrobin", "L7", "haproxy http",
     N_("HAProxy mode http, a turn for each request"), LB_BALANCER_HAPROXY, "haproxy-http.cfg",
     "roundrobin", NULL, false, ALL("per-request", "balanced")},
    {"haproxy-http-leastconn", "L7", "haproxy http",
     N_("HAProxy mode http, fewest requests in flight"), LB_BALANCER_HAPROXY, "haproxy-http.cfg",
     "leastconn", NULL, false, ALL("per-request", "balanced")},
    {"haproxy-http-random", "L7", "haproxy http",
     N_("HAProxy mode http, better of two random servers"), LB_BALANCER_HAPROXY, "haproxy-http.cfg",
     "random", NULL, true, ALL("per-request", "balanced")},
    {"haproxy-http-source", "L7", "haproxy http",
     N_("HAProxy mode http, by hash of the source address"), LB_BALANCER_HAPROXY,
     "haproxy-http.cfg", "source", NULL, true, ALL("sticky", NULL)},
    /* The HTTP client keeps the cookie while it probes; the gRPC client has none. */
    {"haproxy-http-cookie",
     "L7",
     "haproxy http",
     N_("HAProxy mode http, sticky by a cookie it sets"),
     LB_BALANCER_HAPROXY,
     "haproxy-cookie.cfg",
     "roundrobin",
     NULL,
     false,
     {{"sticky", NULL}, {"sticky", NULL}, {"per-request", "balanced"}}},
    {"nginx-http-roundrobin", "L7", "nginx http", N_("nginx proxy_pass and grpc_pass, a turn each"),
     LB_BALANCER_NGINX, "nginx-http.conf", "", NULL, false, ALL("per-request", "balanced")},
    {"nginx-http-random", "L7", "nginx http", N_("nginx proxy_pass and grpc_pass, a random server"),
     LB_BALANCER_NGINX, "nginx-http.conf", "random;", NULL, true, ALL("per-request", "balanced")},
    {"envoy-round-robin", "L7", "envoy", N_("Envoy ROUND_ROBIN, a turn for each request"),
     LB_BALANCER_ENVOY, "envoy.yaml", "ROUND_ROBIN", NULL, false, ALL("per-request", "balanced")},
    /* Each worker has a turn of its own, so that no order is seen in all of it. */
    {"envoy-workers", "L7", "envoy", N_("Envoy ROUND_ROBIN in three workers"), LB_BALANCER_ENVOY,
     "envoy.yaml", "ROUND_ROBIN", NULL, false, ALL("per-request", "balanced"), .workers = "3"},
    {"envoy-least-request", "L7", "envoy", N_("Envoy LEAST_REQUEST, better of two at random"),
     LB_BALANCER_ENVOY, "envoy.yaml", "LEAST_REQUEST", NULL, true, ALL("per-request", "balanced")},
    {"envoy-random", "L7", "envoy", N_("Envoy RANDOM, a random server for each request"),
     LB_BALANCER_ENVOY, "envoy.yaml", "RANDOM", NULL, true, ALL("per-request", "balanced")},
    {"envoy-ring-hash", "L7", "envoy", N_("Envoy RING_HASH of the source address"),
     LB_BALANCER_ENVOY, "envoy.yaml", "RING_HASH", NULL, true, ALL("sticky", NULL)},
    {"envoy-maglev", "L7", "envoy", N_("Envoy MAGLEV hash of the source address"),
     LB_BALANCER_ENVOY, "envoy.yaml", "MAGLEV", NULL, true, ALL("sticky", NULL)},
    {"envoy-weighted", "L7", "envoy",
     /* xgettext:no-c-format */ N_("Envoy weighted clusters: 10 % to v2, the last"),
     LB_BALANCER_ENVOY, "envoy-weighted.yaml", NULL, NULL, true, ALL("per-request", "balanced"),
     .weights = "v1=90,v2=10"},
    {"addresses-pick-first", "client", "ipv4: list", N_("gRPC given all addresses, pick_first"),
     LB_BALANCER_ADDRESSES, NULL, NULL, "pick_first", false, GRPC_ONLY("client-side", "pinned")},
    {"addresses-round-robin", "client", "ipv4: list", N_("gRPC given all addresses, round_robin"),
     LB_BALANCER_ADDRESSES, NULL, NULL, "round_robin", false, GRPC_ONLY("client-side", "balanced")},
    {"dns-pick-first", "client", "dns name", N_("gRPC given a name of all addresses, pick_first"),
     LB_BALANCER_DNS, NULL, NULL, "pick_first", false, GRPC_ONLY("client-side", "pinned")},
    {"dns-round-robin", "client", "dns name", N_("gRPC given a name of all addresses, round_robin"),
     LB_BALANCER_DNS, NULL, NULL, "round_robin", false, GRPC_ONLY("client-side", "balanced")},
};
const size_t lb_topology_count = sizeof lb_topologies / sizeof lb_topologies[0];

/* What the short names mean. */
static const struct {
    const char *path, *name, *topology;
} short_names[] = {
    {"L4", "haproxy", "haproxy-tcp-roundrobin"},  {"L4", "nginx", "nginx-stream-roundrobin"},
    {"L4", "kernel", "kernel-nftables"},          {"L7", "envoy", "envoy-round-robin"},
    {"L7", "haproxy", "haproxy-http-roundrobin"}, {"L7", "nginx", "nginx-http-roundrobin"},
};

static void append(char *list, size_t room, const char *name)
{
    size_t used = strlen(list);
    snprintf(list + used, room - used, "%s%s", used ? ", " : "", name);
}

const struct lb_topology *lb_topology_find(const char *name, const char *path, struct lb_error *err)
{
    const char *full = name;
    char allowed[400] = "";
    for (size_t i = 0; path && i < sizeof short_names / sizeof short_names[0]; i++) {
        if (strcmp(short_names[i].path, path) != 0)
            continue;
        append(allowed, sizeof allowed, short_names[i].name);
        if (strcmp(short_names[i].name, name) == 0)
            full = short_names[i].topology;
    }
    for (size_t i = 0; i < lb_topology_count; i++) {
        if ((!path || strcmp(lb_topologies[i].path, path) == 0)) {
            append(allowed, sizeof allowed, lb_topologies[i].name);
            if (strcmp(lb_topologies[i].name, full) == 0)
                return &lb_topologies[i];
        }
    }
    if (path)
        lb_error_set(err, "'%.80s' is none of %s", name, allowed);
    else
        lb_error_set(err, "there is no topology '%.80s'; lbdemo-lab list names them", name);
    return NULL;
}

bool lb_topology_available(const struct lb_topology *topology, const char *envoy,
                           struct lb_error *err)
{
    char path[PATH_MAX];
    switch (topology->balancer) {
    case LB_BALANCER_HAPROXY:
        return lb_programs_find("haproxy", "haproxy", path, err) == 0;
    case LB_BALANCER_NGINX:
        return lb_programs_find("nginx", "nginx-light", path, err) == 0;
    case LB_BALANCER_ENVOY:
        return lb_programs_find_envoy(envoy, path, err) == 0;
    case LB_BALANCER_KERNEL:
        if (geteuid() != 0)
            return lb_error_set(err, "%s needs root: it makes network namespaces",
                                topology->name) == 0;
        return lb_programs_find("ip", "iproute2", path, err) == 0 &&
               lb_programs_find(lb_kernel_rules_tool(topology), topology->algorithm, path, err) ==
                   0;
    case LB_BALANCER_ADDRESSES:
    case LB_BALANCER_DNS:
        break;
    }
    return true;
}
