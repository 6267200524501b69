/* What a server's reflection says of methods and messages: names into numbers. Reads serialized
 * google.protobuf.FileDescriptorProto (descriptor.proto) by their wire format. The bytes come from
 * the network; nothing is allocated. No gRPC here. */
#ifndef LB_CLIENT_GRPC_DESCRIPTOR_H
#define LB_CLIENT_GRPC_DESCRIPTOR_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { LB_DESCRIPTOR_NAME = 512 }; /* bytes of a full name, with its end */

/* FieldDescriptorProto.Type, as far as it matters here. */
enum lb_descriptor_type {
    LB_DESCRIPTOR_DOUBLE = 1,
    LB_DESCRIPTOR_FLOAT = 2,
    LB_DESCRIPTOR_GROUP = 10,
    LB_DESCRIPTOR_MESSAGE = 11,
};

struct lb_descriptor_field {
    uint32_t number;
    uint32_t type;
    char type_name[LB_DESCRIPTOR_NAME]; /* of a message: "pkg.Message" */
};

/* `response` is a serialized grpc.reflection.v1.ServerReflectionResponse, to a request for the
 * files of a symbol; v1alpha's is the same. A reflection error becomes `err`. */

/* Finds the reply's message type, "pkg.Reply", of a method of `service`, "pkg.Service". */
int lb_descriptor_find_reply(const void *response, size_t size, const char *service,
                             const char *method, char reply[LB_DESCRIPTOR_NAME],
                             struct lb_error *err) LB_MUST_CHECK;

/* Finds a field of `message`, "pkg.Message" or "pkg.Outer.Inner", by its name in the .proto file.
 */
int lb_descriptor_find_field(const void *response, size_t size, const char *message,
                             const char *name, struct lb_descriptor_field *field,
                             struct lb_error *err) LB_MUST_CHECK;

#endif
