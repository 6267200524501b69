/* systemd's two small protocols. */
#include "config.h"

#include "server/systemd.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"

/* sd_listen_fds(3): the first is number 3. */
#define FIRST_FD 3

/* Whether the variables are meant for this process: an ancestor's may still be there. */
static int is_for_us(struct lb_error *err)
{
    const char *pid = getenv("LISTEN_PID");
    uint64_t number;
    if (!pid || !getenv("LISTEN_FDS"))
        return 0;
    if (lb_parse_uint(pid, 1, INT32_MAX, &number, NULL) < 0)
        return lb_error_set(err, "environment variable LISTEN_PID: '%s' is no process number", pid);
    return number == (uint64_t)getpid();
}

static int take(struct lb_systemd_sockets *sockets, struct lb_error *err)
{
    uint64_t count;
    struct lb_error why;
    if (lb_parse_uint(getenv("LISTEN_FDS"), 0, LB_SYSTEMD_SOCKETS_MAX, &count, &why) < 0)
        return lb_error_set(err, "environment variable LISTEN_FDS: %.400s", why.text);
    const char *names = getenv("LISTEN_FDNAMES");
    if (strlen(names ? names : "") >= sizeof sockets->names)
        return lb_error_set(err, "environment variable LISTEN_FDNAMES has more than %zu bytes",
                            sizeof sockets->names - 1);
    strcpy(sockets->names, names ? names : "");
    char *next = sockets->names;
    for (size_t i = 0; i < count; i++) {
        const char *name = next ? strsep(&next, ":") : "";
        sockets->items[i] = (struct lb_systemd_socket){FIRST_FD + (int)i, name};
    }
    sockets->count = (size_t)count;
    return 0;
}

int lb_systemd_take_sockets(struct lb_systemd_sockets *sockets, struct lb_error *err)
{
    sockets->count = 0;
    int ours = is_for_us(err);
    int failed = ours < 0 || (ours && take(sockets, err) < 0);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return failed ? -1 : 0;
}

void lb_systemd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || !*path)
        return;
    size_t len = strlen(path);
    int fd = -1;
    errno = EINVAL;
    if ((*path == '/' || *path == '@') && len < sizeof address.sun_path) {
        memcpy(address.sun_path, path, len + 1);
        if (*path == '@') /* Linux' abstract sockets */
            address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd < 0 ||
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
        lb_log(LB_LOG_WARNING, "server", "cannot tell the service manager at '%s': %s", path,
               strerror(errno));
    if (fd >= 0)
        close(fd);
}
