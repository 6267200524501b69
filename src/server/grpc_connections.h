/* Which connection a call came over: its number, the call's ordinal on it, the peer.
 *
 * The C core says of a call at best the descriptor it came over (server/grpc_socket.h), so a table
 * by descriptor holds the rest. A descriptor cannot be taken by another connection while a call on
 * it exists: the core closes it only when its last stream is gone. */
#ifndef LB_SERVER_GRPC_CONNECTIONS_H
#define LB_SERVER_GRPC_CONNECTIONS_H

#include <stdint.h>
#include <sys/socket.h>

#include "common/address.h"
#include "common/error.h"

struct lb_grpc_connections;
struct lb_grpc_connection;

/* A call's place: `connection` is valid while the call is. */
struct lb_grpc_call_origin {
    struct lb_grpc_connection *connection; /* NULL: not known */
    uint64_t connection_id; /* from 1, unique in a boot over HTTP and gRPC; 0: not known */
    uint64_t ordinal;       /* of the call on the connection, from 1 */
};

/* NULL when out of memory. */
struct lb_grpc_connections *lb_grpc_connections_new(void);
void lb_grpc_connections_free(struct lb_grpc_connections *table);

/* Enters a new connection on descriptor `fd` from `peer`, before its first call is counted; what
 * was known of `fd` before is forgotten. One thread at a time. Fails if `fd` is beyond the table's
 * size or memory is exhausted. */
int lb_grpc_connections_enter(struct lb_grpc_connections *table, int fd,
                              const struct sockaddr *peer, socklen_t peer_len,
                              struct lb_error *err) LB_MUST_CHECK;

/* Counts a call that came over `fd` (negative: not known), once in its life, and says where it came
 * from. Any thread. */
struct lb_grpc_call_origin lb_grpc_connections_count_call(struct lb_grpc_connections *table,
                                                          int fd);

/* The core's descriptor of the connection, valid while the call exists; -1: not known. */
int lb_grpc_origin_fd(const struct lb_grpc_call_origin *origin);

/* Writes the peer's address as this host sees it ("10.0.0.7", "::1", "unix:") and its port (0 for
 * unix). Any thread, while the call exists. */
void lb_grpc_origin_peer(const struct lb_grpc_call_origin *origin, char host[LB_ADDRESS_TEXT],
                         uint16_t *port);

/* The same as one text, "10.0.0.7:41234"; returns its length, 0 if not known. */
size_t lb_grpc_origin_text(const struct lb_grpc_call_origin *origin, char text[LB_ADDRESS_TEXT]);

/* Counts a call that its client has given up, and cuts the connection when there are too many
 * (LB_GRPC_MAX_CANCELS). Any thread, while the call exists. */
void lb_grpc_origin_cancelled(const struct lb_grpc_call_origin *origin);

#endif
