/* Channels, and which transport connection of a channel carried a call. */
#include "config.h"

#include "client/grpc_link.h"

#include <errno.h>
#include <grpc/grpc_posix.h>
#include <grpc/support/alloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/grpc_compat.h"
#include "common/grpc_log.h"

/* A server that comes back is found again within a second, also in a short run; the core's own
 * default waits one second first and up to two minutes later. */
enum { FIRST_RECONNECT_MS = 100, LAST_RECONNECT_MS = 1000, MAX_ARGS = 16 };

/* What a call to be sent again may hold: its request and 64 KiB of metadata. */
enum { RETRY_BYTES = LB_GRPC_MAX_REQUEST + (64 << 10) };

/* Bounds of how long one attempt to connect may take, when calls have less or more time. */
enum { LEAST_CONNECT_MS = 1000, MOST_CONNECT_MS = 20000 };

/* The number lives on the connection's authentication context: there is one a transport connection,
 * created and freed with it, and every call of the connection reaches it. */
static const char mark_name[] = "lbdemo-connection";
struct mark {
    uint64_t number;
    uint32_t ordinal;
};

struct args {
    grpc_arg list[MAX_ARGS];
    grpc_channel_args all;
};

static void add_int(struct args *a, const char *key, int value)
{
    a->list[a->all.num_args++] =
        (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static void add_text(struct args *a, const char *key, const char *value)
{
    if (value)
        a->list[a->all.num_args++] =
            (grpc_arg){.type = GRPC_ARG_STRING, .key = (char *)key, .value.string = (char *)value};
}

static int connect_ms(const struct lb_grpc_settings *s)
{
    int64_t ms = s->timeout_ns / LB_NS_PER_MS;
    return ms < LEAST_CONNECT_MS  ? LEAST_CONNECT_MS
           : ms > MOST_CONNECT_MS ? MOST_CONNECT_MS
                                  : (int)ms;
}

static void fill_args(struct args *a, const struct lb_grpc_settings *s)
{
    a->all = (grpc_channel_args){.num_args = 0, .args = a->list};
    add_int(a, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    /* A call that meets a GOAWAY on its way out was never sent, or not looked at by the server, and
     * goes out again over the next connection (transparent retries, gRFC A6). Real retries, which
     * would hide attempts, need a policy: the service config's is refused, and a control plane
     * could send one. */
    add_int(a, GRPC_ARG_ENABLE_RETRIES, s->target.scheme != LB_GRPC_XDS);
    add_int(a, GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE, RETRY_BYTES); /* larger calls are sent once */
    add_int(a, GRPC_ARG_ENABLE_HTTP_PROXY, s->use_proxy);
    add_int(a, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, FIRST_RECONNECT_MS);
    add_int(a, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, LAST_RECONNECT_MS);
    /* In spite of its name: how long one attempt may take. */
    add_int(a, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, connect_ms(s));
    add_int(a, GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS,
            INT32_MAX); /* a long --interval keeps its connection */
    add_text(a, GRPC_ARG_PRIMARY_USER_AGENT_STRING, "lbdemo-grpc-client/" PACKAGE_VERSION);
    add_text(a, GRPC_ARG_DEFAULT_AUTHORITY, s->authority);
    add_text(a, GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, s->tls.server_name);
    add_text(a, GRPC_ARG_SERVICE_CONFIG, s->service_config);
    add_text(a, GRPC_ARG_LB_POLICY_NAME, s->lb_policy_forced ? s->lb_policy : NULL);
}

static grpc_tls_certificate_provider *new_provider(const struct lb_tls_pems *pems)
{
    grpc_tls_identity_pairs *pairs = NULL; /* the provider's, once given */
    if (pems->cert) {
        pairs = grpc_tls_identity_pairs_create();
        grpc_tls_identity_pairs_add_pair(pairs, pems->key, pems->cert);
    }
    return grpc_tls_certificate_provider_static_data_create(pems->roots, pairs);
}

static void verify_nothing(grpc_tls_credentials_options *options)
{
    grpc_tls_certificate_verifier *any = grpc_tls_certificate_verifier_no_op_create();
    grpc_tls_credentials_options_set_verify_server_cert(options, 0);
    grpc_tls_credentials_options_set_certificate_verifier(options, any);
    grpc_tls_credentials_options_set_check_call_host(options, 0);
    grpc_tls_certificate_verifier_release(any);
}

static grpc_channel_credentials *new_tls_credentials(const struct lb_tls_settings *tls)
{
    grpc_tls_credentials_options *options = grpc_tls_credentials_options_create();
    if (tls->pems.roots || tls->pems.cert) {
        grpc_tls_certificate_provider *provider = new_provider(&tls->pems);
        lb_grpc_tls_provide(options, provider, tls->pems.roots != NULL, tls->pems.cert != NULL);
        grpc_tls_certificate_provider_release(provider);
    }
    if (!tls->verify)
        verify_nothing(options);
    return grpc_tls_credentials_create(options); /* takes the options */
}

void lb_grpc_links_open(struct lb_grpc_links *links, const struct lb_grpc_settings *settings)
{
    links->settings = settings;
    links->credentials =
        settings->tls.on ? new_tls_credentials(&settings->tls) : grpc_insecure_credentials_create();
    links->connections = 0;
}

void lb_grpc_links_close(struct lb_grpc_links *links)
{
    grpc_channel_credentials_release(links->credentials);
}

static struct lb_grpc_link *new_link(struct lb_grpc_links *links)
{
    struct lb_grpc_link *link = gpr_zalloc(sizeof *link);
    link->links = links;
    link->references = 1;
    return link;
}

/* A channel to one address of a name shows the name to the server, as a channel to all does. */
static void keep_authority(struct args *a, const struct lb_grpc_settings *s, char *buf, size_t size)
{
    if (s->authority || !s->target.host[0])
        return;
    snprintf(buf, size, "%s:%s", s->target.host, s->target.port);
    add_text(a, GRPC_ARG_DEFAULT_AUTHORITY, buf);
}

struct lb_grpc_link *lb_grpc_link_open(struct lb_grpc_links *links,
                                       const struct lb_address *address)
{
    char uri[LB_GRPC_ADDRESS_URI], authority[LB_GRPC_NAME_MAX + 10];
    struct lb_grpc_link *link = new_link(links);
    struct args args;
    fill_args(&args, links->settings);
    if (address)
        keep_authority(&args, links->settings, authority, sizeof authority);
    link->channel = grpc_channel_create(address ? lb_grpc_address_uri(address, uri)
                                                : links->settings->target.uri,
                                        links->credentials, &args.all);
    return link;
}

/* A socket that connects in the background; -1 with errno. The core waits for it as for any other.
 */
static int connect_from(const struct lb_address *source, const struct lb_address *address)
{
    int on = 1, fd = socket(address->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&source->sa, source->len) == 0 &&
        (connect(fd, (const struct sockaddr *)&address->sa, address->len) == 0 ||
         errno == EINPROGRESS))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

struct lb_grpc_link *lb_grpc_link_open_from(struct lb_grpc_links *links,
                                            const struct lb_address *source,
                                            const struct lb_address *address, struct lb_error *err)
{
    char to[LB_ADDRESS_TEXT], from[LB_ADDRESS_TEXT], authority[LB_GRPC_NAME_MAX + 10];
    struct sockaddr_storage local;
    socklen_t len = sizeof local;
    uint16_t port;
    lb_address_format(to, (const struct sockaddr *)&address->sa, address->len);
    int fd = connect_from(source, address);
    if (fd < 0) {
        lb_address_split((const struct sockaddr *)&source->sa, source->len, from, &port);
        lb_error_set(err, "connect %s from %s: %s", to, from, strerror(errno));
        return NULL;
    }
    struct lb_grpc_link *link = new_link(links);
    struct args args;
    fill_args(&args, links->settings);
    keep_authority(&args, links->settings, authority, sizeof authority);
    if (!links->settings->authority && !links->settings->target.host[0])
        add_text(&args, GRPC_ARG_DEFAULT_AUTHORITY, to);
    link->by_descriptor = true;
    lb_address_split((const struct sockaddr *)&source->sa, source->len, link->source, &port);
    snprintf(link->remote, sizeof link->remote, "%s", to);
    if (getsockname(fd, (struct sockaddr *)&local, &len) == 0)
        lb_address_format(link->local, (struct sockaddr *)&local, len);
    link->channel = grpc_channel_create_from_fd(to, fd, links->credentials, &args.all);
    return link;
}

void lb_grpc_link_ref(struct lb_grpc_link *link)
{
    link->references++;
}

void lb_grpc_link_unref(struct lb_grpc_link *link)
{
    if (--link->references > 0)
        return;
    grpc_channel_destroy(link->channel);
    gpr_free(link);
}

/* The only sign that the connection came about is that something was heard over it. */
static void identify_by_descriptor(struct lb_grpc_link *link, bool heard, bool broken,
                                   struct lb_grpc_connection *out)
{
    if (heard && !link->number)
        link->number = ++link->links->connections;
    if (!heard && (broken || !link->number))
        link->lost = true;
    if (!link->number)
        return;
    out->number = link->number;
    out->ordinal = ++link->ordinal;
    snprintf(out->remote, sizeof out->remote, "%s", link->remote);
    snprintf(out->local, sizeof out->local, "%s", link->local);
}

void lb_grpc_link_identify(struct lb_grpc_link *link, grpc_call *call, bool heard, bool broken,
                           struct lb_grpc_connection *out)
{
    memset(out, 0, sizeof *out);
    if (link->by_descriptor) {
        identify_by_descriptor(link, heard, broken, out);
        return;
    }
    grpc_auth_context *context = grpc_call_auth_context(call);
    if (!context)
        return;
    grpc_auth_property_iterator found =
        grpc_auth_context_find_properties_by_name(context, mark_name);
    const grpc_auth_property *property = grpc_auth_property_iterator_next(&found);
    struct mark mark = {.number = 0};
    if (property) {
        memcpy(&mark, property->value, sizeof mark);
        mark.ordinal++;
        memcpy(property->value, &mark, sizeof mark);
    } else {
        mark = (struct mark){.number = ++link->links->connections, .ordinal = 1};
        grpc_auth_context_add_property(context, mark_name, (const char *)&mark, sizeof mark);
    }
    grpc_auth_context_release(context);
    out->number = mark.number;
    out->ordinal = mark.ordinal;
    char *peer = grpc_call_get_peer(call);
    lb_grpc_peer_format(peer, out->remote);
    gpr_free(peer);
}

/* The last error that the core logged, for lb_grpc_links_check. */
static char last_log[256];

static void keep_log(bool error, const char *file, int line, const char *message)
{
    (void)file, (void)line;
    if (error)
        snprintf(last_log, sizeof last_log, "%s", message);
}

int lb_grpc_links_check(struct lb_grpc_links *links, struct lb_error *err)
{
    last_log[0] = '\0';
    lb_grpc_log_redirect(keep_log);
    struct lb_grpc_link *link = lb_grpc_link_open(links, NULL);
    /* A channel that the core could not make is in this state from the start. */
    bool lame =
        grpc_channel_check_connectivity_state(link->channel, 0) == GRPC_CHANNEL_TRANSIENT_FAILURE;
    lb_grpc_link_unref(link);
    lb_grpc_log_open();
    return lame ? lb_error_set(err, "target '%.200s': %s", links->settings->target.uri,
                               *last_log ? last_log : "the gRPC library refuses it")
                : 0;
}
