/* Timers of one thread: a binary heap by due time. The C core has no public alarms, so a thread
 * waits on its completion queue until the first of these is due. */
#ifndef LB_SERVER_GRPC_TIMERS_H
#define LB_SERVER_GRPC_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in what is to be woken; all zero is a timer that is not set. */
struct lb_grpc_timer {
    int64_t due_ns; /* lb_clock_monotonic_ns */
    size_t place;   /* in the heap, from 1; 0: not set */
    void (*run)(struct lb_grpc_timer *timer);
};

/* All zero is an empty heap. */
struct lb_grpc_timers {
    struct lb_grpc_timer **heap;
    size_t count, capacity;
};

/* Sets `timer`, also one that is set already, to `due_ns`. Ends the program when out of memory. */
void lb_grpc_timers_set(struct lb_grpc_timers *timers, struct lb_grpc_timer *timer, int64_t due_ns);

/* Takes `timer` out; one that is not set stays so. */
void lb_grpc_timers_cancel(struct lb_grpc_timers *timers, struct lb_grpc_timer *timer);

/* When the first timer is due, or INT64_MAX. */
int64_t lb_grpc_timers_next(const struct lb_grpc_timers *timers);

/* Takes out and runs every timer due at `now_ns`, the earliest first. A timer may set itself and
 * others again; what is then due at `now_ns` runs too. */
void lb_grpc_timers_run(struct lb_grpc_timers *timers, int64_t now_ns);

/* Releases the heap; its timers belong to others. */
void lb_grpc_timers_free(struct lb_grpc_timers *timers);

#endif
