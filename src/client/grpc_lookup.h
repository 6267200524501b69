/* How many addresses a target's name stands for, and which: what a client-side policy can choose
 * among. The core looks names up itself and does not tell. */
#ifndef LB_CLIENT_GRPC_LOOKUP_H
#define LB_CLIENT_GRPC_LOOKUP_H

#include "client/grpc_target.h"

enum { LB_GRPC_LOOKUP_MAX = 1024 }; /* addresses; more are left out */

/* Looks the target's name up, as the core will: by the DNS server that the target names, else by
 * the host's own files and servers. Adds the addresses, each once, to `target`; without a name, or
 * when nobody answers within two seconds, it is left as it is: the calls will tell. Waits. */
void lb_grpc_lookup(struct lb_grpc_target *target);

#endif
