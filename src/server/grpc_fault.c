/* Faults on demand, for gRPC. */
#include "server/grpc_fault.h"

#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "server/grpc_behavior.h"
#include "server/grpc_worker.h"
#include "server/identity.h"
#include "server/metrics.h"

/* The status by which gRPC clients read an HTTP status that a proxy answered with (gRPC's "HTTP to
 * gRPC Status Code Mapping"), so that one fault looks the same over both protocols. */
static grpc_status_code status_of_http(int http)
{
    switch (http) {
    case 400:
        return GRPC_STATUS_INTERNAL;
    case 401:
        return GRPC_STATUS_UNAUTHENTICATED;
    case 403:
        return GRPC_STATUS_PERMISSION_DENIED;
    case 404:
        return GRPC_STATUS_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return GRPC_STATUS_UNAVAILABLE;
    default:
        return GRPC_STATUS_UNKNOWN;
    }
}

/* The connection ends with RST where its socket is known, else only the call's stream. */
static void reset(struct lb_grpc_call *call)
{
    static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = lb_grpc_origin_fd(&call->origin);
    lb_metrics_fault(call->worker->metrics, LB_FAULT_RESET_SENT);
    if (fd < 0)
        grpc_call_cancel(call->call, NULL);
    else if (connect(fd, &nowhere, sizeof nowhere) < 0)
        shutdown(fd, SHUT_RDWR); /* a unix socket knows no RST */
    lb_grpc_call_fail(call, GRPC_STATUS_UNAVAILABLE, "injected fault");
}

/* What follows the delay. False: the call is to be handled. */
static bool strike(struct lb_grpc_call *call)
{
    if (call->fault_code) {
        lb_metrics_fault(call->worker->metrics, LB_FAULT_STATUS_SENT);
        lb_grpc_call_fail(call, (grpc_status_code)call->fault_code, "injected fault");
    } else if (call->fault.reset) {
        reset(call);
    } else if (call->fault.status) {
        lb_metrics_fault(call->worker->metrics, LB_FAULT_STATUS_SENT);
        lb_grpc_call_fail(call, status_of_http(call->fault.status), "injected fault");
    } else {
        return false;
    }
    return true;
}

static void leave_delayed(struct lb_grpc_call *call)
{
    *call->delayed_link = call->next;
    if (call->next)
        call->next->delayed_link = call->delayed_link;
}

static void delay_over(struct lb_grpc_timer *timer)
{
    struct lb_grpc_call *call = LB_GRPC_TAG_OWNER(timer, struct lb_grpc_call, delay);
    leave_delayed(call);
    if (!strike(call))
        call->endpoint->method->handle(call);
}

static void delay(struct lb_grpc_call *call)
{
    struct lb_grpc_worker *w = call->worker;
    lb_metrics_fault(w->metrics, LB_FAULT_DELAYED);
    call->next = w->delayed;
    call->delayed_link = &w->delayed;
    if (call->next)
        call->next->delayed_link = &call->next;
    w->delayed = call;
    call->delay.run = delay_over;
    lb_grpc_timers_set(&w->timers, &call->delay, lb_clock_monotonic_ns() + call->fault.delay_ns);
}

static bool has_name(const grpc_metadata *m, const char *name)
{
    return GRPC_SLICE_LENGTH(m->key) == strlen(name) &&
           memcmp(GRPC_SLICE_START_PTR(m->key), name, strlen(name)) == 0;
}

/* What the call's metadata asks for; NULL: nothing. */
static const char *asked_for(const struct lb_grpc_call *call, size_t *len)
{
    for (size_t i = 0; i < call->metadata.count; i++) {
        const grpc_metadata *m = &call->metadata.metadata[i];
        if (has_name(m, LB_FAULT_HEADER)) {
            *len = GRPC_SLICE_LENGTH(m->value);
            return (const char *)GRPC_SLICE_START_PTR(m->value);
        }
    }
    return NULL;
}

/* The same in the words of gRPC's interoperability clients. */
static int read_behavior(struct lb_grpc_call *call, struct lb_error *err)
{
    struct lb_grpc_behavior b = {0};
    for (size_t i = 0; i < call->metadata.count; i++) {
        const grpc_metadata *m = &call->metadata.metadata[i];
        if (has_name(m, LB_GRPC_BEHAVIOR) &&
            lb_grpc_behavior_read(&b, (const char *)GRPC_SLICE_START_PTR(m->value),
                                  GRPC_SLICE_LENGTH(m->value), call->worker->shared->identity->name,
                                  err) < 0)
            return -1;
    }
    call->fault_code = b.code;
    if (b.delay_ns > 0)
        call->fault.delay_ns = b.delay_ns;
    return 0;
}

bool lb_grpc_fault_inject(struct lb_grpc_call *call)
{
    struct lb_grpc_worker *w = call->worker;
    struct lb_faults *faults = w->shared->faults;
    struct lb_error err;
    size_t len = 0;
    if (!faults || !call->endpoint->method->faults)
        return false;
    const char *asked = lb_faults_allowed(faults) ? asked_for(call, &len) : NULL;
    call->fault = (struct lb_fault){0};
    call->fault_code = 0;
    if (lb_faults_decide(faults, asked, len, &w->fault_seed, &call->fault, &err) < 0 ||
        (lb_faults_allowed(faults) && read_behavior(call, &err) < 0)) {
        lb_grpc_call_fail(call, GRPC_STATUS_INVALID_ARGUMENT, err.text);
        return true;
    }
    if (call->fault.delay_ns > 0 && !w->stopping) {
        delay(call);
        return true;
    }
    return strike(call);
}

void lb_grpc_faults_end(struct lb_grpc_worker *w)
{
    for (struct lb_grpc_call *call; (call = w->delayed);) {
        lb_grpc_timers_cancel(&w->timers, &call->delay);
        leave_delayed(call);
        lb_grpc_call_fail(call, GRPC_STATUS_UNAVAILABLE, "the server is shutting down");
    }
}
