/* The metadata by which gRPC's interoperability clients ask a server to misbehave, rpc-behavior
 * (gRPC's "Interoperability Test Case Descriptions"): "sleep-N" waits N seconds, "keep-open" as
 * long as may be, "error-code-N" ends the call with the gRPC status N; "hostname=POD " before one
 * limits it to the pod of that name. Several are separated by commas. Pure. */
#ifndef LB_SERVER_GRPC_BEHAVIOR_H
#define LB_SERVER_GRPC_BEHAVIOR_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define LB_GRPC_BEHAVIOR "rpc-behavior"

/* What a call gets; all zero: nothing. */
struct lb_grpc_behavior {
    int64_t delay_ns; /* at most LB_FAULT_DELAY_MAX_S */
    int code;         /* gRPC's status; 0: none */
};

/* Adds to `*b` what `text` asks of the pod `pod`. */
int lb_grpc_behavior_read(struct lb_grpc_behavior *b, const char *text, size_t len, const char *pod,
                          struct lb_error *err) LB_MUST_CHECK;

#endif
