/* HTTP/1.1 requests over libevent. */
#ifndef LB_CLIENT_HTTP_TRANSPORT_H
#define LB_CLIENT_HTTP_TRANSPORT_H

#include "client/http_identity.h"
#include "client/http_url.h"
#include "client/transport.h"

struct lb_http_settings {
    struct lb_http_url url;
    const struct lb_tls_settings *tls; /* NULL: plaintext; read by lb_http_transport_new only */
    struct lb_http_id id;
    const char *const *headers; /* "Name: value", checked (http_header.h) */
    size_t header_count;
};

/* `settings` is copied; the strings it points to must outlive the transport. NULL after failure. */
struct lb_transport *lb_http_transport_new(const struct lb_http_settings *settings,
                                           struct lb_error *err) LB_MUST_CHECK;

#endif
