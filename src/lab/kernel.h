/* Network namespaces like a Kubernetes node's: one for the node, one for each server's pod, one for
 * the client's pod, into which this process moves. They have no names and no link to the host's
 * network: nothing of the host's changes, and they vanish with this process. */
#ifndef LB_LAB_KERNEL_H
#define LB_LAB_KERNEL_H

#include "lab/lab.h"

struct lb_kernel;

/* Makes the namespaces for lab->server_count servers, joins them with veth pairs and moves this
 * process into the client's pod. Needs root. On success lab->kernel is set, and lb_kernel_free
 * releases it. */
int lb_kernel_enter(struct lb_lab *lab, struct lb_error *err) LB_MUST_CHECK;

/* Moves this process back and lets the namespaces go; NULL is ignored. Processes inside keep theirs
 * until they end. */
void lb_kernel_free(struct lb_kernel *kernel);

/* The program that loads a kernel topology's rules; its Debian package is named like the topology's
 * algorithm. */
const char *lb_kernel_rules_tool(const struct lb_topology *topology);

/* Descriptor of the namespace of server `index`'s pod; -1 when `kernel` is NULL. */
int lb_kernel_pod(const struct lb_kernel *kernel, size_t index);

/* Writes the address of server `index`'s pod. */
void lb_kernel_pod_address(size_t index, char host[LB_LAB_HOST]);

#endif
