/* The server's life as its process: signals, the announcement in the port file, the stop. */
#ifndef LB_SERVER_LIFECYCLE_H
#define LB_SERVER_LIFECYCLE_H

#include "common/error.h"

struct lb_lifecycle;

struct lb_lifecycle_config {
    /* SIGTERM or SIGINT came: begin to stop and call lb_lifecycle_done once for each of `parts`. */
    void (*stop)(void *arg);
    void (*reload)(void *arg); /* SIGHUP came; NULL: nothing to reload */
    void *arg;
    unsigned parts;
};

/* Blocks every signal in the calling thread, so that the threads made from now on leave them to the
 * one in lb_lifecycle_run, and ignores SIGPIPE. Call it in main before there are threads. */
void lb_lifecycle_block_signals(void);

struct lb_lifecycle *lb_lifecycle_new(const struct lb_lifecycle_config *config,
                                      struct lb_error *err) LB_MUST_CHECK;

/* Tells that one part of the server has ended. Any thread. */
void lb_lifecycle_done(struct lb_lifecycle *l);

/* Handles signals until all parts have ended. While they end, a second SIGTERM or SIGINT ends the
 * process at once with LB_EXIT_FAILURE. */
void lb_lifecycle_run(struct lb_lifecycle *l);

void lb_lifecycle_free(struct lb_lifecycle *l);

#endif
