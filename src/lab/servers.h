/* The lab's servers. Internal to src/lab. */
#ifndef LB_LAB_SERVERS_H
#define LB_LAB_SERVERS_H

#include "lab/lab.h"

/* Names all servers, starts them and waits until they accept. On the loopback device they listen on
 * 127.0.0.1, 127.0.0.2, ... under the ports the kernel chose for the first, as pods of one
 * Deployment have one port each on their own addresses; in namespaces on 8080 and 30051. */
int lb_servers_start(struct lb_lab *lab, struct lb_error *err) LB_MUST_CHECK;

#endif
