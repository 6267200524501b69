/* What the gRPC client was asked for, checked. */
#include "client/grpc_settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/grpc_service_config.h"
#include "common/file.h"

static const char info_method[] = "lbdemo.v1.PodService/GetInfo";

int lb_grpc_method_check(const char *text, struct lb_error *err)
{
    const char *name = text + (*text == '/'), *slash = strchr(name, '/');
    bool good = slash && slash > name && slash[1] && strlen(name) <= 512 && name[0] != '.';
    for (const char *c = name; good && *c; c++)
        good = isalnum((unsigned char)*c) || *c == '_' || (*c == '.' && c < slash) || c == slash;
    return good
               ? 0
               : lb_error_set(err, "'%.200s' is no method: write it like pkg.Service/Method", text);
}

int lb_grpc_metadata_name_check(const char *text, struct lb_error *err)
{
    size_t len = strlen(text);
    bool good = len > 0 && len <= 128;
    for (const char *c = text; good && *c; c++)
        good = isalnum((unsigned char)*c) || strchr("-_.", *c);
    if (!good)
        return lb_error_set(
            err, "'%.150s' is no metadata name: it is 1 to 128 letters, digits, '-', '_' and '.'",
            text);
    if (len > 4 && strcasecmp(text + len - 4, "-bin") == 0)
        return lb_error_set(err, "metadata '%s' is binary, which is not offered", text);
    return 0;
}

static int copy_text(const char *text, char **out, struct lb_error *err)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? lb_error_set(err, "out of memory") : 0;
}

int lb_grpc_id_field_check(const char *text, struct lb_error *err)
{
    struct lb_wire_path path;
    bool start = true, good = strlen(text) < LB_GRPC_MAX_ID_FIELD;
    if (isdigit((unsigned char)*text))
        return lb_wire_path_parse(text, &path, err);
    for (const char *c = text; good && *c; c++) {
        good = *c == '.' ? !start
                         : isalpha((unsigned char)*c) || *c == '_' ||
                               (!start && isdigit((unsigned char)*c));
        start = *c == '.';
    }
    return good && !start ? 0
                          : lb_error_set(err,
                                         "'%.100s' is no field: write its number, its name, or "
                                         "several joined by dots, as in 2.1 or info.name",
                                         text);
}

static int choose_field(const char *text, struct lb_grpc_settings *s, struct lb_error *err)
{
    if (!text)
        text = "1";
    if (lb_grpc_id_field_check(text, err) < 0)
        return -1;
    return isdigit((unsigned char)*text) ? lb_wire_path_parse(text, &s->id_field, err)
                                         : copy_text(text, &s->id_names, err);
}

static int refuse_reserved(const char *name, struct lb_error *err)
{
    static const char *const reserved[] = {
        "te",   "content-type", "content-length",    "user-agent",
        "host", "connection",   "transfer-encoding", NULL};
    bool taken = strncasecmp(name, "grpc-", 5) == 0;
    for (size_t i = 0; reserved[i]; i++)
        taken |= strcasecmp(name, reserved[i]) == 0;
    return taken ? lb_error_set(err, "metadata '%s' is set by gRPC itself", name) : 0;
}

static void lower(char *text)
{
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

int lb_grpc_metadata_parse(const char *text, struct lb_grpc_metadata *entry, struct lb_error *err)
{
    char name[LB_GRPC_METADATA_TEXT];
    const char *colon = strchr(text, ':');
    *entry = (struct lb_grpc_metadata){NULL, NULL};
    if (!colon || strlen(text) >= sizeof name)
        return lb_error_set(err, "'%.100s' is no metadata: write NAME: VALUE, at most %d bytes",
                            text, LB_GRPC_METADATA_TEXT - 1);
    snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
    if (lb_grpc_metadata_name_check(name, err) < 0 || refuse_reserved(name, err) < 0)
        return -1;
    const char *value = colon + 1 + strspn(colon + 1, " ");
    size_t len = strlen(value);
    while (len > 0 && value[len - 1] == ' ')
        len--;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e)
            return lb_error_set(
                err, "metadata '%s' has a value with other than printable ASCII characters", name);
    }
    entry->name = strdup(name);
    entry->value = strndup(value, len);
    if (entry->name && entry->value) {
        lower(entry->name);
        return 0;
    }
    free(entry->name);
    free(entry->value);
    *entry = (struct lb_grpc_metadata){NULL, NULL};
    return lb_error_set(err, "out of memory");
}

int lb_grpc_metadata_check(const char *text, struct lb_error *err)
{
    struct lb_grpc_metadata entry;
    int result = lb_grpc_metadata_parse(text, &entry, err);
    free(entry.name);
    free(entry.value);
    return result;
}

int lb_grpc_authority_check(const char *text, struct lb_error *err)
{
    size_t len = strlen(text);
    bool good = len > 0 && len <= LB_GRPC_NAME_MAX + 8;
    for (const char *c = text; good && *c; c++)
        good = isalnum((unsigned char)*c) || strchr("-._~:[]%!$&'()*+,;=@", *c);
    return good ? 0 : lb_error_set(err, "'%.150s' is no authority: write HOST or HOST:PORT", text);
}

static int choose_method(const char *asked, struct lb_grpc_settings *s, struct lb_error *err)
{
    const char *method = asked + (*asked == '/');
    if (lb_grpc_method_check(method, err) < 0)
        return -1;
    snprintf(s->path, sizeof s->path, "/%s", method);
    s->reply_is_info = strcmp(method, info_method) == 0;
    return 0;
}

/* --data hex:0A0462 or @FILE, with the message in protobuf's wire format. */
static int read_request(const char *text, struct lb_grpc_settings *s, struct lb_error *err)
{
    if (!text)
        return 0;
    if (text[0] == '@')
        return lb_file_read(text + 1, LB_GRPC_MAX_REQUEST, &s->message, &s->message_size, err);
    const char *digits = text + 4;
    size_t len = strncmp(text, "hex:", 4) == 0 ? strlen(digits) : 1;
    if (len % 2 || len / 2 > LB_GRPC_MAX_REQUEST || strspn(digits, "0123456789abcdefABCDEF") != len)
        return lb_error_set(
            err,
            "--data '%.100s' is no request: write hex: and an even number of hexadecimal "
            "digits, or @FILE, of the serialized message",
            text);
    s->message = malloc(len / 2 + 1);
    if (!s->message)
        return lb_error_set(err, "out of memory");
    for (size_t i = 0; i < len / 2; i++) {
        char byte[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        s->message[i] = (char)strtoul(byte, NULL, 16);
    }
    s->message_size = len / 2;
    return 0;
}

static int choose_policy(const struct lb_grpc_options *o, struct lb_grpc_settings *s,
                         struct lb_error *err)
{
    bool xds = s->target.scheme == LB_GRPC_XDS;
    struct lb_error why;
    const char *asked = NULL;
    size_t size;
    if (xds && (o->lb_policy >= 0 || o->service_config))
        return lb_error_set(
            err, "%s does not go with an xds: target, whose control plane sends the policy",
            o->lb_policy >= 0 ? "--lb-policy" : "--service-config");
    if (o->service_config) {
        if (lb_file_read(o->service_config, LB_GRPC_SERVICE_CONFIG_MAX, &s->service_config, &size,
                         err) < 0)
            return -1;
        if (strlen(s->service_config) != size)
            return lb_error_set(err, "service config %.200s: has a NUL byte", o->service_config);
        if (lb_grpc_service_config_check(s->service_config, &asked, &why) < 0)
            return lb_error_set(err, "service config %.200s: %.280s", o->service_config, why.text);
    }
    if (asked && o->lb_policy >= 0)
        return lb_error_set(
            err, "--lb-policy and the service config's policy '%s' exclude each other", asked);
    s->lb_policy_forced = o->lb_policy >= 0;
    s->lb_policy = s->lb_policy_forced ? lb_grpc_policies[o->lb_policy]
                   : asked             ? asked
                   : xds               ? "xds"
                                       : "pick_first";
    return 0;
}

static int copy_metadata(const struct lb_option_list *list, struct lb_grpc_settings *s,
                         struct lb_error *err)
{
    if (list->count > LB_GRPC_MAX_METADATA)
        return lb_error_set(err, "more than %d --metadata", LB_GRPC_MAX_METADATA);
    s->metadata = calloc(list->count + 1, sizeof *s->metadata);
    if (!s->metadata)
        return lb_error_set(err, "out of memory");
    for (size_t i = 0; i < list->count; i++) {
        if (lb_grpc_metadata_parse(list->items[i], &s->metadata[i], err) < 0)
            return -1;
        s->metadata_count++;
    }
    return 0;
}

static int make(const struct lb_grpc_options *o, const char *target, struct lb_grpc_settings *s,
                struct lb_error *err)
{
    if (choose_method(o->method, s, err) < 0 || lb_grpc_target_parse(target, &s->target, err) < 0)
        return -1;
    if (o->id_field && o->id_metadata)
        return lb_error_set(err, "--id-field and --id-metadata exclude each other");
    s->use_proxy = o->use_proxy;
    if (lb_tls_settings_make(&o->tls, &s->tls, err) < 0)
        return -1;
    if (choose_field(o->id_field, s, err) < 0 || copy_text(o->authority, &s->authority, err) < 0 ||
        copy_text(o->id_metadata, &s->id_metadata, err) < 0)
        return -1;
    if (s->id_metadata)
        lower(s->id_metadata);
    if (read_request(o->data, s, err) < 0 || choose_policy(o, s, err) < 0 ||
        copy_metadata(&o->metadata, s, err) < 0)
        return -1;
    return 0;
}

int lb_grpc_settings_make(const struct lb_grpc_options *options, const char *target,
                          struct lb_grpc_settings *settings, struct lb_error *err)
{
    memset(settings, 0, sizeof *settings);
    if (make(options, target, settings, err) == 0)
        return 0;
    lb_grpc_settings_clear(settings);
    return -1;
}

void lb_grpc_settings_clear(struct lb_grpc_settings *s)
{
    for (size_t i = 0; i < s->metadata_count; i++) {
        free(s->metadata[i].name);
        free(s->metadata[i].value);
    }
    free(s->metadata);
    free(s->id_metadata);
    free(s->id_names);
    free(s->message);
    free(s->authority);
    free(s->service_config);
    lb_grpc_target_clear(&s->target);
    lb_tls_settings_clear(&s->tls);
    memset(s, 0, sizeof *s);
}
