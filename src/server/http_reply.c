/* An HTTP response: how it is written. */
#include "server/http_reply.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/identity_headers.h"

/* Bytes of the list of proxy headers; names beyond it are left out. */
#define PROXY_NAMES_MAX 512

void lb_http_reply_clear(struct lb_http_reply *reply)
{
    free(reply->owned);
    reply->owned = NULL;
}

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {204, "No Content"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};
#define REASONS (sizeof reasons / sizeof reasons[0])

static const char *const codes[REASONS + 1] = {
    "200", "204", "400", "403", "404", "405", "408", "413", "414",   "417",
    "429", "431", "500", "501", "502", "503", "504", "505", "other",
};

size_t lb_http_code_index(int status)
{
    size_t i = 0;
    while (i < REASONS && reasons[i].status != status)
        i++;
    return i;
}

const char *const *lb_http_codes(size_t *count)
{
    *count = REASONS + 1;
    return codes;
}

static const char *reason_of(int status)
{
    size_t i = lb_http_code_index(status);
    return i < REASONS ? reasons[i].reason : "Unknown";
}

static char *put(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}

static char *put_text(char *out, const char *text)
{
    return put(out, text, strlen(text));
}

#define PUT_LITERAL(out, literal) put(out, literal, sizeof(literal) - 1)

static char *put_number(char *out, uint64_t n)
{
    char digits[20];
    size_t i = sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    return put(out, digits + i, sizeof digits - i);
}

static bool seen_before(const struct lb_proxy_headers *proxy, size_t index)
{
    const struct lb_proxy_header *h = &proxy->items[index];
    for (size_t i = 0; i < index; i++) {
        if (proxy->items[i].name_len == h->name_len &&
            strncasecmp(proxy->items[i].name, h->name, h->name_len) == 0)
            return true;
    }
    return false;
}

/* "via,x-request-id": each name once and in lower case, as far as they fit. */
static char *put_proxy_names(char *out, const struct lb_proxy_headers *proxy)
{
    size_t len = 0;
    for (size_t i = 0; i < proxy->count; i++) {
        const struct lb_proxy_header *h = &proxy->items[i];
        if (len + 1 + h->name_len > PROXY_NAMES_MAX || seen_before(proxy, i))
            continue;
        if (len > 0)
            out[len++] = ',';
        for (size_t c = 0; c < h->name_len; c++)
            out[len++] = (char)tolower((unsigned char)h->name[c]);
    }
    return out + len;
}

size_t lb_http_reply_write_head(char buf[LB_HTTP_REPLY_HEAD_MAX], const struct lb_http_reply *reply,
                                const struct lb_http_frame *frame)
{
    char *out = PUT_LITERAL(buf, "HTTP/1.1 ");
    out = put_number(out, (uint64_t)reply->status);
    *out++ = ' ';
    out = put_text(out, reason_of(reply->status));
    out = PUT_LITERAL(out, "\r\nDate: ");
    out = put_text(out, frame->date);
    if (reply->type) {
        out = PUT_LITERAL(out, "\r\nContent-Type: ");
        out = put_text(out, reply->type);
        out = PUT_LITERAL(out, "\r\nContent-Length: ");
        out = put_number(out, reply->body_len);
    }
    if (reply->allow) {
        out = PUT_LITERAL(out, "\r\nAllow: ");
        out = put_text(out, reply->allow);
    }
    if (frame->close)
        out = PUT_LITERAL(out, "\r\nConnection: close");
    else if (frame->http10_keep_alive)
        out = PUT_LITERAL(out, "\r\nConnection: keep-alive");
    out = PUT_LITERAL(out, "\r\n");
    out = put_text(out, frame->identity);
    out = PUT_LITERAL(out, LB_HEADER_CONNECTION ": ");
    out = put_number(out, frame->connection_id);
    *out++ = ' ';
    out = put_number(out, frame->ordinal);
    out = PUT_LITERAL(out, "\r\n" LB_HEADER_PEER ": ");
    out = put_text(out, frame->peer);
    if (frame->proxy && frame->proxy->count > 0) {
        out = PUT_LITERAL(out, "\r\n" LB_HEADER_PROXY ": ");
        out = put_proxy_names(out, frame->proxy);
    }
    out = PUT_LITERAL(out, "\r\n\r\n");
    return (size_t)(out - buf);
}
