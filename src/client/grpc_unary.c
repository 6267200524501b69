/* One unary call, from its start to what came of it. */
#include "client/grpc_unary.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <string.h>

#include "client/grpc_status.h"
#include "common/units.h"

static void leave_list(struct lb_grpc_unary *call)
{
    if (!call->at)
        return;
    *call->at = call->next;
    if (call->next)
        call->next->at = call->at;
    call->at = NULL;
}

static void enter_list(struct lb_grpc_unary *call, struct lb_grpc_unary **list)
{
    call->next = *list;
    call->at = list;
    if (*list)
        (*list)->at = &call->next;
    *list = call;
}

static void release(struct lb_grpc_unary *call)
{
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_byte_buffer_destroy(call->message);
    grpc_byte_buffer_destroy(call->reply);
    grpc_slice_unref(call->details);
    grpc_call_unref(call->core);
    lb_grpc_link_unref(call->request.link);
    gpr_free(call);
}

static void run(struct lb_grpc_tag *tag, bool ok)
{
    struct lb_grpc_unary *call = LB_GRPC_TAG_OWNER(tag, struct lb_grpc_unary, tag);
    (void)ok; /* a batch that receives a status always succeeds */
    bool abandoned = !call->at;
    leave_list(call);
    if (!abandoned)
        call->on_end(call, call->arg);
    release(call);
}

/* The settings' metadata and `extra`. The core copies the array; the slices refer to their texts,
 * which outlive the call, but for `extra`. */
static size_t fill_metadata(const struct lb_grpc_settings *s, const struct lb_grpc_metadata *extra,
                            grpc_metadata out[LB_GRPC_MAX_METADATA + 1])
{
    size_t n = 0;
    memset(out, 0, (LB_GRPC_MAX_METADATA + 1) * sizeof *out);
    for (; n < s->metadata_count; n++) {
        out[n].key = grpc_slice_from_static_string(s->metadata[n].name);
        out[n].value = grpc_slice_from_static_string(s->metadata[n].value);
    }
    if (extra) {
        out[n].key = grpc_slice_from_copied_string(extra->name);
        out[n++].value = grpc_slice_from_copied_string(extra->value);
    }
    return n;
}

static void start_batch(struct lb_grpc_unary *call, const struct lb_grpc_metadata *extra)
{
    const struct lb_grpc_settings *s = call->request.link->links->settings;
    grpc_metadata metadata[LB_GRPC_MAX_METADATA + 1];
    grpc_op ops[6];
    memset(ops, 0, sizeof ops);
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[0].data.send_initial_metadata.count = fill_metadata(s, extra, metadata);
    ops[0].data.send_initial_metadata.metadata = metadata;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = call->message;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[4].op = GRPC_OP_RECV_MESSAGE;
    ops[4].data.recv_message.recv_message = &call->reply;
    ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[5].data.recv_status_on_client.status = &call->status;
    ops[5].data.recv_status_on_client.status_details = &call->details;
    lb_grpc_start_batch(call->core, ops, sizeof ops / sizeof ops[0], &call->tag);
    if (extra) {
        size_t last = ops[0].data.send_initial_metadata.count - 1;
        grpc_slice_unref(metadata[last].key);
        grpc_slice_unref(metadata[last].value);
    }
}

void lb_grpc_unary_start(const struct lb_grpc_unary_request *request, grpc_completion_queue *queue,
                         struct lb_grpc_unary **list, lb_grpc_unary_fn *on_end, void *arg)
{
    const struct lb_grpc_settings *s = request->link->links->settings;
    struct lb_grpc_unary *call = gpr_zalloc(sizeof *call);
    call->tag.run = run;
    call->on_end = on_end;
    call->arg = arg;
    call->request = *request;
    call->request.extra = NULL;
    call->request.message = NULL;
    lb_grpc_link_ref(request->link);
    call->details = grpc_empty_slice();
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    grpc_slice message =
        request->path ? grpc_slice_from_copied_buffer(request->message, request->message_size)
                      : grpc_slice_from_static_buffer(s->message, s->message_size);
    call->message = grpc_raw_byte_buffer_create(&message, 1);
    grpc_slice_unref(message);
    call->core = grpc_channel_create_call(
        request->link->channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
        grpc_slice_from_static_string(request->path ? request->path : s->path), NULL,
        lb_grpc_timespec(request->deadline_ns), NULL);
    enter_list(call, list);
    start_batch(call, request->extra);
}

size_t lb_grpc_unary_abandon(struct lb_grpc_unary **list)
{
    size_t count = 0;
    for (; *list; count++) {
        struct lb_grpc_unary *call = *list;
        leave_list(call);
        grpc_call_cancel(call->core, NULL);
    }
    return count;
}

grpc_slice lb_grpc_unary_message(struct lb_grpc_unary *call)
{
    grpc_byte_buffer_reader reader;
    if (!call->reply || !grpc_byte_buffer_reader_init(&reader, call->reply))
        return grpc_empty_slice();
    grpc_slice message = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    return message;
}

static void read_reply(struct lb_grpc_unary *call, struct lb_grpc_result *r, struct lb_reply *reply)
{
    struct lb_error err;
    grpc_slice message = lb_grpc_unary_message(call);
    int told =
        lb_grpc_identity_message(call->request.link->links->settings, GRPC_SLICE_START_PTR(message),
                                 GRPC_SLICE_LENGTH(message), &r->identity, &err);
    grpc_slice_unref(message);
    reply->outcome = told < 0 ? LB_REPLY_ERROR : LB_REPLY_OK;
    if (told < 0)
        snprintf(r->error, sizeof r->error, "%s", err.text);
}

static void tell_timeout(const struct lb_grpc_unary *call, struct lb_grpc_result *r,
                         struct lb_reply *reply)
{
    char text[LB_DURATION_TEXT];
    reply->outcome = LB_REPLY_TIMEOUT;
    snprintf(r->error, sizeof r->error, "DEADLINE_EXCEEDED: no %s within %s",
             r->connection.number ? "reply" : "connection",
             lb_format_duration(text, call->request.link->links->settings->timeout_ns));
}

/* Whether the call ran into its deadline here, whatever the server says. */
static bool timed_out(const struct lb_grpc_unary *call, int64_t now_ns)
{
    return call->status == GRPC_STATUS_DEADLINE_EXCEEDED &&
           now_ns + LB_NS_PER_MS >= call->request.deadline_ns;
}

/* Whether it ran into an earlier one, of the service config. */
static bool timed_out_earlier(const struct lb_grpc_unary *call, const char *details)
{
    return call->status == GRPC_STATUS_DEADLINE_EXCEEDED &&
           strcmp(details, "Deadline Exceeded") == 0;
}

static void tell_failure(struct lb_grpc_unary *call, const char *details, bool local,
                         struct lb_grpc_result *r, struct lb_reply *reply)
{
    const struct lb_grpc_link *link = call->request.link;
    reply->outcome = local ? LB_REPLY_ERROR : LB_REPLY_STATUS;
    if (local && link->by_descriptor && !link->number) /* the core says only that it is closed */
        snprintf(r->error, sizeof r->error, "UNAVAILABLE: connect %s from %s: no connection",
                 link->remote, link->source);
    else
        lb_grpc_status_text((int)call->status, details, r->error, sizeof r->error);
}

void lb_grpc_unary_result(struct lb_grpc_unary *call, int64_t now_ns, struct lb_grpc_result *r,
                          struct lb_reply *reply)
{
    const struct lb_grpc_settings *s = call->request.link->links->settings;
    char details[sizeof r->error];
    memset(r, 0, sizeof *r);
    snprintf(details, sizeof details, "%.*s", (int)GRPC_SLICE_LENGTH(call->details),
             (const char *)GRPC_SLICE_START_PTR(call->details));
    bool late = timed_out(call, now_ns);
    bool broken = !late && lb_grpc_status_is_local((int)call->status, details);
    /* Of such a call the core may name the connection whose GOAWAY it met before. */
    if (!lb_grpc_status_is_unsent((int)call->status, details))
        lb_grpc_link_identify(call->request.link, call->core, !late && !broken, broken,
                              &r->connection);
    lb_grpc_identity_metadata(s, &call->initial, &r->identity);
    lb_grpc_identity_metadata(s, &call->trailing, &r->identity);
    reply->status = (int)call->status;
    if (call->status == GRPC_STATUS_OK)
        read_reply(call, r, reply);
    else if (late)
        tell_timeout(call, r, reply);
    else
        tell_failure(call, details, broken, r, reply);
    if (timed_out_earlier(call, details))
        reply->outcome = LB_REPLY_TIMEOUT;
    reply->error = r->error;
    reply->connection = r->connection.number;
    reply->ordinal = r->connection.ordinal;
    reply->remote = r->connection.remote;
    reply->local = r->connection.local;
    reply->backend = r->identity.backend;
    reply->boot_id = r->identity.boot_id;
    reply->version = r->identity.version;
    reply->zone = r->identity.zone;
    reply->node = r->identity.node;
    reply->server_connection = r->identity.connection;
    reply->server_ordinal = r->identity.ordinal;
    reply->server_peer = r->identity.peer;
    reply->proxy_headers = r->identity.proxy_headers;
}
