/* place.h - checked access to a JSON document that may be hostile.
 *
 * A place is where in the document the reader is, kept as a chain on the stack, so that any failure
 * can name it: "run.json: /runs/0/segments/0/first: is missing". All failures fill the error the
 * document was opened with and return -1 (or NULL). */
#ifndef LB_REPORT_PLACE_H
#define LB_REPORT_PLACE_H

#include <jansson.h>
#include <stdint.h>

#include "common/error.h"

struct lb_place {
    const struct lb_place *up; /* NULL: the document itself */
    const char *member;        /* name in `up`, or NULL: element `index` of it; of the document: the
                                  file's name */
    size_t index;
    struct lb_error *err; /* of the document */
};

struct lb_place lb_place_document(const char *file, struct lb_error *err);
struct lb_place lb_place_member(const struct lb_place *up, const char *member);
struct lb_place lb_place_element(const struct lb_place *up, size_t index);

/* "FILE: /place: TEXT" (without the place at the document itself). Returns -1. */
int lb_place_fail(const struct lb_place *at, const char *format, ...) LB_PRINTF(2, 3);

/* "FILE: out of memory". Returns -1. */
int lb_place_no_memory(const struct lb_place *at);

/* The member `name` of `object` (at `at`), an object or an array of min to max elements. A borrowed
 * reference, or NULL: it is missing or of another kind. */
json_t *lb_place_object(const struct lb_place *at, json_t *object, const char *name);
json_t *lb_place_array(const struct lb_place *at, json_t *object, const char *name, size_t min,
                       size_t max);

/* Checks that `value`, at `at`, is an array of min to max elements. Here and below a value that is
 * NULL is missing. */
int lb_place_is_array(const struct lb_place *at, json_t *value, size_t min,
                      size_t max) LB_MUST_CHECK;

/* A whole number from min to max. */
int lb_place_integer(const struct lb_place *at, json_t *value, int64_t min, int64_t max,
                     int64_t *out) LB_MUST_CHECK;

/* Element `index` of an array that has it: a whole number from min to max. */
int lb_place_integer_in(const struct lb_place *array_at, json_t *array, size_t index, int64_t min,
                        int64_t max, int64_t *out) LB_MUST_CHECK;

/* Names come from backends and may be any bytes; JSON strings are UTF-8. In a report a backslash is
 * written \\ and a byte that is not part of UTF-8 \xNN, so that what is read is what was written.
 * NULL without memory. */
json_t *lb_json_text(const char *text);

/* The reverse: a malloc'd string of at most `max` bytes in *out. */
int lb_place_text(const struct lb_place *at, json_t *value, size_t max, char **out) LB_MUST_CHECK;

#endif
