/* The admin routes. */
#include "config.h"

#include "server/http_admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/faults.h"
#include "server/http_routes.h"
#include "server/identity.h"
#include "server/metrics.h"
#include "server/readiness.h"

struct lb_http_admin {
    struct lb_http_admin_config config;
    struct lb_http_service *service;
};

static void answer_metrics(void *context, const struct lb_http_request *request,
                           struct lb_http_reply *reply)
{
    const struct lb_http_admin *a = context;
    bool openmetrics = lb_metrics_wants_openmetrics(request->accept, request->accept_len);
    struct lb_metrics_facts facts = {
        .ready = lb_readiness_get(a->config.readiness),
        .version = PACKAGE_VERSION,
        .libevent = a->config.libevent_version,
        .grpc = a->config.grpc_version,
        .pod = a->config.identity->name,
        .pod_version = a->config.identity->version,
        .start_time_unix_ms = a->config.identity->start_time_unix_ms,
    };
    size_t len = 0;
    char *text = lb_metrics_format(a->config.metrics, &facts, openmetrics, &len);
    lb_http_reply_owned(reply, openmetrics ? LB_METRICS_OPENMETRICS_TYPE : LB_METRICS_TEXT_TYPE,
                        text, len);
}

static void answer_health(void *context, const struct lb_http_request *request,
                          struct lb_http_reply *reply)
{
    (void)context;
    (void)request;
    lb_http_answer_health(reply);
}

static bool is(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static void answer_readiness(void *context, const struct lb_http_request *request,
                             struct lb_http_reply *reply)
{
    struct lb_http_admin *a = context;
    if (request->method != LB_HTTP_POST) {
        lb_http_answer_readiness(a->config.readiness, reply);
        return;
    }
    size_t len = 0;
    const char *value = lb_http_query_value(request, "ready", &len);
    if (!value || (!is(value, len, "true") && !is(value, len, "false"))) {
        lb_http_reply_text(reply, 400, "400: write /readyz?ready=true or /readyz?ready=false\n");
        return;
    }
    bool ready = is(value, len, "true");
    lb_readiness_set(a->config.readiness, ready);
    lb_log(LB_LOG_INFO, "admin", "%s made the server %s", request->peer,
           ready ? "ready" : "not ready");
    bool now = lb_readiness_get(a->config.readiness);
    if (now == ready)
        lb_http_reply_text(reply, 200, now ? "ready\n" : "not ready\n");
    else
        lb_http_reply_text(reply, 503, "503: the server is stopping\n");
}

static void answer_drain(void *context, const struct lb_http_request *request,
                         struct lb_http_reply *reply)
{
    struct lb_http_admin *a = context;
    lb_log(LB_LOG_INFO, "admin", "%s asked the server to stop", request->peer);
    a->config.drain(a->config.drain_arg);
    lb_http_reply_text(reply, 200, "stopping\n");
}

static void answer_faults(void *context, const struct lb_http_request *request,
                          struct lb_http_reply *reply)
{
    struct lb_http_admin *a = context;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct lb_error err;
    char now[LB_FAULT_TEXT_MAX];
    int status = 200;
    if (!out) {
        lb_http_reply_owned(reply, LB_HTTP_TEXT, NULL, 0);
        return;
    }
    if (request->method == LB_HTTP_POST) {
        if (lb_faults_set(a->config.faults, request->body, request->body_len, &err) < 0)
            status = 400;
        else
            lb_log(LB_LOG_INFO, "admin", "%s set the faults '%.*s'", request->peer,
                   (int)request->body_len, request->body);
    }
    lb_faults_text(a->config.faults, now);
    if (status == 400)
        fprintf(out, "400: %s\n", err.text);
    else
        fputs(now, out);
    fclose(out);
    lb_http_reply_owned(reply, LB_HTTP_TEXT, text, len);
    if (reply->status == 200)
        reply->status = status;
}

#define READ_ONLY "GET, HEAD, OPTIONS"
#define POST LB_HTTP_ALLOW(LB_HTTP_POST)

static const struct lb_http_route routes[] = {
    {"/metrics", READ_ONLY, false, LB_HTTP_READ, answer_metrics},
    {"/healthz", READ_ONLY, false, LB_HTTP_READ, answer_health},
    {"/readyz", "GET, HEAD, OPTIONS, POST", false, LB_HTTP_READ | POST, answer_readiness},
    {"/drain", "OPTIONS, POST", false, POST, answer_drain},
    {"/faults", "GET, HEAD, OPTIONS, POST", false, LB_HTTP_READ | POST, answer_faults},
    {"*", "GET, HEAD, OPTIONS, POST", false, 0, NULL},
};

static const char not_found[] =
    "404: nothing is here. There are /metrics, /healthz, /readyz\n"
    "(POST /readyz?ready=true|false switches it), /faults (POST replaces\n"
    "them) and POST /drain.\n";

struct lb_http_admin *lb_http_admin_new(const struct lb_http_admin_config *config,
                                        struct lb_error *err)
{
    struct lb_http_admin *a = calloc(1, sizeof *a);
    if (!a) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    struct lb_http_service_config service = {
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = a,
        .not_found = not_found,
        .hostile_pages = true,
    };
    a->config = *config;
    a->service = lb_http_service_new(&service, config->identity, err);
    if (a->service)
        return a;
    lb_http_admin_free(a);
    return NULL;
}

const struct lb_http_service *lb_http_admin_service(const struct lb_http_admin *a)
{
    return a->service;
}

void lb_http_admin_free(struct lb_http_admin *a)
{
    if (!a)
        return;
    lb_http_service_free(a->service);
    free(a);
}
