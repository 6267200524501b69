/* The access log's lines of gRPC calls. */
#ifndef LB_SERVER_GRPC_ACCESS_H
#define LB_SERVER_GRPC_ACCESS_H

#include <grpc/status.h>
#include <stdint.h>

struct lb_grpc_call;
struct lb_grpc_worker;

/* Writes the line of a call that is over, if there is a log; before its origin and its details are
 * released. The worker's thread. */
void lb_grpc_access_write(const struct lb_grpc_call *call, grpc_status_code status,
                          int64_t duration_ns);

/* Before the worker's thread starts, and after it has ended; the latter writes what waits. */
void lb_grpc_access_open(struct lb_grpc_worker *w);
void lb_grpc_access_close(struct lb_grpc_worker *w);

#endif
