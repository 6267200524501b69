/* The chunked body of a request (RFC 9112 section 7.1), decoded in place as it arrives. Pure. */
#ifndef LB_SERVER_HTTP_CHUNKED_H
#define LB_SERVER_HTTP_CHUNKED_H

#include <stddef.h>

/* Longest line of a chunk's size with its extensions, or of a trailer. */
#define LB_HTTP_CHUNK_LINE_MAX 4096

enum lb_http_chunk_state {
    LB_HTTP_CHUNK_SIZE,    /* the line with the chunk's size comes next */
    LB_HTTP_CHUNK_DATA,    /* its data */
    LB_HTTP_CHUNK_TRAILER, /* a trailer, or the empty line after the last */
    LB_HTTP_CHUNK_END,
};

/* Where the decoding of a body is; all zero at its beginning. */
struct lb_http_chunked {
    enum lb_http_chunk_state state;
    size_t taken;    /* bytes of the coded text that are decoded */
    size_t body_len; /* bytes that they were, now at the text's beginning */
    size_t left;     /* bytes of the chunk that have not come */
};

enum lb_http_chunked_result {
    LB_HTTP_CHUNKED_MORE,     /* the body does not end here yet */
    LB_HTTP_CHUNKED_COMPLETE, /* `taken` and `body_len` are the whole body's */
    LB_HTTP_CHUNKED_REFUSE,   /* *status and *why say how to refuse it: 400 or 413 */
};

/* Goes on decoding the coded text at `data`, of which `len` bytes have come: everything from the
 * body's first byte, with what earlier calls decoded. A body of more than `max` bytes is refused.
 * Extensions and trailers are checked and left out. Once it is complete, calling again changes
 * nothing. */
enum lb_http_chunked_result lb_http_chunked_decode(struct lb_http_chunked *c, char *data,
                                                   size_t len, size_t max, int *status,
                                                   const char **why);

#endif
