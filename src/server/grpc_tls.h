/* gRPC over TLS, by the C core's own listener: the core does the handshakes, and for that it must
 * accept, too. Each handshake gets the certificate as it was last read well. */
#ifndef LB_SERVER_GRPC_TLS_H
#define LB_SERVER_GRPC_TLS_H

#include <grpc/grpc.h>

#include "common/address.h"
#include "common/error.h"
#include "server/server_tls.h"

struct lb_grpc_tls;

/* Binds `text`, a TCP address in lb_address_parse_listen's notation, for `server`, which must not
 * have been started and must have been created with GRPC_ARG_ALLOW_REUSEPORT 0 (the default shares
 * the port with other processes). With `client_auth` clients must have a certificate that `tls`'s
 * client CA signed. Writes where it listens to `address`. `tls` outlives the result, which outlives
 * the server. NULL with *err after failure. */
struct lb_grpc_tls *lb_grpc_tls_listen(grpc_server *server, const char *text,
                                       struct lb_server_tls *tls, bool client_auth,
                                       char address[LB_ADDRESS_TEXT],
                                       struct lb_error *err) LB_MUST_CHECK;

/* The port it listens on. */
uint16_t lb_grpc_tls_port(const struct lb_grpc_tls *t);

/* NULL is fine. */
void lb_grpc_tls_free(struct lb_grpc_tls *t);

#endif
