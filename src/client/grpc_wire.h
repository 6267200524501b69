/* Fields of a protobuf message, read from its wire format without descriptors: enough to find who
 * answered in any service's reply. The bytes come from the network: nothing is allocated, every
 * length is checked, nesting is bounded. No gRPC here. */
#ifndef LB_CLIENT_GRPC_WIRE_H
#define LB_CLIENT_GRPC_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { LB_WIRE_PATH_DEPTH = 8, LB_WIRE_MAX_NUMBER = (1 << 29) - 1 };

/* Wire types; https://protobuf.dev/programming-guides/encoding/ */
enum lb_wire_type {
    LB_WIRE_VARINT = 0,
    LB_WIRE_FIXED64 = 1,
    LB_WIRE_BYTES = 2, /* strings, bytes, messages, packed numbers */
    LB_WIRE_GROUP = 3, /* skipped, with all that is in it */
    LB_WIRE_GROUP_END = 4,
    LB_WIRE_FIXED32 = 5,
};

struct lb_wire_field {
    uint32_t number;
    enum lb_wire_type type;
    uint64_t value;      /* VARINT, FIXED64, FIXED32 */
    const uint8_t *data; /* BYTES: into the message */
    size_t size;
};

struct lb_wire_reader {
    const uint8_t *at, *end;
};

/* Reads the next field. Returns 1, or 0 at the end of the message, or -1 when what follows is no
 * field (the reader is then of no more use). Groups are stepped over. */
int lb_wire_next(struct lb_wire_reader *reader, struct lb_wire_field *field);

/* Field numbers from the outermost message inwards: 2.1 is field 1 of the message in field 2. */
struct lb_wire_path {
    uint32_t numbers[LB_WIRE_PATH_DEPTH];
    unsigned depth;
};

/* Parses "1" or "2.1". */
int lb_wire_path_parse(const char *text, struct lb_wire_path *path,
                       struct lb_error *err) LB_MUST_CHECK;

/* Writes the field at `path` of the message into `out` as text: strings and bytes as they are (with
 * '?' for NUL), integers as unsigned decimals. As protobuf has it, the last occurrence counts.
 * Fails when the message is malformed, has no such field, or the text needs more than `size` - 1
 * bytes; `out` is then "". */
int lb_wire_extract(const struct lb_wire_path *path, const void *message, size_t message_size,
                    char *out, size_t size, struct lb_error *err) LB_MUST_CHECK;

#endif
