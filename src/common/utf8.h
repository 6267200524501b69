/* UTF-8, where it comes from outside. */
#ifndef LB_COMMON_UTF8_H
#define LB_COMMON_UTF8_H

#include <stddef.h>

/* Bytes of the UTF-8 sequence that the NUL-terminated `s` begins with, or 0 if it begins with none
 * (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF). 1 at the final NUL. */
size_t lb_utf8_length(const char *s);

#endif
