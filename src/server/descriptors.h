/* The descriptors of the contracts this server serves: which services there are, and for reflection
 * which file each symbol is in. Built in from protoc's output. */
#ifndef LB_SERVER_DESCRIPTORS_H
#define LB_SERVER_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A serialized google.protobuf.FileDescriptorSet; generated at build time. */
extern const unsigned char lb_descriptor_set[];
extern const size_t lb_descriptor_set_size;

enum lb_symbol_kind { LB_SYMBOL_SERVICE, LB_SYMBOL_MESSAGE, LB_SYMBOL_OTHER };

struct lb_descriptors;

/* A serialized google.protobuf.FileDescriptorProto. */
struct lb_descriptor_file {
    const char *name; /* "lbdemo/v1/pod.proto" */
    const uint8_t *bytes;
    size_t size;
    char **imports; /* names of files */
    size_t import_count;
};

/* A name with its package: a service, method, message, field, oneof, enumeration or its value. */
struct lb_symbol {
    char *name;
    enum lb_symbol_kind kind;
    const struct lb_descriptor_file *file;
};

/* Reads a FileDescriptorSet, normally the one above; NULL when the bytes are none. The bytes are
 * copied. */
struct lb_descriptors *lb_descriptors_new(const unsigned char *set, size_t size);
void lb_descriptors_free(struct lb_descriptors *d);

/* NULL when there is none. All of these live as long as `d`; any thread. */
const struct lb_descriptor_file *lb_descriptors_file(const struct lb_descriptors *d,
                                                     const char *name);
const struct lb_symbol *lb_descriptors_symbol(const struct lb_descriptors *d, const char *name);

/* The services in alphabetical order: from 0, NULL after the last. */
const char *lb_descriptors_service(const struct lb_descriptors *d, size_t index);

/* Whether the name is that of a service. */
bool lb_descriptors_has_service(const struct lb_descriptors *d, const char *name);

#endif
