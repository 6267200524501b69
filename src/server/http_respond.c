/* One connection of the HTTP server: responses. */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/memory.h"
#include "server/http_connection.h"

void lb_http_request_begin(struct lb_http_connection *c, const struct lb_http_head *head,
                           size_t read_bytes, int64_t now_ns)
{
    c->in_flight = true;
    c->begun_ns = now_ns;
    c->ordinal++;
    c->method = head->method;
    c->route = lb_http_route_find(c->worker->config->service, head->path, head->path_len);
    lb_metrics_begin(c->worker->metrics);
    lb_metrics_received(c->worker->metrics, read_bytes);
}

static void log_access(const struct lb_http_connection *c, int status, size_t sent_bytes,
                       int64_t duration_ns, const char *path, size_t path_len)
{
    struct lb_http_worker *w = c->worker;
    struct lb_access_entry entry = {
        .protocol = "http",
        .peer = c->peer,
        .method = lb_http_method_name(c->method),
        .path = path,
        .path_len = path_len,
        .status = status,
        .sent_bytes = sent_bytes,
        .connection_id = c->id,
        .ordinal = c->ordinal,
        .duration_ns = duration_ns,
    };
    if (lb_access_write(w->access, &entry))
        lb_http_worker_flush_soon(w);
}

int64_t lb_http_request_end(struct lb_http_connection *c, int status, size_t sent_bytes,
                            const char *path, size_t path_len)
{
    struct lb_http_worker *w = c->worker;
    int64_t now = lb_clock_monotonic_ns();
    lb_metrics_sent(w->metrics, sent_bytes);
    lb_metrics_end(w->metrics, lb_http_route_index(w->config->service, c->route),
                   lb_http_code_index(status), now - c->begun_ns);
    c->in_flight = c->fault_drawn = false;
    if (w->access)
        log_access(c, status, sent_bytes, now - c->begun_ns, path, path_len);
    return now;
}

void lb_http_decide_close(struct lb_http_connection *c, bool asked, int64_t now_ns)
{
    const struct lb_http_config *config = c->worker->config;
    c->close = true;
    if (asked)
        c->reason = LB_CLOSE_REQUEST;
    else if (c->worker->draining)
        c->reason = LB_CLOSE_DRAIN;
    else if (now_ns >= c->expires_ns)
        c->reason = LB_CLOSE_AGE;
    else if (config->max_requests && c->ordinal >= config->max_requests)
        c->reason = LB_CLOSE_REQUESTS;
    else
        c->close = false;
}

bool lb_http_after_response(struct lb_http_connection *c, int64_t now_ns)
{
    if (c->close || c->eof) {
        lb_http_connection_linger(c);
        return false;
    }
    lb_http_connection_become_idle(c, now_ns);
    return true;
}

bool lb_http_write(struct lb_http_connection *c, const char *data, size_t len)
{
    struct evbuffer *output = bufferevent_get_output(c->bev);
    bool first = !c->tls && evbuffer_get_length(output) == 0;
    ssize_t n = first ? send(c->fd, data, len, MSG_NOSIGNAL) : 0;
    if (n == (ssize_t)len)
        return true;
    size_t sent = n > 0 ? (size_t)n : 0; /* an error comes again when the rest is written */
    if (evbuffer_add(output, data + sent, len - sent) < 0)
        lb_out_of_memory();
    return false;
}

/* Returns whether all of the response was sent. */
static bool send_response(struct lb_http_connection *c, const char *data, size_t len)
{
    if (lb_http_write(c, data, len))
        return true;
    c->state = LB_HTTP_ANSWERING;
    lb_http_connection_busy_until(c, LB_HTTP_NEVER); /* the write timeout rules */
    return false;
}

/* What the log says of a path, kept while its request leaves the input. */
struct kept_path {
    char text[LB_ACCESS_PATH_MAX];
    size_t len;
};

static void keep_path(struct kept_path *kept, const struct lb_http_head *head)
{
    kept->len = head->path_len < sizeof kept->text ? head->path_len : sizeof kept->text;
    memcpy(kept->text, head->path, kept->len);
}

/* Writes a reply to the request of `head`. Returns whether `c` can take another request now. */
static bool respond(struct lb_http_connection *c, const struct lb_http_reply *reply, bool with_body,
                    const struct lb_http_head *head)
{
    struct lb_http_worker *w = c->worker;
    struct lb_http_frame frame = {
        .http10_keep_alive = head->http10,
        .close = c->close,
        .date = lb_http_worker_date(w),
        .identity = lb_http_service_identity_headers(w->config->service),
        .connection_id = c->id,
        .ordinal = c->ordinal,
        .peer = c->peer,
        .proxy = &head->proxy,
    };
    struct kept_path path;
    path.len = 0;
    char small[2 * LB_HTTP_REPLY_HEAD_MAX], *buf = small;
    size_t body = with_body ? reply->body_len : 0;
    if (LB_HTTP_REPLY_HEAD_MAX + body > sizeof small &&
        !(buf = malloc(LB_HTTP_REPLY_HEAD_MAX + body))) {
        lb_http_connection_abort(c, LB_CLOSE_UNKNOWN);
        return false;
    }
    size_t len = lb_http_reply_write_head(buf, reply, &frame);
    if (body)
        memcpy(buf + len, reply->body, body);
    if (w->access)
        keep_path(&path, head);
    evbuffer_drain(bufferevent_get_input(c->bev), c->request_len);
    c->request_len = 0;
    /* Counted first: who has the response finds it in the metrics. */
    int64_t now = lb_http_request_end(c, reply->status, len + body, path.text, path.len);
    bool sent = send_response(c, buf, len + body);
    if (buf != small)
        free(buf);
    return sent && lb_http_after_response(c, now);
}

bool lb_http_refuse(struct lb_http_connection *c, int status, const char *why, bool with_body,
                    enum lb_close_reason reason)
{
    static const struct lb_http_head nothing = {
        .method = LB_HTTP_UNKNOWN, .path = "-", .path_len = 1};
    char text[256];
    int len = snprintf(text, sizeof text, "%d: %s\n", status, why);
    struct lb_http_reply reply = {
        .status = status, .type = LB_HTTP_TEXT, .body = text, .body_len = (size_t)len};
    if (!c->in_flight)
        lb_http_request_begin(c, &nothing, 0, lb_clock_monotonic_ns());
    c->close = true;
    c->reason = reason;
    return respond(c, &reply, with_body, &nothing);
}

bool lb_http_answer(struct lb_http_connection *c, const struct lb_http_head *head, const char *body,
                    size_t body_len)
{
    struct lb_error err;
    int injected =
        lb_http_inject(c, head->fault, head->fault_len, head->query, head->query_len, &err);
    if (injected < 0)
        return false;
    lb_http_decide_close(c, head->close, c->begun_ns);
    struct lb_http_request request = {
        .method = head->method,
        .route = c->route,
        .proxy = &head->proxy,
        .connection_id = c->id,
        .ordinal = c->ordinal,
        .peer = c->peer,
        .query = head->query,
        .query_len = head->query_len,
        .accept = head->accept,
        .accept_len = head->accept_len,
        .from_page = head->origin,
        .body = body,
        .body_len = body_len,
    };
    struct lb_http_reply reply;
    if (injected)
        lb_http_fault_reply(&reply, injected, err.text);
    else if (c->fault.status)
        lb_http_fault_reply(&reply, c->fault.status, "injected fault");
    else
        lb_http_service_answer(c->worker->config->service, &request, &reply);
    bool more = respond(c, &reply, head->method != LB_HTTP_HEAD, head);
    lb_http_reply_clear(&reply);
    return more;
}
