/* Who answered: taken from the headers and the body of an HTTP reply. */
#ifndef LB_CLIENT_HTTP_IDENTITY_H
#define LB_CLIENT_HTTP_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "client/transport.h"

struct evkeyvalq;

/* Where a reply names its backend. With neither: lbdemo-server's own header, else the body. */
struct lb_http_id {
    const char *json_pointer; /* RFC 6901, into a JSON body; or NULL */
    const char *header;       /* name of a response header; or NULL */
};

struct lb_http_identity {
    char backend[LB_NAME_MAX + 1];
    char boot_id[LB_NAME_MAX + 1];
    char version[LB_NAME_MAX + 1], zone[LB_NAME_MAX + 1], node[LB_NAME_MAX + 1];
    char peer[LB_NAME_MAX + 1];
    char proxy_headers[LB_NAME_MAX + 1];
    uint64_t connection, ordinal;
};

/* Fills `out`: what is not told is "" or 0, what is too long is cut. `headers` and the `size` bytes
 * of `body` come from the network and may be anything. */
void lb_http_identify(const struct lb_http_id *id, const struct evkeyvalq *headers,
                      const char *body, size_t size, struct lb_http_identity *out);

/* Checks a JSON pointer: "" or "/" and tokens, '~' only as ~0 and ~1. An option's check. */
int lb_json_pointer_check(const char *text, struct lb_error *err) LB_MUST_CHECK;

#endif
