/* The server's life as its process: a signalfd for what the world asks, eventfds for what the
 * threads of the server tell. */
#include "server/lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

enum step { SERVING, DELAYING, DRAINING, CANCELLING };

struct lb_lifecycle {
    struct lb_lifecycle_config config;
    int signals;
    int stops; /* written when a stop is asked for */
    int ended; /* counts ended parts */
    enum step step;
    int64_t next_ns; /* when the step is over */
    int64_t tick_ns; /* when the next tick is due */
};

static const int handled[] = {SIGTERM, SIGINT, SIGHUP};

static sigset_t handled_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
        sigaddset(&set, handled[i]);
    return set;
}

void lb_lifecycle_block_signals(void)
{
    sigset_t set = handled_set();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

struct lb_lifecycle *lb_lifecycle_new(const struct lb_lifecycle_config *config,
                                      struct lb_error *err)
{
    struct lb_lifecycle *l = calloc(1, sizeof *l);
    if (!l) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    sigset_t set = handled_set();
    l->config = *config;
    l->next_ns = INT64_MAX;
    l->tick_ns = lb_clock_monotonic_ns() + config->tick_ns;
    l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    l->stops = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->signals < 0 || l->stops < 0 || l->ended < 0) {
        lb_error_set(err, "cannot wait for signals: %s", strerror(errno));
        lb_lifecycle_free(l);
        return NULL;
    }
    return l;
}

static void count_up(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one); /* fails only with 2^64 - 2 in it */
    (void)written;
}

void lb_lifecycle_stop(struct lb_lifecycle *l)
{
    count_up(l->stops);
}

void lb_lifecycle_done(struct lb_lifecycle *l)
{
    count_up(l->ended);
}

static void begin_stop(struct lb_lifecycle *l)
{
    if (l->step != SERVING)
        return;
    l->step = DELAYING;
    l->next_ns = lb_clock_monotonic_ns() + l->config.drain_delay_ns;
    l->config.begin(l->config.arg);
}

static void take_steps(struct lb_lifecycle *l)
{
    int64_t now = lb_clock_monotonic_ns();
    if (now >= l->tick_ns) {
        l->tick_ns = now + l->config.tick_ns;
        l->config.tick(l->config.arg);
    }
    if (l->step == DELAYING && now >= l->next_ns) {
        l->step = DRAINING;
        l->next_ns = now + l->config.drain_timeout_ns;
        l->config.drain(l->config.arg);
    } else if (l->step == DRAINING && now >= l->next_ns) {
        lb_log(LB_LOG_WARNING, "server", "not all was done in time: cancelling the rest");
        l->step = CANCELLING;
        l->next_ns = INT64_MAX;
        l->config.cancel(l->config.arg);
    }
}

static void handle_signal(struct lb_lifecycle *l, int number)
{
    if (number == SIGHUP) {
        l->config.reload(l->config.arg);
        return;
    }
    if (l->step != SERVING) {
        lb_log(LB_LOG_WARNING, "server", "%s again: ending at once", strsignal(number));
        _exit(LB_EXIT_FAILURE);
    }
    lb_log(LB_LOG_INFO, "server", "%s: stopping", strsignal(number));
    begin_stop(l);
}

/* Rounded up, so that the step is due when poll returns. */
static int wait_ms(const struct lb_lifecycle *l)
{
    int64_t next = l->next_ns < l->tick_ns ? l->next_ns : l->tick_ns;
    int64_t left = next - lb_clock_monotonic_ns();
    return left <= 0 ? 0 : (int)((left + LB_NS_PER_MS - 1) / LB_NS_PER_MS);
}

void lb_lifecycle_run(struct lb_lifecycle *l)
{
    struct pollfd fds[] = {{.fd = l->signals, .events = POLLIN},
                           {.fd = l->stops, .events = POLLIN},
                           {.fd = l->ended, .events = POLLIN}};
    uint64_t ended = 0, count;
    struct signalfd_siginfo info;
    while (ended < l->config.parts) {
        take_steps(l);
        if (poll(fds, 3, wait_ms(l)) < 0)
            continue; /* EINTR */
        while (read(l->signals, &info, sizeof info) == (ssize_t)sizeof info)
            handle_signal(l, (int)info.ssi_signo);
        if (read(l->stops, &count, sizeof count) == (ssize_t)sizeof count)
            begin_stop(l);
        if (read(l->ended, &count, sizeof count) == (ssize_t)sizeof count)
            ended += count;
    }
}

void lb_lifecycle_free(struct lb_lifecycle *l)
{
    if (!l)
        return;
    const int fds[] = {l->signals, l->stops, l->ended};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(l);
}
