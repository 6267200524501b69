/* Looking whether something answers over HTTP yet. */
#ifndef LB_LAB_PROBE_H
#define LB_LAB_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* GETs "http://IPV4:PORT/PATH". Whether the reply is a 200, within half a second. */
bool lb_probe_http(const char *url);

/* The same; the body, at most `max` bytes, NUL-terminated, is the caller's to free. NULL when there
 * was no such reply. */
char *lb_probe_get(const char *url, size_t max);

#endif
