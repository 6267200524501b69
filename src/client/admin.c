/* The client's own little HTTP server: a live page, its data, and metrics. */
#include "client/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include "client/live_page.h"
#include "common/address.h"

enum { MAX_HEADERS = 16 * 1024, MAX_BODY = 1024, TIMEOUT_S = 10 };

struct lb_admin {
    struct event_base *events;
    struct evhttp *http;
    struct lb_admin_texts texts;
    char address[LB_ADDRESS_TEXT];
};

static void reply(struct evhttp_request *request, int status, const char *reason, const char *type,
                  const char *text)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_add_header(headers, "Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                      "connect-src 'self'; img-src data:");
    evbuffer_add(evhttp_request_get_output_buffer(request), text, strlen(text));
    evhttp_send_reply(request, status, reason, NULL);
}

static void reply_made(struct evhttp_request *request, const char *type, lb_admin_text_fn *make,
                       void *arg)
{
    char *text = make(arg);
    if (text)
        reply(request, HTTP_OK, "OK", type, text);
    else
        reply(request, HTTP_INTERNAL, "Internal Server Error", "text/plain", "out of memory\n");
    free(text);
}

static void on_request(struct evhttp_request *request, void *arg)
{
    const struct lb_admin *admin = arg;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    if (!path || strcmp(path, "/") == 0)
        reply(request, HTTP_OK, "OK", "text/html; charset=utf-8", lb_live_page);
    else if (strcmp(path, "/metrics") == 0)
        reply_made(request, "text/plain; version=0.0.4; charset=utf-8", admin->texts.metrics,
                   admin->texts.arg);
    else if (strcmp(path, "/status") == 0)
        reply_made(request, "application/json", admin->texts.status, admin->texts.arg);
    else
        reply(request, HTTP_NOTFOUND, "Not Found", "text/plain",
              "there are /, /status and /metrics\n");
}

static struct evconnlistener *listen_on(struct lb_admin *admin, const char *text,
                                        struct lb_error *err)
{
    struct lb_address address;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    if (lb_address_parse_listen(text, &address, err) < 0)
        return NULL;
    if (address.sa.ss_family == AF_UNIX) {
        lb_error_set(err, "'%s' is no address a browser can reach", text);
        return NULL;
    }
    struct evconnlistener *listener =
        evconnlistener_new_bind(admin->events, NULL, NULL,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                -1, (struct sockaddr *)&address.sa, (int)address.len);
    if (!listener ||
        getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&bound, &len) < 0) {
        lb_error_set(err, "cannot listen on '%s': %s", text, strerror(errno));
        if (listener)
            evconnlistener_free(listener);
        return NULL;
    }
    lb_address_format(admin->address, (struct sockaddr *)&bound, len);
    return listener;
}

struct lb_admin *lb_admin_new(const char *address, const struct lb_admin_texts *texts,
                              struct lb_error *err)
{
    struct lb_admin *admin = calloc(1, sizeof *admin);
    if (admin)
        admin->events = event_base_new();
    if (admin && admin->events)
        admin->http = evhttp_new(admin->events);
    if (!admin || !admin->http) {
        lb_error_set(err, "out of memory");
        lb_admin_free(admin);
        return NULL;
    }
    admin->texts = *texts;
    evhttp_set_max_headers_size(admin->http, MAX_HEADERS);
    evhttp_set_max_body_size(admin->http, MAX_BODY);
    evhttp_set_timeout(admin->http, TIMEOUT_S);
    evhttp_set_allowed_methods(admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_gencb(admin->http, on_request, admin);
    struct evconnlistener *listener = listen_on(admin, address, err);
    if (!listener || !evhttp_bind_listener(admin->http, listener)) {
        if (listener) {
            lb_error_set(err, "out of memory");
            evconnlistener_free(listener);
        }
        lb_admin_free(admin);
        return NULL;
    }
    return admin;
}

const char *lb_admin_address(const struct lb_admin *admin)
{
    return admin->address;
}

void lb_admin_poll(struct lb_admin *admin)
{
    if (admin)
        event_base_loop(admin->events, EVLOOP_NONBLOCK);
}

void lb_admin_free(struct lb_admin *admin)
{
    if (!admin)
        return;
    if (admin->http)
        evhttp_free(admin->http);
    if (admin->events)
        event_base_free(admin->events);
    free(admin);
}
