/* segment_json.h - a segment of a tally as JSON and back. */
#ifndef LB_REPORT_SEGMENT_JSON_H
#define LB_REPORT_SEGMENT_JSON_H

#include "balance/segment.h"
#include "report/place.h"

/* The segment without its run and client, which its run has. NULL without memory. */
json_t *lb_segment_write(const struct lb_segment *s);

/* Reads and checks what lb_segment_write wrote: a verdict may be made of the result. NULL after
 * failure. */
struct lb_segment *lb_segment_read(const struct lb_place *at, json_t *object, const char *run,
                                   const char *client);

#endif
