/* Streams: messages sent one at a time for as long as the client stays, and received one at a time
 * when asked for. All in the thread of the call's worker. A stream holds at most one message of its
 * own in the core, so a client that does not read costs no memory. */
#ifndef LB_SERVER_GRPC_STREAM_H
#define LB_SERVER_GRPC_STREAM_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/grpc_queue.h"
#include "server/grpc_call.h"
#include "server/grpc_timers.h"

struct lb_grpc_stream;

struct lb_grpc_stream_ops {
    /* What lb_grpc_stream_receive asked for, valid for the time of the call; NULL: the client sends
     * no more. May be NULL if that is never called. */
    void (*got)(struct lb_grpc_stream *stream, grpc_byte_buffer *message);
    /* A message has been taken; one more may be sent. May be NULL. */
    void (*sent)(struct lb_grpc_stream *stream);
    /* The time of lb_grpc_stream_wake_at has come. May be NULL if that is never called. */
    void (*wake)(struct lb_grpc_stream *stream);
    /* The call is over and the stream out of all lists: release what embeds it. */
    void (*over)(struct lb_grpc_stream *stream);
};

/* Embedded in what a stream is about; the fields are this module's. */
struct lb_grpc_stream {
    const struct lb_grpc_stream_ops *ops;
    struct lb_grpc_call *call;
    struct lb_grpc_tag sent, received, closed;
    grpc_byte_buffer *message; /* received last */
    struct lb_grpc_timer timer;
    struct lb_grpc_stream *next,
        **link;         /* in the worker's list until it ends; link NULL: in none */
    bool started;       /* initial metadata has been sent */
    bool sending;       /* a message or the status is in the core */
    bool receiving;     /* a message is waited for */
    bool gone;          /* the call is over */
    bool ending, ended; /* a status is to be sent, has been sent */
    grpc_status_code status;
    const char *status_text;
};

/* Makes `call` a stream; `ops->over` is called exactly once later. When the server is shutting down
 * it ends at once with UNAVAILABLE. */
void lb_grpc_stream_open(struct lb_grpc_stream *stream, struct lb_grpc_call *call,
                         const struct lb_grpc_stream_ops *ops);

/* Sends `message`, of which a reference is taken, unless one is still being sent or the stream
 * ends; tells whether it did. */
bool lb_grpc_stream_send(struct lb_grpc_stream *stream, grpc_slice message);

/* Waits for the client's next message, after the one that came with the call. One at a time. */
void lb_grpc_stream_receive(struct lb_grpc_stream *stream);

/* Calls `wake` at `when_ns` (monotonic), in place of an earlier time asked for. */
void lb_grpc_stream_wake_at(struct lb_grpc_stream *stream, int64_t when_ns);

/* Ends the stream with a status, once the message being sent is out. `text` is static. */
void lb_grpc_stream_end(struct lb_grpc_stream *stream, grpc_status_code status, const char *text);

/* Ends all streams of a worker, whose server shuts down. */
void lb_grpc_streams_end(struct lb_grpc_worker *w);

#endif
