/* The services this server offers: each file's methods. */
#ifndef LB_SERVER_GRPC_SERVICES_H
#define LB_SERVER_GRPC_SERVICES_H

#include <stddef.h>

#include "server/grpc_call.h"
#include "server/identity.h"

/* api.protobuf.pod and lbdemo.v1.PodService, and the method that answers all that are unknown. */
extern const struct lb_grpc_method lb_grpc_pod_methods[];
extern const size_t lb_grpc_pod_method_count;

/* grpc.health.v1.Health. */
extern const struct lb_grpc_method lb_grpc_health_methods[];
extern const size_t lb_grpc_health_method_count;

/* grpc.reflection.v1 and v1alpha. */
extern const struct lb_grpc_method lb_grpc_reflection_methods[];
extern const size_t lb_grpc_reflection_method_count;

/* Tells the health watches of this worker, whose thread calls, of a readiness that has changed. */
void lb_grpc_health_changed(struct lb_grpc_worker *w);

/* What api.protobuf.pod/getInfo answers, for lb_grpc_shared. */
grpc_slice lb_grpc_pod_reply(const struct lb_identity *identity);

#endif
