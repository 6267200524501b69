/* feed.h - counts observations into one segment; internal to this folder. */
#ifndef LB_BALANCE_FEED_H
#define LB_BALANCE_FEED_H

#include "balance/segment.h"

struct lb_feed;

/* The segment is borrowed; its first is the first request expected. NULL without memory. */
struct lb_feed *lb_feed_new(struct lb_segment *s);
void lb_feed_free(struct lb_feed *f);

/* As lb_tally_add, lb_tally_flush and lb_tally_backend. */
int lb_feed_add(struct lb_feed *f, const struct lb_observation *o);
void lb_feed_flush(struct lb_feed *f);
uint32_t lb_feed_backend(struct lb_feed *f, const char *name, const char *boot);

#endif
