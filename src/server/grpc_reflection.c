/* grpc.reflection.v1 and v1alpha: what this server's services look like. Both versions are the same
 * on the wire, so the types of v1 serve for both. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/memory.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/descriptors.h"
#include "server/grpc_services.h"
#include "server/grpc_stream.h"
#include "server/grpc_worker.h"

/* A file and all it imports, directly or not: more than the contracts have. */
#define MAX_FILES 16

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;
#define ASKS(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##kind
#define TELLS(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##kind

/* A response under construction: what it points to. */
struct answer {
    Response response;
    Grpc__Reflection__V1__FileDescriptorResponse files;
    Grpc__Reflection__V1__ExtensionNumberResponse extensions;
    Grpc__Reflection__V1__ListServiceResponse services;
    Grpc__Reflection__V1__ErrorResponse error;
    const struct lb_descriptor_file *listed[MAX_FILES];
    ProtobufCBinaryData file_bytes[MAX_FILES];
    char text[256];
};

static LB_PRINTF(3, 4) void say_error(struct answer *a, grpc_status_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(a->text, sizeof a->text, fmt, args);
    va_end(args);
    grpc__reflection__v1__error_response__init(&a->error);
    a->error.error_code = code;
    a->error.error_message = a->text;
    a->response.message_response_case = TELLS(ERROR_RESPONSE);
    a->response.error_response = &a->error;
}

static bool is_listed(const struct answer *a, const struct lb_descriptor_file *file)
{
    for (size_t i = 0; i < a->files.n_file_descriptor_proto; i++) {
        if (a->listed[i] == file)
            return true;
    }
    return false;
}

/* Appends the file unless it is there; what it imports is appended when its turn comes. */
static void list_file(struct answer *a, const struct lb_descriptor_file *file)
{
    if (!file || a->files.n_file_descriptor_proto == MAX_FILES || is_listed(a, file))
        return;
    size_t i = a->files.n_file_descriptor_proto++;
    a->listed[i] = file;
    a->file_bytes[i].len = file->size;
    a->file_bytes[i].data = (uint8_t *)(uintptr_t)file->bytes;
}

static void say_file(struct answer *a, const struct lb_descriptors *d,
                     const struct lb_descriptor_file *file)
{
    grpc__reflection__v1__file_descriptor_response__init(&a->files);
    a->files.file_descriptor_proto = a->file_bytes;
    list_file(a, file);
    for (size_t i = 0; i < a->files.n_file_descriptor_proto; i++) {
        for (size_t j = 0; j < a->listed[i]->import_count; j++)
            list_file(a, lb_descriptors_file(d, a->listed[i]->imports[j]));
    }
    a->response.message_response_case = TELLS(FILE_DESCRIPTOR_RESPONSE);
    a->response.file_descriptor_response = &a->files;
}

static void answer_file(struct answer *a, const struct lb_descriptors *d, const char *name)
{
    const struct lb_descriptor_file *file = lb_descriptors_file(d, name);
    if (file)
        say_file(a, d, file);
    else
        say_error(a, GRPC_STATUS_NOT_FOUND, "this server has no file '%.180s'", name);
}

static void answer_symbol(struct answer *a, const struct lb_descriptors *d, const char *name)
{
    const struct lb_symbol *symbol = lb_descriptors_symbol(d, name);
    if (symbol)
        say_file(a, d, symbol->file);
    else
        say_error(a, GRPC_STATUS_NOT_FOUND, "this server has no symbol '%.180s'", name);
}

/* The contracts are proto3: no message of theirs has extensions. */
static void answer_extensions(struct answer *a, const struct lb_descriptors *d, char *type)
{
    const struct lb_symbol *symbol = lb_descriptors_symbol(d, type);
    if (!symbol || symbol->kind != LB_SYMBOL_MESSAGE) {
        say_error(a, GRPC_STATUS_NOT_FOUND, "this server has no message '%.180s'", type);
        return;
    }
    grpc__reflection__v1__extension_number_response__init(&a->extensions);
    a->extensions.base_type_name = type;
    a->response.message_response_case = TELLS(ALL_EXTENSION_NUMBERS_RESPONSE);
    a->response.all_extension_numbers_response = &a->extensions;
}

/* Packs the list of services, which alone needs memory in proportion. */
static grpc_slice pack_services(struct answer *a, const struct lb_descriptors *d)
{
    size_t count = 0;
    while (lb_descriptors_service(d, count))
        count++;
    Grpc__Reflection__V1__ServiceResponse *items = lb_realloc_array(NULL, count + 1, sizeof *items);
    Grpc__Reflection__V1__ServiceResponse **list = lb_realloc_array(NULL, count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        grpc__reflection__v1__service_response__init(&items[i]);
        items[i].name = (char *)(uintptr_t)lb_descriptors_service(d, i);
        list[i] = &items[i];
    }
    grpc__reflection__v1__list_service_response__init(&a->services);
    a->services.n_service = count;
    a->services.service = list;
    a->response.message_response_case = TELLS(LIST_SERVICES_RESPONSE);
    a->response.list_services_response = &a->services;
    grpc_slice packed = lb_grpc_pack(&a->response.base);
    free(list);
    free(items);
    return packed;
}

static grpc_slice answer(const struct lb_descriptors *d, Request *request)
{
    struct answer a;
    grpc__reflection__v1__server_reflection_response__init(&a.response);
    a.response.valid_host = request->host;
    a.response.original_request = request;
    switch (request->message_request_case) {
    case ASKS(LIST_SERVICES):
        return pack_services(&a, d);
    case ASKS(FILE_BY_FILENAME):
        answer_file(&a, d, request->file_by_filename);
        break;
    case ASKS(FILE_CONTAINING_SYMBOL):
        answer_symbol(&a, d, request->file_containing_symbol);
        break;
    case ASKS(FILE_CONTAINING_EXTENSION):
        say_error(&a, GRPC_STATUS_NOT_FOUND, "this server has no extension of '%.180s'",
                  request->file_containing_extension->containing_type);
        break;
    case ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE):
        answer_extensions(&a, d, request->all_extension_numbers_of_type);
        break;
    default:
        say_error(&a, GRPC_STATUS_INVALID_ARGUMENT,
                  "the request asks for nothing this server knows");
        break;
    }
    return lb_grpc_pack(&a.response.base);
}

/* One request at a time: the next is received when the response to the last has been taken. */
static void got(struct lb_grpc_stream *stream, grpc_byte_buffer *message)
{
    if (!message) {
        lb_grpc_stream_end(stream, GRPC_STATUS_OK, "");
        return;
    }
    ProtobufCMessage *request =
        lb_grpc_unpack(message, &grpc__reflection__v1__server_reflection_request__descriptor);
    if (!request) {
        lb_grpc_stream_end(stream, GRPC_STATUS_INVALID_ARGUMENT,
                           "the request is not a ServerReflectionRequest");
        return;
    }
    grpc_slice reply = answer(stream->call->worker->shared->descriptors, (Request *)request);
    lb_grpc_stream_send(stream, reply);
    grpc_slice_unref(reply);
    protobuf_c_message_free_unpacked(request, NULL);
}

static void reply_sent(struct lb_grpc_stream *stream)
{
    lb_grpc_stream_receive(stream);
}

static void over(struct lb_grpc_stream *stream)
{
    free(stream);
}

static const struct lb_grpc_stream_ops ops = {.got = got, .sent = reply_sent, .over = over};

static void handle_reflection(struct lb_grpc_call *call)
{
    struct lb_grpc_stream *stream = lb_malloc(sizeof *stream);
    lb_grpc_stream_open(stream, call, &ops);
    got(stream, call->request);
}

const struct lb_grpc_method lb_grpc_reflection_methods[] = {
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", handle_reflection, 4, false},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", handle_reflection, 4, false},
};
const size_t lb_grpc_reflection_method_count =
    sizeof lb_grpc_reflection_methods / sizeof lb_grpc_reflection_methods[0];
