/* Accepts plaintext gRPC connections and hands them to the C core by descriptor. */
#include "config.h"

#include "server/grpc_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define EVENTS 64                     /* taken from epoll at a time */
#define ACCEPTS 64                    /* from one listener at a time, so that ends are seen too */
#define PAUSE_NS (100 * LB_NS_PER_MS) /* after accept() found no descriptor or memory */
#define SLOT(kind, n) ((uint64_t)(kind) << 32 | (uint32_t)(n))

enum slot_kind { SLOT_WAKE, SLOT_LISTENER, SLOT_CONNECTION };
enum command { COMMAND_RUN, COMMAND_DRAIN, COMMAND_STOP };

struct lb_grpc_acceptor {
    grpc_server *server;
    grpc_server_credentials *credentials;
    struct lb_grpc_connections *connections;
    struct lb_metrics_shard *metrics;
    uint64_t max_open; /* 0: no limit */
    int epoll, wake;
    pthread_t thread;
    bool started;
    _Atomic int command;

    /* The thread's own. */
    int listeners[LB_GRPC_MAX_LISTENERS];
    size_t listener_count;
    int64_t paused_until_ns; /* 0: not paused */
    int short_of;            /* errno of the last accept; 0: it worked */

    pthread_mutex_t lock; /* of what follows, and of entering connections and counting them */
    pthread_cond_t changed;
    bool drained;  /* only the thread writes it once it runs */
    uint64_t open; /* connections */
    int *watched;  /* by the core's descriptor: our duplicate, or -1 */
    size_t watched_size;
};

static int watch(struct lb_grpc_acceptor *a, int fd, uint32_t events, uint64_t slot)
{
    struct epoll_event event = {.events = events, .data.u64 = slot};
    return epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool is_full(const struct lb_grpc_acceptor *a)
{
    return a->max_open > 0 && a->open >= a->max_open;
}

/* The connection on `fd`, if there was one, is over: by which side the core does not say. */
static void end_connection(struct lb_grpc_acceptor *a, int fd)
{
    if ((size_t)fd >= a->watched_size || a->watched[fd] < 0)
        return;
    /* The core's descriptor may keep the socket in our epoll set after this close. */
    epoll_ctl(a->epoll, EPOLL_CTL_DEL, a->watched[fd], NULL);
    close(a->watched[fd]);
    a->watched[fd] = -1;
    a->open--;
    lb_metrics_closed(a->metrics, LB_CLOSE_UNKNOWN);
}

/* Asked again, as the event may be that of a connection whose number another one has by now. */
static bool has_ended(const struct lb_grpc_acceptor *a, int fd)
{
    struct pollfd twin = {.fd = a->watched[fd], .events = POLLRDHUP};
    return twin.fd >= 0 && poll(&twin, 1, 0) == 1;
}

static int reserve_watched(struct lb_grpc_acceptor *a, int fd)
{
    if ((size_t)fd < a->watched_size)
        return 0;
    size_t size = a->watched_size ? a->watched_size : 64;
    while (size <= (size_t)fd)
        size *= 2;
    int *grown = realloc(a->watched, size * sizeof *grown);
    if (!grown)
        return -1;
    memset(grown + a->watched_size, 0xff, (size - a->watched_size) * sizeof *grown);
    a->watched = grown;
    a->watched_size = size;
    return 0;
}

/* A new connection, `fd` of the core's: entered, counted and watched by the duplicate `twin` until
 * its end, which then is ours to close. Returns -1 with errno after failure, -1 with EUSERS if it
 * is one too many. */
static int enter(struct lb_grpc_acceptor *a, int fd, int twin, const struct sockaddr *peer,
                 socklen_t len)
{
    struct lb_error err;
    /* A number that comes again proves its last connection over, seen or not. */
    end_connection(a, fd);
    errno = EUSERS;
    if (is_full(a))
        return -1;
    errno = ENOMEM;
    if (reserve_watched(a, fd) < 0 ||
        lb_grpc_connections_enter(a->connections, fd, peer, len, &err) < 0 ||
        watch(a, twin, EPOLLRDHUP, SLOT(SLOT_CONNECTION, fd)) < 0)
        return -1;
    a->watched[fd] = twin;
    a->open++;
    lb_metrics_accepted(a->metrics);
    return 0;
}

bool lb_grpc_acceptor_full(struct lb_grpc_acceptor *a)
{
    pthread_mutex_lock(&a->lock);
    bool full = is_full(a);
    pthread_mutex_unlock(&a->lock);
    return full;
}

int lb_grpc_acceptor_adopt(struct lb_grpc_acceptor *a, int fd, int twin,
                           const struct sockaddr *peer, socklen_t len)
{
    pthread_mutex_lock(&a->lock);
    int result = enter(a, fd, twin, peer, len), saved = errno;
    pthread_mutex_unlock(&a->lock);
    errno = saved;
    return result;
}

static void count_refused(struct lb_grpc_acceptor *a, enum lb_close_reason reason)
{
    pthread_mutex_lock(&a->lock);
    lb_metrics_accepted(a->metrics);
    lb_metrics_closed(a->metrics, reason);
    pthread_mutex_unlock(&a->lock);
}

/* Hands the new connection `fd` over to the core, or closes it and returns -1 with errno. */
static int serve(struct lb_grpc_acceptor *a, int fd, const struct sockaddr *peer, socklen_t len)
{
    int twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (twin < 0 || lb_grpc_acceptor_adopt(a, fd, twin, peer, len) < 0) {
        int saved = errno;
        if (twin >= 0)
            close(twin);
        close(fd);
        count_refused(a, saved == EUSERS ? LB_CLOSE_LIMIT : LB_CLOSE_REFUSED);
        errno = saved;
        return saved == EUSERS ? 0 : -1;
    }
    if (peer->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    grpc_server_add_channel_from_fd(a->server, fd, a->credentials);
    return 0;
}

static void listen_for(struct lb_grpc_acceptor *a, uint32_t events)
{
    for (size_t i = 0; i < a->listener_count; i++) {
        struct epoll_event event = {.events = events, .data.u64 = SLOT(SLOT_LISTENER, i)};
        epoll_ctl(a->epoll, EPOLL_CTL_MOD, a->listeners[i], &event);
    }
}

/* A connection could not be had for `error`. When it is the host that is short of something, only
 * time helps, and waiting on the listeners' level would spin. */
static void pause_listening(struct lb_grpc_acceptor *a, int error)
{
    if (!a->short_of)
        lb_log(LB_LOG_WARNING, "grpc", "cannot accept connections for now: %s", strerror(error));
    a->short_of = error;
    listen_for(a, 0);
    a->paused_until_ns = lb_clock_monotonic_ns() + PAUSE_NS;
}

static void accept_from(struct lb_grpc_acceptor *a, int listener, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO))
            continue; /* this connection's own end */
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (fd < 0 || serve(a, fd, (struct sockaddr *)&peer, len) < 0) {
            pause_listening(a, errno);
            return;
        }
        if (a->short_of) {
            lb_log(LB_LOG_INFO, "grpc", "accepting connections again");
            a->short_of = 0;
        }
    }
}

static void resume(struct lb_grpc_acceptor *a, int64_t now_ns)
{
    if (a->paused_until_ns == 0 || now_ns < a->paused_until_ns)
        return;
    a->paused_until_ns = 0;
    listen_for(a, EPOLLIN);
}

static void close_listeners(struct lb_grpc_acceptor *a, bool accept_waiting)
{
    for (size_t i = 0; i < a->listener_count; i++) {
        if (accept_waiting)
            accept_from(a, a->listeners[i], SIZE_MAX);
        close(a->listeners[i]);
    }
    a->listener_count = 0;
    a->paused_until_ns = 0;
    pthread_mutex_lock(&a->lock);
    a->drained = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static int timeout_ms(const struct lb_grpc_acceptor *a)
{
    if (a->paused_until_ns == 0)
        return -1;
    int64_t left = a->paused_until_ns - lb_clock_monotonic_ns();
    return left <= 0 ? 0 : (int)(left / LB_NS_PER_MS) + 1;
}

/* Ends first: an accept may reuse the number of an ended connection, whose event must not be taken
 * for the new one's. */
static void handle(struct lb_grpc_acceptor *a, const struct epoll_event *events, int count)
{
    pthread_mutex_lock(&a->lock);
    for (int i = 0; i < count; i++) {
        int fd = (int)(uint32_t)events[i].data.u64;
        if (events[i].data.u64 >> 32 == SLOT_CONNECTION && has_ended(a, fd))
            end_connection(a, fd);
    }
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < count; i++) {
        uint32_t n = (uint32_t)events[i].data.u64;
        if (events[i].data.u64 >> 32 == SLOT_LISTENER && n < a->listener_count &&
            a->paused_until_ns == 0)
            accept_from(a, a->listeners[n], ACCEPTS);
    }
}

static void *acceptor_main(void *arg)
{
    struct lb_grpc_acceptor *a = arg;
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(a->epoll, events, EVENTS, timeout_ms(a));
        uint64_t woken;
        ssize_t got = read(a->wake, &woken, sizeof woken);
        (void)got; /* non-blocking; the command says it all */
        resume(a, lb_clock_monotonic_ns());
        handle(a, events, count);
        int command = atomic_load(&a->command);
        if (command != COMMAND_RUN && !a->drained)
            close_listeners(a, command == COMMAND_DRAIN);
        if (command == COMMAND_STOP)
            return NULL;
    }
}

struct lb_grpc_acceptor *lb_grpc_acceptor_new(grpc_server *server,
                                              struct lb_grpc_connections *connections,
                                              struct lb_metrics_shard *metrics, uint64_t max_open,
                                              struct lb_error *err)
{
    struct lb_grpc_acceptor *a = calloc(1, sizeof *a);
    if (!a) {
        lb_error_set(err, "out of memory for the gRPC listener");
        return NULL;
    }
    a->server = server;
    a->connections = connections;
    a->metrics = metrics;
    a->max_open = max_open;
    a->credentials = grpc_insecure_server_credentials_create();
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->epoll = epoll_create1(EPOLL_CLOEXEC);
    a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->epoll < 0 || a->wake < 0 || watch(a, a->wake, EPOLLIN, SLOT(SLOT_WAKE, 0)) < 0) {
        lb_error_set(err, "cannot watch for gRPC connections: %s", strerror(errno));
        lb_grpc_acceptor_free(a);
        return NULL;
    }
    return a;
}

int lb_grpc_acceptor_add(struct lb_grpc_acceptor *a, int fd, struct lb_error *err)
{
    if (a->listener_count == LB_GRPC_MAX_LISTENERS)
        return lb_error_set(err, "more than %d gRPC listeners", LB_GRPC_MAX_LISTENERS);
    if (watch(a, fd, EPOLLIN, SLOT(SLOT_LISTENER, a->listener_count)) < 0)
        return lb_error_set(err, "cannot watch a gRPC listener: %s", strerror(errno));
    a->listeners[a->listener_count++] = fd;
    return 0;
}

int lb_grpc_acceptor_start(struct lb_grpc_acceptor *a, struct lb_error *err)
{
    int error = pthread_create(&a->thread, NULL, acceptor_main, a);
    if (error)
        return lb_error_set(err, "cannot start the gRPC acceptor's thread: %s", strerror(error));
    a->started = true;
    return 0;
}

static void tell(struct lb_grpc_acceptor *a, enum command command)
{
    uint64_t one = 1;
    atomic_store(&a->command, command);
    ssize_t written = write(a->wake, &one, sizeof one);
    (void)written; /* fails only when the counter is full: then the thread is awake anyway */
}

void lb_grpc_acceptor_drain(struct lb_grpc_acceptor *a)
{
    if (!a->started) {
        close_listeners(a, false);
        return;
    }
    tell(a, COMMAND_DRAIN);
    pthread_mutex_lock(&a->lock);
    while (!a->drained)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

void lb_grpc_acceptor_free(struct lb_grpc_acceptor *a)
{
    if (!a)
        return;
    if (a->started) {
        tell(a, COMMAND_STOP);
        pthread_join(a->thread, NULL);
    }
    close_listeners(a, false);
    for (size_t fd = 0; fd < a->watched_size; fd++) {
        if (a->watched[fd] >= 0)
            close(a->watched[fd]);
    }
    free(a->watched);
    if (a->wake >= 0)
        close(a->wake);
    if (a->epoll >= 0)
        close(a->epoll);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    grpc_server_credentials_release(a->credentials);
    free(a);
}
