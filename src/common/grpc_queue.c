/* Operations of the gRPC C core and their completions. */
#include "common/grpc_queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"

#if defined(__SANITIZE_THREAD__)
#define LB_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LB_TSAN 1
#endif
#endif

#ifdef LB_TSAN
#include <sanitizer/tsan_interface.h>
#define tsan_release(address) __tsan_release(address)
#define tsan_acquire(address) __tsan_acquire(address)
#else
#define tsan_release(address) ((void)(address))
#define tsan_acquire(address) ((void)(address))
#endif

gpr_timespec lb_grpc_timespec(int64_t deadline_ns)
{
    if (deadline_ns == LB_GRPC_NO_DEADLINE)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return (gpr_timespec){.tv_sec = deadline_ns / LB_NS_PER_S,
                          .tv_nsec = (int32_t)(deadline_ns % LB_NS_PER_S),
                          .clock_type = GPR_CLOCK_MONOTONIC};
}

enum lb_grpc_queue_result lb_grpc_queue_run(grpc_completion_queue *queue, int64_t deadline_ns)
{
    grpc_event event = grpc_completion_queue_next(queue, lb_grpc_timespec(deadline_ns), NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN)
        return LB_GRPC_QUEUE_SHUTDOWN;
    if (event.type == GRPC_QUEUE_TIMEOUT)
        return LB_GRPC_QUEUE_TIMEOUT;
    struct lb_grpc_tag *tag = event.tag;
    tsan_acquire(tag);
    tag->run(tag, event.success != 0);
    return LB_GRPC_QUEUE_RAN;
}

void lb_grpc_tag_hand_over(struct lb_grpc_tag *tag)
{
    tsan_release(tag);
}

void lb_grpc_start_batch(grpc_call *call, const grpc_op *ops, size_t count, struct lb_grpc_tag *tag)
{
    tsan_release(tag);
    grpc_call_error error = grpc_call_start_batch(call, ops, count, tag, NULL);
    if (error == GRPC_CALL_OK)
        return;
    lb_log(LB_LOG_ERROR, "grpc", "a batch was refused: %s", grpc_call_error_to_string(error));
    abort();
}
