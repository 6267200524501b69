/* A header as users write it: "Name: value". */
#ifndef LB_CLIENT_HTTP_HEADER_H
#define LB_CLIENT_HTTP_HEADER_H

#include <stddef.h>

#include "common/error.h"

#define LB_HEADER_NAME_MAX 127

/* Checks "Name: value": a token, a colon, printable text. An option's check. */
int lb_http_header_check(const char *text, struct lb_error *err) LB_MUST_CHECK;

/* Splits a checked header: the length of its name, and its value. */
const char *lb_http_header_split(const char *text, size_t *name_len);

#endif
