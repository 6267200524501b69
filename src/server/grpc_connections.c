/* Which connection a call came over. */
#include "server/grpc_connections.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
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
};

struct lb_grpc_connections *lb_grpc_connections_new(void)
{
    return calloc(1, sizeof(struct lb_grpc_connections));
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

struct lb_grpc_call_origin lb_grpc_connections_count_call(struct lb_grpc_connections *table, int fd)
{
    struct lb_grpc_call_origin origin = {0};
    if (fd < 0 || !(origin.connection = find(table, (size_t)fd)))
        return origin;
    origin.connection_id = atomic_load_explicit(&origin.connection->id, memory_order_acquire);
    origin.ordinal =
        atomic_fetch_add_explicit(&origin.connection->calls, 1, memory_order_relaxed) + 1;
    return origin;
}

int lb_grpc_origin_fd(const struct lb_grpc_call_origin *origin)
{
    return origin->connection ? origin->connection->fd : -1;
}

void lb_grpc_origin_peer(const struct lb_grpc_call_origin *origin, char host[LB_ADDRESS_TEXT],
                         uint16_t *port)
{
    struct lb_grpc_connection *c = origin->connection;
    host[0] = '\0';
    *port = 0;
    if (c) {
        pthread_mutex_lock(&c->lock);
        memcpy(host, c->host, LB_ADDRESS_TEXT);
        *port = c->port;
        pthread_mutex_unlock(&c->lock);
    }
}

size_t lb_grpc_origin_text(const struct lb_grpc_call_origin *origin, char text[LB_ADDRESS_TEXT])
{
    struct lb_grpc_connection *c = origin->connection;
    size_t len = 0;
    if (c) {
        pthread_mutex_lock(&c->lock);
        len = c->text_len;
        memcpy(text, c->text, len + 1);
        pthread_mutex_unlock(&c->lock);
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
