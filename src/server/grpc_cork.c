/* Replies that belong together leave together. */
#include "server/grpc_cork.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int set_cork(int fd, int on)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

void lb_grpc_cork_call(struct lb_grpc_cork *cork, int fd)
{
    if (cork->calls++ == LB_GRPC_CORK_CALLS)
        lb_grpc_cork_release(cork);
    size_t i = 0;
    while (i < cork->count && cork->sockets[i].fd != fd)
        i++;
    if (fd < 0 || i == LB_GRPC_CORK_CONNECTIONS)
        return;
    if (i == cork->count) {
        cork->sockets[i].fd = fd;
        cork->sockets[i].corked = false;
        cork->count++;
    } else if (!cork->sockets[i].corked && set_cork(fd, 1) == 0) {
        cork->sockets[i].corked = cork->held = true;
    }
}

void lb_grpc_cork_release(struct lb_grpc_cork *cork)
{
    for (size_t i = 0; cork->held && i < cork->count; i++) {
        if (cork->sockets[i].corked)
            set_cork(cork->sockets[i].fd, 0);
    }
    cork->count = cork->calls = 0;
    cork->held = false;
}
