/* Asks a server what the names of its messages' fields stand for (gRPC server reflection, v1 and
 * v1alpha). */
#ifndef LB_CLIENT_GRPC_REFLECTION_H
#define LB_CLIENT_GRPC_REFLECTION_H

#include "client/grpc_link.h"

/* Finds the numbers of `names`, "info.name", in the reply of the settings' method, over a
 * connection of its own. Waits, at most the settings' timeout for each of the questions, of which
 * there is one more than names. */
int lb_grpc_reflect(struct lb_grpc_links *links, const char *names, struct lb_wire_path *path,
                    struct lb_error *err) LB_MUST_CHECK;

#endif
