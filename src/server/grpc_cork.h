/* Replies that belong together leave together. The core sends each reply by itself, and on a busy
 * connection most of a call's cost is that of its packet. A thread's calls come in batches, as many
 * as one read of a socket held; from the second call of a batch on one connection, its socket is
 * corked (tcp(7), TCP_CORK) until the first of the batch's replies is known to be written, so the
 * kernel sends the others in one packet. A call that comes alone is never held.
 *
 * A worker's own; its thread only. */
#ifndef LB_SERVER_GRPC_CORK_H
#define LB_SERVER_GRPC_CORK_H

#include <stdbool.h>
#include <stddef.h>

#define LB_GRPC_CORK_CONNECTIONS 16 /* of a batch; calls on others are not held */
#define LB_GRPC_CORK_CALLS 64       /* of a batch, so that none is held for long */

struct lb_grpc_cork {
    struct {
        int fd;
        bool corked;
    } sockets[LB_GRPC_CORK_CONNECTIONS]; /* those that the batch's calls came over */
    size_t count;
    size_t calls;
    bool held; /* a socket is corked: the thread must not wait, but look and release */
};

/* A call has arrived on the socket `fd` (-1: not known) and will be answered now. A socket that
 * cannot be corked (unix) is left as it is. */
void lb_grpc_cork_call(struct lb_grpc_cork *cork, int fd);

/* The batch is over: sends what is held. To be called while the batch's calls exist, as their
 * sockets are the core's. */
void lb_grpc_cork_release(struct lb_grpc_cork *cork);

#endif
