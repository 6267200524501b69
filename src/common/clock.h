/* Time, in nanoseconds. */
#ifndef LB_COMMON_CLOCK_H
#define LB_COMMON_CLOCK_H

#include <stdint.h>

#define LB_NS_PER_US INT64_C(1000)
#define LB_NS_PER_MS INT64_C(1000000)
#define LB_NS_PER_S INT64_C(1000000000)

/* Since an arbitrary start, never going back (CLOCK_MONOTONIC). Any thread. */
int64_t lb_clock_monotonic_ns(void);

/* Since the Unix epoch (CLOCK_REALTIME). Any thread. */
int64_t lb_clock_realtime_ns(void);

#endif
