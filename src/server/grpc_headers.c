/* The initial metadata of every reply. */
#include "server/grpc_headers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/identity_headers.h"
#include "server/proxy_headers.h"

#define PROXY_NAMES_MAX 512 /* bytes of the list of names; names beyond it are left out */

/* Takes over the reference to `value`. */
static void add(struct lb_grpc_headers *headers, const char *name, grpc_slice value)
{
    headers->items[headers->count++] =
        (grpc_metadata){.key = grpc_slice_from_static_string(name), .value = value};
}

void lb_grpc_headers_init(struct lb_grpc_headers *same, const struct lb_identity *id)
{
    const struct {
        const char *name, *value;
    } facts[LB_GRPC_HEADERS_SAME] = {
        {LB_HEADER_POD, id->name},        {LB_HEADER_BOOT_ID, id->boot_id},
        {LB_HEADER_VERSION, id->version}, {LB_HEADER_ZONE, id->zone},
        {LB_HEADER_NODE, id->node},
    };
    same->count = 0;
    for (size_t i = 0; i < LB_GRPC_HEADERS_SAME; i++) {
        grpc_slice value = grpc_slice_from_static_string(facts[i].value);
        if (facts[i].value[0] && grpc_header_nonbin_value_is_legal(value))
            add(same, facts[i].name, value);
    }
}

static bool named_before(const struct lb_proxy_headers *found, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (found->items[j].name_len == found->items[i].name_len &&
            memcmp(found->items[j].name, found->items[i].name, found->items[i].name_len) == 0)
            return true;
    }
    return false;
}

/* Adds "via,x-request-id" if the request has such metadata. The core lets only legal names in. */
static void add_proxy_names(struct lb_grpc_headers *headers, const grpc_metadata_array *request)
{
    struct lb_proxy_headers found;
    found.count = found.bytes = 0;
    for (size_t i = 0; i < request->count; i++) {
        const grpc_metadata *m = &request->metadata[i];
        lb_proxy_headers_add(&found, (const char *)GRPC_SLICE_START_PTR(m->key),
                             GRPC_SLICE_LENGTH(m->key), "", 0);
    }
    char names[PROXY_NAMES_MAX];
    size_t used = 0;
    for (size_t i = 0; i < found.count; i++) {
        const struct lb_proxy_header *h = &found.items[i];
        if (named_before(&found, i) || used + 1 + h->name_len > sizeof names)
            continue;
        if (used > 0)
            names[used++] = ',';
        memcpy(names + used, h->name, h->name_len);
        used += h->name_len;
    }
    if (used > 0)
        add(headers, LB_HEADER_PROXY, grpc_slice_from_copied_buffer(names, used));
}

void lb_grpc_headers_make(struct lb_grpc_headers *headers, const struct lb_grpc_headers *same,
                          const struct lb_grpc_call_origin *origin,
                          const grpc_metadata_array *request)
{
    memcpy(headers->items, same->items, same->count * sizeof same->items[0]);
    headers->count = same->count;
    if (origin->connection_id) {
        char text[48], peer[LB_ADDRESS_TEXT];
        int len = snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, origin->connection_id,
                           origin->ordinal);
        add(headers, LB_HEADER_CONNECTION, grpc_slice_from_copied_buffer(text, (size_t)len));
        size_t peer_len = lb_grpc_origin_text(origin, peer);
        grpc_slice value = grpc_slice_from_copied_buffer(peer, peer_len);
        /* The path of a client's unix socket may be anything. */
        if (peer_len > 0 && grpc_header_nonbin_value_is_legal(value))
            add(headers, LB_HEADER_PEER, value);
        else
            grpc_slice_unref(value);
    }
    add_proxy_names(headers, request);
}

void lb_grpc_headers_clear(struct lb_grpc_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        grpc_slice_unref(headers->items[i].value);
    headers->count = 0;
}
