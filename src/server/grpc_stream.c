/* Server streams. */
#include "server/grpc_stream.h"

#include "server/grpc_worker.h"
#include "server/metrics.h"

static const char shutting_down[] = "the server is shutting down";

static void leave_list(struct lb_grpc_stream *stream)
{
    if (!stream->link)
        return;
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    stream->link = NULL;
}

static void enter_list(struct lb_grpc_stream *stream, struct lb_grpc_worker *w)
{
    stream->next = w->streams;
    stream->link = &w->streams;
    if (stream->next)
        stream->next->link = &stream->next;
    w->streams = stream;
}

/* Nothing more is sent of its own accord. */
static void retire(struct lb_grpc_stream *stream)
{
    leave_list(stream);
    lb_grpc_timers_cancel(&stream->call->worker->timers, &stream->timer);
}

static void release_if_over(struct lb_grpc_stream *stream)
{
    if (!stream->gone || stream->sending || stream->receiving)
        return;
    struct lb_grpc_call *call = stream->call;
    stream->ops->over(stream);
    lb_grpc_call_release(call);
}

static void start_send(struct lb_grpc_stream *stream, grpc_op op)
{
    grpc_op ops[2] = {op};
    size_t count = 1;
    if (!stream->started)
        ops[count++] = lb_grpc_call_begin(stream->call);
    stream->started = true;
    stream->sending = true;
    lb_grpc_start_batch(stream->call->call, ops, count, &stream->sent);
}

static void send_status(struct lb_grpc_stream *stream)
{
    grpc_slice text = grpc_slice_from_static_string(stream->status_text);
    stream->ended = true;
    stream->call->status = stream->status;
    start_send(stream, (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
                                 .data.send_status_from_server = {.status = stream->status,
                                                                  .status_details = &text}});
}

static void stream_sent(struct lb_grpc_tag *tag, bool ok)
{
    struct lb_grpc_stream *stream = LB_GRPC_TAG_OWNER(tag, struct lb_grpc_stream, sent);
    struct lb_grpc_call *call = stream->call;
    stream->sending = false;
    if (call->reply)
        grpc_byte_buffer_destroy(call->reply);
    call->reply = NULL;
    if (ok && !stream->gone && stream->ending && !stream->ended)
        send_status(stream);
    else if (ok && !stream->gone && !stream->ending && stream->ops->sent)
        stream->ops->sent(stream);
    release_if_over(stream);
}

static void stream_received(struct lb_grpc_tag *tag, bool ok)
{
    struct lb_grpc_stream *stream = LB_GRPC_TAG_OWNER(tag, struct lb_grpc_stream, received);
    stream->receiving = false;
    if (stream->message)
        lb_metrics_received(stream->call->worker->metrics,
                            grpc_byte_buffer_length(stream->message));
    if (!stream->gone && !stream->ending)
        stream->ops->got(stream, ok ? stream->message : NULL);
    if (stream->message)
        grpc_byte_buffer_destroy(stream->message);
    stream->message = NULL;
    release_if_over(stream);
}

static void stream_closed(struct lb_grpc_tag *tag, bool ok)
{
    struct lb_grpc_stream *stream = LB_GRPC_TAG_OWNER(tag, struct lb_grpc_stream, closed);
    (void)ok; /* receiving the close never fails */
    stream->gone = true;
    retire(stream);
    release_if_over(stream);
}

static void stream_due(struct lb_grpc_timer *timer)
{
    struct lb_grpc_stream *stream = LB_GRPC_TAG_OWNER(timer, struct lb_grpc_stream, timer);
    stream->ops->wake(stream);
}

void lb_grpc_stream_open(struct lb_grpc_stream *stream, struct lb_grpc_call *call,
                         const struct lb_grpc_stream_ops *ops)
{
    *stream = (struct lb_grpc_stream){
        .ops = ops,
        .call = call,
        .sent.run = stream_sent,
        .received.run = stream_received,
        .closed.run = stream_closed,
        .timer.run = stream_due,
    };
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                  .data.recv_close_on_server.cancelled = &call->cancelled};
    lb_grpc_start_batch(call->call, &op, 1, &stream->closed);
    call->is_stream = true;
    lb_grpc_count(&call->worker->active, -1);
    enter_list(stream, call->worker);
    if (call->worker->stopping)
        lb_grpc_stream_end(stream, GRPC_STATUS_UNAVAILABLE, shutting_down);
}

bool lb_grpc_stream_send(struct lb_grpc_stream *stream, grpc_slice message)
{
    if (stream->sending || stream->ending || stream->gone)
        return false;
    stream->call->sent_bytes += GRPC_SLICE_LENGTH(message);
    lb_metrics_sent(stream->call->worker->metrics, GRPC_SLICE_LENGTH(message));
    stream->call->reply = grpc_raw_byte_buffer_create(&message, 1);
    start_send(stream, (grpc_op){.op = GRPC_OP_SEND_MESSAGE,
                                 .data.send_message.send_message = stream->call->reply});
    return true;
}

void lb_grpc_stream_receive(struct lb_grpc_stream *stream)
{
    if (stream->receiving || stream->ending || stream->gone)
        return;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &stream->message};
    stream->receiving = true;
    lb_grpc_start_batch(stream->call->call, &op, 1, &stream->received);
}

void lb_grpc_stream_wake_at(struct lb_grpc_stream *stream, int64_t when_ns)
{
    if (!stream->ending && !stream->gone)
        lb_grpc_timers_set(&stream->call->worker->timers, &stream->timer, when_ns);
}

void lb_grpc_stream_end(struct lb_grpc_stream *stream, grpc_status_code status, const char *text)
{
    if (stream->ending || stream->gone)
        return;
    stream->ending = true;
    stream->status = status;
    stream->status_text = text;
    retire(stream);
    if (!stream->sending)
        send_status(stream);
}

void lb_grpc_streams_end(struct lb_grpc_worker *w)
{
    while (w->streams)
        lb_grpc_stream_end(w->streams, GRPC_STATUS_UNAVAILABLE, shutting_down);
}
