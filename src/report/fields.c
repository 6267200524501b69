/* Members of a JSON object as a table. See fields.h. */
#include "report/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define ROUNDING 1e-9 /* how far a share may be above 1 */

/* The JSON value of a field; *empty tells that an optional one is left out. NULL without memory. */
static json_t *value_of(const struct lb_field *f, const void *at, bool *empty)
{
    uint64_t u = 0;
    switch (f->type) {
    case LB_FIELD_BOOL:
        *empty = !*(const bool *)at;
        return json_boolean(*(const bool *)at);
    case LB_FIELD_TEXT: {
        const char *text = *(char *const *)at;
        *empty = !text || !*text;
        return lb_json_text(text ? text : "");
    }
    case LB_FIELD_HASH: {
        char digits[17];
        snprintf(digits, sizeof digits, "%016" PRIx64, *(const uint64_t *)at);
        *empty = *(const uint64_t *)at == 0;
        return json_string(digits);
    }
    case LB_FIELD_DOUBLE:
        *empty = *(const double *)at == 0;
        return isfinite(*(const double *)at) ? json_real(*(const double *)at) : json_null();
    case LB_FIELD_INDEX:
        *empty = *(const uint32_t *)at == UINT32_MAX;
        return *empty ? json_null() : json_integer(*(const uint32_t *)at);
    case LB_FIELD_I64:
        *empty = *(const int64_t *)at == 0;
        return json_integer(*(const int64_t *)at);
    case LB_FIELD_CHANCE:
        *empty = !(*(const double *)at >= 0);
        return *empty ? json_null() : json_real(*(const double *)at);
    case LB_FIELD_INT:
        *empty = *(const int *)at < 0;
        return *empty ? json_null() : json_integer(*(const int *)at);
    case LB_FIELD_U16:
        u = *(const uint16_t *)at;
        break;
    case LB_FIELD_UINT:
        u = *(const unsigned *)at;
        break;
    case LB_FIELD_U64:
        u = *(const uint64_t *)at;
        break;
    }
    *empty = u == 0;
    return json_integer((json_int_t)u);
}

int lb_fields_write(json_t *object, const struct lb_field *fields, size_t count, const void *from)
{
    for (size_t i = 0; i < count; i++) {
        bool empty = false;
        json_t *value = value_of(&fields[i], (const char *)from + fields[i].offset, &empty);
        if (!value)
            return -1;
        if (fields[i].optional && empty)
            json_decref(value);
        else if (json_object_set_new_nocheck(object, fields[i].name, value) < 0)
            return -1;
    }
    return 0;
}

static int read_integer(const struct lb_place *at, const struct lb_field *f, json_t *value,
                        void *into)
{
    static const int64_t largest[] = {
        [LB_FIELD_U16] = UINT16_MAX,          [LB_FIELD_UINT] = UINT32_MAX,
        [LB_FIELD_U64] = LB_REPORT_MAX_COUNT, [LB_FIELD_I64] = INT64_MAX,
        [LB_FIELD_INT] = INT32_MAX,           [LB_FIELD_INDEX] = UINT32_MAX - 1,
    };
    bool ranged = f->min != 0 || f->max != 0;
    int64_t v;
    if (lb_place_integer(at, value, f->min, ranged ? f->max : largest[f->type], &v) < 0)
        return -1;
    if (f->type == LB_FIELD_U16)
        *(uint16_t *)into = (uint16_t)v;
    else if (f->type == LB_FIELD_INT)
        *(int *)into = (int)v;
    else if (f->type == LB_FIELD_U64)
        *(uint64_t *)into = (uint64_t)v;
    else if (f->type == LB_FIELD_I64)
        *(int64_t *)into = v;
    else
        *(uint32_t *)into = (uint32_t)v;
    return 0;
}

static int read_hash(const struct lb_place *at, json_t *value, uint64_t *into)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return lb_place_fail(at, "is not a string of 16 hexadecimal digits");
    *into = strtoull(text, NULL, 16);
    return 0;
}

static int read_double(const struct lb_place *at, const struct lb_field *f, json_t *value,
                       double *into)
{
    if (json_is_null(value)) {
        *into = NAN;
        return 0;
    }
    if (!json_is_number(value))
        return lb_place_fail(at, "is not a number");
    double v = json_number_value(value);
    if ((f->min != 0 || f->max != 0) &&
        (v < (double)f->min - ROUNDING || v > (double)f->max + ROUNDING))
        return lb_place_fail(at, "is %g; allowed is %" PRId64 " to %" PRId64, v, f->min, f->max);
    *into = v;
    return 0;
}

static int read_value(const struct lb_place *at, const struct lb_field *f, json_t *value,
                      void *into)
{
    switch (f->type) {
    case LB_FIELD_BOOL:
        if (!json_is_boolean(value))
            return lb_place_fail(at, "is neither true nor false");
        *(bool *)into = json_is_true(value);
        return 0;
    case LB_FIELD_TEXT:
        return lb_place_text(at, value, f->max ? (size_t)f->max : LB_MAX_NAME, into);
    case LB_FIELD_HASH:
        return read_hash(at, value, into);
    case LB_FIELD_DOUBLE:
        return read_double(at, f, value, into);
    case LB_FIELD_CHANCE:
        if (!json_is_null(value))
            return read_double(at, f, value, into);
        *(double *)into = -1;
        return 0;
    case LB_FIELD_INT:
        if (json_is_null(value)) {
            *(int *)into = -1;
            return 0;
        }
        break;
    case LB_FIELD_INDEX:
        if (json_is_null(value)) {
            *(uint32_t *)into = UINT32_MAX;
            return 0;
        }
        break;
    default:
        break;
    }
    return read_integer(at, f, value, into);
}

/* What an optional member that is left out stands for. */
static int read_nothing(const struct lb_place *at, const struct lb_field *f, void *into)
{
    if (f->type == LB_FIELD_INDEX)
        *(uint32_t *)into = UINT32_MAX;
    if (f->type == LB_FIELD_TEXT && !(*(char **)into = strdup("")))
        return lb_place_no_memory(at);
    return 0;
}

static int refuse_unknown(const struct lb_place *at, json_t *object, const struct lb_field *fields,
                          size_t count, const char *const *others)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < count && !known; i++)
            known = strcmp(fields[i].name, name) == 0;
        for (size_t i = 0; others && others[i] && !known; i++)
            known = strcmp(others[i], name) == 0;
        if (!known) {
            struct lb_place here = lb_place_member(at, name);
            return lb_place_fail(&here, "is not a member this version knows");
        }
    }
    return 0;
}

int lb_fields_read(const struct lb_place *at, json_t *object, const struct lb_field *fields,
                   size_t count, const char *const *others, void *into)
{
    if (!json_is_object(object))
        return lb_place_fail(at, "is not an object");
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct lb_field *f = &fields[i];
        struct lb_place here = lb_place_member(at, f->name);
        void *to = (char *)into + f->offset;
        json_t *value = json_object_get(object, f->name);
        if (value) {
            found++;
            if (read_value(&here, f, value, to) < 0)
                return -1;
        } else if (!f->optional) {
            return lb_place_fail(&here, "is missing");
        } else if (read_nothing(at, f, to) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; others && others[i]; i++)
        found += json_object_get(object, others[i]) != NULL;
    if (found != json_object_size(object))
        return refuse_unknown(at, object, fields, count, others);
    return 0;
}
