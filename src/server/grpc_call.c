/* A call from its arrival to its end. */
#include "server/grpc_call.h"

#include <grpc/byte_buffer_reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/grpc_access.h"
#include "server/grpc_fault.h"
#include "server/grpc_socket.h"
#include "server/grpc_worker.h"
#include "server/metrics.h"

static void call_arrived(struct lb_grpc_tag *tag, bool ok);
static void call_finished(struct lb_grpc_tag *tag, bool ok);

static struct lb_grpc_call *call_get(struct lb_grpc_worker *w)
{
    struct lb_grpc_call *call = w->spare;
    if (call) {
        w->spare = call->next;
        w->spare_count--;
    } else {
        call = lb_malloc(sizeof *call);
        *call = (struct lb_grpc_call){.worker = w};
        call->arrived.run = call_arrived;
        call->finished.run = call_finished;
        grpc_metadata_array_init(&call->metadata);
    }
    w->live++;
    return call;
}

static void call_free(struct lb_grpc_call *call)
{
    grpc_metadata_array_destroy(&call->metadata);
    free(call);
}

static void call_put(struct lb_grpc_call *call)
{
    struct lb_grpc_worker *w = call->worker;
    if (w->spare_count < LB_GRPC_SPARE_CALLS) {
        call->next = w->spare;
        w->spare = call;
        w->spare_count++;
    } else {
        call_free(call);
    }
    if (--w->live == 0)
        lb_grpc_server__worker_done(w);
}

void lb_grpc_calls_free(struct lb_grpc_worker *w)
{
    for (struct lb_grpc_call *call; (call = w->spare) != NULL;) {
        w->spare = call->next;
        call_free(call);
    }
    w->spare_count = 0;
}

void lb_grpc_call_await(struct lb_grpc_worker *w, const struct lb_grpc_endpoint *endpoint)
{
    struct lb_grpc_call *call = call_get(w);
    call->endpoint = endpoint;
    lb_grpc_tag_hand_over(&call->arrived);
    grpc_call_error error;
    if (endpoint->registered) {
        error = grpc_server_request_registered_call(
            w->core, endpoint->registered, &call->call, &call->deadline, &call->metadata,
            &call->request, w->queue, w->queue, &call->arrived);
    } else {
        grpc_call_details_init(&call->details);
        error = grpc_server_request_call(w->core, &call->call, &call->details, &call->metadata,
                                         w->queue, w->queue, &call->arrived);
    }
    if (error != GRPC_CALL_OK) {
        lb_log(LB_LOG_ERROR, "grpc", "cannot wait for calls: %s", grpc_call_error_to_string(error));
        abort();
    }
}

static void call_arrived(struct lb_grpc_tag *tag, bool ok)
{
    struct lb_grpc_call *call = LB_GRPC_TAG_OWNER(tag, struct lb_grpc_call, arrived);
    struct lb_grpc_worker *w = call->worker;
    if (!ok) { /* the server shuts down: no call came */
        if (!w->stopping) {
            w->stopping = true;
            lb_grpc_server__worker_stopping(w);
        }
        call_put(call);
        return;
    }
    if (!w->stopping)
        lb_grpc_call_await(w, call->endpoint);
    call->begun_ns = lb_clock_monotonic_ns();
    call->status = GRPC_STATUS_UNKNOWN;
    lb_metrics_begin(w->metrics);
    if (call->request)
        lb_metrics_received(w->metrics, grpc_byte_buffer_length(call->request));
    if (!call->endpoint->method->probe) {
        lb_grpc_count(&w->arrived, 1);
        lb_grpc_count(&w->active, 1);
    }
    call->is_stream = false;
    call->cancelled = 0;
    call->sent_bytes = 0;
    int fd = lb_grpc_socket_of_call(w->shared->sockets, call->call);
    call->origin = lb_grpc_connections_count_call(w->shared->connections, fd);
    lb_grpc_cork_call(&w->cork, lb_grpc_origin_fd(&call->origin));
    if (fd == LB_GRPC_SOCKET_EXCESS)
        lb_grpc_call_fail(call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                          "more connections than this server takes");
    else if (!lb_grpc_fault_inject(call))
        call->endpoint->method->handle(call);
}

void lb_grpc_call_release(struct lb_grpc_call *call)
{
    lb_grpc_cork_release(&call->worker->cork);
    grpc_status_code status = call->cancelled ? GRPC_STATUS_CANCELLED : call->status;
    int64_t took_ns = lb_clock_monotonic_ns() - call->begun_ns;
    lb_metrics_end(call->worker->metrics, call->endpoint->index, (size_t)status, took_ns);
    lb_grpc_access_write(call, status, took_ns);
    if (call->cancelled)
        lb_grpc_origin_cancelled(&call->origin);
    if (!call->is_stream && !call->endpoint->method->probe)
        lb_grpc_count(&call->worker->active, -1);
    if (!call->endpoint->registered)
        grpc_call_details_destroy(&call->details);
    if (call->request)
        grpc_byte_buffer_destroy(call->request);
    if (call->reply)
        grpc_byte_buffer_destroy(call->reply);
    call->request = call->reply = NULL;
    lb_grpc_headers_clear(&call->headers);
    call->metadata.count = 0; /* the entries are the core's, the array is ours to use again */
    grpc_call_unref(call->call);
    call_put(call);
}

static void call_finished(struct lb_grpc_tag *tag, bool ok)
{
    (void)ok; /* it fails only when the client has gone: nobody is left to tell */
    lb_grpc_call_release(LB_GRPC_TAG_OWNER(tag, struct lb_grpc_call, finished));
}

grpc_op lb_grpc_call_begin(struct lb_grpc_call *call)
{
    lb_grpc_headers_make(&call->headers, &call->worker->shared->headers, &call->origin,
                         &call->metadata);
    return (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA,
                     .data.send_initial_metadata = {.count = call->headers.count,
                                                    .metadata = call->headers.items}};
}

/* One batch for the whole answer: it completes when the core needs nothing of the call any more. */
static void finish(struct lb_grpc_call *call, grpc_status_code status, grpc_slice *details)
{
    call->status = status;
    grpc_op ops[4] = {
        lb_grpc_call_begin(call),
        {.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
         .data.send_status_from_server = {.status = status, .status_details = details}},
        {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
         .data.recv_close_on_server.cancelled = &call->cancelled},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->reply},
    };
    lb_grpc_start_batch(call->call, ops, call->reply ? 4 : 3, &call->finished);
}

void lb_grpc_call_reply(struct lb_grpc_call *call, grpc_slice message)
{
    call->sent_bytes = GRPC_SLICE_LENGTH(message);
    lb_metrics_sent(call->worker->metrics, call->sent_bytes);
    call->reply = grpc_raw_byte_buffer_create(&message, 1);
    grpc_slice_unref(message);
    finish(call, GRPC_STATUS_OK, NULL);
}

void lb_grpc_call_fail(struct lb_grpc_call *call, grpc_status_code status, const char *text)
{
    grpc_slice details = grpc_slice_from_copied_string(text);
    finish(call, status, &details);
    grpc_slice_unref(details);
}

grpc_slice lb_grpc_pack(const ProtobufCMessage *message)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    return slice;
}

ProtobufCMessage *lb_grpc_unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *type)
{
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer))
        return NULL;
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, GRPC_SLICE_LENGTH(slice),
                                                          GRPC_SLICE_START_PTR(slice));
    grpc_slice_unref(slice);
    return message;
}

ProtobufCMessage *lb_grpc_call_unpack(struct lb_grpc_call *call,
                                      const ProtobufCMessageDescriptor *type)
{
    if (!call->request) {
        lb_grpc_call_fail(call, GRPC_STATUS_INVALID_ARGUMENT, "the request has no message");
        return NULL;
    }
    ProtobufCMessage *message = lb_grpc_unpack(call->request, type);
    if (!message) {
        char text[160];
        snprintf(text, sizeof text, "the request is not a message of type %s", type->name);
        lb_grpc_call_fail(call, GRPC_STATUS_INVALID_ARGUMENT, text);
    }
    return message;
}

bool lb_grpc_call_check_empty(struct lb_grpc_call *call, const ProtobufCMessageDescriptor *type)
{
    if (call->request && grpc_byte_buffer_length(call->request) == 0)
        return true;
    ProtobufCMessage *message = lb_grpc_call_unpack(call, type);
    if (!message)
        return false;
    protobuf_c_message_free_unpacked(message, NULL);
    return true;
}
