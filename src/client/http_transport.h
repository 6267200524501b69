/* HTTP/1.1 requests over libevent. */
#ifndef LB_CLIENT_HTTP_TRANSPORT_H
#define LB_CLIENT_HTTP_TRANSPORT_H

#include "client/http_identity.h"
#include "client/http_url.h"
#include "client/transport.h"

struct lb_http_settings {
    struct lb_http_url url;
    struct lb_http_id id;
    const char *const *headers; /* "Name: value", checked by lb_http_header_check */
    size_t header_count;
};

/* `settings` is copied; the strings it points to must outlive the transport. NULL after failure. */
struct lb_transport *lb_http_transport_new(const struct lb_http_settings *settings,
                                           struct lb_error *err) LB_MUST_CHECK;

/* Checks "Name: value": a token, a colon, printable text. An option's check. */
int lb_http_header_check(const char *text, struct lb_error *err) LB_MUST_CHECK;

/* Splits a checked header: the length of its name, and its value. */
const char *lb_http_header_split(const char *text, size_t *name_len);

#endif
