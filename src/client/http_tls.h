/* TLS for the HTTP client's connections, on OpenSSL. */
#ifndef LB_CLIENT_HTTP_TLS_H
#define LB_CLIENT_HTTP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "client/tls_options.h"

struct lb_http_tls;

/* TLS 1.2 or later to a server that must have a certificate for `host` (a name or an address), or
 * for the settings' server name. The settings' files are copied. NULL after failure. */
struct lb_http_tls *lb_http_tls_new(const struct lb_tls_settings *settings, const char *host,
                                    struct lb_error *err) LB_MUST_CHECK;
void lb_http_tls_free(struct lb_http_tls *tls);

/* The client's end of one connection, the caller's to free; NULL without memory. */
SSL *lb_http_tls_connection(const struct lb_http_tls *tls);

/* Why a handshake failed, as far as OpenSSL knows: "certificate verify failed: self-signed
 * certificate". `error` is what bufferevent_get_openssl_error gave; "" when it knows nothing. */
void lb_http_tls_error(const SSL *connection, unsigned long error, char *text, size_t size);

#endif
