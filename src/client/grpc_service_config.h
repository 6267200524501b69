/* Service configs (https://github.com/grpc/grpc/blob/master/doc/service_config.md), checked before
 * the core sees them: of a bad one it says only that no channel could be made, and a policy it does
 * not know silently becomes pick_first. */
#ifndef LB_CLIENT_GRPC_SERVICE_CONFIG_H
#define LB_CLIENT_GRPC_SERVICE_CONFIG_H

#include "common/error.h"

enum { LB_GRPC_SERVICE_CONFIG_MAX = 64 * 1024 };

/* The policies the client offers; ends with NULL. */
extern const char *const lb_grpc_policies[];

/* Checks a service config in JSON. `*policy` is set to the one of lb_grpc_policies that it asks
 * for, NULL when it names none. The error names what is wrong and where, without the file. */
int lb_grpc_service_config_check(const char *json, const char **policy,
                                 struct lb_error *err) LB_MUST_CHECK;

#endif
