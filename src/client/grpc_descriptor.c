/* What a server's reflection says of methods and messages. */
#include "client/grpc_descriptor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/grpc_wire.h"

/* Field numbers of grpc/reflection/v1/reflection.proto and google/protobuf/descriptor.proto. */
enum {
    RESPONSE_FILES = 4,
    RESPONSE_ERROR = 7,
    ERROR_MESSAGE = 2,
    FILES_FILE = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_SERVICE = 6,
    ANY_NAME = 1, /* of a message, a field, a service, a method */
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    FIELD_NUMBER = 3,
    FIELD_TYPE = 5,
    FIELD_TYPE_NAME = 6,
    SERVICE_METHOD = 2,
    METHOD_REPLY = 3,
};

struct bytes {
    const uint8_t *data;
    size_t size;
};

static struct lb_wire_reader reader_of(struct bytes bytes)
{
    return (struct lb_wire_reader){bytes.data, bytes.data + bytes.size};
}

/* The last string, bytes or message in field `number`; false when there is none. */
static bool get(struct bytes message, uint32_t number, struct bytes *out)
{
    struct lb_wire_reader reader = reader_of(message);
    struct lb_wire_field f;
    bool found = false;
    while (lb_wire_next(&reader, &f) == 1) {
        if (f.number == number && f.type == LB_WIRE_BYTES) {
            *out = (struct bytes){f.data, f.size};
            found = true;
        }
    }
    return found;
}

static uint64_t get_number(struct bytes message, uint32_t number)
{
    struct lb_wire_reader reader = reader_of(message);
    struct lb_wire_field f;
    uint64_t value = 0;
    while (lb_wire_next(&reader, &f) == 1) {
        if (f.number == number && f.type == LB_WIRE_VARINT)
            value = f.value;
    }
    return value;
}

static bool is_named(struct bytes message, const char *name, size_t len)
{
    struct bytes own;
    return get(message, ANY_NAME, &own) && own.size == len && memcmp(own.data, name, len) == 0;
}

/* The item of the repeated field `number` whose own name is `name`. */
static bool find_named(struct bytes message, uint32_t number, const char *name, size_t len,
                       struct bytes *out)
{
    struct lb_wire_reader reader = reader_of(message);
    struct lb_wire_field f;
    while (lb_wire_next(&reader, &f) == 1) {
        *out = (struct bytes){f.data, f.size};
        if (f.number == number && f.type == LB_WIRE_BYTES && is_named(*out, name, len))
            return true;
    }
    return false;
}

/* What is left of a full name inside the file's package, or NULL. */
static const char *in_package(struct bytes file, const char *full_name)
{
    struct bytes package;
    if (!get(file, FILE_PACKAGE, &package) || package.size == 0)
        return full_name;
    if (strlen(full_name) <= package.size || memcmp(full_name, package.data, package.size) != 0 ||
        full_name[package.size] != '.')
        return NULL;
    return full_name + package.size + 1;
}

/* The message of that name, which may be nested in others. */
static bool find_message(struct bytes file, const char *full_name, struct bytes *out)
{
    const char *name = in_package(file, full_name);
    uint32_t number = FILE_MESSAGE;
    for (*out = file; name; number = MESSAGE_NESTED) {
        size_t len = strcspn(name, ".");
        if (!find_named(*out, number, name, len, out))
            return false;
        if (!name[len])
            return true;
        name += len + 1;
    }
    return false;
}

static bool find_method(struct bytes file, const char *service, const char *method,
                        struct bytes *out)
{
    const char *name = in_package(file, service);
    return name && find_named(file, FILE_SERVICE, name, strlen(name), out) &&
           find_named(*out, SERVICE_METHOD, method, strlen(method), out);
}

/* Copies a type's name without its leading dot. False when it does not fit or has a NUL. */
static bool copy_type(struct bytes message, uint32_t number, char out[LB_DESCRIPTOR_NAME])
{
    struct bytes name;
    if (!get(message, number, &name) || name.size < 2 || name.data[0] != '.' ||
        name.size > LB_DESCRIPTOR_NAME || memchr(name.data, '\0', name.size))
        return false;
    memcpy(out, name.data + 1, name.size - 1);
    out[name.size - 1] = '\0';
    return true;
}

/* The files of a response. */
static int open_files(const void *response, size_t size, struct bytes *files, struct lb_error *err)
{
    struct bytes all = {size ? response : (const uint8_t *)"", size}, error, text;
    if (get(all, RESPONSE_FILES, files))
        return 0;
    if (get(all, RESPONSE_ERROR, &error) && get(error, ERROR_MESSAGE, &text))
        return lb_error_set(err, "reflection says: %.*s", text.size < 200 ? (int)text.size : 200,
                            (const char *)text.data);
    return lb_error_set(err, "reflection answers with no files");
}

int lb_descriptor_find_reply(const void *response, size_t size, const char *service,
                             const char *method, char reply[LB_DESCRIPTOR_NAME],
                             struct lb_error *err)
{
    struct bytes files, found;
    struct lb_wire_field f;
    if (open_files(response, size, &files, err) < 0)
        return -1;
    struct lb_wire_reader reader = reader_of(files);
    while (lb_wire_next(&reader, &f) == 1) {
        struct bytes file = {f.data, f.size};
        if (f.number == FILES_FILE && f.type == LB_WIRE_BYTES &&
            find_method(file, service, method, &found) && copy_type(found, METHOD_REPLY, reply))
            return 0;
    }
    return lb_error_set(err, "reflection knows no method %s/%s", service, method);
}

/* "a, b, c" of a message's fields, cut. */
static void list_fields(struct bytes message, char *out, size_t size)
{
    struct lb_wire_reader reader = reader_of(message);
    struct lb_wire_field f;
    struct bytes name;
    size_t used = 0;
    out[0] = '\0';
    while (used < size && lb_wire_next(&reader, &f) == 1) {
        if (f.number == MESSAGE_FIELD && f.type == LB_WIRE_BYTES &&
            get((struct bytes){f.data, f.size}, ANY_NAME, &name))
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? ", " : "",
                                     name.size < 64 ? (int)name.size : 64, (const char *)name.data);
    }
}

static int read_field(struct bytes message, const char *full_name, const char *name,
                      struct lb_descriptor_field *field, struct lb_error *err)
{
    char known[200];
    struct bytes found;
    if (!find_named(message, MESSAGE_FIELD, name, strlen(name), &found)) {
        list_fields(message, known, sizeof known);
        return lb_error_set(err, "%s has no field '%s'; it has %s", full_name, name,
                            *known ? known : "none");
    }
    uint64_t number = get_number(found, FIELD_NUMBER);
    *field = (struct lb_descriptor_field){.number = (uint32_t)number,
                                          .type = (uint32_t)get_number(found, FIELD_TYPE)};
    if (number < 1 || number > LB_WIRE_MAX_NUMBER ||
        (field->type == LB_DESCRIPTOR_MESSAGE &&
         !copy_type(found, FIELD_TYPE_NAME, field->type_name)))
        return lb_error_set(err, "reflection's description of %s is no good", full_name);
    return 0;
}

int lb_descriptor_find_field(const void *response, size_t size, const char *message,
                             const char *name, struct lb_descriptor_field *field,
                             struct lb_error *err)
{
    struct bytes files, found;
    struct lb_wire_field f;
    if (open_files(response, size, &files, err) < 0)
        return -1;
    struct lb_wire_reader reader = reader_of(files);
    while (lb_wire_next(&reader, &f) == 1) {
        if (f.number == FILES_FILE && f.type == LB_WIRE_BYTES &&
            find_message((struct bytes){f.data, f.size}, message, &found))
            return read_field(found, message, name, field, err);
    }
    return lb_error_set(err, "reflection knows no message %s", message);
}
