/* The server's certificate: read, checked, and read again while it runs. */
#ifndef LB_SERVER_SERVER_TLS_H
#define LB_SERVER_SERVER_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/tls.h"

struct lb_server_tls;

/* Reads the certificate (with those that lead to a root) and its key; with `client_ca` (or NULL) a
 * client must have a certificate that one of those signed. TLS 1.2 and 1.3. The paths outlive it.
 */
struct lb_server_tls *lb_server_tls_open(const char *cert, const char *key, const char *client_ca,
                                         struct lb_error *err) LB_MUST_CHECK;

/* NULL is fine. */
void lb_server_tls_free(struct lb_server_tls *t);

/* Reads the files again: new connections get what they hold now, those that are open stay. After
 * failure everything stays as it was. One thread. */
int lb_server_tls_reload(struct lb_server_tls *t, struct lb_error *err) LB_MUST_CHECK;

/* Whether a file is not the one that was last read, or last tried. The same thread as reload. */
bool lb_server_tls_changed(struct lb_server_tls *t);

/* For an HTTPS connection (ALPN http/1.1) that is being accepted; the caller's to free. NULL when
 * out of memory. Any thread. */
SSL *lb_server_tls_accept(struct lb_server_tls *t);

/* What the files held when they were last read well. `*generation` grows with each reload. The
 * caller clears `pems`. Any thread. */
int lb_server_tls_pems(struct lb_server_tls *t, struct lb_tls_pems *pems, unsigned *generation,
                       struct lb_error *err) LB_MUST_CHECK;

#endif
