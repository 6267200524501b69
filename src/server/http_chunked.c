/* The chunked body of a request, decoded in place as it arrives. */
#include "server/http_chunked.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "server/http_head.h"

static enum lb_http_chunked_result refuse(int *status, const char **why, int code, const char *text)
{
    *status = code;
    *why = text;
    return LB_HTTP_CHUNKED_REFUSE;
}

/* The length of the line at `text` without its CR LF; -1: it does not end yet, -2: it is none. */
static long line_length(const char *text, size_t len)
{
    const char *newline = memchr(text, '\n', len);
    size_t line = newline ? (size_t)(newline - text) : len;
    if (line > LB_HTTP_CHUNK_LINE_MAX || (newline && (line == 0 || text[line - 1] != '\r')))
        return -2;
    return newline ? (long)line - 1 : -1;
}

/* "1f", or "1f;name=value": hexadecimal digits, then nothing or extensions. */
static bool parse_size(const char *line, size_t len, uint64_t *size)
{
    size_t digits = lb_http_hex_digits(line, len), at = digits;
    *size = 0;
    if (digits == 0 || digits > 15)
        return false;
    for (size_t i = 0; i < digits; i++)
        *size = *size << 4 | lb_http_hex_value(line[i]);
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    return digits == len || (at < len && line[at] == ';' && lb_http_is_value(line + at, len - at));
}

/* Takes what has come of a chunk's data, and the CR LF behind it. COMPLETE: that is all of it. */
static enum lb_http_chunked_result take_data(struct lb_http_chunked *c, char *data, size_t len,
                                             int *status, const char **why)
{
    size_t have = len - c->taken, more = have < c->left ? have : c->left;
    memmove(data + c->body_len, data + c->taken, more);
    c->body_len += more;
    c->taken += more;
    c->left -= more;
    have -= more;
    if (c->left > 0 || have < 2)
        return LB_HTTP_CHUNKED_MORE;
    if (data[c->taken] != '\r' || data[c->taken + 1] != '\n')
        return refuse(status, why, 400, "a chunk is longer than its size");
    c->taken += 2;
    c->state = LB_HTTP_CHUNK_SIZE;
    return LB_HTTP_CHUNKED_COMPLETE;
}

/* Takes a line: a chunk's size, a trailer or the empty line at the end. COMPLETE: it was there. */
static enum lb_http_chunked_result take_line(struct lb_http_chunked *c, const char *data,
                                             size_t len, size_t max, int *status, const char **why)
{
    const char *line = data + c->taken;
    long line_len = line_length(line, len - c->taken);
    uint64_t size;
    if (line_len == -1)
        return LB_HTTP_CHUNKED_MORE;
    if (line_len < 0)
        return refuse(status, why, 400, "a chunked body's lines end with CR LF within 4096 bytes");
    if (c->state == LB_HTTP_CHUNK_TRAILER) {
        if (line_len == 0)
            c->state = LB_HTTP_CHUNK_END;
        else if (!lb_http_is_header(line, (size_t)line_len))
            return refuse(status, why, 400, "a trailer is not NAME: VALUE");
    } else if (!parse_size(line, (size_t)line_len, &size)) {
        return refuse(status, why, 400, "a chunk's size is not a hexadecimal number");
    } else if (size > max - c->body_len) {
        return refuse(status, why, 413, "a body has at most 65536 bytes");
    } else {
        c->left = size;
        c->state = size > 0 ? LB_HTTP_CHUNK_DATA : LB_HTTP_CHUNK_TRAILER;
    }
    c->taken += (size_t)line_len + 2;
    return LB_HTTP_CHUNKED_COMPLETE;
}

enum lb_http_chunked_result lb_http_chunked_decode(struct lb_http_chunked *c, char *data,
                                                   size_t len, size_t max, int *status,
                                                   const char **why)
{
    enum lb_http_chunked_result result = LB_HTTP_CHUNKED_COMPLETE;
    while (c->state != LB_HTTP_CHUNK_END && result == LB_HTTP_CHUNKED_COMPLETE) {
        if (c->state == LB_HTTP_CHUNK_DATA)
            result = take_data(c, data, len, status, why);
        else
            result = take_line(c, data, len, max, status, why);
    }
    return result;
}
