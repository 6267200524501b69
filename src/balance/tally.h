/* tally.h - observations in, counts out: one run being fed, or many merged.
 *
 * A tally holds segments (segment.h): those of merged reports and, while a run goes on, the one
 * that is fed. Observations may arrive in any order of finishing; they are counted in the order of
 * sending, holding back at most LB_TALLY_WINDOW requests. Not thread-safe: one thread (or one lock)
 * a tally. Needs no clock and does no I/O. */
#ifndef LB_BALANCE_TALLY_H
#define LB_BALANCE_TALLY_H

#include "balance/segment.h"

#define LB_TALLY_WINDOW 4096 /* requests a slow one may be overtaken by */
#define LB_TALLY_RAW_RUNS 64 /* runs whose raw order is kept when merging (lowest ids) */

struct lb_tally;

enum lb_merge {
    LB_MERGE_OK,      /* counted */
    LB_MERGE_KNOWN,   /* all of it was counted before: nothing changed */
    LB_MERGE_OVERLAP, /* part of it was counted before: refused, nothing changed */
    LB_MERGE_NO_MEMORY
};

/* A tally to feed: run is an id unique to this run (any text, <= LB_MAX_NAME bytes), client says
 * who runs it ("" if unknown). first is the number of the first request, usually 1. With run NULL a
 * tally that is only merged into. NULL without memory. */
struct lb_tally *lb_tally_new(const char *run, const char *client, uint64_t first);
void lb_tally_free(struct lb_tally *t);

/* Counts one observation (copied). 0; -1 without memory: it is lost, the tally stays usable. */
int lb_tally_add(struct lb_tally *t, const struct lb_observation *o);

/* Counts what is still held back for earlier requests that have not ended. Call before the last
 * verdict of a run and before writing the report; those that end afterwards count as late. */
void lb_tally_flush(struct lb_tally *t);

/* Adds what `from` holds; from is left alone and must be flushed. On anything but LB_MERGE_OK the
 * tally is as before. Associative and commutative. */
enum lb_merge lb_tally_merge(struct lb_tally *t, const struct lb_tally *from);

/* Same for one segment; takes it over on LB_MERGE_OK and LB_MERGE_KNOWN (*s becomes NULL), else it
 * stays the caller's. The way to restore a report: fill a segment, lb_segment_check it, add it. */
enum lb_merge lb_tally_add_segment(struct lb_tally *t, struct lb_segment **s);

/* The segments, in the order of run id and request number; valid until the tally is changed. */
size_t lb_tally_segments(const struct lb_tally *t);
const struct lb_segment *lb_tally_segment(const struct lb_tally *t, size_t i);

/* Index of a backend in the segment that is fed (added if new), LB_NONE if it cannot be followed.
 */
uint32_t lb_tally_backend(struct lb_tally *t, const char *name, const char *boot);

/* Changes whenever something was counted: a live verdict need not be made again before. */
uint64_t lb_tally_version(const struct lb_tally *t);

#endif
