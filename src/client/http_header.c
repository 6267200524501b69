/* A header as users write it: "Name: value". */
#include "client/http_header.h"

#include <ctype.h>
#include <string.h>

const char *lb_http_header_split(const char *text, size_t *name_len)
{
    *name_len = strcspn(text, ":");
    const char *value = text + *name_len + 1;
    return value + strspn(value, " \t");
}

int lb_http_header_check(const char *text, struct lb_error *err)
{
    size_t len = strcspn(text, ":");
    if (len == 0 || len > LB_HEADER_NAME_MAX || !text[len])
        return lb_error_set(err, "'%s' is not a header: write it like 'Name: value'", text);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i]))
            return lb_error_set(err, "'%s' is not a header: its name has '%c'", text, text[i]);
    }
    for (const char *p = text + len; *p; p++) {
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
            return lb_error_set(err, "'%s' is not a header: its value has a control character",
                                text);
    }
    return 0;
}
