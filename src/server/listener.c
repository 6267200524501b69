/* Listening sockets: one address, one socket a thread. */
#include "server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096

struct lb_listener {
    size_t count;
    char address[LB_ADDRESS_TEXT];
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* ours to remove; or "" */
    dev_t path_dev;                                       /* which socket file is ours */
    ino_t path_ino;
    int fds[];
};

static struct lb_listener *listener_new(size_t count, struct lb_error *err)
{
    struct lb_listener *l = calloc(1, sizeof *l + count * sizeof l->fds[0]);
    if (!l) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    l->count = count;
    for (size_t i = 0; i < count; i++)
        l->fds[i] = -1;
    return l;
}

static int new_socket(const struct lb_address *a)
{
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1, v6only = !a->any;
    /* Addresses in TIME_WAIT do not keep a restarted server from its port. */
    if ((a->sa.ss_family != AF_UNIX &&
         setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) ||
        (a->sa.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) < 0)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int share_port(int fd)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

/* When a socket lets others be bound to its address. */
enum share { SHARE_NEVER, SHARE_ONCE_BOUND, SHARE_ALWAYS };

/* A bound, listening socket, or -1 with errno. */
static int listening_socket(const struct lb_address *a, enum share share)
{
    int fd = new_socket(a);
    if (fd < 0)
        return -1;
    if ((share != SHARE_ALWAYS || share_port(fd) == 0) &&
        bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0 &&
        (share != SHARE_ONCE_BOUND || share_port(fd) == 0) && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int duplicate(struct lb_listener *l)
{
    for (size_t i = 1; i < l->count; i++) {
        l->fds[i] = fcntl(l->fds[0], F_DUPFD_CLOEXEC, 0);
        if (l->fds[i] < 0)
            return -1;
    }
    return 0;
}

/* Writes down the address that was really bound. */
static int learn_address(struct lb_listener *l, struct lb_address *a)
{
    a->len = sizeof a->sa;
    if (getsockname(l->fds[0], (struct sockaddr *)&a->sa, &a->len) < 0)
        return -1;
    lb_address_format(l->address, (const struct sockaddr *)&a->sa, a->len);
    return 0;
}

static int open_tcp(struct lb_listener *l, struct lb_address *a)
{
    enum share first = l->count > 1 ? SHARE_ONCE_BOUND : SHARE_NEVER;
    l->fds[0] = listening_socket(a, first);
    if (l->fds[0] < 0 && a->any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        in_port_t port = ((struct sockaddr_in6 *)&a->sa)->sin6_port;
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = port};
        memcpy(&a->sa, &any, sizeof any);
        a->len = sizeof any;
        l->fds[0] = listening_socket(a, first);
    }
    if (l->fds[0] < 0 || learn_address(l, a) < 0)
        return -1;
    for (size_t i = 1; i < l->count; i++) {
        l->fds[i] = listening_socket(a, SHARE_ALWAYS);
        if (l->fds[i] < 0)
            return -1;
    }
    return 0;
}

/* Whether the socket file at `a` is there but nobody listens on it. Sets errno to EADDRINUSE if
 * somebody does or it is no socket. */
static bool is_stale(const struct lb_address *a, const char *path)
{
    struct stat st;
    bool stale = false;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        stale = fd >= 0 && connect(fd, (const struct sockaddr *)&a->sa, a->len) < 0 &&
                errno == ECONNREFUSED;
        if (fd >= 0)
            close(fd);
    }
    errno = EADDRINUSE;
    return stale;
}

/* Locks the folder of `path`, so that two servers starting at once cannot each find the other's
 * socket bound but not yet listening, and take it for a dead one. -1 without a lock: no such folder
 * (bind will say so), or none to be had. */
static int lock_folder(const char *path)
{
    char copy[sizeof((struct sockaddr_un *)0)->sun_path];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int open_unix(struct lb_listener *l, const struct lb_address *a)
{
    const char *path = ((const struct sockaddr_un *)&a->sa)->sun_path;
    int lock = lock_folder(path);
    l->fds[0] = listening_socket(a, SHARE_NEVER);
    if (l->fds[0] < 0 && errno == EADDRINUSE && is_stale(a, path) && unlink(path) == 0)
        l->fds[0] = listening_socket(a, SHARE_NEVER);
    int saved = errno;
    struct stat st;
    if (l->fds[0] >= 0 && lstat(path, &st) == 0) {
        snprintf(l->path, sizeof l->path, "%s", path);
        l->path_dev = st.st_dev;
        l->path_ino = st.st_ino;
    }
    if (lock >= 0)
        close(lock);
    errno = saved;
    if (l->fds[0] < 0)
        return -1;
    lb_address_format(l->address, (const struct sockaddr *)&a->sa, a->len);
    return duplicate(l);
}

struct lb_listener *lb_listener_open(const char *text, size_t count, struct lb_error *err)
{
    struct lb_address a;
    if (lb_address_parse_listen(text, &a, err) < 0)
        return NULL;
    struct lb_listener *l = listener_new(count, err);
    if (!l)
        return NULL;
    int failed = a.sa.ss_family == AF_UNIX ? open_unix(l, &a) : open_tcp(l, &a);
    if (failed) {
        lb_error_set(err, "cannot listen on '%s': %s", text, strerror(errno));
        lb_listener_free(l);
        return NULL;
    }
    return l;
}

struct lb_listener *lb_listener_adopt(int fd, size_t count, struct lb_error *err)
{
    struct lb_listener *l = listener_new(count, err);
    if (!l) {
        close(fd);
        return NULL;
    }
    l->fds[0] = fd;
    struct lb_address a;
    int type = 0, listening = 0;
    socklen_t type_len = sizeof type, listening_len = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &listening_len) < 0)
        lb_error_set(err, "descriptor %d is no socket: %s", fd, strerror(errno));
    else if (type != SOCK_STREAM || !listening)
        lb_error_set(err, "descriptor %d is no listening stream socket", fd);
    else if (learn_address(l, &a) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
             fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 || duplicate(l) < 0)
        lb_error_set(err, "cannot use descriptor %d: %s", fd, strerror(errno));
    else
        return l;
    lb_listener_free(l);
    return NULL;
}

int lb_listener_take(struct lb_listener *l, size_t index)
{
    int fd = l->fds[index];
    l->fds[index] = -1;
    return fd;
}

const char *lb_listener_address(const struct lb_listener *l)
{
    return l->address;
}

void lb_listener_free(struct lb_listener *l)
{
    if (!l)
        return;
    struct stat st;
    if (*l->path && lstat(l->path, &st) == 0 && st.st_dev == l->path_dev &&
        st.st_ino == l->path_ino)
        unlink(l->path);
    for (size_t i = 0; i < l->count; i++) {
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    }
    free(l);
}
