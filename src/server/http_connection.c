/* One connection of the HTTP server: its life, its time limits, and what it reads. */
#include "server/http_connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/connection_id.h"
#include "server/server_tls.h"

/* What a connection that is being closed may still send before it is cut. */
#define LINGER_NS (1 * LB_NS_PER_S)
#define LINGER_BYTES_MAX 262144

/* What an idle connection gets when it should go: a client that does not look for the end of a
 * connection before it asks again loses a request otherwise. */
#define LAST_CALL_NS (500 * LB_NS_PER_MS)

/* Reading stops above this: a head, a body with its chunk framing, and what is pipelined behind. */
#define INPUT_MAX (LB_HTTP_HEAD_MAX + 2 * LB_HTTP_BODY_MAX)

/* --- deadlines ------------------------------------------------------------------------------- */

/* Moving a deadline back costs nothing: the timer fires early and is set again. */
void lb_http_connection_set_deadline(struct lb_http_connection *c, int64_t at_ns)
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

void lb_http_connection_busy_until(struct lb_http_connection *c, int64_t at_ns)
{
    int64_t grace = c->worker->config->max_age_grace_ns, until = LB_HTTP_NEVER;
    if (grace && c->expires_ns != LB_HTTP_NEVER)
        until = c->expires_ns + grace;
    lb_http_connection_set_deadline(c, at_ns < until ? at_ns : until);
}

void lb_http_connection_become_idle(struct lb_http_connection *c, int64_t now_ns)
{
    int64_t timeout = c->worker->config->idle_timeout_ns, until = LB_HTTP_NEVER;
    c->state = LB_HTTP_IDLE;
    c->reason = LB_CLOSE_CLIENT;
    c->scanned = 0;
    c->blank = false;
    c->chunked = (struct lb_http_chunked){0};
    if (c->worker->draining)
        until = now_ns + LAST_CALL_NS;
    else if (timeout)
        until = now_ns + timeout;
    lb_http_connection_set_deadline(c, until < c->expires_ns ? until : c->expires_ns);
}

/* An idle connection's time is up. */
static void idle_timeout(struct lb_http_connection *c, int64_t now_ns)
{
    if (!c->worker->draining && now_ns >= c->expires_ns && c->expires_ns > 0) {
        /* Its age: one last call. */
        c->expires_ns = 0;
        lb_http_connection_set_deadline(c, now_ns + LAST_CALL_NS);
        return;
    }
    lb_http_connection_abort(c, c->worker->draining  ? LB_CLOSE_DRAIN
                                : c->expires_ns == 0 ? LB_CLOSE_AGE
                                                     : LB_CLOSE_IDLE);
}

static void end_delay(struct lb_http_connection *c)
{
    /* The request is read once more: it is still in the input. */
    c->state = LB_HTTP_IDLE;
    c->scanned = 0;
    lb_http_connection_process(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lb_http_connection *c = arg;
    int64_t deadline = c->deadline_ns, now = lb_clock_monotonic_ns();
    c->armed_ns = LB_HTTP_NEVER;
    if (deadline == LB_HTTP_NEVER)
        return;
    if (now < deadline) {
        lb_http_connection_set_deadline(c, deadline);
        return;
    }
    switch (c->state) {
    case LB_HTTP_IDLE:
        idle_timeout(c, now);
        break;
    case LB_HTTP_SHAKING:
        lb_http_connection_abort(c, LB_CLOSE_TIMEOUT);
        break;
    case LB_HTTP_IN_HEAD:
        lb_http_refuse(c, 408, "the request's head did not come in time", true, LB_CLOSE_TIMEOUT);
        break;
    case LB_HTTP_IN_BODY:
        lb_http_refuse(c, 408, "the request's body did not come in time", true, LB_CLOSE_TIMEOUT);
        break;
    case LB_HTTP_DELAYING:
        if (now >= c->delayed_until_ns)
            end_delay(c);
        else
            lb_http_connection_abort(c, LB_CLOSE_AGE);
        break;
    default:
        lb_http_connection_abort(c, c->reason);
    }
}

/* --- ending ---------------------------------------------------------------------------------- */

void lb_http_connection_abort(struct lb_http_connection *c, enum lb_close_reason reason)
{
    struct lb_http_worker *w = c->worker;
    if (c->in_flight)
        lb_metrics_cancel(w->metrics);
    lb_metrics_closed(w->metrics, reason);
    event_del(&c->timer);
    /* What was sent should arrive before the reset of a close with unread bytes. */
    shutdown(c->fd, SHUT_WR);
    bufferevent_free(c->bev);
    LIST_REMOVE(c, entry);
    free(c);
    lb_http_worker_forget(w);
}

/* Closing a socket with unread bytes in it resets the connection, and with it goes what the client
 * has not read yet (RFC 9112 9.6): so only our half is closed at first. */
void lb_http_connection_linger(struct lb_http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    if (c->eof) {
        lb_http_connection_abort(c, c->reason);
        return;
    }
    c->state = LB_HTTP_LINGERING;
    evbuffer_drain(input, evbuffer_get_length(input));
    if (c->tls)
        SSL_shutdown(bufferevent_openssl_get_ssl(c->bev)); /* says so inside TLS, too */
    shutdown(c->fd, SHUT_WR);
    lb_http_connection_set_deadline(c, lb_clock_monotonic_ns() + LINGER_NS);
}

static void discard(struct lb_http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    size_t len = evbuffer_get_length(input);
    c->lingered_bytes += len;
    evbuffer_drain(input, len);
    if (c->lingered_bytes > LINGER_BYTES_MAX)
        lb_http_connection_abort(c, c->reason);
}

/* --- reading --------------------------------------------------------------------------------- */

/* A complete head of `len` bytes. Returns whether there may be another in the buffer. */
static bool take_head(struct lb_http_connection *c, const char *data, size_t len, int64_t now_ns)
{
    struct lb_http_head head;
    const char *why;
    int status = lb_http_head_parse(data, len, &head, &why);
    if (status == 0 && head.content_length > LB_HTTP_BODY_MAX) {
        status = 413;
        why = "a body has at most 65536 bytes";
    }
    if (status)
        return lb_http_refuse(c, status, why, head.method != LB_HTTP_HEAD, LB_CLOSE_REFUSED);
    if (!c->in_flight) /* its body has not come yet, or it is after a delay */
        lb_http_request_begin(c, &head, len, now_ns);
    if (head.chunked || head.content_length > 0)
        return lb_http_take_body(c, &head, len);
    c->request_len = len;
    return lb_http_answer(c, &head, "", 0);
}

static void wait_for_head(struct lb_http_connection *c, int64_t now_ns)
{
    if (c->state == LB_HTTP_IN_HEAD)
        return;
    c->state = LB_HTTP_IN_HEAD;
    lb_http_connection_set_deadline(c, now_ns + c->worker->config->header_timeout_ns);
}

/* What comes next in the input. Returns whether to go on with what follows. */
static bool process_some(struct lb_http_connection *c, struct evbuffer *input, size_t len)
{
    size_t want = len > LB_HTTP_HEAD_MAX + 1 ? LB_HTTP_HEAD_MAX + 1 : len, head_len;
    const char *data = (const char *)evbuffer_pullup(input, (ssize_t)want), *why;
    int status;
    int64_t now = lb_clock_monotonic_ns();
    switch (lb_http_head_scan(data, want, &c->scanned, &head_len, &status, &why)) {
    case LB_HTTP_SCAN_MORE:
        wait_for_head(c, now);
        return false;
    case LB_HTTP_SCAN_BLANK:
        if (c->blank)
            return lb_http_refuse(c, 400, "a request begins with a method", true, LB_CLOSE_REFUSED);
        c->blank = true;
        evbuffer_drain(input, head_len);
        return true;
    case LB_HTTP_SCAN_REFUSE:
        return lb_http_refuse(c, status, why, true, LB_CLOSE_REFUSED);
    case LB_HTTP_SCAN_COMPLETE:
        return take_head(c, data, head_len, now);
    }
    return false;
}

/* Takes the requests that have come, one after the other. */
void lb_http_connection_process(struct lb_http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    size_t len;
    while ((len = evbuffer_get_length(input)) > 0) {
        if (!process_some(c, input, len))
            return;
    }
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct lb_http_connection *c = arg;
    if (c->state == LB_HTTP_IDLE || c->state == LB_HTTP_IN_HEAD || c->state == LB_HTTP_IN_BODY)
        lb_http_connection_process(c);
    else if (c->state == LB_HTTP_LINGERING)
        discard(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct lb_http_connection *c = arg;
    if (c->state != LB_HTTP_ANSWERING)
        return;
    if (lb_http_after_response(c, lb_clock_monotonic_ns()))
        lb_http_connection_process(c);
}

static void log_handshake_error(struct lb_http_connection *c)
{
    unsigned long error = bufferevent_get_openssl_error(c->bev);
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    lb_log(LB_LOG_DEBUG, "http", "%s: no TLS connection: %s", c->peer,
           reason ? reason : "the client closed it");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct lb_http_connection *c = arg;
    if (what & BEV_EVENT_CONNECTED) { /* TLS hands were shaken */
        lb_http_connection_become_idle(c, lb_clock_monotonic_ns());
        return;
    }
    if (c->state == LB_HTTP_SHAKING)
        log_handshake_error(c);
    /* A client may close its half once it has asked: it still gets what it asked for. */
    bool owes = c->state == LB_HTTP_ANSWERING || c->state == LB_HTTP_DELAYING;
    if ((what & BEV_EVENT_EOF) && (what & BEV_EVENT_READING) && owes && !c->eof) {
        c->eof = true;
        bufferevent_enable(bev, EV_WRITE); /* which the end stopped inside TLS */
    } else {
        lb_http_connection_abort(c, what & BEV_EVENT_TIMEOUT ? LB_CLOSE_TIMEOUT : c->reason);
    }
}

/* --- beginning ------------------------------------------------------------------------------- */

/* Connections made at once should not end at once: ±10 %. */
static int64_t jittered(struct lb_http_worker *w, int64_t ns)
{
    double chance = (double)rand_r(&w->seed) / RAND_MAX; /* 0 to 1 */
    return (int64_t)((double)ns * (0.9 + 0.2 * chance));
}

static struct bufferevent *new_socket_layer(struct event_base *base, int fd,
                                            struct lb_server_tls *tls)
{
    if (!tls)
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = lb_server_tls_accept(tls);
    if (!ssl)
        return NULL;
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

/* One connection more than the server takes. */
static void refuse_excess(struct lb_http_connection *c)
{
    if (c->tls)
        lb_http_connection_abort(c, LB_CLOSE_LIMIT); /* no hands are shaken to say so */
    else
        lb_http_refuse(c, 503, "more connections than this server takes", true, LB_CLOSE_LIMIT);
}

void lb_http_connection_begin(struct lb_http_worker *w, int fd, const struct sockaddr *peer,
                              socklen_t peer_len)
{
    struct lb_http_connection *c = calloc(1, sizeof *c);
    if (!c || !(c->bev = new_socket_layer(w->base, fd, w->config->tls)))
        lb_out_of_memory();
    int64_t now = lb_clock_monotonic_ns(), age = w->config->max_age_ns;
    c->worker = w;
    c->tls = w->config->tls != NULL;
    c->fd = fd;
    c->id = lb_connection_id_next();
    lb_address_format(c->peer, peer, peer_len);
    c->deadline_ns = c->armed_ns = LB_HTTP_NEVER;
    c->expires_ns = age ? now + jittered(w, age) : LB_HTTP_NEVER;
    evtimer_assign(&c->timer, w->base, on_timer, c);
    bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
    bufferevent_set_timeouts(c->bev, NULL, w->write_timeout);
    bufferevent_enable(c->bev, EV_READ);
    LIST_INSERT_HEAD(&w->connections, c, entry);
    lb_metrics_accepted(w->metrics);
    lb_http_connection_become_idle(c, now);
    if (c->tls) {
        c->state = LB_HTTP_SHAKING;
        lb_http_connection_set_deadline(c, now + w->config->header_timeout_ns);
    }
    if (!lb_http_worker_welcome(w))
        refuse_excess(c);
}

void lb_http_connection_drain(struct lb_http_connection *c)
{
    if (c->state == LB_HTTP_IDLE)
        lb_http_connection_become_idle(c, lb_clock_monotonic_ns());
}
