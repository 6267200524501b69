/* One transport connection of the HTTP client, on libevent's evhttp.
 *
 * evhttp reconnects silently, tries the first address only and reports every failed connect as
 * ENOTCONN. So a wire is given one numeric address, is dropped when it is lost, and looks at errno
 * itself: while evhttp connects, its event callback is wrapped by ours. */
#include "client/http_wire.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http_struct.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The slot's own timer ends requests; evhttp's 50 s must not come first. */
static const struct timeval never = {.tv_sec = 366 * 24 * 3600};

struct lb_wire {
    struct evhttp_connection *connection;
    SSL *tls; /* its bufferevent's; NULL: plaintext */
    struct lb_wire_events events;
    void *arg;
    bool connecting, busy, closed;
    int connect_errno;
    char tls_error[160];            /* why a handshake failed; "" */
    bufferevent_event_cb evhttp_cb; /* what our callback wraps, and its argument */
    void *evhttp_arg;
    char target[LB_ADDRESS_TEXT]; /* where it connects to, for error texts */
    char remote[LB_ADDRESS_TEXT], local[LB_ADDRESS_TEXT];
};

static void fail(struct lb_wire *wire, const char *error)
{
    if (!wire->busy)
        return;
    wire->busy = false;
    wire->closed = true;
    wire->events.failed(wire->arg, error);
}

static void fail_connect(struct lb_wire *wire)
{
    char text[LB_ADDRESS_TEXT + 256];
    if (wire->tls_error[0]) {
        snprintf(text, sizeof text, "connect %s: TLS: %s", wire->target, wire->tls_error);
        fail(wire, text);
        return;
    }
    int error = wire->connect_errno ? wire->connect_errno : ENOTCONN;
    snprintf(text, sizeof text, "connect %s: %s", wire->target, strerror(error));
    fail(wire, text);
}

static void on_close(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct lb_wire *wire = arg;
    if (wire->closed)
        return;
    wire->closed = true;
    if (!wire->busy)
        wire->events.closed(wire->arg);
}

static void note_ends(struct lb_wire *wire, evutil_socket_t fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0)
        lb_address_format(wire->remote, (struct sockaddr *)&sa, len);
    len = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
        lb_address_format(wire->local, (struct sockaddr *)&sa, len);
}

/* The handshake failed, unless the connection itself did. */
static void note_tls_error(struct lb_wire *wire, struct bufferevent *bev, short what)
{
    int error = 0;
    socklen_t len = sizeof error;
    struct sockaddr_storage sa;
    socklen_t sa_len = sizeof sa;
    evutil_socket_t fd = bufferevent_getfd(bev);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error)
        wire->connect_errno = error;
    lb_http_tls_error(wire->tls, bufferevent_get_openssl_error(bev), wire->tls_error,
                      sizeof wire->tls_error);
    if (!wire->tls_error[0] && getpeername(fd, (struct sockaddr *)&sa, &sa_len) == 0)
        snprintf(wire->tls_error, sizeof wire->tls_error, "%s",
                 what & BEV_EVENT_EOF ? "the server closed the connection"
                                      : strerror(wire->connect_errno));
}

/* While connecting: notes what became of it, then lets evhttp go on. */
static void on_connect(struct bufferevent *bev, short what, void *arg)
{
    struct lb_wire *wire = arg;
    wire->connecting = false;
    if (what & BEV_EVENT_CONNECTED) {
        note_ends(wire, bufferevent_getfd(bev));
        wire->events.connected(wire->arg);
    } else {
        wire->connect_errno = errno;
        if (wire->tls)
            note_tls_error(wire, bev, what);
    }
    wire->evhttp_cb(bev, what, wire->evhttp_arg);
}

static void on_error(enum evhttp_request_error error, void *arg)
{
    struct lb_wire *wire = arg;
    char text[LB_ADDRESS_TEXT + 128];
    const char *what = "closed the connection before it had replied";
    int saved = errno;
    if (!wire->remote[0]) { /* it never stood */
        if (!wire->connect_errno)
            wire->connect_errno = saved;
        fail_connect(wire);
        return;
    }
    if (error == EVREQ_HTTP_INVALID_HEADER)
        what = "sent a reply that is not HTTP";
    else if (error == EVREQ_HTTP_DATA_TOO_LONG)
        what = "sent a reply of more than 1 MiB";
    else if (error == EVREQ_HTTP_BUFFER_ERROR)
        what = "sent a reply that could not be read";
    else if (saved == ECONNRESET || saved == EPIPE)
        what = "reset the connection";
    errno = 0; /* so that the next one does not see this one's */
    snprintf(text, sizeof text, "%s %s", wire->remote, what);
    fail(wire, text);
}

/* RFC 9112 section 9.3: before HTTP/1.1 a connection stays only when the server says so, which
 * evhttp does not look at. */
static bool ends_connection(struct evhttp_request *response)
{
    const char *connection =
        evhttp_find_header(evhttp_request_get_input_headers(response), "Connection");
    bool old = response->major < 1 || (response->major == 1 && response->minor == 0);
    return old && (!connection || !strcasestr(connection, "keep-alive"));
}

static void on_done(struct evhttp_request *request, void *arg)
{
    struct lb_wire *wire = arg;
    if (!request || evhttp_request_get_response_code(request) == 0) {
        if (!wire->connect_errno)
            wire->connect_errno = errno;
        fail_connect(wire);
        return;
    }
    if (!wire->busy)
        return;
    wire->busy = false;
    wire->closed |= ends_connection(request);
    wire->events.response(wire->arg, request);
}

/* NULL without memory; for plaintext evhttp makes its own. */
static struct bufferevent *new_tls_bufferevent(struct lb_wire *wire, struct event_base *base,
                                               const struct lb_http_tls *tls)
{
    wire->tls = lb_http_tls_connection(tls);
    if (!wire->tls)
        return NULL;
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, -1, wire->tls, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(bev,
                                                     1); /* a reply may end with the connection */
    else
        SSL_free(wire->tls);
    return bev;
}

struct lb_wire *lb_wire_new(struct event_base *base, const struct lb_address *address,
                            const char *source, const struct lb_http_tls *tls,
                            const struct lb_wire_events *events, void *arg)
{
    struct lb_wire *wire = calloc(1, sizeof *wire);
    char host[LB_ADDRESS_TEXT];
    uint16_t port;
    if (!wire)
        return NULL;
    wire->events = *events;
    wire->arg = arg;
    lb_address_format(wire->target, (const struct sockaddr *)&address->sa, address->len);
    lb_address_split((const struct sockaddr *)&address->sa, address->len, host, &port);
    struct bufferevent *bev = tls ? new_tls_bufferevent(wire, base, tls) : NULL;
    if (bev || !tls)
        wire->connection = evhttp_connection_base_bufferevent_new(base, NULL, bev, host, port);
    if (!wire->connection) {
        if (bev)
            bufferevent_free(bev);
        free(wire);
        return NULL;
    }
    evhttp_connection_set_timeout_tv(wire->connection, &never);
    evhttp_connection_set_max_body_size(wire->connection, LB_WIRE_MAX_BODY);
    evhttp_connection_set_max_headers_size(wire->connection, LB_WIRE_MAX_HEADERS);
    evhttp_connection_set_closecb(wire->connection, on_close, wire);
    if (source)
        evhttp_connection_set_local_address(wire->connection, source);
    wire->connecting = true;
    return wire;
}

struct evhttp_request *lb_wire_request(struct lb_wire *wire)
{
    struct evhttp_request *request = evhttp_request_new(on_done, wire);
    if (request)
        evhttp_request_set_error_cb(request, on_error);
    return request;
}

void lb_wire_get(struct lb_wire *wire, struct evhttp_request *request, const char *path)
{
    wire->busy = true;
    errno = 0;
    if (evhttp_make_request(wire->connection, request, EVHTTP_REQ_GET, path) < 0) {
        wire->connect_errno = errno;
        fail_connect(wire);
        return;
    }
    if (!wire->connecting || !wire->busy)
        return;
    struct bufferevent *bev = evhttp_connection_get_bufferevent(wire->connection);
    bufferevent_getcb(bev, NULL, NULL, &wire->evhttp_cb, &wire->evhttp_arg);
    bufferevent_setcb(bev, NULL, NULL, on_connect, wire);
}

const char *lb_wire_remote(const struct lb_wire *wire)
{
    return wire->remote;
}

const char *lb_wire_local(const struct lb_wire *wire)
{
    return wire->local;
}

bool lb_wire_is_closed(const struct lb_wire *wire)
{
    return wire->closed;
}

void lb_wire_free(struct lb_wire *wire)
{
    if (!wire)
        return;
    wire->busy = false;
    wire->closed = true;
    evhttp_connection_free(wire->connection);
    free(wire);
}

struct event_base *lb_wire_loop_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *loop = NULL;
    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
        loop = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return loop;
}
