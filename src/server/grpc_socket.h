/* The socket that a call came over.
 *
 * Of a connection that was handed to the core by descriptor it says "fd:N". Of one that it accepted
 * itself, for TLS, it says the peer's address: at such a connection's first call its descriptor is
 * looked for among the process's own, once, and noted in the connection's authentication context,
 * which lives as long as the connection. From then on it is like one that was accepted here:
 * counted, watched, and open to what is done by descriptor. */
#ifndef LB_SERVER_GRPC_SOCKET_H
#define LB_SERVER_GRPC_SOCKET_H

#include <grpc/grpc.h>
#include <stdint.h>

#include "server/grpc_accept.h"

struct lb_grpc_sockets;

/* `acceptor` outlives the result. */
struct lb_grpc_sockets *lb_grpc_sockets_new(struct lb_grpc_acceptor *acceptor);
void lb_grpc_sockets_free(struct lb_grpc_sockets *s); /* NULL is fine */

/* Where the core listens for TLS. Before the server starts. */
void lb_grpc_sockets_set_tls_port(struct lb_grpc_sockets *s, uint16_t port);

#define LB_GRPC_SOCKET_UNKNOWN (-1) /* just closed, or no descriptor left to look with */
#define LB_GRPC_SOCKET_EXCESS (-2)  /* over TLS: of one connection more than may be */

/* The core's descriptor of the connection that `call` came over, valid while the call exists; or
 * one of the above. Any thread. */
int lb_grpc_socket_of_call(struct lb_grpc_sockets *s, grpc_call *call);

#endif
