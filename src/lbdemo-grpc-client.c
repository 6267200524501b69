/* lbdemo-grpc-client: calls a gRPC target and judges its balancing. */
#include <event2/event.h>
#include <grpc/grpc.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "client/grpc_service_config.h"
#include "client/grpc_transport.h"
#include "client/run.h"
#include "common/log.h"

struct config {
    struct lb_client_options shared; /* first: run.h */
    struct lb_grpc_options grpc;
};

#define AT(field) offsetof(struct config, grpc.field)

static const struct lb_option call_options[] = {
    {"method", LB_OPTION_STRING, "PKG.SERVICE/METHOD", "The unary method to call.", AT(method),
     .check = lb_grpc_method_check},
    {"data", LB_OPTION_STRING, "hex:DIGITS|@FILE",
     "The request, a serialized protobuf message; by default an empty one.", AT(data)},
    {"metadata", LB_OPTION_LIST, "NAME: VALUE",
     "Metadata to send with each request. May be given more than once.", AT(metadata),
     .check = lb_grpc_metadata_check},
    {"authority", LB_OPTION_STRING, "HOST[:PORT]",
     "The authority to ask for, instead of the target's.", AT(authority),
     .check = lb_grpc_authority_check},
};

static const struct lb_option identity_options[] = {
    {"id-field", LB_OPTION_STRING, "FIELD",
     "The reply's field that names the backend, by its number or, if the server has reflection, by "
     "its name; joined by dots from the outermost message inwards, as in 2.1 or info.name. By "
     "default "
     "1.",
     AT(id_field), .check = lb_grpc_id_field_check},
    {"id-metadata", LB_OPTION_STRING, "NAME",
     "Name of the reply's metadata that names the backend, instead of a field.", AT(id_metadata),
     .check = lb_grpc_metadata_name_check},
};

static const struct lb_option channel_options[] = {
    {"lb-policy", LB_OPTION_CHOICE, NULL,
     "How the client itself chooses among the target's addresses; by default as the service config "
     "says, else pick_first.",
     AT(lb_policy), .choices = lb_grpc_policies},
    {"service-config", LB_OPTION_STRING, "FILE", "The channels' service config, in JSON.",
     AT(service_config)},
    {"use-proxy", LB_OPTION_FLAG, NULL,
     "Heed grpc_proxy, https_proxy, http_proxy and no_proxy in the environment, which are ignored "
     "otherwise.",
     AT(use_proxy), 1},
};

static const struct lb_option tls_options[] = LB_TLS_OPTION_TABLE(struct config, grpc.tls);

static const struct lb_option_group groups[] = {
    LB_OPTION_GROUP("Call", call_options),
    LB_OPTION_GROUP("Who answers", identity_options),
    LB_OPTION_GROUP("Channel", channel_options),
    LB_OPTION_GROUP("TLS", tls_options),
};

static struct lb_transport *new_transport(const void *config, const char *target,
                                          struct lb_error *err)
{
    const struct config *c = config;
    struct lb_grpc_settings settings;
    if (lb_grpc_settings_make(&c->grpc, target, &settings, err) < 0)
        return NULL;
    settings.timeout_ns = c->shared.timeout_ns;
    /* What the core logs as errors comes back as the calls' own. */
    lb_log_open("lbdemo-grpc-client", LB_LOG_ERROR, LB_LOG_TEXT);
    return lb_grpc_transport_new(&settings, err);
}

static void print_libraries(FILE *out)
{
    fprintf(out, "Uses gRPC C core %s, libevent %s, Jansson %s\n", grpc_version_string(),
            event_get_version(), JANSSON_VERSION);
}

int main(int argc, char **argv)
{
    static const struct lb_client client = {
        .name = "lbdemo-grpc-client",
        .synopsis = "[OPTION]... [TARGET]",
        .summary =
            "Calls a gRPC target once a second, over one channel, prints who answered, and ends "
            "with who balances the calls and how evenly. TARGET is HOST:PORT, "
            "dns:///HOST:PORT, ipv4:ADDRESS:PORT,..., ipv6:[ADDRESS]:PORT,..., unix:PATH or "
            "xds:///NAME.",
        .epilog = LB_CLIENT_EPILOG,
        .groups = groups,
        .group_count = sizeof groups / sizeof groups[0],
        .print_libraries = print_libraries,
        .new_transport = new_transport,
    };
    struct config config = {.shared = LB_CLIENT_OPTIONS_DEFAULTS, .grpc = LB_GRPC_OPTIONS_DEFAULTS};
    return lb_client_main(&client, argc, argv, &config);
}
