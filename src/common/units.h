/* Numbers and durations as users write them. */
#ifndef LB_COMMON_UNITS_H
#define LB_COMMON_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Parses a whole decimal number from `min` to `max`. The error names `text` and the range. */
int lb_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value,
                  struct lb_error *err) LB_MUST_CHECK;

/* Parses a finite decimal number from `min` to `max` ("0.5", "1e-3"). */
int lb_parse_double(const char *text, double min, double max, double *value,
                    struct lb_error *err) LB_MUST_CHECK;

/* Parses a duration into nanoseconds: one or more NUMBER UNIT, units ns us ms s m h, as "250ms",
 * "1.5s", "1m30s"; "0" needs no unit. `min_ns` and `max_ns` bound it. */
int lb_parse_duration(const char *text, int64_t min_ns, int64_t max_ns, int64_t *ns,
                      struct lb_error *err) LB_MUST_CHECK;

#define LB_DURATION_TEXT 32

/* Writes `ns` in the fewest exact units ("1m30s", "250ms", "0s") and returns `buf`. */
char *lb_format_duration(char buf[LB_DURATION_TEXT], int64_t ns);

/* Writes a measured duration to three significant digits ("847us", "1.23ms", "12.3s") and returns
 * `buf`. */
char *lb_format_latency(char buf[LB_DURATION_TEXT], int64_t ns);

#endif
