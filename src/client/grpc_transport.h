/* Unary gRPC calls over the C core. */
#ifndef LB_CLIENT_GRPC_TRANSPORT_H
#define LB_CLIENT_GRPC_TRANSPORT_H

#include "client/grpc_settings.h"
#include "client/transport.h"

/* Takes `settings` over and clears it, also after failure. Calls grpc_init, and grpc_shutdown when
 * freed. NULL when the core refuses the settings. */
struct lb_transport *lb_grpc_transport_new(struct lb_grpc_settings *settings,
                                           struct lb_error *err) LB_MUST_CHECK;

#endif
