/* when.h - points in time as reports and pages write them: RFC 3339, UTC, milliseconds. */
#ifndef LB_REPORT_WHEN_H
#define LB_REPORT_WHEN_H

#include <stdint.h>

#define LB_WHEN_TEXT 32
#define LB_WHEN_MAX_MS INT64_C(253402300799999) /* the end of the year 9999 */

/* Writes "2026-11-23T23:05:06.123Z" and returns buf. ms since the Unix epoch, 0 to LB_WHEN_MAX_MS
 * (others are clamped). */
char *lb_when_format(char buf[LB_WHEN_TEXT], int64_t ms);

/* "2026-11-23 23:05:06 UTC", for people. */
char *lb_when_format_short(char buf[LB_WHEN_TEXT], int64_t ms);

/* Reads exactly what lb_when_format writes. 0, or -1. */
int lb_when_parse(const char *text, int64_t *ms);

#endif
