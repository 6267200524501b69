/* One unary call, from its start to what came of it. */
#ifndef LB_CLIENT_GRPC_UNARY_H
#define LB_CLIENT_GRPC_UNARY_H

#include "client/grpc_identity.h"
#include "client/grpc_link.h"
#include "common/grpc_queue.h"

struct lb_grpc_unary;

/* What a call is to be. */
struct lb_grpc_unary_request {
    struct lb_grpc_link *link;            /* the call takes a reference */
    const struct lb_grpc_metadata *extra; /* one more entry, or NULL; needed during start only */
    const char *path;                     /* of the method; NULL: the settings' */
    const void *message;                  /* with `path`: the request; needed during start only */
    size_t message_size;
    int64_t deadline_ns;
    uint64_t number; /* the owner's own */
};

/* `call` has ended and is released after the function returns. */
typedef void lb_grpc_unary_fn(struct lb_grpc_unary *call, void *arg);

struct lb_grpc_unary {
    struct lb_grpc_tag tag;
    struct lb_grpc_unary *next, **at; /* in the owner's list of calls in flight; abandoned: NULL */
    lb_grpc_unary_fn *on_end;
    void *arg;
    struct lb_grpc_unary_request request; /* without what is needed during start only */
    grpc_call *core;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *message, *reply;
    grpc_status_code status;
    grpc_slice details;
};

/* Starts a call. It enters `list`; `on_end` is called from lb_grpc_queue_run of `queue`, in every
 * case. */
void lb_grpc_unary_start(const struct lb_grpc_unary_request *request, grpc_completion_queue *queue,
                         struct lb_grpc_unary **list, lb_grpc_unary_fn *on_end, void *arg);

/* Cancels all calls of `list`, empties it, and never calls their on_end; they are released as their
 * completions come out of the queue. Returns their number. */
size_t lb_grpc_unary_abandon(struct lb_grpc_unary **list);

/* For on_end: the reply's message in one piece, the caller's to unref; empty without one. */
grpc_slice lb_grpc_unary_message(struct lb_grpc_unary *call);

/* For on_end: fills `reply` from a call that has ended, apart from tag and finish_ns. Strings point
 * into `result`. */
struct lb_grpc_result {
    struct lb_grpc_connection connection;
    struct lb_grpc_identity identity;
    char error[1024];
};
void lb_grpc_unary_result(struct lb_grpc_unary *call, int64_t now_ns, struct lb_grpc_result *result,
                          struct lb_reply *reply);

#endif
