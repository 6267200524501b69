/* One connection of the HTTP server: bodies. */
#include <event2/buffer.h>
#include <string.h>

#include "common/clock.h"
#include "server/http_connection.h"

/* A chunked body with its framing: no more than is read before the rest has to wait. */
#define CODED_MAX (2 * LB_HTTP_BODY_MAX)

enum progress { WAITING, WHOLE, REFUSED };

/* Decodes what has come; `*len` becomes the body's length, `*coded_len` what it took. */
static enum progress decode(struct lb_http_connection *c, char *data, size_t *len,
                            size_t *coded_len, int *status, const char **why)
{
    enum lb_http_chunked_result result =
        lb_http_chunked_decode(&c->chunked, data, *len, LB_HTTP_BODY_MAX, status, why);
    if (result == LB_HTTP_CHUNKED_REFUSE)
        return REFUSED;
    if (result == LB_HTTP_CHUNKED_MORE && *len >= CODED_MAX) {
        *status = 413;
        *why = "a body with the framing of its chunks has at most 131072 bytes";
        return REFUSED;
    }
    *len = c->chunked.body_len;
    *coded_len = c->chunked.taken;
    return result == LB_HTTP_CHUNKED_COMPLETE ? WHOLE : WAITING;
}

static void wait_for_more(struct lb_http_connection *c, const struct lb_http_head *head, bool begun)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (c->state == LB_HTTP_IN_BODY)
        return;
    c->state = LB_HTTP_IN_BODY;
    lb_http_connection_busy_until(c, c->begun_ns + c->worker->config->body_timeout_ns);
    /* Not where the client does not wait for it (RFC 9110 10.1.1). */
    if (head->expects_continue && !head->http10 && !begun)
        lb_http_write(c, go_on, sizeof go_on - 1);
}

bool lb_http_take_body(struct lb_http_connection *c, const struct lb_http_head *head,
                       size_t head_len)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    size_t len = evbuffer_get_length(input) - head_len, coded_len = head->content_length;
    enum progress progress = len >= coded_len ? WHOLE : WAITING;
    const char *why;
    int status;
    char *data = NULL;
    bool begun = len > 0;
    if (head->chunked || progress == WHOLE)
        data = (char *)evbuffer_pullup(input, -1);
    if (head->chunked)
        progress = decode(c, data + head_len, &len, &coded_len, &status, &why);
    else
        len = coded_len;
    if (progress == REFUSED)
        return lb_http_refuse(c, status, why, true, LB_CLOSE_REFUSED);
    if (progress == WAITING) {
        wait_for_more(c, head, begun);
        return false;
    }
    /* Read once more, as the bytes may have moved. */
    struct lb_http_head here;
    (void)lb_http_head_parse(data, head_len, &here, &why);
    if (!c->fault_drawn) /* it is not after a delay */
        lb_metrics_received(c->worker->metrics, coded_len);
    c->request_len = head_len + coded_len;
    return lb_http_answer(c, &here, data + head_len, len);
}
