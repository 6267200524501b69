/* All processes of a lab, started in order and ended in the reverse order, and the signals that end
 * the lab: one place to wait in, so that Ctrl-C and a child's death are noticed at every step. */
#ifndef LB_LAB_SUPERVISOR_H
#define LB_LAB_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/process.h"

struct lb_supervisor;

/* Blocks SIGINT, SIGTERM, SIGHUP and SIGCHLD for the rest of the program and takes them itself. One
 * a program; not for more than one thread. */
struct lb_supervisor *lb_supervisor_new(struct lb_error *err) LB_MUST_CHECK;

/* Ends all processes and frees. NULL is ignored. */
void lb_supervisor_free(struct lb_supervisor *supervisor);

/* Starts a process. The result is the supervisor's, valid until it was stopped; NULL after
 * failure. */
struct lb_process *lb_supervisor_spawn(struct lb_supervisor *supervisor,
                                       const struct lb_spawn *spawn,
                                       struct lb_error *err) LB_MUST_CHECK;

/* Waits until `fd` (-1: none) can be read, a signal came, a process ended, or the monotonic clock
 * reaches `deadline_ns` (negative: no limit). Returns whether `fd` can be read. */
bool lb_supervisor_wait(struct lb_supervisor *supervisor, int fd, int64_t deadline_ns);

/* The signal that asks to end the lab, or 0. */
int lb_supervisor_interrupted(const struct lb_supervisor *supervisor);

/* "interrupted by SIGINT" as error; returns -1. */
int lb_supervisor_set_interrupted(const struct lb_supervisor *supervisor, struct lb_error *err);

/* The first process that has ended by itself and was not yet told of, or NULL. */
struct lb_process *lb_supervisor_next_ended(struct lb_supervisor *supervisor);

/* Ends one process: SIGTERM, after LB_STOP_NS or at a second signal SIGKILL; forgets it. */
#define LB_STOP_NS (INT64_C(3) * 1000000000)
void lb_supervisor_stop(struct lb_supervisor *supervisor, struct lb_process *process);

/* Ends all, the last started first. */
void lb_supervisor_stop_all(struct lb_supervisor *supervisor);

#endif
