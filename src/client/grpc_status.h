/* gRPC status codes, and what the core's error texts mean. */
#ifndef LB_CLIENT_GRPC_STATUS_H
#define LB_CLIENT_GRPC_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* "UNAVAILABLE"; "CODE 42" for a number that is no code of gRPC is written into `buf`. */
#define LB_GRPC_STATUS_TEXT 24
const char *lb_grpc_status_name(int code, char buf[LB_GRPC_STATUS_TEXT]);

/* Writes "UNAVAILABLE: connect 127.0.0.1:30051: Connection refused" from a status and its details.
 * Of the core's own texts what matters is kept: the address and the system's reason; a server's are
 * left as they are. `out` is cut to `size` bytes. Returns `out`. */
char *lb_grpc_status_text(int code, const char *details, char *out, size_t size);

/* Whether the core made the status itself because no answer came: the name was not resolved, no
 * connection came about, or it was lost. A server may send the same texts; they are then believed.
 */
bool lb_grpc_status_is_local(int code, const char *details);

/* Whether of those it is one because there was no connection: the call went over none. */
bool lb_grpc_status_is_unsent(int code, const char *details);

#endif
