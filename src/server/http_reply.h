/* An HTTP response: what the routes say, and how it is written. */
#ifndef LB_SERVER_HTTP_REPLY_H
#define LB_SERVER_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http_head.h"

/* Enough for every head that lb_http_reply_write_head writes. */
#define LB_HTTP_REPLY_HEAD_MAX 4096

#define LB_HTTP_TEXT "text/plain"
#define LB_HTTP_JSON "application/json"

struct lb_http_reply {
    int status;
    const char *type;  /* of the body; NULL: no body */
    const char *allow; /* the Allow header; or NULL */
    const char *body;
    size_t body_len;
    char *owned; /* what lb_http_reply_clear frees; or NULL */
};

/* Releases what the reply owns. */
void lb_http_reply_clear(struct lb_http_reply *reply);

/* For metrics: the statuses as texts, the last "other", and a status' place among them. */
const char *const *lb_http_codes(size_t *count);
size_t lb_http_code_index(int status);

/* What the head says besides the reply itself. */
struct lb_http_frame {
    bool http10_keep_alive; /* say "Connection: keep-alive" */
    bool close;             /* say "Connection: close" */
    const char *date;       /* RFC 9110 5.6.7 */
    const char *identity;   /* header lines of the server, each with CR LF */
    uint64_t connection_id, ordinal;
    const char *peer;                     /* "10.0.0.7:41234" */
    const struct lb_proxy_headers *proxy; /* of the request; or NULL */
};

/* Writes status line and headers with the empty line at the end; returns their length. */
size_t lb_http_reply_write_head(char buf[LB_HTTP_REPLY_HEAD_MAX], const struct lb_http_reply *reply,
                                const struct lb_http_frame *frame);

#endif
