/* The access log's lines of gRPC calls: gathered by each worker, written by a timer of its. */
#include "config.h"

#include "server/grpc_access.h"

#include <grpc/slice.h>
#include <string.h>

#include "common/clock.h"
#include "server/access_log.h"
#include "server/grpc_worker.h"

static void on_flush(struct lb_grpc_timer *timer)
{
    lb_access_flush(LB_GRPC_TAG_OWNER(timer, struct lb_grpc_worker, access_flush)->access);
}

void lb_grpc_access_open(struct lb_grpc_worker *w)
{
    w->access_flush.run = on_flush;
    if (w->shared->access_log)
        w->access = lb_access_writer_new(w->shared->access_log);
}

void lb_grpc_access_close(struct lb_grpc_worker *w)
{
    lb_access_writer_free(w->access);
    w->access = NULL;
}

void lb_grpc_access_write(const struct lb_grpc_call *call, grpc_status_code status,
                          int64_t duration_ns)
{
    struct lb_grpc_worker *w = call->worker;
    if (!w->access)
        return;
    char peer[LB_ADDRESS_TEXT] = "";
    lb_grpc_origin_text(&call->origin, peer);
    struct lb_access_entry entry = {
        .protocol = "grpc",
        .peer = peer[0] ? peer : "-",
        .method = "POST",
        .path = call->endpoint->method->path,
        .status = (int)status,
        .sent_bytes = call->sent_bytes,
        .connection_id = call->origin.connection_id,
        .ordinal = call->origin.ordinal,
        .duration_ns = duration_ns,
    };
    if (entry.path) {
        entry.path_len = strlen(entry.path);
    } else {
        entry.path = (const char *)GRPC_SLICE_START_PTR(call->details.method);
        entry.path_len = GRPC_SLICE_LENGTH(call->details.method);
    }
    if (lb_access_write(w->access, &entry))
        lb_grpc_timers_set(&w->timers, &w->access_flush,
                           lb_clock_monotonic_ns() + LB_ACCESS_FLUSH_MS * LB_NS_PER_MS);
}
