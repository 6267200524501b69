/* lbdemo-http-client: calls an HTTP target and judges its balancing. */
#include "config.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <string.h>

#include "client/http_header.h"
#include "client/http_transport.h"
#include "client/run.h"
#include "client/tls_options.h"

struct config {
    struct lb_client_options shared; /* first: run.h */
    const char *id_json, *id_header;
    struct lb_option_list headers;
    struct lb_tls_options tls;
};

static int check_header_name(const char *text, struct lb_error *err)
{
    char header[512];
    snprintf(header, sizeof header, "%s:", text);
    if (!strchr(text, ':') && lb_http_header_check(header, NULL) == 0)
        return 0;
    return lb_error_set(err, "'%s' is not the name of a header", text);
}

#define AT(field) offsetof(struct config, field)
static const struct lb_option http_options[] = {
    {"id-json", LB_OPTION_STRING, "POINTER",
     "The backend's name is at this JSON pointer (RFC 6901) of the reply, as in /hostname.",
     AT(id_json), .check = lb_json_pointer_check},
    {"id-header", LB_OPTION_STRING, "NAME", "The backend's name is this header of the reply.",
     AT(id_header), .check = check_header_name},
    {"header", LB_OPTION_LIST, "NAME: VALUE",
     "Send this header too, as in 'Host: shop.example'. May be given more than once.", AT(headers),
     .check = lb_http_header_check, .letter = 'H'},
};
static const struct lb_option tls_options[] = LB_TLS_OPTION_TABLE(struct config, tls);
static const struct lb_option_group groups[] = {LB_OPTION_GROUP("HTTP", http_options),
                                                LB_OPTION_GROUP("TLS", tls_options)};

/* https:// means --tls, and --tls means https:// where the target does not say. */
static int parse_target(const char *target, struct lb_tls_options *tls, struct lb_http_url *url,
                        struct lb_error *err)
{
    char text[LB_URL_HOST_MAX + LB_URL_PATH_MAX];
    bool scheme = strstr(target, "://") != NULL;
    if (tls->tls && !scheme && strlen(target) + sizeof "https://" <= sizeof text) {
        snprintf(text, sizeof text, "https://%s", target);
        target = text;
    }
    if (lb_http_url_parse(target, url, err) < 0)
        return -1;
    if (tls->tls && !url->tls)
        return lb_error_set(err, "--tls and the URL '%s' exclude each other", target);
    tls->tls = url->tls;
    return 0;
}

static struct lb_transport *new_transport(const void *config, const char *target,
                                          struct lb_error *err)
{
    const struct config *c = config;
    struct lb_http_settings settings = {.id = {.json_pointer = c->id_json, .header = c->id_header},
                                        .headers = c->headers.items,
                                        .header_count = c->headers.count};
    if (c->id_json && c->id_header) {
        lb_error_set(err, "--id-json and --id-header exclude each other");
        return NULL;
    }
    struct lb_tls_options wanted = c->tls;
    struct lb_tls_settings tls;
    if (parse_target(target, &wanted, &settings.url, err) < 0 ||
        lb_tls_settings_make(&wanted, &tls, err) < 0)
        return NULL;
    settings.tls = tls.on ? &tls : NULL;
    struct lb_transport *transport = lb_http_transport_new(&settings, err);
    lb_tls_settings_clear(&tls);
    return transport;
}

static void print_libraries(FILE *out)
{
    fprintf(out, "Uses libevent %s, OpenSSL %s, Jansson %s\n", event_get_version(),
            OpenSSL_version(OPENSSL_VERSION_STRING), JANSSON_VERSION);
}

static const struct lb_client client = {
    .name = "lbdemo-http-client",
    .synopsis = "[OPTION]... [TARGET]",
    .summary =
        "Calls an HTTP target, by default once a second and on a new connection each time, "
        "prints which backend answered, and ends with who got how much and whether the target "
        "is balanced. TARGET is a URL or HOST[:PORT]; without a path it is /pod.",
    .epilog = LB_CLIENT_EPILOG,
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .print_libraries = print_libraries,
    .new_transport = new_transport,
};

int main(int argc, char **argv)
{
    struct config config = {.shared = LB_CLIENT_OPTIONS_DEFAULTS};
    config.shared.new_connection = 1;
    return lb_client_main(&client, argc, argv, &config);
}
