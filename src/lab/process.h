/* One child process of the lab: its output in a file, its death bound to the lab's. */
#ifndef LB_LAB_PROCESS_H
#define LB_LAB_PROCESS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/error.h"

/* What to start. Strings and arrays are the caller's and needed only during the call. */
struct lb_spawn {
    const char *name;        /* for messages: "haproxy-tcp-roundrobin" */
    const char *const *argv; /* argv[0] is the program's path; ends with NULL */
    const char *const *env;  /* "NAME=VALUE" added to the environment; ends with NULL, or is NULL */
    const char *log; /* file that takes its standard output and error; cut to nothing first */
    int out;         /* descriptor for its standard output instead of the log; -1: none */
    int netns;       /* network namespace to run in; -1: that of the lab */
    const int *fds;  /* descriptors it inherits under the same numbers */
    size_t fd_count;
    int death_signal; /* what it gets when the lab ends in whatever way; 0: SIGKILL */
};

struct lb_process {
    char *name;
    char *log;
    pid_t pid;
    bool ended;
    int status; /* as waitpid gives it, once ended */
};

/* Starts a process. It has a process group of its own, so that Ctrl-C reaches the lab alone, gets
 * `death_signal` when the thread that started it ends in whatever way, reads from /dev/null, and
 * has no LBDEMO_ variables but those of `env`. Returns when the program runs or could not be
 * started (no such file, no such namespace): then -1, and nothing is left. On success `process`
 * holds what lb_process_release frees. */
int lb_process_spawn(const struct lb_spawn *spawn, struct lb_process *process,
                     struct lb_error *err) LB_MUST_CHECK;

/* Collects the process if it has ended. Returns whether it has. */
bool lb_process_reap(struct lb_process *process);

/* "ended with status 1", "was killed by signal 9 (Killed)", "runs". Returns `buf`. */
#define LB_PROCESS_TEXT 64
char *lb_process_describe(const struct lb_process *process, char buf[LB_PROCESS_TEXT]);

/* Prints up to `lines` last lines of its log to `out`, indented, control characters as '?'. */
void lb_process_print_log_tail(const struct lb_process *process, int lines, FILE *out);

/* Frees the texts; the process must have ended. */
void lb_process_release(struct lb_process *process);

#endif
