/* Who answered a call: taken from its metadata and its reply. All of it comes from the network. */
#ifndef LB_CLIENT_GRPC_IDENTITY_H
#define LB_CLIENT_GRPC_IDENTITY_H

#include <grpc/grpc.h>

#include "client/grpc_settings.h"
#include "client/transport.h"

/* Unknown facts are "" or 0; what is too long is cut. */
struct lb_grpc_identity {
    char backend[LB_NAME_MAX + 1];
    char boot_id[LB_NAME_MAX + 1];
    char version[LB_NAME_MAX + 1], zone[LB_NAME_MAX + 1], node[LB_NAME_MAX + 1];
    char peer[LB_NAME_MAX + 1];
    char proxy_headers[LB_NAME_MAX + 1];
    uint64_t connection, ordinal;
};

/* Reads the facts that lbdemo-server tells in metadata, and the backend's name if --id-metadata
 * names one of them. `out` is to be zeroed before the first of several arrays. */
void lb_grpc_identity_metadata(const struct lb_grpc_settings *settings,
                               const grpc_metadata_array *metadata, struct lb_grpc_identity *out);

/* Reads the backend's name from the `size` bytes of a reply's message, by --id-field, and all facts
 * of a lbdemo.v1.GetInfoResponse if that is what the method answers with. Fails when the backend is
 * not told, neither here nor by the metadata read before. */
int lb_grpc_identity_message(const struct lb_grpc_settings *settings, const void *message,
                             size_t size, struct lb_grpc_identity *out,
                             struct lb_error *err) LB_MUST_CHECK;

#endif
