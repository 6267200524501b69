/* timeline.h - what changed in the course of a run: backends that came, left, returned, restarted.
 */
#ifndef LB_BALANCE_TIMELINE_H
#define LB_BALANCE_TIMELINE_H

#include "balance/segment.h"

enum lb_event_kind {
    LB_EVENT_APPEARED, /* first answered well after the run began; fair_ns: had its share by */
    LB_EVENT_GONE,     /* stopped answering well before the end */
    LB_EVENT_EJECTED,  /* silent for from_ns .. until_ns though its share was due, then back */
    LB_EVENT_RESTARTED /* same name, new boot id, at from_ns */
};

struct lb_event {
    enum lb_event_kind kind;
    uint32_t backend; /* index in the segment */
    int64_t from_ns;  /* since the start of the run, to the width of a slot */
    int64_t until_ns;
    int64_t fair_ns; /* APPEARED: -1 if it never had its fair share */
};

/* At most LB_MAX_EVENTS, in the order of time. An absence counts when the chance of it, had the
 * backend kept its share, is below .001. `choice`: answers that one choice of a backend decided on
 * the average, 1 where each request was a choice. Returns the number written to events. */
#define LB_MAX_EVENTS 64
size_t lb_timeline_events(const struct lb_segment *s, double choice,
                          struct lb_event events[LB_MAX_EVENTS]);

#endif
