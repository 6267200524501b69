/* The initial metadata of every reply, by which the server names itself: see
 * common/identity_headers.h. */
#ifndef LB_SERVER_GRPC_HEADERS_H
#define LB_SERVER_GRPC_HEADERS_H

#include <grpc/grpc.h>
#include <stddef.h>

#include "server/grpc_connections.h"
#include "server/identity.h"

#define LB_GRPC_HEADERS_SAME 5                         /* on all replies */
#define LB_GRPC_HEADERS_MAX (LB_GRPC_HEADERS_SAME + 3) /* connection, peer, proxy headers */

struct lb_grpc_headers {
    grpc_metadata items[LB_GRPC_HEADERS_MAX];
    size_t count;
};

/* What all replies have: the facts of `id` that are known and that metadata, which is printing
 * ASCII, can carry. The texts stay those of `id`. */
void lb_grpc_headers_init(struct lb_grpc_headers *same, const struct lb_identity *id);

/* Those of one reply: `same`, where the call came from, and the names of the proxy headers among
 * the `request`'s metadata. Release with lb_grpc_headers_clear. */
void lb_grpc_headers_make(struct lb_grpc_headers *headers, const struct lb_grpc_headers *same,
                          const struct lb_grpc_call_origin *origin,
                          const grpc_metadata_array *request);

void lb_grpc_headers_clear(struct lb_grpc_headers *headers);

#endif
