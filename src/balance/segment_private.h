/* segment_private.h - what feeding and stitching share; internal to this folder. */
#ifndef LB_BALANCE_SEGMENT_PRIVATE_H
#define LB_BALANCE_SEGMENT_PRIVATE_H

#include "balance/segment.h"

/* Index of connections by id. */
struct lb_connection_index {
    uint32_t *slot; /* index + 1, 0 free */
    size_t size;
};

int lb_connection_index__build(struct lb_connection_index *x, const struct lb_segment *s);
struct lb_connection *lb_connection_index__find(const struct lb_connection_index *x,
                                                const struct lb_segment *s, uint64_t id);

/* Asks the caches for what is most likely that connection, and does not wait for it. */
void lb_connection_index__fetch(const struct lb_connection_index *x, const struct lb_segment *s,
                                uint64_t id);

/* Appends a connection that is not there, folding old ones when there are too many (pointers into
 * s->connections are then void). NULL without memory. */
struct lb_connection *lb_segment__add_connection(struct lb_segment *s,
                                                 struct lb_connection_index *x, uint64_t id);

/* Counts n answers of a backend on a connection. */
void lb_connection__count(struct lb_connection *c, uint32_t backend, uint32_t n);

/* Appends a key. NULL without memory. */
struct lb_key *lb_segment__add_key(struct lb_segment *s, enum lb_level level, uint32_t value);

/* The sequence in which new connections with a key of this level are counted. */
enum lb_pair_kind lb_pair_kind__of(enum lb_level level);

/* Counts error text n times. 0, -1 without memory. */
int lb_segment__add_status(struct lb_segment *s, const char *text, bool replied, uint64_t n);

/* Appends an answer to a sequence with lags. */
void lb_lags__push(struct lb_lags *l, struct lb_edge edge);

/* Widens the time slots until ns falls into one. */
void lb_segment__cover_time(struct lb_segment *s, int64_t ns);

/* Requests whose raw order this segment should have. */
size_t lb_segment__raw_due(const struct lb_segment *s);

/* Client connections among those kept that share a server-side connection with another. */
uint64_t lb_segment__pooled(const struct lb_segment *s);

#endif
