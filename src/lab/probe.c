/* Looking whether something answers over HTTP yet. */
#include "config.h"

#include "lab/probe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#define PROBE_TIMEOUT_US 500000
#define PROBE_MAX_BYTES 4096

struct probe {
    char *body; /* of a 200; else NULL */
};

static void on_reply(struct evhttp_request *request, void *arg)
{
    struct probe *probe = arg;
    if (!request || evhttp_request_get_response_code(request) != HTTP_OK)
        return;
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(input);
    probe->body = calloc(1, size + 1);
    if (probe->body)
        evbuffer_copyout(input, probe->body, size);
}

/* The connection is the caller's to free. */
static struct evhttp_connection *send_get(struct event_base *base, const struct evhttp_uri *uri,
                                          const char *url, size_t max, struct probe *probe)
{
    const struct timeval timeout = {.tv_usec = PROBE_TIMEOUT_US};
    const char *host = evhttp_uri_get_host(uri);
    const char *path = strchr(url + strlen("http://"), '/'); /* with the query */
    struct evhttp_connection *connection =
        evhttp_connection_base_new(base, NULL, host, (unsigned short)evhttp_uri_get_port(uri));
    struct evhttp_request *request = connection ? evhttp_request_new(on_reply, probe) : NULL;
    if (request) {
        evhttp_connection_set_timeout_tv(connection, &timeout);
        evhttp_connection_set_max_body_size(connection, (ev_ssize_t)max);
        struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
        evhttp_add_header(headers, "Host", host);
        evhttp_add_header(headers, "Connection", "close");
        /* The request is the connection's now, also after failure. */
        if (evhttp_make_request(connection, request, EVHTTP_REQ_GET, path ? path : "/") == 0)
            return connection;
    }
    if (connection)
        evhttp_connection_free(connection);
    return NULL;
}

char *lb_probe_get(const char *url, size_t max)
{
    struct probe probe = {NULL};
    struct evhttp_uri *uri = evhttp_uri_parse(url);
    struct event_base *base = uri && evhttp_uri_get_host(uri) ? event_base_new() : NULL;
    struct evhttp_connection *connection = base ? send_get(base, uri, url, max, &probe) : NULL;
    if (connection) {
        event_base_dispatch(base);
        evhttp_connection_free(connection);
    }
    if (base)
        event_base_free(base);
    if (uri)
        evhttp_uri_free(uri);
    return probe.body;
}

bool lb_probe_http(const char *url)
{
    char *body = lb_probe_get(url, PROBE_MAX_BYTES);
    free(body);
    return body != NULL;
}
