/* Who answered a call. */
#include "client/grpc_identity.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/identity_headers.h"

static void copy(char out[LB_NAME_MAX + 1], const uint8_t *bytes, size_t size)
{
    if (size > LB_NAME_MAX)
        size = LB_NAME_MAX;
    for (size_t i = 0; i < size; i++)
        out[i] = bytes[i] ? (char)bytes[i] : '?';
    out[size] = '\0';
}

static void copy_connection(struct lb_grpc_identity *out, const uint8_t *bytes, size_t size)
{
    char text[LB_NAME_MAX + 1];
    copy(text, bytes, size);
    if (sscanf(text, "%20" SCNu64 " %20" SCNu64, &out->connection, &out->ordinal) != 2)
        out->connection = out->ordinal = 0;
}

static bool is(const grpc_slice *slice, const char *name)
{
    return GRPC_SLICE_LENGTH(*slice) == strlen(name) &&
           memcmp(GRPC_SLICE_START_PTR(*slice), name, GRPC_SLICE_LENGTH(*slice)) == 0;
}

void lb_grpc_identity_metadata(const struct lb_grpc_settings *settings,
                               const grpc_metadata_array *metadata, struct lb_grpc_identity *out)
{
    static const struct {
        const char *name;
        size_t offset;
    } facts[] = {{LB_HEADER_BOOT_ID, offsetof(struct lb_grpc_identity, boot_id)},
                 {LB_HEADER_VERSION, offsetof(struct lb_grpc_identity, version)},
                 {LB_HEADER_ZONE, offsetof(struct lb_grpc_identity, zone)},
                 {LB_HEADER_NODE, offsetof(struct lb_grpc_identity, node)},
                 {LB_HEADER_PEER, offsetof(struct lb_grpc_identity, peer)},
                 {LB_HEADER_PROXY, offsetof(struct lb_grpc_identity, proxy_headers)}};
    for (size_t i = 0; i < metadata->count; i++) {
        const grpc_metadata *m = &metadata->metadata[i];
        const uint8_t *value = GRPC_SLICE_START_PTR(m->value);
        size_t size = GRPC_SLICE_LENGTH(m->value);
        if (is(&m->key, settings->id_metadata ? settings->id_metadata : LB_HEADER_POD))
            copy(out->backend, value, size);
        if (is(&m->key, LB_HEADER_CONNECTION))
            copy_connection(out, value, size);
        for (size_t f = 0; f < sizeof facts / sizeof facts[0]; f++) {
            if (is(&m->key, facts[f].name))
                copy((char *)out + facts[f].offset, value, size);
        }
    }
}

/* Appends the name of a lbdemo.v1.Header to the list of proxy headers. */
static void add_proxy_header(struct lb_grpc_identity *out, const struct lb_wire_field *header)
{
    struct lb_wire_reader reader = {header->data, header->data + header->size};
    struct lb_wire_field f;
    char name[LB_NAME_MAX + 1] = "";
    while (lb_wire_next(&reader, &f) == 1) {
        if (f.number == 1 && f.type == LB_WIRE_BYTES)
            copy(name, f.data, f.size);
    }
    size_t used = strlen(out->proxy_headers), left = sizeof out->proxy_headers - used;
    if (*name && strlen(name) + 1 < left)
        snprintf(out->proxy_headers + used, left, "%s%s", used ? "," : "", name);
}

static void format_peer(struct lb_grpc_identity *out, const char *address, uint64_t port)
{
    if (port == 0 || port > UINT16_MAX) /* a unix socket has none */
        snprintf(out->peer, sizeof out->peer, "%s", address);
    else if (*address)
        snprintf(out->peer, sizeof out->peer,
                 strchr(address, ':') ? "[%.200s]:%" PRIu64 : "%.200s:%" PRIu64, address, port);
}

/* The facts of a lbdemo.v1.GetInfoResponse (proto/lbdemo/v1/pod.proto). */
static void read_info(const uint8_t *message, size_t size, struct lb_grpc_identity *out)
{
    enum {
        NODE = 4,
        ZONE,
        VERSION,
        BOOT_ID,
        CONNECTION_ID,
        REQUEST_ORDINAL,
        PEER_ADDRESS,
        PEER_PORT,
        PROXY_HEADERS
    };
    struct lb_wire_reader reader = {message, message + size};
    struct lb_wire_field f;
    char address[LB_NAME_MAX + 1] = "";
    uint64_t port = 0;
    out->proxy_headers[0] = '\0';
    while (lb_wire_next(&reader, &f) == 1) {
        bool text = f.type == LB_WIRE_BYTES, number = f.type == LB_WIRE_VARINT;
        if (f.number == NODE && text)
            copy(out->node, f.data, f.size);
        else if (f.number == ZONE && text)
            copy(out->zone, f.data, f.size);
        else if (f.number == VERSION && text)
            copy(out->version, f.data, f.size);
        else if (f.number == BOOT_ID && text)
            copy(out->boot_id, f.data, f.size);
        else if (f.number == CONNECTION_ID && number)
            out->connection = f.value;
        else if (f.number == REQUEST_ORDINAL && number)
            out->ordinal = f.value;
        else if (f.number == PEER_ADDRESS && text)
            copy(address, f.data, f.size);
        else if (f.number == PEER_PORT && number)
            port = f.value;
        else if (f.number == PROXY_HEADERS && text)
            add_proxy_header(out, &f);
    }
    format_peer(out, address, port);
}

int lb_grpc_identity_message(const struct lb_grpc_settings *settings, const void *message,
                             size_t size, struct lb_grpc_identity *out, struct lb_error *err)
{
    if (settings->reply_is_info)
        read_info(size ? message : (const uint8_t *)"", size, out);
    if (!settings->id_metadata && settings->id_field.depth == 0)
        return lb_error_set(err, "%s", settings->id_problem);
    if (!settings->id_metadata)
        return lb_wire_extract(&settings->id_field, message, size, out->backend,
                               sizeof out->backend, err);
    if (!out->backend[0])
        return lb_error_set(err, "the reply has no metadata '%s'", settings->id_metadata);
    return 0;
}
