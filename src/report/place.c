/* Checked access to a JSON document that may be hostile. See place.h. */
#include "report/place.h"

#include <inttypes.h>
#include <libintl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/language.h"
#include "common/utf8.h"

struct lb_place lb_place_document(const char *file, struct lb_error *err)
{
    return (struct lb_place){.member = file, .err = err};
}

struct lb_place lb_place_member(const struct lb_place *up, const char *member)
{
    return (struct lb_place){.up = up, .member = member, .err = up->err};
}

struct lb_place lb_place_element(const struct lb_place *up, size_t index)
{
    return (struct lb_place){.up = up, .index = index, .err = up->err};
}

/* Writes "FILE: /a/b/3" and returns how much; long names of members are cut. */
static size_t describe(const struct lb_place *at, char *buf, size_t size)
{
    if (!at->up)
        return (size_t)snprintf(buf, size, "%.200s:", at->member);
    size_t used = describe(at->up, buf, size);
    if (used >= size - 80)
        return used;
    const char *space = at->up->up ? "" : " ";
    int n = at->member ? snprintf(buf + used, size - used, "%s/%.60s", space, at->member)
                       : snprintf(buf + used, size - used, "%s/%zu", space, at->index);
    return used + (size_t)n;
}

int lb_place_fail(const struct lb_place *at, const char *format, ...)
{
    char where[400], what[400];
    describe(at, where, sizeof where);
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, gettext(format), args);
    va_end(args);
    return lb_error_set(at->err, at->up ? "%s: %s" : "%s %s", where, what);
}

int lb_place_no_memory(const struct lb_place *at)
{
    while (at->up)
        at = at->up;
    return lb_place_fail(at, "out of memory");
}

static const char *kind_of(json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return gettext(N_("an object"));
    case JSON_ARRAY:
        return gettext(N_("an array"));
    case JSON_STRING:
        return gettext(N_("a string"));
    case JSON_INTEGER:
    case JSON_REAL:
        return gettext(N_("a number"));
    case JSON_TRUE:
    case JSON_FALSE:
        return gettext(N_("true or false"));
    default:
        return gettext(N_("null"));
    }
}

json_t *lb_place_object(const struct lb_place *at, json_t *object, const char *name)
{
    struct lb_place here = lb_place_member(at, name);
    json_t *value = json_object_get(object, name);
    if (!value)
        lb_place_fail(&here, "is missing");
    else if (!json_is_object(value))
        lb_place_fail(&here, "is %s, not an object", kind_of(value));
    else
        return value;
    return NULL;
}

int lb_place_is_array(const struct lb_place *at, json_t *value, size_t min, size_t max)
{
    if (!value)
        return lb_place_fail(at, "is missing");
    if (!json_is_array(value))
        return lb_place_fail(at, "is %s, not an array", kind_of(value));
    size_t n = json_array_size(value);
    if (min == max && n != min)
        return lb_place_fail(at, "has %zu elements, not %zu", n, min);
    if (n < min || n > max)
        return lb_place_fail(at, "has %zu elements; allowed are %zu to %zu", n, min, max);
    return 0;
}

json_t *lb_place_array(const struct lb_place *at, json_t *object, const char *name, size_t min,
                       size_t max)
{
    struct lb_place here = lb_place_member(at, name);
    json_t *value = json_object_get(object, name);
    return lb_place_is_array(&here, value, min, max) < 0 ? NULL : value;
}

int lb_place_integer(const struct lb_place *at, json_t *value, int64_t min, int64_t max,
                     int64_t *out)
{
    if (!value)
        return lb_place_fail(at, "is missing");
    if (!json_is_integer(value))
        return lb_place_fail(at, "is %s, not a whole number",
                             json_is_real(value) ? gettext(N_("a fraction")) : kind_of(value));
    int64_t v = json_integer_value(value);
    if (v < min || v > max)
        return lb_place_fail(at, "is %" PRId64 "; allowed is %" PRId64 " to %" PRId64, v, min, max);
    *out = v;
    return 0;
}

int lb_place_integer_in(const struct lb_place *array_at, json_t *array, size_t index, int64_t min,
                        int64_t max, int64_t *out)
{
    struct lb_place here = lb_place_element(array_at, index);
    return lb_place_integer(&here, json_array_get(array, index), min, max, out);
}

/* True when the text is the same in JSON. */
static bool is_plain(const char *text)
{
    for (const char *s = text; *s;) {
        size_t len = lb_utf8_length(s);
        if (len == 0 || *s == '\\')
            return false;
        s += len;
    }
    return true;
}

json_t *lb_json_text(const char *text)
{
    if (is_plain(text))
        return json_string(text);
    char *escaped = malloc(4 * strlen(text) + 1);
    if (!escaped)
        return NULL;
    char *to = escaped;
    for (const char *s = text; *s;) {
        size_t len = lb_utf8_length(s);
        if (len == 0) {
            to += sprintf(to, "\\x%02x", (unsigned char)*s++);
        } else if (*s == '\\') {
            to = stpcpy(to, "\\\\");
            s++;
        } else {
            memcpy(to, s, len);
            to += len;
            s += len;
        }
    }
    *to = '\0';
    json_t *json = json_string(escaped);
    free(escaped);
    return json;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes the escapes out of `text` in place. 0, or -1: one is malformed. */
static int unescape(char *text)
{
    char *to = text;
    for (const char *s = text; *s;) {
        if (*s != '\\') {
            *to++ = *s++;
        } else if (s[1] == '\\') {
            *to++ = '\\';
            s += 2;
        } else {
            int high = s[1] == 'x' ? hex_digit(s[2]) : -1;
            int low = high >= 8 ? hex_digit(s[3]) : -1;
            if (low < 0)
                return -1;
            *to++ = (char)(high << 4 | low);
            s += 4;
        }
    }
    *to = '\0';
    return 0;
}

int lb_place_text(const struct lb_place *at, json_t *value, size_t max, char **out)
{
    *out = NULL;
    if (!value)
        return lb_place_fail(at, "is missing");
    if (!json_is_string(value))
        return lb_place_fail(at, "is %s, not a string", kind_of(value));
    if (json_string_length(value) > 4 * max)
        return lb_place_fail(at, "has more than %zu bytes", max);
    char *text = strdup(json_string_value(value));
    if (!text)
        return lb_place_no_memory(at);
    int failed = 0;
    if (strlen(text) != json_string_length(value))
        failed = lb_place_fail(at, "has a zero byte");
    else if (unescape(text) < 0)
        failed = lb_place_fail(at, "has a backslash that is neither \\\\ nor \\x80 to \\xff");
    else if (strlen(text) > max)
        failed = lb_place_fail(at, "has more than %zu bytes", max);
    if (failed) {
        free(text);
        return -1;
    }
    *out = text;
    return 0;
}
