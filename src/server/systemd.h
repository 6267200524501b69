/* systemd's two small protocols: telling it how the service does (sd_notify(3)), and the sockets it
 * opened for the service (sd_listen_fds(3)). */
#ifndef LB_SERVER_SYSTEMD_H
#define LB_SERVER_SYSTEMD_H

#include <stddef.h>

#include "common/error.h"

#define LB_SYSTEMD_SOCKETS_MAX 16

/* One of the sockets, with the name its unit gives it (FileDescriptorName=). */
struct lb_systemd_socket {
    int fd;
    const char *name; /* "" without one; a part of `names` */
};

struct lb_systemd_sockets {
    struct lb_systemd_socket items[LB_SYSTEMD_SOCKETS_MAX];
    size_t count; /* 0: systemd passed none */
    char names[1024];
};

/* Takes what LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES describe, and removes these variables, so
 * that no child takes them for its own. The descriptors are the caller's to close. Before there are
 * threads. */
int lb_systemd_take_sockets(struct lb_systemd_sockets *sockets, struct lb_error *err) LB_MUST_CHECK;

/* Sends `state` ("READY=1", "STOPPING=1", lines with a newline between them) to the socket that
 * NOTIFY_SOCKET names; without one nothing. A service manager that cannot be told is logged. */
void lb_systemd_notify(const char *state);

#endif
