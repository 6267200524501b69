/* A set of routes behind a listener. */
#include "config.h"

#include "server/http_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/identity_headers.h"
#include "server/identity.h"

#define ROUTES_MAX 15

struct lb_http_service {
    struct lb_http_service_config config;
    const char *paths[ROUTES_MAX + 1];
    char *identity_headers;
};

/* The header lines of the facts that are known. */
static int write_identity(const struct lb_identity *id, struct lb_http_service *s)
{
    const struct {
        const char *name, *value;
    } all[] = {
        {LB_HEADER_POD, id->name},        {LB_HEADER_BOOT_ID, id->boot_id},
        {LB_HEADER_VERSION, id->version}, {LB_HEADER_ZONE, id->zone},
        {LB_HEADER_NODE, id->node},
    };
    const size_t facts = sizeof all / sizeof all[0];
    size_t size = facts * (LB_IDENTITY_TEXT_MAX + 32) + 1, used = 0;
    s->identity_headers = calloc(1, size);
    if (!s->identity_headers)
        return -1;
    for (size_t i = 0; i < facts; i++) {
        if (*all[i].value)
            used += (size_t)snprintf(s->identity_headers + used, size - used, "%s: %s\r\n",
                                     all[i].name, all[i].value);
    }
    return 0;
}

struct lb_http_service *lb_http_service_new(const struct lb_http_service_config *config,
                                            const struct lb_identity *identity,
                                            struct lb_error *err)
{
    struct lb_http_service *s = calloc(1, sizeof *s);
    if (!s || config->route_count > ROUTES_MAX || write_identity(identity, s) < 0) {
        lb_error_set(err, "out of memory");
        lb_http_service_free(s);
        return NULL;
    }
    s->config = *config;
    for (size_t i = 0; i < config->route_count; i++)
        s->paths[i] = config->routes[i].path;
    s->paths[config->route_count] = "other";
    return s;
}

void lb_http_service_free(struct lb_http_service *s)
{
    if (!s)
        return;
    free(s->identity_headers);
    free(s);
}

const char *lb_http_service_identity_headers(const struct lb_http_service *s)
{
    return s->identity_headers;
}

const struct lb_http_route *lb_http_route_find(const struct lb_http_service *s, const char *path,
                                               size_t path_len)
{
    for (size_t i = 0; i < s->config.route_count; i++) {
        if (lb_http_path_is(path, path_len, s->config.routes[i].path))
            return &s->config.routes[i];
    }
    return NULL;
}

size_t lb_http_route_index(const struct lb_http_service *s, const struct lb_http_route *route)
{
    return route ? (size_t)(route - s->config.routes) : s->config.route_count;
}

const char *const *lb_http_service_paths(const struct lb_http_service *s, size_t *count)
{
    *count = s->config.route_count + 1;
    return s->paths;
}

void lb_http_reply_text(struct lb_http_reply *reply, int status, const char *text)
{
    reply->status = status;
    reply->type = LB_HTTP_TEXT;
    reply->body = text;
    reply->body_len = strlen(text);
}

void lb_http_reply_owned(struct lb_http_reply *reply, const char *type, char *body, size_t len)
{
    if (!body) {
        lb_http_reply_text(reply, 500, "500: out of memory\n");
        return;
    }
    reply->type = type;
    reply->owned = body;
    reply->body = body;
    reply->body_len = len;
}

static void refuse_method(const struct lb_http_route *route, struct lb_http_reply *reply)
{
    char *text = NULL;
    int len = asprintf(&text, "405: only %s are allowed here.\n", route->allow);
    lb_http_reply_owned(reply, LB_HTTP_TEXT, len < 0 ? NULL : text, (size_t)len);
    if (reply->status == 200)
        reply->status = 405;
    reply->allow = route->allow;
}

void lb_http_service_answer(const struct lb_http_service *s, const struct lb_http_request *r,
                            struct lb_http_reply *reply)
{
    *reply = (struct lb_http_reply){.status = 200};
    bool reads = LB_HTTP_ALLOW(r->method) & LB_HTTP_READ;
    if (!r->route) {
        lb_http_reply_text(reply, 404, s->config.not_found);
    } else if (r->method == LB_HTTP_OPTIONS) {
        reply->status = 204;
        reply->allow = r->route->allow;
    } else if (!(r->route->methods & LB_HTTP_ALLOW(r->method))) {
        refuse_method(r->route, reply);
    } else if (s->config.hostile_pages && r->from_page && !reads) {
        lb_http_reply_text(reply, 403, "403: not for web pages: the request has an Origin\n");
    } else {
        r->route->answer(s->config.context, r, reply);
    }
}

const char *lb_http_query_value(const struct lb_http_request *r, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (size_t at = 0; at < r->query_len;) {
        const char *item = r->query + at;
        const char *end = memchr(item, '&', r->query_len - at);
        size_t item_len = end ? (size_t)(end - item) : r->query_len - at;
        if (item_len > name_len && item[name_len] == '=' && memcmp(item, name, name_len) == 0) {
            *len = item_len - name_len - 1;
            return item + name_len + 1;
        }
        at += item_len + 1;
    }
    return NULL;
}
