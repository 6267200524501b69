/* The public routes. */
#include "server/http_routes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/identity.h"
#include "server/page.h"
#include "server/readiness.h"

struct lb_http_routes {
    const struct lb_identity *identity;
    const struct lb_readiness *readiness;
    size_t name_len;
    json_t *info; /* what /info says of the server; never changed */
    struct lb_http_service *service;
};

void lb_http_answer_health(struct lb_http_reply *reply)
{
    lb_http_reply_text(reply, 200, "ok\n");
}

void lb_http_answer_readiness(const struct lb_readiness *readiness, struct lb_http_reply *reply)
{
    bool ready = lb_readiness_get(readiness);
    lb_http_reply_text(reply, ready ? 200 : 503, ready ? "ready\n" : "not ready\n");
}

static void answer_pod(void *context, const struct lb_http_request *request,
                       struct lb_http_reply *reply)
{
    (void)request;
    const struct lb_http_routes *r = context;
    reply->type = LB_HTTP_TEXT;
    reply->body = r->identity->name;
    reply->body_len = r->name_len;
}

static void answer_health(void *context, const struct lb_http_request *request,
                          struct lb_http_reply *reply)
{
    (void)context;
    (void)request;
    lb_http_answer_health(reply);
}

static void answer_readiness(void *context, const struct lb_http_request *request,
                             struct lb_http_reply *reply)
{
    (void)request;
    const struct lb_http_routes *r = context;
    lb_http_answer_readiness(r->readiness, reply);
}

static void answer_page(void *context, const struct lb_http_request *request,
                        struct lb_http_reply *reply)
{
    (void)context;
    (void)request;
    lb_http_reply_text(reply, 200, lb_page);
    reply->type = "text/html; charset=utf-8";
}

/* Header values are any bytes; those that are no UTF-8 are shown as '?'. */
static json_t *text_to_json(const char *text, size_t len)
{
    json_t *value = json_stringn(text, len);
    if (value)
        return value;
    char *copy = malloc(len + 1);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < len; i++)
        copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    value = json_stringn(copy, len);
    free(copy);
    return value;
}

static json_t *proxy_to_json(const struct lb_proxy_headers *proxy)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < proxy->count; i++) {
        const struct lb_proxy_header *h = &proxy->items[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:o}", "name", text_to_json(h->name, h->name_len),
                                        "value", text_to_json(h->value, h->value_len)));
    }
    return list;
}

/* "[::1]:41234" into "::1" and 41234; "unix:…" has no port. */
static json_t *peer_to_json(const char *peer)
{
    const char *colon = strrchr(peer, ':');
    if (!colon || strncmp(peer, "unix:", 5) == 0)
        return json_pack("{s:o, s:i}", "peer_address", text_to_json(peer, strlen(peer)),
                         "peer_port", 0);
    bool bracketed = peer[0] == '[';
    return json_pack("{s:s%, s:i}", "peer_address", peer + bracketed,
                     (size_t)(colon - peer) - 2 * bracketed, "peer_port", atoi(colon + 1));
}

static void answer_info(void *context, const struct lb_http_request *request,
                        struct lb_http_reply *reply)
{
    const struct lb_http_routes *r = context;
    json_t *info = json_copy(r->info);
    json_t *peer = peer_to_json(request->peer);
    json_t *here = json_pack("{s:I, s:I, s:o}", "connection_id", (json_int_t)request->connection_id,
                             "request_ordinal", (json_int_t)request->ordinal, "proxy_headers",
                             proxy_to_json(request->proxy));
    char *text = NULL;
    if (info && json_object_update(info, here) == 0 && json_object_update(info, peer) == 0)
        text = json_dumps(info, JSON_COMPACT);
    json_decref(info);
    json_decref(here);
    json_decref(peer);
    lb_http_reply_owned(reply, LB_HTTP_JSON, text, text ? strlen(text) : 0);
}

#define ALLOW "GET, HEAD, OPTIONS"

static const struct lb_http_route routes[] = {
    {"/pod", ALLOW, true, LB_HTTP_READ, answer_pod},
    {"/info", ALLOW, true, LB_HTTP_READ, answer_info},
    {"/healthz", ALLOW, false, LB_HTTP_READ, answer_health},
    {"/readyz", ALLOW, false, LB_HTTP_READ, answer_readiness},
    {"/", ALLOW, true, LB_HTTP_READ, answer_page},
    {"*", ALLOW, false, 0, NULL},
};

static const char not_found[] =
    "404: nothing is here. There are /pod (the name of the pod), /info (all about this\n"
    "server and this connection, as JSON), / (a page), /healthz and /readyz.\n";

static json_t *identity_to_json(const struct lb_identity *id)
{
    char start[32];
    time_t seconds = (time_t)(id->start_time_unix_ms / 1000);
    struct tm utc;
    strftime(start, sizeof start, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "name", id->name, "namespace",
                     id->namespace, "pod_ip", id->pod_ip, "node", id->node, "zone", id->zone,
                     "version", id->version, "boot_id", id->boot_id, "start_time", start,
                     "start_time_unix_ms", (json_int_t)id->start_time_unix_ms);
}

struct lb_http_routes *lb_http_routes_new(const struct lb_identity *identity,
                                          const struct lb_readiness *readiness,
                                          struct lb_error *err)
{
    struct lb_http_routes *r = calloc(1, sizeof *r);
    if (!r) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    struct lb_http_service_config config = {
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = r,
        .not_found = not_found,
    };
    r->identity = identity;
    r->readiness = readiness;
    r->name_len = strlen(identity->name);
    r->info = identity_to_json(identity);
    r->service = lb_http_service_new(&config, identity, err);
    if (r->info && r->service)
        return r;
    if (!r->info)
        lb_error_set(err, "out of memory");
    lb_http_routes_free(r);
    return NULL;
}

const struct lb_http_service *lb_http_routes_service(const struct lb_http_routes *r)
{
    return r->service;
}

void lb_http_routes_free(struct lb_http_routes *r)
{
    if (!r)
        return;
    lb_http_service_free(r->service);
    json_decref(r->info);
    free(r);
}
