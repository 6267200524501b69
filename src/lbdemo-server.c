/* lbdemo-server: answers with its identity over HTTP and gRPC. */
#include "config.h"

#include <event2/event.h>
#include <grpc/grpc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/options.h"
#include "server/grpc_server.h"
#include "server/http_server.h"
#include "server/identity.h"
#include "server/lifecycle.h"
#include "server/listener.h"
#include "server/readiness.h"

/* What gRPC calls in flight at a stop get before they are cancelled. */
#define GRPC_STOP_NS (30 * LB_NS_PER_S)

struct config {
    struct lb_identity identity;
    const char *http_listen;
    const char *grpc_listen;
    const char *port_file;
    uint64_t threads;
    int64_t header_timeout_ns, body_timeout_ns, write_timeout_ns, idle_timeout_ns;
    int log_level, log_format;
};

static int check_listen(const char *text, struct lb_error *err)
{
    struct lb_address address;
    return lb_address_parse_listen(text, &address, err);
}

#define AT(field) offsetof(struct config, field)
#define IDENTITY(option, text, field, variable)                                        \
    {                                                                                  \
        .name = option, .type = LB_OPTION_STRING, .arg = "TEXT", .help = text,         \
        .offset = AT(identity.field), .env = variable, .check = lb_identity_check_text \
    }

static const struct lb_option identity_options[] = {
    IDENTITY("pod-name", "The name to answer with; the host name if not given.", name, "POD_NAME"),
    IDENTITY("pod-namespace", "The pod's namespace.", namespace, "POD_NAMESPACE"),
    IDENTITY("pod-ip", "The pod's address; the host's first if not given.", pod_ip, "POD_IP"),
    IDENTITY("node", "The node the pod runs on.", node, "NODE_NAME"),
    IDENTITY("zone", "The zone the node is in.", zone, "ZONE"),
    IDENTITY("pod-version", "The version of what the pod runs.", version, "VERSION"),
};

static const struct lb_option listen_options[] = {
    {.name = "http-listen",
     .type = LB_OPTION_STRING,
     .arg = "ADDRESS",
     .offset = AT(http_listen),
     .check = check_listen,
     .help = "Where to serve HTTP: HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH; port 0 is any free "
             "one."},
    {.name = "grpc-listen",
     .type = LB_OPTION_STRING,
     .arg = "ADDRESS",
     .offset = AT(grpc_listen),
     .check = check_listen,
     .help = "Where to serve gRPC; written in the same way."},
    {.name = "port-file",
     .type = LB_OPTION_STRING,
     .arg = "PATH",
     .offset = AT(port_file),
     .help = "Write the addresses listened on to this file once all accept connections."},
    {.name = "threads",
     .type = LB_OPTION_UINT,
     .arg = "NUMBER",
     .offset = AT(threads),
     .min = 0,
     .max = LB_HTTP_MAX_THREADS,
     .help = "Threads for each protocol; 0 is one a processor, at most 8."},
};

#define TIMEOUT(option, text, field, least)                                      \
    {                                                                            \
        .name = option, .type = LB_OPTION_DURATION, .arg = "TIME", .help = text, \
        .offset = AT(field), .min = least, .max = 24 * 3600 * LB_NS_PER_S        \
    }

static const struct lb_option limit_options[] = {
    TIMEOUT("header-timeout", "How long the head of an HTTP request may take to come.",
            header_timeout_ns, LB_NS_PER_MS),
    TIMEOUT("body-timeout", "How long the body of an HTTP request may take to come.",
            body_timeout_ns, LB_NS_PER_MS),
    TIMEOUT("write-timeout", "How long an HTTP client may take none of its response.",
            write_timeout_ns, LB_NS_PER_MS),
    TIMEOUT("idle-timeout",
            "Close an HTTP connection on which nothing was asked for so long; 0 is never.",
            idle_timeout_ns, 0),
};

static const struct lb_option log_options[] = {
    {.name = "log-level",
     .type = LB_OPTION_CHOICE,
     .arg = "LEVEL",
     .offset = AT(log_level),
     .choices = lb_log_levels,
     .help = "Log messages up to this level."},
    {.name = "log-format",
     .type = LB_OPTION_CHOICE,
     .arg = "FORMAT",
     .offset = AT(log_format),
     .choices = lb_log_formats,
     .help = "Log as text or as one JSON object a line."},
};

static const struct lb_option_group groups[] = {
    LB_OPTION_GROUP("Identity", identity_options),
    LB_OPTION_GROUP("Listening", listen_options),
    LB_OPTION_GROUP("Limits", limit_options),
    LB_OPTION_GROUP("Logging", log_options),
};

static void print_libraries(FILE *out)
{
    fprintf(out, "libevent %s, gRPC core %s\n", event_get_version(), grpc_version_string());
}

static const struct lb_program program = {
    .name = "lbdemo-server",
    .synopsis = "[OPTION]...",
    .summary = "Answers HTTP and gRPC requests with the name of its pod.",
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .print_libraries = print_libraries,
};

/* What is running. */
struct server {
    struct lb_lifecycle *lifecycle;
    struct lb_readiness *readiness;
    struct lb_listener *http_listener, *grpc_listener;
    struct lb_http_server *http;
    struct lb_grpc_server *grpc;
};

static void stop(void *arg)
{
    struct server *s = arg;
    lb_readiness_stop(s->readiness);
    lb_http_server_drain(s->http);
    lb_grpc_server_shutdown(s->grpc, lb_clock_monotonic_ns() + GRPC_STOP_NS);
}

static void part_stopped(void *arg)
{
    struct server *s = arg;
    lb_lifecycle_done(s->lifecycle);
}

static unsigned thread_count(uint64_t wanted)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return wanted           ? (unsigned)wanted
           : processors < 1 ? 1
           : processors > 8 ? 8
                            : (unsigned)processors;
}

static int add_grpc_listener(struct server *s, struct lb_error *err)
{
    int fd = lb_listener_take(s->grpc_listener, 0);
    if (lb_grpc_server_add_listener(s->grpc, fd, err) == 0)
        return 0;
    close(fd);
    return -1;
}

static int open_server(struct server *s, const struct config *c, struct lb_error *err)
{
    struct lb_lifecycle_config life = {.stop = stop, .arg = s, .parts = 2};
    if (!(s->readiness = lb_readiness_new(err)))
        return -1;
    struct lb_http_config http = {.identity = &c->identity,
                                  .readiness = s->readiness,
                                  .threads = thread_count(c->threads),
                                  .header_timeout_ns = c->header_timeout_ns,
                                  .body_timeout_ns = c->body_timeout_ns,
                                  .write_timeout_ns = c->write_timeout_ns,
                                  .idle_timeout_ns = c->idle_timeout_ns,
                                  .stopped = part_stopped,
                                  .stopped_arg = s};
    struct lb_grpc_config grpc = {.identity = &c->identity,
                                  .readiness = s->readiness,
                                  .threads = http.threads,
                                  .stopped = part_stopped,
                                  .stopped_arg = s};
    if (!(s->lifecycle = lb_lifecycle_new(&life, err)) ||
        !(s->http_listener = lb_listener_open(c->http_listen, http.threads, err)) ||
        !(s->grpc_listener = lb_listener_open(c->grpc_listen, 1, err)) ||
        !(s->http = lb_http_server_new(&http, err)) ||
        lb_http_server_add_listener(s->http, s->http_listener, err) < 0 ||
        !(s->grpc = lb_grpc_server_new(&grpc, err)) || add_grpc_listener(s, err) < 0 ||
        lb_grpc_server_start(s->grpc, err) < 0 || lb_http_server_start(s->http, err) < 0)
        return -1;
    return 0;
}

static int announce(const struct server *s, const char *port_file, struct lb_error *err)
{
    const char *http = lb_listener_address(s->http_listener);
    const char *grpc = lb_listener_address(s->grpc_listener);
    char text[2 * LB_ADDRESS_TEXT + 32];
    int len = snprintf(text, sizeof text, "http %s\ngrpc %s\n", http, grpc);
    if (port_file && lb_file_write(port_file, text, (size_t)len, err) < 0)
        return -1;
    lb_log(LB_LOG_INFO, "server", "serving HTTP on %s and gRPC on %s", http, grpc);
    return 0;
}

static void close_server(struct server *s)
{
    lb_http_server_free(s->http);
    lb_grpc_server_free(s->grpc);
    lb_listener_free(s->grpc_listener);
    lb_listener_free(s->http_listener);
    lb_lifecycle_free(s->lifecycle);
    lb_readiness_free(s->readiness);
}

int main(int argc, char **argv)
{
    struct config config = {
        .http_listen = ":8080",
        .grpc_listen = ":30051",
        .header_timeout_ns = 10 * LB_NS_PER_S,
        .body_timeout_ns = 30 * LB_NS_PER_S,
        .write_timeout_ns = 30 * LB_NS_PER_S,
        .idle_timeout_ns = 900 * LB_NS_PER_S,
        .log_level = LB_LOG_INFO,
    };
    struct lb_error err;
    int first;
    enum lb_options_result parsed = lb_options_parse(&program, argc, argv, &config, &first, &err);
    if (parsed == LB_OPTIONS_DONE)
        return lb_stdout_finish(&err) < 0 ? lb_program_fail(&program, &err, LB_EXIT_FAILURE)
                                          : LB_EXIT_OK;
    if (parsed == LB_OPTIONS_ERROR)
        return lb_program_fail(&program, &err, LB_EXIT_USAGE);
    lb_log_open(program.name, (enum lb_log_level)config.log_level,
                (enum lb_log_format)config.log_format);
    lb_lifecycle_block_signals();

    struct server server = {0};
    int status = LB_EXIT_OK;
    if (lb_identity_complete(&config.identity, &err) < 0 ||
        open_server(&server, &config, &err) < 0 || announce(&server, config.port_file, &err) < 0)
        status = lb_program_fail(&program, &err, LB_EXIT_FAILURE);
    else
        lb_lifecycle_run(server.lifecycle);
    if (status == LB_EXIT_OK && config.port_file)
        unlink(config.port_file);
    close_server(&server);
    lb_options_free(&program, &config);
    return status;
}
