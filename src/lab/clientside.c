/* No balancer at all: the client gets every server's address, in the target or from DNS. */
#include "config.h"

#include "lab/balancer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/dns.h"

int lb_addresses_start(struct lb_lab *lab, struct lb_lab_path *path, struct lb_error *err)
{
    (void)err;
    size_t used = (size_t)snprintf(path->grpc, sizeof path->grpc, "ipv4:");
    for (size_t i = 0; i < lab->server_count; i++)
        used += (size_t)snprintf(path->grpc + used, sizeof path->grpc - used, "%s%s:%u",
                                 i ? "," : "", lab->servers[i].host, lab->servers[i].grpc_port);
    return 0;
}

static int open_socket(unsigned *port, struct lb_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        lb_error_set(err, "cannot open a socket for DNS on 127.0.0.1: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int lb_dns_start(struct lb_lab *lab, struct lb_lab_path *path, struct lb_error *err)
{
    unsigned port;
    char own[PATH_MAX], fd_text[16], log_name[80];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (n < 0)
        return lb_error_set(err, "cannot find this program: %s", strerror(errno));
    own[n] = '\0';
    int fd = open_socket(&port, err);
    if (fd < 0)
        return -1;
    snprintf(fd_text, sizeof fd_text, "%d", fd);
    snprintf(log_name, sizeof log_name, "%s.log", path->topology->name);
    const char *argv[4 + LB_LAB_MAX_SERVERS] = {own, LB_DNS_COMMAND, fd_text};
    for (size_t i = 0; i < lab->server_count; i++)
        argv[3 + i] = lab->servers[i].host;
    char *log = lb_lab_file(lab, log_name);
    const struct lb_spawn spawn = {.name = path->topology->name,
                                   .argv = argv,
                                   .log = log,
                                   .out = -1,
                                   .netns = -1,
                                   .fds = &fd,
                                   .fd_count = 1};
    if (log)
        path->balancer = lb_supervisor_spawn(lab->supervisor, &spawn, err);
    else
        lb_error_set(err, "out of memory");
    free(log);
    close(fd);
    snprintf(path->grpc, sizeof path->grpc, "dns://127.0.0.1:%u/" LB_DNS_NAME ":%u", port,
             lab->servers[0].grpc_port);
    return path->balancer ? 0 : -1;
}
