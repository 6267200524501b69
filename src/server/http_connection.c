/* One connection of the HTTP server: the guard between the socket and evhttp. */
#include "server/http_connection.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <event2/http_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/address.h"
#include "common/clock.h"
#include "common/identity_headers.h"
#include "common/memory.h"
#include "server/connection_id.h"
#include "server/http_head.h"
#include "server/http_routes.h"

/* What a connection that is being closed may still send before it is cut. */
#define LINGER_NS (1 * LB_NS_PER_S)
#define LINGER_BYTES_MAX 262144

/* What an idle connection gets at a drain: a client that does not look for the end of a connection
 * before it asks again loses a request otherwise. */
#define DRAIN_IDLE_NS (500 * LB_NS_PER_MS)

/* Reading stops above this: a head, a body with its chunk framing, and what is pipelined behind. */
#define INPUT_MAX (LB_HTTP_HEAD_MAX + 2 * LB_HTTP_BODY_MAX)

#define NEVER INT64_MAX

enum state {
    ATTACHING, /* evhttp has not finished making it */
    IDLE,      /* nothing of a request has come */
    HEAD,      /* a part of a head has come */
    BODY,      /* evhttp reads a body */
    ANSWERING, /* evhttp writes the response, or the socket takes no more of ours */
    LINGERING, /* all is said; waiting for the client to close */
};

struct lb_http_connection {
    LIST_ENTRY(lb_http_connection) entry;
    struct lb_http_worker *worker;
    struct bufferevent *bev;
    struct evhttp_connection *evcon;
    int fd;
    enum state state;
    bool close; /* after the response */
    bool blank; /* the one empty line before a request has come */
    bool eof;   /* the client sends no more */

    /* evhttp's own callbacks, while they are replaced by ours. */
    bufferevent_data_cb evhttp_read, evhttp_write;
    bufferevent_event_cb evhttp_event;

    struct event timer;
    int64_t deadline_ns;    /* of the state */
    int64_t armed_ns;       /* when the timer fires: never after the deadline */
    struct event resume;    /* runs what may not run inside evhttp's callbacks */
    struct evbuffer *stash; /* pipelined bytes that evhttp must not see; or NULL */

    uint64_t id, ordinal;
    size_t scanned; /* by lb_http_head_scan */
    size_t
        head_len; /* of the request being answered: still in the input, until the reply is made */
    size_t lingered_bytes;

    /* Of the request that evhttp reads. */
    enum lb_http_method method;
    const struct lb_http_route *route;

    char peer[LB_ADDRESS_TEXT];
};

static void attach(struct lb_http_connection *c);

/* --- deadlines ------------------------------------------------------------------------------- */

/* Moving a deadline back costs nothing: the timer fires early and is set again. */
static void set_deadline(struct lb_http_connection *c, int64_t at_ns)
{
    c->deadline_ns = at_ns;
    if (at_ns >= c->armed_ns)
        return;
    int64_t left = at_ns - lb_clock_monotonic_ns();
    if (left < 0)
        left = 0;
    struct timeval tv = {left / LB_NS_PER_S, left % LB_NS_PER_S / LB_NS_PER_US + 1};
    c->armed_ns = at_ns;
    event_add(&c->timer, &tv);
}

static void set_timeout(struct lb_http_connection *c, int64_t timeout_ns)
{
    set_deadline(c, timeout_ns ? lb_clock_monotonic_ns() + timeout_ns : NEVER);
}

/* --- ending ---------------------------------------------------------------------------------- */

/* evhttp tells that the connection is going: `c` goes with it. */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    struct lb_http_connection *c = arg;
    struct lb_http_worker *w = c->worker;
    event_del(&c->timer);
    event_del(&c->resume);
    if (c->stash)
        evbuffer_free(c->stash);
    w->by_fd[c->fd] = NULL;
    LIST_REMOVE(c, entry);
    free(c);
    lb_http_worker_forget(w);
}

void lb_http_connection_abort(struct lb_http_connection *c)
{
    if (c->state == ATTACHING)
        attach(c);
    evhttp_connection_free(c->evcon); /* calls on_close */
}

/* Closes so that the response arrives: closing a socket with unread bytes in it resets the
 * connection, and with it what the client has not read yet (RFC 9112 9.6). */
static void linger(struct lb_http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    if (c->eof) {
        lb_http_connection_abort(c);
        return;
    }
    c->state = LINGERING;
    evbuffer_drain(input, evbuffer_get_length(input));
    shutdown(c->fd, SHUT_WR);
    set_timeout(c, LINGER_NS);
}

static void discard(struct lb_http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    size_t len = evbuffer_get_length(input);
    c->lingered_bytes += len;
    evbuffer_drain(input, len);
    if (c->lingered_bytes > LINGER_BYTES_MAX)
        lb_http_connection_abort(c);
}

/* --- answering ------------------------------------------------------------------------------- */

static void become_idle(struct lb_http_connection *c)
{
    c->state = IDLE;
    c->scanned = 0;
    c->blank = false;
    set_timeout(c, c->worker->draining ? DRAIN_IDLE_NS : c->worker->config->idle_timeout_ns);
}

/* All of the response is with the socket. Returns whether `c` can take another request. */
static bool after_response(struct lb_http_connection *c)
{
    if (c->close || c->eof) {
        linger(c);
        return false;
    }
    become_idle(c);
    return true;
}

/* Sends at once what the socket takes; a client that does not read gets the rest by and by. Returns
 * whether all was sent. */
static bool send_now(struct lb_http_connection *c, const char *data, size_t len)
{
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
    if (n == (ssize_t)len)
        return true;
    size_t sent = n > 0 ? (size_t)n : 0; /* an error comes again when the rest is written */
    c->state = ANSWERING;
    set_deadline(c, NEVER); /* the write timeout rules */
    evbuffer_add(bufferevent_get_output(c->bev), data + sent, len - sent);
    bufferevent_enable(c->bev, EV_WRITE);
    return false;
}

/* Writes a reply. Returns whether `c` can take another request now. */
static bool respond(struct lb_http_connection *c, const struct lb_http_reply *reply, bool with_body,
                    bool http10, const struct lb_proxy_headers *proxy)
{
    struct lb_http_worker *w = c->worker;
    struct lb_http_frame frame = {
        .http10_keep_alive = http10,
        .close = c->close,
        .date = lb_http_worker_date(w),
        .identity = lb_http_service_identity_headers(w->service),
        .connection_id = c->id,
        .ordinal = c->ordinal,
        .peer = c->peer,
        .proxy = proxy,
    };
    char small[2 * LB_HTTP_REPLY_HEAD_MAX], *buf = small;
    size_t body = with_body ? reply->body_len : 0;
    if (LB_HTTP_REPLY_HEAD_MAX + body > sizeof small &&
        !(buf = malloc(LB_HTTP_REPLY_HEAD_MAX + body))) {
        lb_http_connection_abort(c);
        return false;
    }
    size_t len = lb_http_reply_write_head(buf, reply, &frame);
    if (body)
        memcpy(buf + len, reply->body, body);
    evbuffer_drain(bufferevent_get_input(c->bev), c->head_len);
    c->head_len = 0;
    bool sent = send_now(c, buf, len + body);
    if (buf != small)
        free(buf);
    return sent && after_response(c);
}

static bool refuse(struct lb_http_connection *c, int status, const char *why, bool with_body)
{
    char text[256];
    int len = snprintf(text, sizeof text, "%d: %s\n", status, why);
    struct lb_http_reply reply = {
        .status = status, .type = LB_HTTP_TEXT, .body = text, .body_len = (size_t)len};
    c->close = true;
    c->ordinal++;
    return respond(c, &reply, with_body, false, NULL);
}

/* Answers a request without a body. */
static bool answer(struct lb_http_connection *c, const struct lb_http_head *head)
{
    const struct lb_http_service *service = c->worker->service;
    c->ordinal++;
    c->close = head->close || c->worker->draining;
    struct lb_http_request request = {
        .method = head->method,
        .route = lb_http_route_find(service, head->path, head->path_len),
        .proxy = &head->proxy,
        .connection_id = c->id,
        .ordinal = c->ordinal,
        .peer = c->peer,
    };
    struct lb_http_reply reply;
    lb_http_service_answer(service, &request, &reply);
    bool more = respond(c, &reply, head->method != LB_HTTP_HEAD, head->http10, &head->proxy);
    lb_http_reply_clear(&reply);
    return more;
}

/* --- requests with a body: by evhttp --------------------------------------------------------- */

/* Gives the connection to evhttp until the response is sent. `c` may be gone afterwards. */
static void hand_over(struct lb_http_connection *c, const struct lb_http_head *head)
{
    c->state = BODY;
    c->close = head->close;
    c->method = head->method;
    c->route = lb_http_route_find(c->worker->service, head->path, head->path_len);
    set_timeout(c, c->worker->config->body_timeout_ns);
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

static void collect_proxy_headers(struct evhttp_request *req, struct lb_proxy_headers *proxy)
{
    const struct evkeyval *h;
    proxy->count = proxy->bytes = 0;
    for (h = evhttp_request_get_input_headers(req)->tqh_first; h; h = h->next.tqe_next)
        lb_proxy_headers_add(proxy, h->key, strlen(h->key), h->value, strlen(h->value));
}

/* evhttp writes the same head that lb_http_reply_write_head does. */
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
    const struct lb_http_fact *fact = lb_http_service_facts(c->worker->service, &facts);
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
    if (!body || evbuffer_add(body, reply->body, reply->body_len) < 0) {
        if (body)
            evbuffer_free(body);
        lb_http_connection_abort(c);
        return;
    }
    add_headers(c, evhttp_request_get_output_headers(req), reply, proxy);
    c->state = ANSWERING;
    set_deadline(c, NEVER); /* the write timeout rules */
    evhttp_request_set_on_complete_cb(req, on_complete, c);
    evhttp_send_reply(req, reply->status, lb_http_reason(reply->status), body);
    /* evhttp would take a client's half-close for its end, and drop the response. */
    bufferevent_disable(c->bev, EV_READ);
    evbuffer_free(body);
}

void lb_http_connection_request(struct evhttp_request *req, void *arg)
{
    struct lb_http_worker *w = arg;
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
    struct lb_http_connection *c = w->by_fd[bufferevent_getfd(bev)];
    struct lb_proxy_headers proxy;
    collect_proxy_headers(req, &proxy);
    c->ordinal++;
    c->close = c->close || w->draining;
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
    };
    struct lb_http_reply reply;
    lb_http_service_answer(w->service, &request, &reply);
    send_by_evhttp(c, req, &reply, &proxy);
    lb_http_reply_clear(&reply);
}

/* --- reading --------------------------------------------------------------------------------- */

/* A complete head. Returns whether there may be another in the buffer. */
static bool take_head(struct lb_http_connection *c, const char *data, size_t len)
{
    struct lb_http_head head;
    const char *why;
    int status = lb_http_head_parse(data, len, &head, &why);
    if (status == 0 && head.content_length > LB_HTTP_BODY_MAX) {
        status = 413;
        why = "a body has at most 65536 bytes";
    }
    if (status)
        return refuse(c, status, why, head.method != LB_HTTP_HEAD);
    if (head.chunked || head.content_length > 0) {
        hand_over(c, &head);
        return false;
    }
    c->head_len = len;
    return answer(c, &head);
}

static void wait_for_head(struct lb_http_connection *c)
{
    if (c->state == HEAD)
        return;
    c->state = HEAD;
    set_timeout(c, c->worker->config->header_timeout_ns);
}

/* Takes the requests that have come, one after the other. */
static void process(struct lb_http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    size_t len;
    while ((len = evbuffer_get_length(input)) > 0) {
        size_t want = len > LB_HTTP_HEAD_MAX + 1 ? LB_HTTP_HEAD_MAX + 1 : len, head_len;
        const char *data = (const char *)evbuffer_pullup(input, (ssize_t)want), *why;
        int status;
        if (!data) {
            lb_http_connection_abort(c);
            return;
        }
        switch (lb_http_head_scan(data, want, &c->scanned, &head_len, &status, &why)) {
        case LB_HTTP_SCAN_MORE:
            wait_for_head(c);
            return;
        case LB_HTTP_SCAN_BLANK:
            if (c->blank) {
                refuse(c, 400, "a request begins with a method", true);
                return;
            }
            c->blank = true;
            evbuffer_drain(input, head_len);
            break;
        case LB_HTTP_SCAN_REFUSE:
            refuse(c, status, why, true);
            return;
        case LB_HTTP_SCAN_COMPLETE:
            if (!take_head(c, data, head_len))
                return;
        }
    }
}

/* --- callbacks ------------------------------------------------------------------------------- */

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct lb_http_connection *c = arg;
    if (c->state == IDLE || c->state == HEAD)
        process(c);
    else if (c->state == LINGERING)
        discard(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct lb_http_connection *c = arg;
    if (c->state != ANSWERING)
        return;
    bufferevent_disable(bev, EV_WRITE);
    if (after_response(c))
        process(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    struct lb_http_connection *c = arg;
    /* A client may close its half once it has asked: it still gets what it asked for. */
    if ((what & BEV_EVENT_EOF) && c->state == ANSWERING)
        c->eof = true;
    else
        lb_http_connection_abort(c);
}

static void take_callbacks(struct lb_http_connection *c)
{
    bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lb_http_connection *c = arg;
    int64_t deadline = c->deadline_ns;
    c->armed_ns = NEVER;
    if (deadline == NEVER)
        return;
    if (lb_clock_monotonic_ns() < deadline) {
        set_deadline(c, deadline);
        return;
    }
    if (c->state == HEAD) {
        refuse(c, 408, "the request's head did not come in time", true);
    } else if (c->state == BODY) {
        take_callbacks(c);
        refuse(c, 408, "the request's body did not come in time", true);
    } else {
        lb_http_connection_abort(c);
    }
}

static void remember(struct lb_http_connection *c)
{
    struct lb_http_worker *w = c->worker;
    size_t fd = (size_t)c->fd;
    if (fd >= w->by_fd_size) {
        size_t size = 2 * fd + 64;
        w->by_fd = lb_realloc_array(w->by_fd, size, sizeof(struct lb_http_connection *));
        memset(w->by_fd + w->by_fd_size, 0,
               (size - w->by_fd_size) * sizeof(struct lb_http_connection *));
        w->by_fd_size = size;
    }
    w->by_fd[fd] = c;
}

/* evhttp has finished making the connection: it becomes the guard's. */
static void attach(struct lb_http_connection *c)
{
    void *evcon;
    bufferevent_getcb(c->bev, &c->evhttp_read, &c->evhttp_write, &c->evhttp_event, &evcon);
    c->evcon = evcon;
    c->fd = bufferevent_getfd(c->bev);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    if (getpeername(c->fd, (struct sockaddr *)&peer, &len) == 0)
        lb_address_format(c->peer, (struct sockaddr *)&peer, len);
    remember(c);
    evhttp_connection_set_closecb(c->evcon, on_close, c);
    take_callbacks(c);
    become_idle(c);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lb_http_connection *c = arg;
    if (c->state == ATTACHING) {
        attach(c);
        return;
    }
    take_callbacks(c);
    if (c->stash)
        evbuffer_prepend_buffer(bufferevent_get_input(c->bev), c->stash);
    become_idle(c);
    process(c);
}

/* --- life ------------------------------------------------------------------------------------ */

struct bufferevent *lb_http_connection_accept(struct event_base *base, void *arg)
{
    struct lb_http_worker *w = arg;
    struct lb_http_connection *c = calloc(1, sizeof *c);
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
    if (!c || !bev)
        lb_out_of_memory();
    c->worker = w;
    c->bev = bev;
    c->fd = -1;
    c->id = lb_connection_id_next();
    c->deadline_ns = c->armed_ns = NEVER;
    evtimer_assign(&c->timer, base, on_timer, c);
    event_assign(&c->resume, base, -1, 0, on_resume, c);
    bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
    bufferevent_set_timeouts(bev, NULL, w->write_timeout);
    LIST_INSERT_HEAD(&w->connections, c, entry);
    w->open++;
    event_active(&c->resume, EV_TIMEOUT, 1);
    return bev;
}

void lb_http_connection_drain(struct lb_http_connection *c)
{
    if (c->state == IDLE)
        become_idle(c);
}

struct lb_http_connection *lb_http_connection_next(struct lb_http_connection *c)
{
    return LIST_NEXT(c, entry);
}
