/* grpc.health.v1.Health: readiness, for the server and for each of its services alike. */
#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "grpc/health/v1/health.pb-c.h"
#include "server/descriptors.h"
#include "server/grpc_services.h"
#include "server/grpc_stream.h"
#include "server/grpc_worker.h"
#include "server/readiness.h"

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

static bool is_known(const struct lb_grpc_worker *w, const char *service)
{
    return service[0] == '\0' || lb_descriptors_has_service(w->shared->descriptors, service);
}

static Grpc__Health__V1__HealthCheckResponse__ServingStatus
current_status(const struct lb_grpc_worker *w)
{
    return lb_readiness_get(w->shared->readiness) ? STATUS(SERVING) : STATUS(NOT_SERVING);
}

static grpc_slice pack_status(Grpc__Health__V1__HealthCheckResponse__ServingStatus status)
{
    Grpc__Health__V1__HealthCheckResponse reply = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    reply.status = status;
    return lb_grpc_pack(&reply.base);
}

static void handle_check(struct lb_grpc_call *call)
{
    ProtobufCMessage *message =
        lb_grpc_call_unpack(call, &grpc__health__v1__health_check_request__descriptor);
    if (!message)
        return;
    const char *service = ((Grpc__Health__V1__HealthCheckRequest *)message)->service;
    if (is_known(call->worker, service)) {
        lb_grpc_call_reply(call, pack_status(current_status(call->worker)));
    } else {
        char text[256];
        snprintf(text, sizeof text, "this server has no service '%.200s'", service);
        lb_grpc_call_fail(call, GRPC_STATUS_NOT_FOUND, text);
    }
    protobuf_c_message_free_unpacked(message, NULL);
}

struct lb_grpc_health_watch {
    struct lb_grpc_stream stream;
    struct lb_grpc_health_watch *next, **link; /* in the worker's list */
    bool known;                                /* such a service exists */
    bool told;                                 /* `last` has been sent */
    Grpc__Health__V1__HealthCheckResponse__ServingStatus last;
};

/* Sends the state if the client has another one, or none. While a message is being sent nothing
 * happens: what is current then is sent when that is done. */
static void tell(struct lb_grpc_health_watch *watch)
{
    Grpc__Health__V1__HealthCheckResponse__ServingStatus status =
        watch->known ? current_status(watch->stream.call->worker) : STATUS(SERVICE_UNKNOWN);
    if (watch->told && watch->last == status)
        return;
    grpc_slice message = pack_status(status);
    if (lb_grpc_stream_send(&watch->stream, message)) {
        watch->told = true;
        watch->last = status;
    }
    grpc_slice_unref(message);
}

static void watch_sent(struct lb_grpc_stream *stream)
{
    tell(LB_GRPC_TAG_OWNER(stream, struct lb_grpc_health_watch, stream));
}

static void watch_over(struct lb_grpc_stream *stream)
{
    struct lb_grpc_health_watch *watch =
        LB_GRPC_TAG_OWNER(stream, struct lb_grpc_health_watch, stream);
    *watch->link = watch->next;
    if (watch->next)
        watch->next->link = watch->link;
    free(watch);
}

static const struct lb_grpc_stream_ops watch_ops = {.sent = watch_sent, .over = watch_over};

static void handle_watch(struct lb_grpc_call *call)
{
    ProtobufCMessage *message =
        lb_grpc_call_unpack(call, &grpc__health__v1__health_check_request__descriptor);
    if (!message)
        return;
    struct lb_grpc_worker *w = call->worker;
    struct lb_grpc_health_watch *watch = lb_malloc(sizeof *watch);
    *watch = (struct lb_grpc_health_watch){
        .known = is_known(w, ((Grpc__Health__V1__HealthCheckRequest *)message)->service),
        .next = w->health,
        .link = &w->health,
    };
    protobuf_c_message_free_unpacked(message, NULL);
    if (watch->next)
        watch->next->link = &watch->next;
    w->health = watch;
    lb_grpc_stream_open(&watch->stream, call, &watch_ops);
    tell(watch);
}

void lb_grpc_health_changed(struct lb_grpc_worker *w)
{
    for (struct lb_grpc_health_watch *watch = w->health; watch; watch = watch->next)
        tell(watch);
}

const struct lb_grpc_method lb_grpc_health_methods[] = {
    {"/grpc.health.v1.Health/Check", handle_check, 8, .probe = true},
    {"/grpc.health.v1.Health/Watch", handle_watch, 8, .probe = false},
};
const size_t lb_grpc_health_method_count =
    sizeof lb_grpc_health_methods / sizeof lb_grpc_health_methods[0];
