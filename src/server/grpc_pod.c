/* api.protobuf.pod and lbdemo.v1.PodService: who answers, and over which connection. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/protobuf/pod.pb-c.h"
#include "common/clock.h"
#include "common/log.h"
#include "lbdemo/v1/pod.pb-c.h"
#include "server/grpc_services.h"
#include "server/grpc_stream.h"
#include "server/grpc_worker.h"
#include "server/proxy_headers.h"

#define WATCH_DEFAULT_MS 1000
#define WATCH_MIN_MS 10
#define WATCH_MAX_MS 3600000
#define TEXT_(number) #number
#define TEXT(number) TEXT_(number)

/* A protobuf message's texts are not const. */
#define FIELD(text) ((char *)(uintptr_t)(text))

grpc_slice lb_grpc_pod_reply(const struct lb_identity *identity)
{
    Api__Protobuf__Response reply = API__PROTOBUF__RESPONSE__INIT;
    reply.name = FIELD(identity->name);
    return lb_grpc_pack(&reply.base);
}

static void handle_pod_get_info(struct lb_grpc_call *call)
{
    if (lb_grpc_call_check_empty(call, &api__protobuf__request__descriptor))
        lb_grpc_call_reply(call, grpc_slice_ref(call->worker->shared->pod_reply));
}

/* The proxy headers of a request as messages, all in one piece. */
struct header_messages {
    Lbdemo__V1__Header items[LB_PROXY_HEADERS_MAX];
    Lbdemo__V1__Header *list[LB_PROXY_HEADERS_MAX];
    char text[LB_PROXY_HEADERS_BYTES_MAX + 2 * LB_PROXY_HEADERS_MAX];
};

/* Copies a text for a protobuf string, which must be UTF-8: what HTTP/2 lets through beside
 * printing ASCII becomes '?'. Returns the end. */
static char *copy_text(char *to, const char *from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *to++ = from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?';
    *to++ = '\0';
    return to;
}

static size_t collect_headers(const grpc_metadata_array *metadata, struct header_messages *out)
{
    struct lb_proxy_headers found = {.count = 0, .bytes = 0};
    for (size_t i = 0; i < metadata->count; i++) {
        const grpc_metadata *m = &metadata->metadata[i];
        lb_proxy_headers_add(
            &found, (const char *)GRPC_SLICE_START_PTR(m->key), GRPC_SLICE_LENGTH(m->key),
            (const char *)GRPC_SLICE_START_PTR(m->value), GRPC_SLICE_LENGTH(m->value));
    }
    char *end = out->text;
    for (size_t i = 0; i < found.count; i++) {
        const struct lb_proxy_header *h = &found.items[i];
        lbdemo__v1__header__init(&out->items[i]);
        out->items[i].name = end;
        end = copy_text(end, h->name, h->name_len);
        out->items[i].value = end;
        end = copy_text(end, h->value, h->value_len);
        out->list[i] = &out->items[i];
    }
    return found.count;
}

/* Who answers `call`, as a packed GetInfoResponse. */
static grpc_slice pack_info(const struct lb_grpc_call *call)
{
    const struct lb_identity *id = call->worker->shared->identity;
    char peer[LB_ADDRESS_TEXT];
    uint16_t port;
    lb_grpc_origin_peer(&call->origin, peer, &port);
    struct header_messages headers;

    Lbdemo__V1__GetInfoResponse reply = LBDEMO__V1__GET_INFO_RESPONSE__INIT;
    reply.name = FIELD(id->name);
    reply.namespace_ = FIELD(id->namespace);
    reply.pod_ip = FIELD(id->pod_ip);
    reply.node = FIELD(id->node);
    reply.zone = FIELD(id->zone);
    reply.version = FIELD(id->version);
    reply.boot_id = FIELD(id->boot_id);
    reply.connection_id = call->origin.connection_id;
    reply.request_ordinal = call->origin.ordinal;
    reply.peer_address = peer;
    reply.peer_port = port;
    reply.n_proxy_headers = collect_headers(&call->metadata, &headers);
    reply.proxy_headers = headers.list;
    reply.start_time_unix_ms = id->start_time_unix_ms;
    return lb_grpc_pack(&reply.base);
}

static void handle_get_info(struct lb_grpc_call *call)
{
    if (lb_grpc_call_check_empty(call, &lbdemo__v1__get_info_request__descriptor))
        lb_grpc_call_reply(call, pack_info(call));
}

/* One Watch: the same message again and again, so it is packed once. */
struct watch {
    struct lb_grpc_stream stream;
    grpc_slice message;
    int64_t interval_ns, due_ns;
};

/* A message that the client is too slow for is left out, not kept. */
static void watch_wake(struct lb_grpc_stream *stream)
{
    struct watch *watch = LB_GRPC_TAG_OWNER(stream, struct watch, stream);
    int64_t now = lb_clock_monotonic_ns();
    lb_grpc_stream_send(stream, watch->message);
    watch->due_ns += watch->interval_ns;
    if (watch->due_ns < now)
        watch->due_ns = now + watch->interval_ns;
    lb_grpc_stream_wake_at(stream, watch->due_ns);
}

static void watch_over(struct lb_grpc_stream *stream)
{
    struct watch *watch = LB_GRPC_TAG_OWNER(stream, struct watch, stream);
    grpc_slice_unref(watch->message);
    free(watch);
}

static const struct lb_grpc_stream_ops watch_ops = {.wake = watch_wake, .over = watch_over};

static void handle_watch(struct lb_grpc_call *call)
{
    ProtobufCMessage *message = lb_grpc_call_unpack(call, &lbdemo__v1__watch_request__descriptor);
    if (!message)
        return;
    uint32_t ms = ((Lbdemo__V1__WatchRequest *)message)->interval_ms;
    protobuf_c_message_free_unpacked(message, NULL);
    if (ms == 0)
        ms = WATCH_DEFAULT_MS;
    if (ms < WATCH_MIN_MS || ms > WATCH_MAX_MS) {
        char text[96];
        snprintf(text, sizeof text,
                 "interval_ms %" PRIu32
                 " is not 0 or from " TEXT(WATCH_MIN_MS) " to " TEXT(WATCH_MAX_MS),
                 ms);
        lb_grpc_call_fail(call, GRPC_STATUS_INVALID_ARGUMENT, text);
        return;
    }
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        lb_grpc_call_fail(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "out of memory for a stream");
        return;
    }
    watch->message = pack_info(call);
    watch->interval_ns = ms * LB_NS_PER_MS;
    watch->due_ns = lb_clock_monotonic_ns();
    lb_grpc_stream_open(&watch->stream, call, &watch_ops);
    watch_wake(&watch->stream);
}

static void handle_unknown(struct lb_grpc_call *call)
{
    const grpc_slice *path = &call->details.method;
    int shown = GRPC_SLICE_LENGTH(*path) < 200 ? (int)GRPC_SLICE_LENGTH(*path) : 200;
    char text[256];
    snprintf(text, sizeof text, "this server has no method %.*s", shown,
             (const char *)GRPC_SLICE_START_PTR(*path));
    lb_grpc_call_fail(call, GRPC_STATUS_UNIMPLEMENTED, text);
}

const struct lb_grpc_method lb_grpc_pod_methods[] = {
    {"/api.protobuf.pod/getInfo", handle_pod_get_info, 32, true},
    {"/lbdemo.v1.PodService/GetInfo", handle_get_info, 32, true},
    {"/lbdemo.v1.PodService/Watch", handle_watch, 8, true},
    {NULL, handle_unknown, 8, false},
};
const size_t lb_grpc_pod_method_count = sizeof lb_grpc_pod_methods / sizeof lb_grpc_pod_methods[0];
