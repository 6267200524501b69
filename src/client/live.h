/* The status line of a run on a terminal: requests, backends as a coloured bar, the verdict so far.
 * Always the last line: it is taken away before another is printed. */
#ifndef LB_CLIENT_LIVE_H
#define LB_CLIENT_LIVE_H

#include <stdint.h>

#include "balance/verdict.h"

struct lb_live;

/* On standard error when that is a terminal that can erase a line; otherwise, or without memory,
 * NULL, which all functions take and do nothing with. */
struct lb_live *lb_live_new(void);

/* Takes the line away. */
void lb_live_clear(struct lb_live *live);

/* Whether it is time for lb_live_show: something is new, and the last one is a while ago. */
bool lb_live_due(const struct lb_live *live, const struct lb_tally *tally, int64_t now_ns);

/* Puts the line there. `phase` is what is being done, or "". */
void lb_live_show(struct lb_live *live, const struct lb_tally *tally,
                  const struct lb_verdict *verdict, const char *phase, int64_t now_ns);

void lb_live_free(struct lb_live *live);

#endif
