/* Which connection a call came over. */
#include "server/grpc_connections.h"

#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"
#include "server/connection_id.h"
#include "server/grpc_server.h"

/* Two levels, so that a small server needs a small table and a big one is not copied while calls
 * read it: 1,048,576 descriptors is Linux' own default bound of a process (fs.nr_open). */
#define PAGE_CONNECTIONS 1024
#define PAGES 1024

struct lb_grpc_connection {
    _Atomic uint64_t id; /* 0: never used */
    _Atomic uint64_t calls;
    int fd;               /* of every connection this has been */
    pthread_mutex_t lock; /* of what follows */
    int64_t cancels_since_ns;
    uint64_t calls_before; /* that came until then */
    unsigned cancels;      /* calls given up since then */
    char host[LB_ADDRESS_TEXT];
    char text[LB_ADDRESS_TEXT];
    size_t text_len;
    uint16_t port;
};

struct page {
    _Atomic(struct lb_grpc_connection *) connections[PAGE_CONNECTIONS];
};

struct lb_grpc_connections {
    _Atomic(struct page *) pages[PAGES];
    pthread_mutex_t tls_lock; /* of all `struct mark`s */
};

/* The value of a TLS connection's property. */
struct mark {
    uint64_t id, calls;
};
static const char mark_name[] = "lbdemo_connection";

struct lb_grpc_connections *lb_grpc_connections_new(void)
{
    struct lb_grpc_connections *table = calloc(1, sizeof *table);
    if (table)
        pthread_mutex_init(&table->tls_lock, NULL);
    return table;
}

void lb_grpc_connections_free(struct lb_grpc_connections *table)
{
    if (!table)
        return;
    for (size_t p = 0; p < PAGES; p++) {
        struct page *page = atomic_load(&table->pages[p]);
        for (size_t i = 0; page && i < PAGE_CONNECTIONS; i++) {
            struct lb_grpc_connection *c = atomic_load(&page->connections[i]);
            if (c)
                pthread_mutex_destroy(&c->lock);
            free(c);
        }
        free(page);
    }
    pthread_mutex_destroy(&table->tls_lock);
    free(table);
}

static struct lb_grpc_connection *find(struct lb_grpc_connections *table, size_t fd)
{
    struct page *page =
        fd < (size_t)PAGES * PAGE_CONNECTIONS
            ? atomic_load_explicit(&table->pages[fd / PAGE_CONNECTIONS], memory_order_acquire)
            : NULL;
    return page ? atomic_load_explicit(&page->connections[fd % PAGE_CONNECTIONS],
                                       memory_order_acquire)
                : NULL;
}

/* The connection of `fd`, made if need be; NULL when out of memory. */
static struct lb_grpc_connection *find_or_make(struct lb_grpc_connections *table, size_t fd)
{
    struct lb_grpc_connection *c = find(table, fd);
    if (c)
        return c;
    struct page *page = atomic_load(&table->pages[fd / PAGE_CONNECTIONS]);
    if (!page) {
        page = calloc(1, sizeof *page);
        if (!page)
            return NULL;
        atomic_store(&table->pages[fd / PAGE_CONNECTIONS], page);
    }
    c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->fd = (int)fd;
    atomic_store(&page->connections[fd % PAGE_CONNECTIONS], c);
    return c;
}

int lb_grpc_connections_enter(struct lb_grpc_connections *table, int fd,
                              const struct sockaddr *peer, socklen_t peer_len, struct lb_error *err)
{
    if (fd >= PAGES * PAGE_CONNECTIONS)
        return lb_error_set(err, "descriptor %d is beyond the %d this server can keep track of", fd,
                            PAGES * PAGE_CONNECTIONS);
    struct lb_grpc_connection *c = find_or_make(table, (size_t)fd);
    if (!c)
        return lb_error_set(err, "out of memory for a connection");
    pthread_mutex_lock(&c->lock);
    c->cancels = 0;
    lb_address_split(peer, peer_len, c->host, &c->port);
    c->text_len = strlen(lb_address_format(c->text, peer, peer_len));
    pthread_mutex_unlock(&c->lock);
    atomic_store_explicit(&c->calls, 0, memory_order_relaxed);
    atomic_store_explicit(&c->id, lb_connection_id_next(), memory_order_release);
    return 0;
}

/* The core keeps one context a connection, and a copy of each property in it, which is changed in
 * place here. */
static void count_tls_call(struct lb_grpc_connections *table, grpc_call *call,
                           struct lb_grpc_call_origin *origin)
{
    struct mark mark = {0};
    grpc_auth_context *context = grpc_call_auth_context(call);
    if (!context)
        return;
    pthread_mutex_lock(&table->tls_lock);
    grpc_auth_property_iterator i = grpc_auth_context_find_properties_by_name(context, mark_name);
    const grpc_auth_property *p = grpc_auth_property_iterator_next(&i);
    if (p)
        memcpy(&mark, p->value, sizeof mark);
    else
        mark.id = lb_connection_id_next();
    mark.calls++;
    if (p)
        memcpy(p->value, &mark, sizeof mark);
    else
        grpc_auth_context_add_property(context, mark_name, (const char *)&mark, sizeof mark);
    pthread_mutex_unlock(&table->tls_lock);
    grpc_auth_context_release(context);
    origin->connection_id = mark.id;
    origin->ordinal = mark.calls;
}

struct lb_grpc_call_origin lb_grpc_connections_count_call(struct lb_grpc_connections *table,
                                                          grpc_call *call)
{
    struct lb_grpc_call_origin origin = {0};
    uint64_t fd;
    origin.peer = grpc_call_get_peer(call);
    if (strncmp(origin.peer, "fd:", 3) != 0) {
        count_tls_call(table, call, &origin);
        return origin;
    }
    if (lb_parse_uint(origin.peer + 3, 0, INT32_MAX, &fd, NULL) == 0)
        origin.connection = find(table, fd);
    lb_grpc_origin_clear(&origin);
    if (!origin.connection)
        return origin;
    origin.connection_id = atomic_load_explicit(&origin.connection->id, memory_order_acquire);
    origin.ordinal =
        atomic_fetch_add_explicit(&origin.connection->calls, 1, memory_order_relaxed) + 1;
    return origin;
}

void lb_grpc_origin_clear(struct lb_grpc_call_origin *origin)
{
    gpr_free(origin->peer);
    origin->peer = NULL;
}

/* Reads "ipv4:10.0.0.7:41234" or "ipv6:%5B::1%5D:41234", as the core names a peer. */
static int parse_peer(const char *peer, struct lb_address *address)
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
    return lb_address_parse_listen(text, address, NULL);
}

int lb_grpc_origin_fd(const struct lb_grpc_call_origin *origin)
{
    return origin->connection ? origin->connection->fd : -1;
}

void lb_grpc_origin_peer(const struct lb_grpc_call_origin *origin, char host[LB_ADDRESS_TEXT],
                         uint16_t *port)
{
    struct lb_grpc_connection *c = origin->connection;
    struct lb_address address;
    host[0] = '\0';
    *port = 0;
    if (c) {
        pthread_mutex_lock(&c->lock);
        memcpy(host, c->host, LB_ADDRESS_TEXT);
        *port = c->port;
        pthread_mutex_unlock(&c->lock);
    } else if (origin->peer && parse_peer(origin->peer, &address) == 0) {
        lb_address_split((const struct sockaddr *)&address.sa, address.len, host, port);
    }
}

size_t lb_grpc_origin_text(const struct lb_grpc_call_origin *origin, char text[LB_ADDRESS_TEXT])
{
    struct lb_grpc_connection *c = origin->connection;
    struct lb_address address;
    size_t len = 0;
    if (c) {
        pthread_mutex_lock(&c->lock);
        len = c->text_len;
        memcpy(text, c->text, len + 1);
        pthread_mutex_unlock(&c->lock);
    } else if (origin->peer && parse_peer(origin->peer, &address) == 0) {
        len = strlen(lb_address_format(text, (const struct sockaddr *)&address.sa, address.len));
    }
    return len;
}

void lb_grpc_origin_cancelled(const struct lb_grpc_call_origin *origin)
{
    struct lb_grpc_connection *c = origin->connection;
    if (!c)
        return;
    int64_t now = lb_clock_monotonic_ns();
    uint64_t calls = atomic_load_explicit(&c->calls, memory_order_relaxed);
    pthread_mutex_lock(&c->lock);
    if (c->cancels == 0) {
        c->cancels_since_ns = now;
        c->calls_before = calls;
    }
    if (++c->cancels == LB_GRPC_MAX_CANCELS) {
        c->cancels = 0;
        if (now - c->cancels_since_ns < LB_GRPC_CANCELS_NS &&
            calls - c->calls_before < 2 * LB_GRPC_MAX_CANCELS) {
            lb_log(LB_LOG_WARNING, "grpc", "%s cancelled most of its calls: disconnected", c->text);
            /* The descriptor is the core's, which sees the end and closes it. */
            shutdown(c->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&c->lock);
}
