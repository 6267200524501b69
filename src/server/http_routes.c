/* What the server answers to which path and method. */
#include "server/http_routes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/identity_headers.h"
#include "server/identity.h"
#include "server/page.h"
#include "server/readiness.h"

#define FACTS_MAX 5

struct lb_http_service {
    const struct lb_identity *identity;
    const struct lb_readiness *readiness;
    size_t name_len;
    json_t *info; /* what /info says of the server; never changed */
    struct lb_http_fact facts[FACTS_MAX];
    size_t fact_count;
    char *identity_headers;
};

struct lb_http_route {
    const char *path;
    void (*answer)(const struct lb_http_service *s, const struct lb_http_request *r,
                   struct lb_http_reply *reply);
};

#define ALLOWED "GET, HEAD, OPTIONS"

static void text_reply(struct lb_http_reply *reply, int status, const char *text)
{
    reply->status = status;
    reply->type = LB_HTTP_TEXT;
    reply->body = text;
    reply->body_len = strlen(text);
}

static void answer_pod(const struct lb_http_service *s, const struct lb_http_request *r,
                       struct lb_http_reply *reply)
{
    (void)r;
    reply->type = LB_HTTP_TEXT;
    reply->body = s->identity->name;
    reply->body_len = s->name_len;
}

static void answer_health(const struct lb_http_service *s, const struct lb_http_request *r,
                          struct lb_http_reply *reply)
{
    (void)s;
    (void)r;
    text_reply(reply, 200, "ok\n");
}

static void answer_readiness(const struct lb_http_service *s, const struct lb_http_request *r,
                             struct lb_http_reply *reply)
{
    (void)r;
    bool ready = lb_readiness_get(s->readiness);
    text_reply(reply, ready ? 200 : 503, ready ? "ready\n" : "not ready\n");
}

static void answer_page(const struct lb_http_service *s, const struct lb_http_request *r,
                        struct lb_http_reply *reply)
{
    (void)s;
    (void)r;
    text_reply(reply, 200, lb_page);
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

static void answer_info(const struct lb_http_service *s, const struct lb_http_request *r,
                        struct lb_http_reply *reply)
{
    json_t *info = json_copy(s->info);
    json_t *peer = peer_to_json(r->peer);
    json_t *request = json_pack("{s:I, s:I, s:o}", "connection_id", (json_int_t)r->connection_id,
                                "request_ordinal", (json_int_t)r->ordinal, "proxy_headers",
                                proxy_to_json(r->proxy));
    if (info && json_object_update(info, request) == 0 && json_object_update(info, peer) == 0)
        reply->owned = json_dumps(info, JSON_COMPACT);
    json_decref(info);
    json_decref(request);
    json_decref(peer);
    if (!reply->owned) {
        text_reply(reply, 500, "out of memory\n");
        return;
    }
    reply->type = LB_HTTP_JSON;
    reply->body = reply->owned;
    reply->body_len = strlen(reply->owned);
}

/* The busiest first; "*" is only reached by OPTIONS. */
static const struct lb_http_route routes[] = {
    {"/pod", answer_pod},          {"/info", answer_info}, {"/healthz", answer_health},
    {"/readyz", answer_readiness}, {"/", answer_page},     {"*", answer_health},
};

const struct lb_http_route *lb_http_route_find(const struct lb_http_service *s, const char *path,
                                               size_t path_len)
{
    (void)s;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (lb_http_path_is(path, path_len, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

void lb_http_service_answer(const struct lb_http_service *s, const struct lb_http_request *r,
                            struct lb_http_reply *reply)
{
    *reply = (struct lb_http_reply){.status = 200};
    if (!r->route) {
        text_reply(
            reply, 404,
            "404: nothing is here. There are /pod (the name of the pod), /info (all about this\n"
            "server and this connection, as JSON), / (a page), /healthz and /readyz.\n");
    } else if (r->method == LB_HTTP_OPTIONS) {
        reply->status = 204;
        reply->allow = ALLOWED;
    } else if (r->method != LB_HTTP_GET && r->method != LB_HTTP_HEAD) {
        text_reply(reply, 405, "405: only GET, HEAD and OPTIONS are allowed here.\n");
        reply->allow = ALLOWED;
    } else {
        r->route->answer(s, r, reply);
    }
}

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

/* The facts that are known, and their header lines. */
static int collect_facts(struct lb_http_service *s, const struct lb_identity *id)
{
    const struct lb_http_fact all[FACTS_MAX] = {
        {LB_HEADER_POD, id->name},        {LB_HEADER_BOOT_ID, id->boot_id},
        {LB_HEADER_VERSION, id->version}, {LB_HEADER_ZONE, id->zone},
        {LB_HEADER_NODE, id->node},
    };
    size_t size = FACTS_MAX * (LB_IDENTITY_TEXT_MAX + 32) + 1, used = 0;
    s->identity_headers = calloc(1, size);
    if (!s->identity_headers)
        return -1;
    for (size_t i = 0; i < FACTS_MAX; i++) {
        if (!*all[i].value)
            continue;
        s->facts[s->fact_count++] = all[i];
        used += (size_t)snprintf(s->identity_headers + used, size - used, "%s: %s\r\n", all[i].name,
                                 all[i].value);
    }
    return 0;
}

struct lb_http_service *lb_http_service_new(const struct lb_identity *identity,
                                            const struct lb_readiness *readiness,
                                            struct lb_error *err)
{
    struct lb_http_service *s = calloc(1, sizeof *s);
    if (s) {
        s->identity = identity;
        s->readiness = readiness;
        s->name_len = strlen(identity->name);
        s->info = identity_to_json(identity);
    }
    if (!s || !s->info || collect_facts(s, identity) < 0) {
        lb_error_set(err, "out of memory");
        lb_http_service_free(s);
        return NULL;
    }
    return s;
}

void lb_http_service_free(struct lb_http_service *s)
{
    if (!s)
        return;
    json_decref(s->info);
    free(s->identity_headers);
    free(s);
}

const char *lb_http_service_identity_headers(const struct lb_http_service *s)
{
    return s->identity_headers;
}

const struct lb_http_fact *lb_http_service_facts(const struct lb_http_service *s, size_t *count)
{
    *count = s->fact_count;
    return s->facts;
}
