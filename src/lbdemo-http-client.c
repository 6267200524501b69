/* lbdemo-http-client: calls an HTTP target and judges its balancing. */
#include "config.h"

#include <event2/event.h>
#include <jansson.h>
#include <string.h>

#include "client/http_header.h"
#include "client/http_transport.h"
#include "client/run.h"

struct config {
    struct lb_client_options shared; /* first: run.h */
    const char *id_json, *id_header;
    struct lb_option_list headers;
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
static const struct lb_option_group groups[] = {LB_OPTION_GROUP("HTTP", http_options)};

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
    if (lb_http_url_parse(target, &settings.url, err) < 0)
        return NULL;
    if (settings.url.tls) {
        lb_error_set(err, "URL '%s': https is not supported", target);
        return NULL;
    }
    return lb_http_transport_new(&settings, err);
}

static void print_libraries(FILE *out)
{
    fprintf(out, "Uses libevent %s, Jansson %s\n", event_get_version(), JANSSON_VERSION);
}

static const struct lb_client client = {
    .name = "lbdemo-http-client",
    .synopsis = "[OPTION]... [TARGET]",
    .summary = "Calls an HTTP target, by default once a second and on a new connection each time, "
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
