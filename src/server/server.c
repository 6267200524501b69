/* lbdemo-server as a whole: its parts, wired together. */
#include "server/server.h"

#include <event2/event.h>
#include <grpc/grpc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/address.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "server/access_log.h"
#include "server/faults.h"
#include "server/grpc_server.h"
#include "server/http_admin.h"
#include "server/http_routes.h"
#include "server/http_server.h"
#include "server/lifecycle.h"
#include "server/listener.h"
#include "server/metrics.h"
#include "server/readiness.h"
#include "server/server_options.h"
#include "server/server_tls.h"
#include "server/systemd.h"

/* The admin listener's own limit: it serves probes, scrapes and people. */
#define ADMIN_CONNECTIONS_MAX 256

/* How often files that may change are looked at. */
#define TICK_NS (2 * LB_NS_PER_S)
#define IDLE_TICK_NS (3600 * LB_NS_PER_S) /* when there are none */

struct lb_server {
    const struct lb_server_options *options;
    unsigned threads;
    struct lb_lifecycle *lifecycle;
    struct lb_readiness *readiness;
    struct lb_metrics *metrics, *admin_metrics; /* admin's traffic is not the service's */
    struct lb_server_tls *tls;
    struct lb_faults *faults;
    struct lb_access_log *access_log;
    struct lb_listener *http_listener, *grpc_listener, *admin_listener;
    struct lb_http_routes *routes;
    struct lb_http_admin *admin_routes;
    struct lb_http_server *http, *admin;
    struct lb_grpc_server *grpc;
    char grpc_tls_address[LB_ADDRESS_TEXT]; /* where gRPC's own TLS listener is */
    bool announced;                         /* the port file is there */
};

/* --- the steps of a stop -----------------------------------------------------------------------
 */

static void begin(void *arg)
{
    struct lb_server *s = arg;
    lb_readiness_stop(s->readiness);
    lb_systemd_notify("STOPPING=1");
}

static void drain(void *arg)
{
    struct lb_server *s = arg;
    lb_http_server_drain(s->http);
    lb_grpc_server_stop(s->grpc, lb_clock_monotonic_ns() + s->options->drain_timeout_ns);
}

static void cancel(void *arg)
{
    struct lb_server *s = arg;
    lb_http_server_abort(s->http);
    lb_grpc_server_shutdown(s->grpc, lb_clock_monotonic_ns());
}

static void reload_tls(struct lb_server *s)
{
    struct lb_error err;
    if (lb_server_tls_reload(s->tls, &err) == 0)
        lb_log(LB_LOG_INFO, "server", "new connections get the certificate in '%s' as it is now",
               s->options->tls_cert);
    else
        lb_log(LB_LOG_ERROR, "server", "%s; the old certificate goes on", err.text);
}

static void reload(void *arg)
{
    struct lb_server *s = arg;
    struct lb_error err;
    lb_log(LB_LOG_INFO, "server", "SIGHUP: opening and reading files again");
    if (s->access_log && lb_access_log_reopen(s->access_log, &err) < 0)
        lb_log(LB_LOG_ERROR, "server", "%s; the old one goes on", err.text);
    if (s->tls)
        reload_tls(s);
}

static void tick(void *arg)
{
    struct lb_server *s = arg;
    if (s->tls && lb_server_tls_changed(s->tls))
        reload_tls(s);
}

static void part_stopped(void *arg)
{
    struct lb_server *s = arg;
    lb_lifecycle_done(s->lifecycle);
}

static void asked_to_stop(void *arg)
{
    struct lb_server *s = arg;
    lb_lifecycle_stop(s->lifecycle);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static int open_lifecycle(struct lb_server *s, struct lb_error *err)
{
    struct lb_lifecycle_config config = {
        .drain_delay_ns = s->options->drain_delay_ns,
        .drain_timeout_ns = s->options->drain_timeout_ns,
        .parts = 2, /* HTTP and gRPC */
        .begin = begin,
        .drain = drain,
        .cancel = cancel,
        .reload = reload,
        .tick = tick,
        .tick_ns = s->options->tls_cert ? TICK_NS : IDLE_TICK_NS,
        .arg = s,
    };
    s->lifecycle = lb_lifecycle_new(&config, err);
    return s->lifecycle ? 0 : -1;
}

enum role { HTTP, GRPC, ADMIN, ROLES };

/* Whose socket it is: by the name its unit gives it, or else by order: HTTP, gRPC, admin. */
static int sort_sockets(const struct lb_systemd_sockets *sockets, int fds[ROLES],
                        struct lb_error *err)
{
    static const char *const names[ROLES] = {"http", "grpc", "admin"};
    for (int role = 0; role < ROLES; role++)
        fds[role] = -1;
    for (size_t i = 0; i < sockets->count; i++) {
        int role = 0;
        while (role < ROLES && strcmp(sockets->items[i].name, names[role]) != 0)
            role++;
        for (int free_role = 0; role == ROLES && free_role < ROLES; free_role++) {
            if (fds[free_role] < 0)
                role = free_role;
        }
        if (role == ROLES || fds[role] >= 0)
            return lb_error_set(err,
                                "the service manager passed socket '%s' beside one for each of "
                                "http, grpc and admin, or a name twice",
                                sockets->items[i].name);
        fds[role] = sockets->items[i].fd;
    }
    return 0;
}

static struct lb_listener *open_listener(int fd, const char *address, size_t count,
                                         struct lb_error *err)
{
    return fd >= 0 ? lb_listener_adopt(fd, count, err) : lb_listener_open(address, count, err);
}

/* Every address, before anything else: either all are ours or nothing starts. */
static int open_listeners(struct lb_server *s, struct lb_error *err)
{
    const struct lb_server_options *o = s->options;
    struct lb_systemd_sockets sockets;
    int fds[ROLES];
    if (lb_systemd_take_sockets(&sockets, err) < 0 || sort_sockets(&sockets, fds, err) < 0)
        return -1;
    if (s->tls && fds[GRPC] >= 0)
        return lb_error_set(err, "gRPC over TLS cannot be given a socket: it opens its own");
    if (!(s->http_listener = open_listener(fds[HTTP], o->http_listen, s->threads, err)) ||
        (!s->tls && !(s->grpc_listener = open_listener(fds[GRPC], o->grpc_listen, 1, err))) ||
        ((*o->admin_listen || fds[ADMIN] >= 0) &&
         !(s->admin_listener = open_listener(fds[ADMIN], o->admin_listen, 1, err))))
        return -1;
    return 0;
}

static int open_tls(struct lb_server *s, struct lb_error *err)
{
    const struct lb_server_options *o = s->options;
    if (!o->tls_cert)
        return 0;
    s->tls = lb_server_tls_open(o->tls_cert, o->tls_key, o->tls_client_ca, err);
    return s->tls ? 0 : -1;
}

static int open_http(struct lb_server *s, struct lb_error *err)
{
    const struct lb_server_options *o = s->options;
    if (!(s->faults = lb_faults_new(&o->faults, o->allow_faults, o->identity.name, err)) ||
        !(s->routes = lb_http_routes_new(&o->identity, s->readiness, err)) ||
        (o->access_log && !(s->access_log = lb_access_log_open(
                                o->access_log, (enum lb_log_format)o->log_format, err))))
        return -1;
    struct lb_http_config config = {
        .service = lb_http_routes_service(s->routes),
        .metrics = s->metrics,
        .faults = s->faults,
        .access_log = s->access_log,
        .tls = s->tls,
        .threads = s->threads,
        .header_timeout_ns = o->header_timeout_ns,
        .body_timeout_ns = o->body_timeout_ns,
        .write_timeout_ns = o->write_timeout_ns,
        .idle_timeout_ns = o->idle_timeout_ns,
        .max_age_ns = o->max_age_ns,
        .max_age_grace_ns = o->max_age_grace_ns,
        .max_requests = o->max_requests,
        .max_connections = o->max_connections,
        .stopped = part_stopped,
        .stopped_arg = s,
    };
    s->http = lb_http_server_new(&config, err);
    return s->http ? lb_http_server_add_listener(s->http, s->http_listener, err) : -1;
}

static int open_admin(struct lb_server *s, struct lb_error *err)
{
    const struct lb_server_options *o = s->options;
    struct lb_http_admin_config routes = {
        .identity = &o->identity,
        .readiness = s->readiness,
        .metrics = s->metrics,
        .faults = s->faults,
        .libevent_version = event_get_version(),
        .grpc_version = grpc_version_string(),
        .drain = asked_to_stop,
        .drain_arg = s,
    };
    if (!s->admin_listener)
        return 0;
    if (!(s->admin_metrics = lb_metrics_new(err)) ||
        !(s->admin_routes = lb_http_admin_new(&routes, err)))
        return -1;
    struct lb_http_config config = {
        .service = lb_http_admin_service(s->admin_routes),
        .metrics = s->admin_metrics,
        .threads = 1,
        .header_timeout_ns = o->header_timeout_ns,
        .body_timeout_ns = o->body_timeout_ns,
        .write_timeout_ns = o->write_timeout_ns,
        .idle_timeout_ns = o->idle_timeout_ns,
        .max_connections = ADMIN_CONNECTIONS_MAX,
    };
    s->admin = lb_http_server_new(&config, err);
    return s->admin ? lb_http_server_add_listener(s->admin, s->admin_listener, err) : -1;
}

static int open_grpc(struct lb_server *s, struct lb_error *err)
{
    struct lb_grpc_config config = {
        .identity = &s->options->identity,
        .readiness = s->readiness,
        .faults = s->faults,
        .access_log = s->access_log,
        .metrics = s->metrics,
        .threads = s->threads,
        .max_connections = s->options->max_connections,
        .max_age_ns = s->options->max_age_ns,
        .max_age_grace_ns = s->options->max_age_grace_ns,
        .idle_timeout_ns = s->options->idle_timeout_ns,
        .stopped = part_stopped,
        .stopped_arg = s,
    };
    if (!(s->grpc = lb_grpc_server_new(&config, err)))
        return -1;
    if (s->tls)
        return lb_grpc_server_listen_tls(s->grpc, s->options->grpc_listen, s->tls,
                                         s->options->tls_client_ca != NULL, s->grpc_tls_address,
                                         err);
    int fd = lb_listener_take(s->grpc_listener, 0);
    if (lb_grpc_server_add_listener(s->grpc, fd, err) == 0)
        return 0;
    close(fd);
    return -1;
}

static int announce(struct lb_server *s, struct lb_error *err)
{
    const char *http = lb_listener_address(s->http_listener);
    const char *grpc = s->tls ? s->grpc_tls_address : lb_listener_address(s->grpc_listener);
    const char *admin = s->admin_listener ? lb_listener_address(s->admin_listener) : NULL;
    char text[3 * LB_ADDRESS_TEXT + 32];
    int len = snprintf(text, sizeof text, "http %s\ngrpc %s\n", http, grpc);
    if (admin)
        len += snprintf(text + len, sizeof text - (size_t)len, "admin %s\n", admin);
    if (s->options->port_file && lb_file_write(s->options->port_file, text, (size_t)len, err) < 0)
        return -1;
    s->announced = s->options->port_file != NULL;
    lb_log(LB_LOG_INFO, "server", "serving HTTP on %s, gRPC on %s, admin on %s", http, grpc,
           admin ? admin : "no address");
    return 0;
}

static unsigned thread_count(uint64_t wanted)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return wanted           ? (unsigned)wanted
           : processors < 1 ? 1
           : processors > 8 ? 8
                            : (unsigned)processors;
}

struct lb_server *lb_server_start(struct lb_server_options *options, struct lb_error *err)
{
    struct lb_server *s = calloc(1, sizeof *s);
    if (!s) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    s->options = options;
    s->threads = thread_count(options->threads);
    if (lb_identity_complete(&options->identity, err) == 0 && open_lifecycle(s, err) == 0 &&
        open_tls(s, err) == 0 && open_listeners(s, err) == 0 &&
        (s->readiness = lb_readiness_new(err)) && (s->metrics = lb_metrics_new(err)) &&
        open_http(s, err) == 0 && open_admin(s, err) == 0 && open_grpc(s, err) == 0 &&
        lb_grpc_server_start(s->grpc, err) == 0 && lb_http_server_start(s->http, err) == 0 &&
        (!s->admin || lb_http_server_start(s->admin, err) == 0) && announce(s, err) == 0)
        return s;
    lb_server_free(s);
    return NULL;
}

void lb_server_run(struct lb_server *s)
{
    lb_systemd_notify("READY=1");
    lb_lifecycle_run(s->lifecycle);
}

void lb_server_free(struct lb_server *s)
{
    if (!s)
        return;
    if (s->announced)
        unlink(s->options->port_file);
    lb_http_server_free(s->admin);
    lb_http_server_free(s->http);
    lb_grpc_server_free(s->grpc);
    lb_http_admin_free(s->admin_routes);
    lb_http_routes_free(s->routes);
    lb_listener_free(s->admin_listener);
    lb_listener_free(s->grpc_listener);
    lb_listener_free(s->http_listener);
    lb_server_tls_free(s->tls);
    lb_faults_free(s->faults);
    lb_access_log_close(s->access_log);
    lb_metrics_free(s->admin_metrics);
    lb_metrics_free(s->metrics);
    lb_readiness_free(s->readiness);
    lb_lifecycle_free(s->lifecycle);
    free(s);
}
