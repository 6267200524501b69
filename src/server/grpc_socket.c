/* The socket that a call came over. */
#include "server/grpc_socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/address.h"
#include "common/memory.h"
#include "common/units.h"

struct lb_grpc_sockets {
    struct lb_grpc_acceptor *acceptor;
    uint16_t tls_port;
    pthread_mutex_t lock; /* of the marks */
};

/* The property of a TLS connection's context that holds its descriptor, an int. */
static const char mark_name[] = "lbdemo_socket";

/* One end of a connection. */
struct end {
    struct sockaddr_storage sa;
    socklen_t len;
    char host[LB_ADDRESS_TEXT];
    uint16_t port;
};

struct lb_grpc_sockets *lb_grpc_sockets_new(struct lb_grpc_acceptor *acceptor)
{
    struct lb_grpc_sockets *s = lb_malloc(sizeof *s);
    *s = (struct lb_grpc_sockets){.acceptor = acceptor};
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void lb_grpc_sockets_free(struct lb_grpc_sockets *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void lb_grpc_sockets_set_tls_port(struct lb_grpc_sockets *s, uint16_t port)
{
    s->tls_port = port;
}

/* Reads "ipv4:10.0.0.7:41234" or "ipv6:%5B::1%5D:41234", as the core names a peer. */
static int parse_peer(const char *peer, struct end *end)
{
    char text[LB_ADDRESS_TEXT];
    size_t used = 0;
    const char *c = strchr(peer, ':');
    for (c = c ? c + 1 : ""; *c && used + 1 < sizeof text; used++) {
        unsigned byte;
        if (*c == '%' && sscanf(c + 1, "%2x", &byte) == 1) {
            text[used] = (char)byte;
            c += 3;
        } else {
            text[used] = *c++;
        }
    }
    text[used] = '\0';
    struct lb_address address;
    if (lb_address_parse_listen(text, &address, NULL) < 0)
        return -1;
    lb_address_split((const struct sockaddr *)&address.sa, address.len, end->host, &end->port);
    return 0;
}

typedef int name_function(int fd, struct sockaddr *sa, socklen_t *len);

static int find_end(int fd, name_function *name, struct end *end)
{
    end->len = sizeof end->sa;
    if (name(fd, (struct sockaddr *)&end->sa, &end->len) < 0 ||
        (end->sa.ss_family != AF_INET && end->sa.ss_family != AF_INET6))
        return -1;
    lb_address_split((const struct sockaddr *)&end->sa, end->len, end->host, &end->port);
    return 0;
}

/* Whether `fd` is the TLS connection from `peer`, whose address it adds. */
static bool leads_to(const struct lb_grpc_sockets *s, int fd, struct end *peer)
{
    struct end here, there;
    if (find_end(fd, getpeername, &there) < 0 || there.port != peer->port ||
        strcmp(there.host, peer->host) != 0 || find_end(fd, getsockname, &here) < 0 ||
        here.port != s->tls_port)
        return false;
    *peer = there;
    return true;
}

/* A duplicate of the descriptor `fd`, if that is the one: looked at again, as only a duplicate of
 * ours cannot have become another socket meanwhile. Else -1. */
static int duplicate_if(const struct lb_grpc_sockets *s, int fd, struct end *peer)
{
    if (!leads_to(s, fd, peer))
        return -1;
    int twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (twin >= 0 && !leads_to(s, twin, peer)) {
        close(twin);
        twin = -1;
    }
    return twin;
}

/* The core's descriptor of the connection from `peer` and a duplicate of it; -1 if it has none. */
static int search(const struct lb_grpc_sockets *s, struct end *peer, int *twin)
{
    DIR *all = opendir("/proc/self/fd");
    struct dirent *entry;
    uint64_t fd = 0;
    *twin = -1;
    while (all && *twin < 0 && (entry = readdir(all))) {
        if (lb_parse_uint(entry->d_name, 0, INT32_MAX, &fd, NULL) == 0)
            *twin = duplicate_if(s, (int)fd, peer);
    }
    if (all)
        closedir(all);
    return *twin < 0 ? -1 : (int)fd;
}

/* The first call of a TLS connection. */
static int adopt(struct lb_grpc_sockets *s, const char *peer_text)
{
    struct end peer;
    int twin;
    if (lb_grpc_acceptor_full(s->acceptor))
        return LB_GRPC_SOCKET_EXCESS;
    int fd = parse_peer(peer_text, &peer) < 0 ? -1 : search(s, &peer, &twin);
    if (fd < 0)
        return LB_GRPC_SOCKET_UNKNOWN;
    if (lb_grpc_acceptor_adopt(s->acceptor, fd, twin, (struct sockaddr *)&peer.sa, peer.len) == 0)
        return fd;
    int error = errno;
    close(twin);
    return error == EUSERS ? LB_GRPC_SOCKET_EXCESS : LB_GRPC_SOCKET_UNKNOWN;
}

static int find_tls(struct lb_grpc_sockets *s, grpc_call *call, const char *peer)
{
    int fd = LB_GRPC_SOCKET_UNKNOWN;
    grpc_auth_context *context = grpc_call_auth_context(call);
    if (!context)
        return fd;
    pthread_mutex_lock(&s->lock);
    grpc_auth_property_iterator i = grpc_auth_context_find_properties_by_name(context, mark_name);
    const grpc_auth_property *mark = grpc_auth_property_iterator_next(&i);
    if (mark)
        memcpy(&fd, mark->value, sizeof fd);
    else if ((fd = adopt(s, peer)) >= 0)
        grpc_auth_context_add_property(context, mark_name, (const char *)&fd, sizeof fd);
    pthread_mutex_unlock(&s->lock);
    grpc_auth_context_release(context);
    return fd;
}

int lb_grpc_socket_of_call(struct lb_grpc_sockets *s, grpc_call *call)
{
    char *peer = grpc_call_get_peer(call);
    uint64_t n;
    int fd = LB_GRPC_SOCKET_UNKNOWN;
    if (strncmp(peer, "fd:", 3) != 0)
        fd = find_tls(s, call, peer);
    else if (lb_parse_uint(peer + 3, 0, INT32_MAX, &n, NULL) == 0)
        fd = (int)n;
    gpr_free(peer);
    return fd;
}
