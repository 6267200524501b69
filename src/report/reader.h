/* reader.h - many reports, read ahead by several threads and given out in order.
 *
 * Parsing is nearly all of the time that merging takes, and each file is parsed by itself. Only a
 * few reports are ahead of the one that is asked for, and only one large file is parsed at a time,
 * so that memory does not grow with how many there are. */
#ifndef LB_REPORT_READER_H
#define LB_REPORT_READER_H

#include <stddef.h>

#include "report/report.h"

struct lb_reader;

/* Starts to read the files at `paths` ("-": standard input), which must stay until
 * lb_reader_free. NULL without memory. For one thread, as all here. */
struct lb_reader *lb_reader_new(char *const *paths, size_t count,
                                struct lb_error *err) LB_MUST_CHECK;

/* Waits for the next report, in the order of the paths; at most `count` times. The caller frees it.
 * NULL: it cannot be read, with *err as of lb_report_load; the next can still be asked for. */
struct lb_report *lb_reader_next(struct lb_reader *r, struct lb_error *err) LB_MUST_CHECK;

/* Ends the threads, whatever was not given out. NULL is allowed. */
void lb_reader_free(struct lb_reader *r);

#endif
