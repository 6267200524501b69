/* Listening sockets for balancers that inherit theirs. */
#include "config.h"

#include "lab/balancer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static int open_one(int *fd, unsigned *port, struct lb_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, size) < 0 || listen(*fd, BACKLOG) < 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &size) < 0)
        return lb_error_set(err, "cannot listen on 127.0.0.1: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return 0;
}

int lb_listeners_open(struct lb_listeners *listeners, struct lb_error *err)
{
    listeners->fds[0] = listeners->fds[1] = -1;
    for (int i = 0; i < 2; i++) {
        if (open_one(&listeners->fds[i], &listeners->ports[i], err) < 0) {
            lb_listeners_close(listeners);
            return -1;
        }
    }
    return 0;
}

void lb_listeners_close(struct lb_listeners *listeners)
{
    for (int i = 0; i < 2; i++) {
        if (listeners->fds[i] >= 0)
            close(listeners->fds[i]);
        listeners->fds[i] = -1;
    }
}

void lb_path_set_targets(struct lb_lab_path *path, const char *host, unsigned http_port,
                         unsigned grpc_port)
{
    snprintf(path->http, sizeof path->http, "http://%s:%u/pod", host, http_port);
    snprintf(path->grpc, sizeof path->grpc, "%s:%u", host, grpc_port);
}
