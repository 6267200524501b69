/* The server's life as its process: signals, and the steps of a stop.
 *
 * A stop, by SIGTERM, SIGINT or lb_lifecycle_stop: `begin` at once; after drain_delay `drain`; when
 * all parts have ended, or drain_timeout after `drain`, `cancel`; run returns when all have ended.
 */
#ifndef LB_SERVER_LIFECYCLE_H
#define LB_SERVER_LIFECYCLE_H

#include <stdint.h>

#include "common/error.h"

struct lb_lifecycle;

/* The callbacks run in lb_lifecycle_run. */
struct lb_lifecycle_config {
    int64_t drain_delay_ns, drain_timeout_ns;
    unsigned parts;           /* how often lb_lifecycle_done is called at a stop */
    void (*begin)(void *arg); /* the server wants no more traffic, but serves all that comes */
    void (*drain)(
        void *arg); /* close the listeners; each part ends when it has nothing left to do */
    void (*cancel)(void *arg); /* each part ends soon, whatever it has left */
    void (*reload)(void *arg); /* SIGHUP */
    void (*tick)(void *arg);   /* every tick_ns until the end */
    int64_t tick_ns;
    void *arg;
};

/* Blocks the signals that run handles in the calling thread, so that the threads made from now on
 * leave them to it, and ignores SIGPIPE. Call it in main before there are threads. */
void lb_lifecycle_block_signals(void);

struct lb_lifecycle *lb_lifecycle_new(const struct lb_lifecycle_config *config,
                                      struct lb_error *err) LB_MUST_CHECK;

/* Asks for the stop, like SIGTERM, but any number of times. Any thread. */
void lb_lifecycle_stop(struct lb_lifecycle *l);

/* Tells that one part of the server has ended. Any thread. */
void lb_lifecycle_done(struct lb_lifecycle *l);

/* Handles signals until all parts have ended. While they end, a second SIGTERM or SIGINT ends the
 * process at once with LB_EXIT_FAILURE. */
void lb_lifecycle_run(struct lb_lifecycle *l);

void lb_lifecycle_free(struct lb_lifecycle *l);

#endif
