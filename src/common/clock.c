/* Time, in nanoseconds. */
#include "common/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * LB_NS_PER_S + t.tv_nsec;
}

int64_t lb_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t lb_clock_realtime_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}
