/* The server's life as its process: a signalfd for what the world asks, an eventfd for what the
 * parts report. */
#include "server/lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/log.h"

struct lb_lifecycle {
    struct lb_lifecycle_config config;
    int signals;
    int reports; /* counts ended parts */
    bool stopping;
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
    l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    l->reports = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->signals < 0 || l->reports < 0) {
        lb_error_set(err, "cannot wait for signals: %s", strerror(errno));
        lb_lifecycle_free(l);
        return NULL;
    }
    return l;
}

void lb_lifecycle_done(struct lb_lifecycle *l)
{
    uint64_t one = 1;
    ssize_t written = write(l->reports, &one, sizeof one); /* cannot fail: the counter has room */
    (void)written;
}

static void handle(struct lb_lifecycle *l, int number)
{
    if (number == SIGHUP) {
        if (l->config.reload)
            l->config.reload(l->config.arg);
        return;
    }
    if (l->stopping) {
        lb_log(LB_LOG_WARNING, "server", "%s again: ending at once", strsignal(number));
        _exit(LB_EXIT_FAILURE);
    }
    lb_log(LB_LOG_INFO, "server", "%s: stopping", strsignal(number));
    l->stopping = true;
    l->config.stop(l->config.arg);
}

void lb_lifecycle_run(struct lb_lifecycle *l)
{
    struct pollfd fds[] = {{.fd = l->signals, .events = POLLIN},
                           {.fd = l->reports, .events = POLLIN}};
    uint64_t ended = 0, more;
    struct signalfd_siginfo info;
    while (ended < l->config.parts) {
        if (poll(fds, 2, -1) < 0)
            continue; /* EINTR */
        while (read(l->signals, &info, sizeof info) == (ssize_t)sizeof info)
            handle(l, (int)info.ssi_signo);
        if (read(l->reports, &more, sizeof more) == (ssize_t)sizeof more)
            ended += more;
    }
}

void lb_lifecycle_free(struct lb_lifecycle *l)
{
    if (!l)
        return;
    if (l->signals >= 0)
        close(l->signals);
    if (l->reports >= 0)
        close(l->reports);
    free(l);
}
