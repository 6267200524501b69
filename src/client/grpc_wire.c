/* Fields of a protobuf message, read from its wire format. */
#include "client/grpc_wire.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"

enum { MAX_VARINT_BYTES = 10, MAX_GROUP_DEPTH = 16 };

static int read_varint(struct lb_wire_reader *r, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < MAX_VARINT_BYTES && r->at < r->end; i++) {
        uint8_t byte = *r->at++;
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return i == MAX_VARINT_BYTES - 1 && byte > 1 ? -1 : 0;
    }
    return -1;
}

static int read_fixed(struct lb_wire_reader *r, unsigned bytes, uint64_t *value)
{
    if ((size_t)(r->end - r->at) < bytes)
        return -1;
    *value = 0;
    for (unsigned i = 0; i < bytes; i++)
        *value |= (uint64_t)r->at[i] << (8 * i);
    r->at += bytes;
    return 0;
}

/* Reads a key and, but for groups, the value behind it. */
static int read_field(struct lb_wire_reader *r, struct lb_wire_field *f)
{
    uint64_t key;
    if (read_varint(r, &key) < 0 || key >> 3 == 0 || key >> 3 > LB_WIRE_MAX_NUMBER)
        return -1;
    *f = (struct lb_wire_field){.number = (uint32_t)(key >> 3),
                                .type = (enum lb_wire_type)(key & 7)};
    switch (key & 7) {
    case LB_WIRE_VARINT:
        return read_varint(r, &f->value);
    case LB_WIRE_FIXED64:
        return read_fixed(r, 8, &f->value);
    case LB_WIRE_FIXED32:
        return read_fixed(r, 4, &f->value);
    case LB_WIRE_BYTES: {
        uint64_t size;
        if (read_varint(r, &size) < 0 || size > (uint64_t)(r->end - r->at))
            return -1;
        f->data = r->at;
        f->size = (size_t)size;
        r->at += size;
        return 0;
    }
    case LB_WIRE_GROUP:
    case LB_WIRE_GROUP_END:
        return 0;
    default:
        return -1;
    }
}

static int skip_group(struct lb_wire_reader *r, uint32_t number)
{
    uint32_t open[MAX_GROUP_DEPTH] = {number};
    unsigned depth = 1;
    while (depth > 0) {
        struct lb_wire_field f;
        if (read_field(r, &f) < 0)
            return -1;
        if (f.type == LB_WIRE_GROUP) {
            if (depth == MAX_GROUP_DEPTH)
                return -1;
            open[depth++] = f.number;
        } else if (f.type == LB_WIRE_GROUP_END && open[--depth] != f.number) {
            return -1;
        }
    }
    return 0;
}

int lb_wire_next(struct lb_wire_reader *r, struct lb_wire_field *field)
{
    while (r->at < r->end) {
        if (read_field(r, field) < 0 || field->type == LB_WIRE_GROUP_END)
            return -1;
        if (field->type != LB_WIRE_GROUP)
            return 1;
        if (skip_group(r, field->number) < 0)
            return -1;
    }
    return 0;
}

int lb_wire_path_parse(const char *text, struct lb_wire_path *path, struct lb_error *err)
{
    static const char allowed[] =
        "field numbers from 1 to 536870911 joined by dots, at most 8, as 1 or 2.1";
    const char *at = text;
    *path = (struct lb_wire_path){.depth = 0};
    for (;;) {
        char number[16];
        uint64_t value;
        size_t len = strcspn(at, ".");
        if (len >= sizeof number || path->depth == LB_WIRE_PATH_DEPTH)
            return lb_error_set(err, "'%s' is no field path: it is %s", text, allowed);
        memcpy(number, at, len);
        number[len] = '\0';
        if (lb_parse_uint(number, 1, LB_WIRE_MAX_NUMBER, &value, NULL) < 0)
            return lb_error_set(err, "'%s' is no field path: it is %s", text, allowed);
        path->numbers[path->depth++] = (uint32_t)value;
        if (at[len] == '\0')
            return 0;
        at += len + 1;
    }
}

/* Finds the last field at `path` from `level` on. Returns 1, 0 (none) or -1 (malformed). Calls
 * itself at most LB_WIRE_PATH_DEPTH deep, and no byte is read twice on one level. */
static int find(const struct lb_wire_path *path, unsigned level, struct lb_wire_reader reader,
                struct lb_wire_field *found)
{
    struct lb_wire_field f;
    int any = 0, more;
    while ((more = lb_wire_next(&reader, &f)) == 1) {
        if (f.number != path->numbers[level])
            continue;
        if (level + 1 == path->depth) {
            *found = f;
            any = 1;
            continue;
        }
        if (f.type != LB_WIRE_BYTES)
            return -1;
        struct lb_wire_reader inner = {f.data, f.data + f.size};
        int result = find(path, level + 1, inner, found);
        if (result < 0)
            return -1;
        any |= result;
    }
    return more < 0 ? -1 : any;
}

static void format_path(const struct lb_wire_path *path, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < path->depth && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%" PRIu32, i ? "." : "", path->numbers[i]);
}

int lb_wire_extract(const struct lb_wire_path *path, const void *message, size_t message_size,
                    char *out, size_t size, struct lb_error *err)
{
    char name[LB_WIRE_PATH_DEPTH * 11];
    struct lb_wire_field f;
    const uint8_t *bytes = message_size ? message : (const uint8_t *)"";
    struct lb_wire_reader reader = {bytes, bytes + message_size};
    out[0] = '\0';
    format_path(path, name, sizeof name);
    int found = find(path, 0, reader, &f);
    if (found < 0)
        return lb_error_set(err, "the reply is no protobuf message with a field %s", name);
    if (found == 0)
        return lb_error_set(err, "the reply has no field %s", name);
    if (f.type != LB_WIRE_BYTES) {
        char number[24];
        int len = snprintf(number, sizeof number, "%" PRIu64, f.value);
        if ((size_t)len >= size)
            return lb_error_set(err, "field %s of the reply is longer than %zu bytes", name,
                                size - 1);
        memcpy(out, number, (size_t)len + 1);
        return 0;
    }
    if (f.size >= size)
        return lb_error_set(err, "field %s of the reply has %zu bytes, more than %zu", name, f.size,
                            size - 1);
    for (size_t i = 0; i < f.size; i++)
        out[i] = f.data[i] ? (char)f.data[i] : '?';
    out[f.size] = '\0';
    return 0;
}
