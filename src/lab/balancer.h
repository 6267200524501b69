/* How each kind of topology is started. Internal to src/lab. */
#ifndef LB_LAB_BALANCER_H
#define LB_LAB_BALANCER_H

#include "lab/lab.h"

/* Starts what `path->topology` needs and fills in the path's targets and balancer. It need not
 * forward yet. After failure -1; a started balancer is left in `path` for the caller to end. */
typedef int lb_balancer_fn(struct lb_lab *lab, struct lb_lab_path *path, struct lb_error *err);

lb_balancer_fn lb_haproxy_start, lb_nginx_start, lb_envoy_start, lb_kernel_start,
    lb_addresses_start, lb_dns_start;

/* Two sockets that listen on ports the kernel chose, handed on to a balancer so that no port is
 * probed first and bound later. */
struct lb_listeners {
    int fds[2]; /* HTTP, gRPC */
    unsigned ports[2];
};

int lb_listeners_open(struct lb_listeners *listeners, struct lb_error *err) LB_MUST_CHECK;
void lb_listeners_close(struct lb_listeners *listeners);

/* Writes "http://HOST:PORT/pod" and "HOST:PORT" into the path. */
void lb_path_set_targets(struct lb_lab_path *path, const char *host, unsigned http_port,
                         unsigned grpc_port);

#endif
