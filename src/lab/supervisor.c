/* All processes of a lab, started in order and ended in the reverse order, and the signals that end
 * the lab. */
#include "config.h"

#include "lab/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"

struct child {
    struct lb_process process; /* first: a process is its child's address */
    struct child *previous;    /* started before this one */
    bool told;                 /* its end was told of */
};

struct lb_supervisor {
    int signals; /* signalfd */
    int interrupted;
    int interruptions;
    struct child *last; /* started last */
};

static sigset_t taken_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    return set;
}

struct lb_supervisor *lb_supervisor_new(struct lb_error *err)
{
    struct lb_supervisor *s = calloc(1, sizeof *s);
    sigset_t set = taken_signals();
    if (!s) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0) {
        lb_error_set(err, "cannot take signals: %s", strerror(errno));
        free(s);
        return NULL;
    }
    return s;
}

void lb_supervisor_free(struct lb_supervisor *s)
{
    if (!s)
        return;
    lb_supervisor_stop_all(s);
    close(s->signals);
    free(s);
}

struct lb_process *lb_supervisor_spawn(struct lb_supervisor *s, const struct lb_spawn *spawn,
                                       struct lb_error *err)
{
    struct child *child = calloc(1, sizeof *child);
    if (!child) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    if (lb_process_spawn(spawn, &child->process, err) < 0) {
        free(child);
        return NULL;
    }
    child->previous = s->last;
    s->last = child;
    return &child->process;
}

static void take_signals(struct lb_supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        s->interrupted = (int)info.ssi_signo;
        s->interruptions++;
    }
    for (struct child *c = s->last; c; c = c->previous)
        lb_process_reap(&c->process);
}

/* Rounded up, so that a wait never ends before its deadline and spins. */
static int timeout_ms(int64_t deadline_ns)
{
    if (deadline_ns < 0)
        return -1;
    int64_t left = deadline_ns - lb_clock_monotonic_ns();
    return left <= 0 ? 0 : (int)((left + LB_NS_PER_MS - 1) / LB_NS_PER_MS);
}

bool lb_supervisor_wait(struct lb_supervisor *s, int fd, int64_t deadline_ns)
{
    struct pollfd fds[2] = {{.fd = s->signals, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    if (poll(fds, 2, timeout_ms(deadline_ns)) < 0)
        return false;
    if (fds[0].revents)
        take_signals(s);
    return fds[1].revents != 0;
}

int lb_supervisor_interrupted(const struct lb_supervisor *s)
{
    return s->interrupted;
}

int lb_supervisor_set_interrupted(const struct lb_supervisor *s, struct lb_error *err)
{
    return lb_error_set(err, "interrupted by SIG%s", sigabbrev_np(s->interrupted));
}

struct lb_process *lb_supervisor_next_ended(struct lb_supervisor *s)
{
    for (struct child *c = s->last; c; c = c->previous) {
        if (c->process.ended && !c->told) {
            c->told = true;
            return &c->process;
        }
    }
    return NULL;
}

/* A process group of its own: what it started goes with it. */
static void signal_group(const struct lb_process *process, int signal)
{
    if (!process->ended && kill(-process->pid, signal) < 0)
        kill(process->pid, signal);
}

void lb_supervisor_stop(struct lb_supervisor *s, struct lb_process *process)
{
    int64_t deadline = lb_clock_monotonic_ns() + LB_STOP_NS;
    int interruptions = s->interruptions;
    if (!lb_process_reap(process))
        signal_group(process, SIGTERM);
    while (!process->ended && s->interruptions == interruptions &&
           lb_clock_monotonic_ns() < deadline)
        lb_supervisor_wait(s, -1, deadline);
    signal_group(process, SIGKILL);
    while (!lb_process_reap(process))
        lb_supervisor_wait(s, -1, -1);

    struct child **at = &s->last;
    while (&(*at)->process != process)
        at = &(*at)->previous;
    struct child *child = *at;
    *at = child->previous;
    lb_process_release(&child->process);
    free(child);
}

void lb_supervisor_stop_all(struct lb_supervisor *s)
{
    while (s->last)
        lb_supervisor_stop(s, &s->last->process);
}
