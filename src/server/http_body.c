/* One connection of the HTTP server: requests with a body, which evhttp reads and answers. */
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <string.h>

#include "common/clock.h"
#include "common/identity_headers.h"
#include "common/memory.h"
#include "server/http_connection.h"

void lb_http_hand_over(struct lb_http_connection *c, const struct lb_http_head *head)
{
    c->state = LB_HTTP_IN_BODY;
    c->close = head->close;
    c->reason = LB_CLOSE_UNKNOWN; /* evhttp does not tell whether it or the client ended it */
    lb_http_connection_busy_until(c, c->begun_ns + c->worker->config->body_timeout_ns);
    bufferevent_setcb(c->bev, c->evhttp_read, c->evhttp_write, c->evhttp_event, c->evcon);
    c->evhttp_read(c->bev, c->evcon);
}

/* The response has been sent. evhttp now looks for a next request; what has come of one is put
 * where it does not see it, and so is what could still come in this round of the loop. */
static void on_complete(struct evhttp_request *req, void *arg)
{
    (void)req;
    struct lb_http_connection *c = arg;
    if (!c->stash && !(c->stash = evbuffer_new()))
        lb_out_of_memory();
    evbuffer_add_buffer(c->stash, bufferevent_get_input(c->bev));
    bufferevent_disable(c->bev, EV_READ);
    event_active(&c->resume, EV_TIMEOUT, 1);
}

void lb_http_take_back(struct lb_http_connection *c)
{
    lb_http_connection_take(c);
    if (c->stash)
        evbuffer_prepend_buffer(bufferevent_get_input(c->bev), c->stash);
    lb_http_connection_become_idle(c, lb_clock_monotonic_ns());
    lb_http_connection_process(c);
}

static void collect_proxy_headers(struct evhttp_request *req, struct lb_proxy_headers *proxy)
{
    const struct evkeyval *h;
    proxy->count = proxy->bytes = 0;
    for (h = evhttp_request_get_input_headers(req)->tqh_first; h; h = h->next.tqe_next)
        lb_proxy_headers_add(proxy, h->key, strlen(h->key), h->value, strlen(h->value));
}

/* The same head that lb_http_reply_write_head writes. */
static void add_headers(const struct lb_http_connection *c, struct evkeyvalq *out,
                        const struct lb_http_reply *reply, const struct lb_proxy_headers *proxy)
{
    char text[LB_HTTP_PROXY_NAMES_MAX];
    if (reply->type)
        evhttp_add_header(out, "Content-Type", reply->type);
    if (reply->allow)
        evhttp_add_header(out, "Allow", reply->allow);
    if (c->close)
        evhttp_add_header(out, "Connection", "close");
    size_t facts;
    const struct lb_http_fact *fact = lb_http_service_facts(c->worker->config->service, &facts);
    for (size_t i = 0; i < facts; i++)
        evhttp_add_header(out, fact[i].name, fact[i].value);
    lb_http_connection_text(text, c->id, c->ordinal);
    evhttp_add_header(out, LB_HEADER_CONNECTION, text);
    evhttp_add_header(out, LB_HEADER_PEER, c->peer);
    if (lb_http_proxy_names(text, proxy) > 0)
        evhttp_add_header(out, LB_HEADER_PROXY, text);
}

static void send_by_evhttp(struct lb_http_connection *c, struct evhttp_request *req,
                           const struct lb_http_reply *reply, const struct lb_proxy_headers *proxy)
{
    struct evbuffer *body = evbuffer_new();
    if (!body || evbuffer_add(body, reply->body, reply->body_len) < 0)
        lb_out_of_memory();
    add_headers(c, evhttp_request_get_output_headers(req), reply, proxy);
    c->state = LB_HTTP_ANSWERING;
    lb_http_connection_busy_until(c, LB_HTTP_NEVER); /* the write timeout rules */
    evhttp_request_set_on_complete_cb(req, on_complete, c);
    evhttp_send_reply(req, reply->status, lb_http_reason(reply->status), body);
    /* evhttp would take a client's half-close for its end, and drop the response. */
    bufferevent_disable(c->bev, EV_READ);
    evbuffer_free(body);
}

static const char *query_of(struct evhttp_request *req)
{
    const char *mark = strchr(evhttp_request_get_uri(req), '?');
    return mark ? mark + 1 : "";
}

static void answer(struct lb_http_connection *c, struct evhttp_request *req)
{
    struct lb_http_worker *w = c->worker;
    struct evbuffer *body = evhttp_request_get_input_buffer(req);
    size_t body_len = evbuffer_get_length(body);
    const char *query = query_of(req);
    const char *asked = evhttp_find_header(evhttp_request_get_input_headers(req), LB_FAULT_HEADER);
    struct lb_error err;
    c->delayed = req;
    int injected = lb_http_inject(c, asked, asked ? strlen(asked) : 0, query, strlen(query), &err);
    if (injected < 0)
        return;
    c->delayed = NULL;
    struct lb_proxy_headers proxy;
    collect_proxy_headers(req, &proxy);
    lb_http_decide_close(c, c->close, lb_clock_monotonic_ns());
    if (req->minor > 1) /* evhttp would answer in the client's version; ours is HTTP/1.1 */
        req->minor = 1;
    req->flags &= ~EVHTTP_PROXY_REQUEST;
    struct lb_http_request request = {
        .method = c->method,
        .route = c->route,
        .proxy = &proxy,
        .connection_id = c->id,
        .ordinal = c->ordinal,
        .peer = c->peer,
        .query = query,
        .query_len = strlen(query),
        .accept = "",
        .from_page = evhttp_find_header(evhttp_request_get_input_headers(req), "Origin") != NULL,
        .body = body_len ? (const char *)evbuffer_pullup(body, -1) : "",
        .body_len = body_len,
    };
    struct lb_http_reply reply;
    if (injected)
        lb_http_fault_reply(&reply, injected, err.text);
    else if (c->fault.status)
        lb_http_fault_reply(&reply, c->fault.status, "injected fault");
    else
        lb_http_service_answer(w->config->service, &request, &reply);
    const char *path = evhttp_request_get_uri(req);
    lb_http_request_end(c, reply.status, reply.body_len, path, strcspn(path, "?"));
    send_by_evhttp(c, req, &reply, &proxy);
    lb_http_reply_clear(&reply);
}

void lb_http_connection_request(struct evhttp_request *req, void *arg)
{
    struct lb_http_worker *w = arg;
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
    struct lb_http_connection *c = w->by_fd[bufferevent_getfd(bev)];
    lb_metrics_received(w->metrics, evbuffer_get_length(evhttp_request_get_input_buffer(req)));
    answer(c, req);
}

void lb_http_resume(struct lb_http_connection *c)
{
    answer(c, c->delayed);
}
