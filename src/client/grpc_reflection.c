/* Asks a server what the names of its messages' fields stand for. */
#include "client/grpc_reflection.h"

#include <grpc/slice.h>
#include <stdio.h>
#include <string.h>

#include "client/grpc_descriptor.h"
#include "client/grpc_status.h"
#include "client/grpc_unary.h"

static const char *const services[] = {
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

enum { SERVICES = sizeof services / sizeof services[0], MAX_SYMBOL = LB_DESCRIPTOR_NAME };

struct question {
    struct lb_grpc_link *link;
    grpc_completion_queue *queue;
    size_t service; /* that the server is asked by */
    bool answered;
    grpc_slice answer;
    char problem[256]; /* "" when `answer` is one */
    bool unimplemented;
};

static void on_end(struct lb_grpc_unary *call, void *arg)
{
    struct question *q = arg;
    char details[128];
    q->answered = true;
    q->unimplemented = call->status == GRPC_STATUS_UNIMPLEMENTED;
    q->problem[0] = '\0';
    if (call->status == GRPC_STATUS_OK) {
        q->answer = lb_grpc_unary_message(call);
        return;
    }
    snprintf(details, sizeof details, "%.*s", (int)GRPC_SLICE_LENGTH(call->details),
             (const char *)GRPC_SLICE_START_PTR(call->details));
    lb_grpc_status_text((int)call->status, details, q->problem, sizeof q->problem);
}

/* One request and one response of the stream, which on the wire is a unary call. */
static void call_once(struct question *q, const char *symbol)
{
    enum { FILE_CONTAINING_SYMBOL = 4 << 3 | LB_WIRE_BYTES };
    uint8_t message[MAX_SYMBOL + 3] = {FILE_CONTAINING_SYMBOL};
    size_t len = strlen(symbol), at = 1; /* below 2^14: at most two bytes of length */
    if (len >= 0x80)
        message[at++] = (uint8_t)(len & 0x7f) | 0x80;
    message[at++] = (uint8_t)(len >= 0x80 ? len >> 7 : len);
    memcpy(message + at, symbol, len);
    const struct lb_grpc_unary_request request = {
        .link = q->link,
        .path = services[q->service],
        .message = message,
        .message_size = at + len,
        .deadline_ns = lb_clock_monotonic_ns() + q->link->links->settings->timeout_ns,
    };
    struct lb_grpc_unary *list = NULL;
    q->answered = false;
    lb_grpc_unary_start(&request, q->queue, &list, on_end, q);
    while (!q->answered)
        lb_grpc_queue_run(q->queue, LB_GRPC_NO_DEADLINE); /* the call has a deadline */
}

/* Asks for the files of a symbol; after success `q->answer` is to be unreferenced. */
static int ask(struct question *q, const char *symbol, struct lb_error *err)
{
    for (;; q->service++) {
        call_once(q, symbol);
        if (!q->problem[0])
            return 0;
        if (!q->unimplemented || q->service + 1 == SERVICES)
            return lb_error_set(err, "the server's reflection cannot be asked: %s", q->problem);
    }
}

/* The reply's message type of the method in the settings. */
static int find_reply(struct question *q, char type[LB_DESCRIPTOR_NAME], struct lb_error *err)
{
    char service[MAX_SYMBOL];
    const char *path = q->link->links->settings->path + 1, *slash = strchr(path, '/');
    if ((size_t)(slash - path) >= sizeof service)
        return lb_error_set(err, "the service's name is too long for reflection");
    memcpy(service, path, (size_t)(slash - path));
    service[slash - path] = '\0';
    if (ask(q, service, err) < 0)
        return -1;
    int found =
        lb_descriptor_find_reply(GRPC_SLICE_START_PTR(q->answer), GRPC_SLICE_LENGTH(q->answer),
                                 service, slash + 1, type, err);
    grpc_slice_unref(q->answer);
    return found;
}

static int find_field(struct question *q, const char *type, const char *name,
                      struct lb_descriptor_field *field, struct lb_error *err)
{
    if (ask(q, type, err) < 0)
        return -1;
    int found = lb_descriptor_find_field(GRPC_SLICE_START_PTR(q->answer),
                                         GRPC_SLICE_LENGTH(q->answer), type, name, field, err);
    grpc_slice_unref(q->answer);
    return found;
}

/* Whether a field may stand at the end of a path, or before it. */
static int check_type(const char *name, const struct lb_descriptor_field *field, bool last,
                      struct lb_error *err)
{
    bool message = field->type == LB_DESCRIPTOR_MESSAGE;
    if (!last)
        return message ? 0
                       : lb_error_set(err, "field '%s' is no message, so nothing is in it", name);
    if (message || field->type == LB_DESCRIPTOR_GROUP || field->type == LB_DESCRIPTOR_DOUBLE ||
        field->type == LB_DESCRIPTOR_FLOAT)
        return lb_error_set(err, "field '%s' is neither a string nor an integer", name);
    return 0;
}

static int find_path(struct question *q, const char *names, struct lb_wire_path *path,
                     struct lb_error *err)
{
    char type[LB_DESCRIPTOR_NAME], name[LB_DESCRIPTOR_NAME];
    struct lb_descriptor_field field;
    if (find_reply(q, type, err) < 0)
        return -1;
    for (;;) {
        size_t len = strcspn(names, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, names);
        if (path->depth == LB_WIRE_PATH_DEPTH)
            return lb_error_set(err, "more than %d names are joined by dots", LB_WIRE_PATH_DEPTH);
        if (find_field(q, type, name, &field, err) < 0 ||
            check_type(name, &field, !names[len], err) < 0)
            return -1;
        path->numbers[path->depth++] = field.number;
        if (!names[len])
            return 0;
        memcpy(type, field.type_name, sizeof type);
        names += len + 1;
    }
}

int lb_grpc_reflect(struct lb_grpc_links *links, const char *names, struct lb_wire_path *path,
                    struct lb_error *err)
{
    struct question q = {.queue = grpc_completion_queue_create_for_next(NULL),
                         .link = lb_grpc_link_open(links, NULL)};
    struct lb_error why;
    *path = (struct lb_wire_path){.depth = 0};
    int result = find_path(&q, names, path, &why);
    if (result < 0)
        lb_error_set(err, "--id-field %.100s: %.380s", names, why.text);
    lb_grpc_link_unref(q.link);
    grpc_completion_queue_shutdown(q.queue);
    while (lb_grpc_queue_run(q.queue, LB_GRPC_NO_DEADLINE) != LB_GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_completion_queue_destroy(q.queue);
    return result;
}
