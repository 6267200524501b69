/* Accepts plaintext gRPC connections in a thread of its own and hands them to the C core by
 * descriptor. The core's own listener dies for good when descriptors run out once, shares its port
 * with other processes and tells nobody of connections; this one recovers, and counts each
 * connection's begin and end. Over TLS the core must accept itself; those of its connections that
 * calls come over are adopted (server/grpc_socket.h).
 *
 * To see the end exactly a connection costs a second descriptor until its end. */
#ifndef LB_SERVER_GRPC_ACCEPT_H
#define LB_SERVER_GRPC_ACCEPT_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/error.h"
#include "server/grpc_connections.h"
#include "server/grpc_server.h"
#include "server/metrics.h"

struct lb_grpc_acceptor;

/* `server`, `connections` and `metrics`, of which the acceptor is the only writer, outlive the
 * acceptor; at `max_open` connections (0: no limit) further ones are closed at once. NULL with *err
 * after failure. */
struct lb_grpc_acceptor *lb_grpc_acceptor_new(grpc_server *server,
                                              struct lb_grpc_connections *connections,
                                              struct lb_metrics_shard *metrics, uint64_t max_open,
                                              struct lb_error *err) LB_MUST_CHECK;

/* Takes `fd` (bound, listening, non-blocking) after success. Before start only. */
int lb_grpc_acceptor_add(struct lb_grpc_acceptor *a, int fd, struct lb_error *err) LB_MUST_CHECK;

/* Starts the thread. The gRPC server must have been started. */
int lb_grpc_acceptor_start(struct lb_grpc_acceptor *a, struct lb_error *err) LB_MUST_CHECK;

/* Whether there are as many connections as may be. Any thread. */
bool lb_grpc_acceptor_full(struct lb_grpc_acceptor *a);

/* From now on counts the connection on `fd` of the core's and watches it by its duplicate `twin`,
 * which it takes. -1 with errno after failure, which is EUSERS at a full acceptor; then `twin` is
 * the caller's still. Any thread. */
int lb_grpc_acceptor_adopt(struct lb_grpc_acceptor *a, int fd, int twin,
                           const struct sockaddr *peer, socklen_t len) LB_MUST_CHECK;

/* Accepts what waits, closes the listeners and returns; goes on watching connections. */
void lb_grpc_acceptor_drain(struct lb_grpc_acceptor *a);

/* Stops the thread, closes what is still open of ours (never a connection) and releases `a`. NULL
 * is allowed. */
void lb_grpc_acceptor_free(struct lb_grpc_acceptor *a);

#endif
