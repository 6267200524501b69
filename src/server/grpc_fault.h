/* Faults on demand, for gRPC: delays, statuses and resets of calls. */
#ifndef LB_SERVER_GRPC_FAULT_H
#define LB_SERVER_GRPC_FAULT_H

#include <stdbool.h>

#include "server/grpc_call.h"

/* Draws what happens to `call`, which has just arrived. True: it has been answered, or waits for
 * its delay and goes on by itself; false: it is to be handled now. */
bool lb_grpc_fault_inject(struct lb_grpc_call *call);

/* Ends all delayed calls of a worker, whose server shuts down. */
void lb_grpc_faults_end(struct lb_grpc_worker *w);

#endif
