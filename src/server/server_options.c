/* lbdemo-server's command line. */
#include "server/server_options.h"

#include <event2/event.h>
#include <grpc/grpc.h>
#include <stddef.h>
#include <stdio.h>

#include "common/address.h"
#include "common/clock.h"
#include "common/log.h"
#include "server/faults.h"
#include "server/http_server.h"

const struct lb_server_options lb_server_defaults = {
    .http_listen = ":8080",
    .grpc_listen = ":30051",
    .admin_listen = "127.0.0.1:9090",
    .header_timeout_ns = 10 * LB_NS_PER_S,
    .body_timeout_ns = 30 * LB_NS_PER_S,
    .write_timeout_ns = 30 * LB_NS_PER_S,
    .idle_timeout_ns = 900 * LB_NS_PER_S,
    .drain_timeout_ns = 25 * LB_NS_PER_S,
    .log_level = LB_LOG_INFO,
};

static int check_listen(const char *text, struct lb_error *err)
{
    struct lb_address address;
    return lb_address_parse_listen(text, &address, err);
}

static int check_listen_or_none(const char *text, struct lb_error *err)
{
    return *text ? check_listen(text, err) : 0;
}

#define AT(field) offsetof(struct lb_server_options, field)
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
    {.name = "admin-listen",
     .type = LB_OPTION_STRING,
     .arg = "ADDRESS",
     .offset = AT(admin_listen),
     .check = check_listen_or_none,
     .help = "Where to serve metrics and what changes the server's state; empty for nowhere."},
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

#define FILE_OPTION(option, text, field)                                                           \
    {                                                                                              \
        .name = option, .type = LB_OPTION_STRING, .arg = "FILE", .help = text, .offset = AT(field) \
    }

static const struct lb_option tls_options[] = {
    FILE_OPTION("tls-cert",
                "Serve HTTPS, and gRPC over TLS, with this certificate and chain, in PEM.",
                tls_cert),
    FILE_OPTION("tls-key", "The certificate's key, in PEM.", tls_key),
    FILE_OPTION("tls-client-ca", "Ask clients for a certificate that one of these signed, in PEM.",
                tls_client_ca),
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
            "Close a connection on which nothing was asked for so long; 0 is never.",
            idle_timeout_ns, 0),
};

#define COUNT(option, text, field, most)                                       \
    {                                                                          \
        .name = option, .type = LB_OPTION_UINT, .arg = "NUMBER", .help = text, \
        .offset = AT(field), .min = 0, .max = most                             \
    }

static const struct lb_option connection_options[] = {
    COUNT(
        "max-connections",
        "Refuse connections of each protocol beyond so many at once, HTTP ones with status 503; 0 "
        "is no limit.",
        max_connections, 1000000000),
    TIMEOUT("max-connection-age",
            "Have a client of this age, give or take 10 %, open another connection: after its next "
            "HTTP response, or by gRPC's GOAWAY; 0 is never.",
            max_age_ns, 0),
    TIMEOUT("max-connection-age-grace",
            "Cut a request or call that is still being served so long after its connection's age; "
            "0 is never.",
            max_age_grace_ns, 0),
    COUNT("max-requests-per-connection",
          "Close an HTTP connection after so many responses; 0 is no limit.", max_requests,
          1000000000),
};

static const struct lb_option stop_options[] = {
    TIMEOUT("drain-delay",
            "At a stop, go on serving for so long after readiness has been taken back.",
            drain_delay_ns, 0),
    TIMEOUT("drain-timeout", "Then finish what is open for at most so long.", drain_timeout_ns, 0),
};

static const struct lb_option fault_options[] = {
    {.name = "fault",
     .type = LB_OPTION_LIST,
     .arg = "FAULT",
     .offset = AT(faults),
     .check = lb_faults_check,
     .help =
         "Inject delay=TIME:SHARE%, status=NUMBER:SHARE% or reset:SHARE%, joined by ';'; may be "
         "given again."},
    {.name = "allow-faults",
     .type = LB_OPTION_FLAG,
     .offset = AT(allow_faults),
     .value = 1,
     .help = "Let callers ask for faults, by the header or metadata x-lbdemo-fault or ?fault=."},
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
    {.name = "access-log",
     .type = LB_OPTION_STRING,
     .arg = "PATH",
     .offset = AT(access_log),
     .help = "Append a line for each HTTP request to this file; - is standard output."},
};

static const struct lb_option_group groups[] = {
    LB_OPTION_GROUP("Identity", identity_options),
    LB_OPTION_GROUP("Listening", listen_options),
    LB_OPTION_GROUP("TLS", tls_options),
    LB_OPTION_GROUP("Limits", limit_options),
    LB_OPTION_GROUP("Connections", connection_options),
    LB_OPTION_GROUP("Stopping", stop_options),
    LB_OPTION_GROUP("Faults", fault_options),
    LB_OPTION_GROUP("Logging", log_options),
};

static void print_libraries(FILE *out)
{
    fprintf(out, "libevent %s, gRPC core %s\n", event_get_version(), grpc_version_string());
}

const struct lb_program lb_server_program = {
    .name = "lbdemo-server",
    .synopsis = "[OPTION]...",
    .summary = "Answers HTTP and gRPC requests with the name of its pod.",
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .print_libraries = print_libraries,
};

int lb_server_options_check(const struct lb_server_options *o, struct lb_error *err)
{
    if (!o->tls_cert != !o->tls_key)
        return lb_error_set(err, "--tls-cert and --tls-key only go together");
    if (o->tls_client_ca && !o->tls_cert)
        return lb_error_set(err, "--tls-client-ca '%s' needs --tls-cert and --tls-key",
                            o->tls_client_ca);
    return 0;
}
