/* fields.h - members of a JSON object as a table: what is written is what is read.
 *
 * One table a struct gives the name, type and range of each member; writing and checked reading are
 * both derived from it. Arrays and nested objects are the caller's. */
#ifndef LB_REPORT_FIELDS_H
#define LB_REPORT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "report/place.h"

enum lb_field_type {
    LB_FIELD_BOOL,
    LB_FIELD_U16,  /* whole numbers */
    LB_FIELD_UINT, /* unsigned int, uint32_t */
    LB_FIELD_U64,
    LB_FIELD_I64,
    LB_FIELD_INT,    /* int; -1: null */
    LB_FIELD_DOUBLE, /* not finite: null */
    LB_FIELD_CHANCE, /* double; below 0, that is not known: null */
    LB_FIELD_TEXT,   /* char *: malloc'd when read */
    LB_FIELD_HASH,   /* uint64_t as 16 hexadecimal digits */
    LB_FIELD_INDEX   /* uint32_t; UINT32_MAX: null */
};

struct lb_field {
    const char *name;
    enum lb_field_type type;
    size_t offset;    /* in the struct */
    bool optional;    /* left out when zero, "", false or (INDEX) none */
    int64_t min, max; /* numbers; TEXT: max bytes. Both 0: what LB_REPORT_MAX_COUNT, the type or
                         LB_MAX_NAME allow */
};

#define LB_FIELD_COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Adds the members to `object`. 0, or -1 without memory. */
int lb_fields_write(json_t *object, const struct lb_field *fields, size_t count, const void *from);

/* Reads the members of `object` at `at` into the struct `into`, in which what is left out is zero
 * (or
 * "", or none) then. `others` (NULL-terminated) are members the caller reads; any other member is
 * refused. After failure texts may be set or NULL: `into` must have been zeroed before. */
int lb_fields_read(const struct lb_place *at, json_t *object, const struct lb_field *fields,
                   size_t count, const char *const *others, void *into) LB_MUST_CHECK;

#endif
