/* Who answered: taken from the headers and the body of an HTTP reply. */
#include "client/http_identity.h"

#include <ctype.h>
#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/identity_headers.h"

int lb_json_pointer_check(const char *text, struct lb_error *err)
{
    if (*text && *text != '/')
        return lb_error_set(err, "'%s' is not a JSON pointer: write it like /hostname", text);
    for (const char *p = text; (p = strchr(p, '~')); p++) {
        if (p[1] != '0' && p[1] != '1')
            return lb_error_set(err, "'%s' is not a JSON pointer: '~' is written as ~0", text);
    }
    return 0;
}

/* Decodes the token at *p ("/a~1b/c" gives "a/b") and steps over it. */
static int next_token(const char **p, char *token, size_t size)
{
    size_t n = 0;
    for (++*p; **p && **p != '/'; ++*p) {
        char c = **p;
        if (c == '~')
            c = *++*p == '1' ? '/' : '~';
        if (n + 1 >= size)
            return -1;
        token[n++] = c;
    }
    token[n] = '\0';
    return 0;
}

/* RFC 6901 section 4. NULL when there is nothing. */
static const json_t *json_at(const json_t *value, const char *pointer)
{
    char token[LB_NAME_MAX + 1], *end;
    while (value && *pointer) {
        if (next_token(&pointer, token, sizeof token) < 0)
            return NULL;
        if (json_is_array(value)) {
            bool index = isdigit((unsigned char)token[0]) && (token[0] != '0' || !token[1]);
            errno = 0;
            unsigned long i = index ? strtoul(token, &end, 10) : 0;
            value = index && !*end && !errno ? json_array_get(value, i) : NULL;
        } else {
            value = json_object_get(value, token);
        }
    }
    return value;
}

static void copy(char out[LB_NAME_MAX + 1], const char *text, size_t size)
{
    if (size > LB_NAME_MAX)
        size = LB_NAME_MAX;
    memcpy(out, text, size);
    out[size] = '\0';
}

static void copy_trimmed(char out[LB_NAME_MAX + 1], const char *text, size_t size)
{
    size_t nul = strnlen(text, size);
    const char *end = text + nul;
    while (text < end && isspace((unsigned char)*text))
        text++;
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    copy(out, text, (size_t)(end - text));
}

static void name_from_json(const char *pointer, const char *body, size_t size,
                           char out[LB_NAME_MAX + 1])
{
    json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    const json_t *at = json_at(root, pointer);
    if (json_is_string(at))
        copy_trimmed(out, json_string_value(at), json_string_length(at));
    else if (json_is_integer(at))
        snprintf(out, LB_NAME_MAX + 1, "%" JSON_INTEGER_FORMAT, json_integer_value(at));
    json_decref(root);
}

static void copy_header(char out[LB_NAME_MAX + 1], const struct evkeyvalq *headers,
                        const char *name)
{
    const char *value = evhttp_find_header(headers, name);
    if (value)
        copy_trimmed(out, value, strlen(value));
}

void lb_http_identify(const struct lb_http_id *id, const struct evkeyvalq *headers,
                      const char *body, size_t size, struct lb_http_identity *out)
{
    memset(out, 0, sizeof *out);
    copy_header(out->boot_id, headers, LB_HEADER_BOOT_ID);
    copy_header(out->version, headers, LB_HEADER_VERSION);
    copy_header(out->zone, headers, LB_HEADER_ZONE);
    copy_header(out->node, headers, LB_HEADER_NODE);
    copy_header(out->peer, headers, LB_HEADER_PEER);
    copy_header(out->proxy_headers, headers, LB_HEADER_PROXY);
    const char *connection = evhttp_find_header(headers, LB_HEADER_CONNECTION);
    if (connection &&
        sscanf(connection, "%20" SCNu64 " %20" SCNu64, &out->connection, &out->ordinal) != 2)
        out->connection = out->ordinal = 0;

    if (id->json_pointer)
        name_from_json(id->json_pointer, body, size, out->backend);
    else if (id->header)
        copy_header(out->backend, headers, id->header);
    else
        copy_header(out->backend, headers, LB_HEADER_POD);
    if (!out->backend[0] && !id->json_pointer && !id->header)
        copy_trimmed(out->backend, body, size);
}
