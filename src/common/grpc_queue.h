/* Operations of the gRPC C core and their completions, for servers and clients.
 *
 * A tag is a struct with a function, embedded in what the operation is about. An operation hands
 * its tag to the core; lb_grpc_queue_run takes it out of a completion queue and calls the function.
 * The core orders these two steps; as the core is not instrumented, these wrappers tell
 * ThreadSanitizer so. All operations with tags of ours go through them. */
#ifndef LB_COMMON_GRPC_QUEUE_H
#define LB_COMMON_GRPC_QUEUE_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_grpc_tag {
    /* `ok` is the event's success: for a batch, that it did what it was for. */
    void (*run)(struct lb_grpc_tag *tag, bool ok);
};

/* The struct of type `type` whose member `member` is `tag`. */
#define LB_GRPC_TAG_OWNER(tag, type, member) \
    ((type *)(void *)((char *)(tag)-offsetof(type, member)))

/* What lb_grpc_queue_run found. */
enum lb_grpc_queue_result {
    LB_GRPC_QUEUE_RAN,      /* one completion; its tag's function has returned */
    LB_GRPC_QUEUE_TIMEOUT,  /* none until the deadline */
    LB_GRPC_QUEUE_SHUTDOWN, /* the queue is shut down and empty */
};

#define LB_GRPC_NO_DEADLINE INT64_MAX

/* A deadline of the core from monotonic nanoseconds (lb_clock_monotonic_ns); LB_GRPC_NO_DEADLINE is
 * the infinite future. */
gpr_timespec lb_grpc_timespec(int64_t deadline_ns);

/* Waits for one completion and runs its tag; serves the core's sockets meanwhile. One thread at a
 * time for each queue. */
enum lb_grpc_queue_result lb_grpc_queue_run(grpc_completion_queue *queue, int64_t deadline_ns);

/* Tells ThreadSanitizer that what this thread did so far happens before the tag's function runs.
 * For operations without a wrapper here (connectivity watches, server shutdown). */
void lb_grpc_tag_hand_over(struct lb_grpc_tag *tag);

/* grpc_call_start_batch. Its failure is a defect of the caller (a batch that the call's state does
 * not allow), so it aborts, naming the core's reason. */
void lb_grpc_start_batch(grpc_call *call, const grpc_op *ops, size_t count,
                         struct lb_grpc_tag *tag);

#endif
