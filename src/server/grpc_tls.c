/* gRPC over TLS, by the C core's own listener. */
#include "server/grpc_tls.h"

#include <grpc/grpc_security.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/memory.h"
#include "server/listener.h"

struct lb_grpc_tls {
    struct lb_server_tls *source;
    uint16_t port;
    _Atomic unsigned generation; /* of what the core has; 0: nothing yet */
};

/* The core asks at each handshake. A root of NULL would make it abort, so where no client is asked
 * for a certificate our own stands there, unused. */
static grpc_ssl_certificate_config_reload_status fetch(void *arg,
                                                       grpc_ssl_server_certificate_config **config)
{
    struct lb_grpc_tls *t = arg;
    struct lb_tls_pems pems;
    struct lb_error err;
    unsigned generation;
    if (lb_server_tls_pems(t->source, &pems, &generation, &err) < 0) {
        lb_log(LB_LOG_ERROR, "grpc", "%s", err.text);
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
    }
    grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    if (atomic_exchange(&t->generation, generation) != generation) {
        grpc_ssl_pem_key_cert_pair pair = {.private_key = pems.key, .cert_chain = pems.cert};
        *config = grpc_ssl_server_certificate_config_create(pems.roots ? pems.roots : pems.cert,
                                                            &pair, 1);
        status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
    }
    lb_tls_pems_clear(&pems);
    return status;
}

/* The core says of a port in use only that it could not be bound, and so does a moment's own
 * listener in its place, with the reason. */
static int check_free(const char *text, struct lb_error *err)
{
    struct lb_listener *l = lb_listener_open(text, 1, err);
    lb_listener_free(l);
    return l ? 0 : -1;
}

/* Returns the port, or -1. */
static int bind_port(grpc_server *server, const char *text, grpc_server_credentials *credentials,
                     char address[LB_ADDRESS_TEXT], struct lb_error *err)
{
    struct lb_address a;
    if (lb_address_parse_listen(text, &a, err) < 0)
        return -1;
    if (a.sa.ss_family == AF_UNIX)
        return lb_error_set(err, "gRPC over TLS needs a TCP address, not '%s'", text);
    if (check_free(text, err) < 0)
        return -1;
    lb_address_format(address, (const struct sockaddr *)&a.sa, a.len);
    int port = grpc_server_add_http2_port(server, address, credentials);
    if (port == 0)
        return lb_error_set(err, "cannot listen for gRPC on '%s'", address);
    if (a.sa.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&a.sa)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)&a.sa)->sin_port = htons((uint16_t)port);
    lb_address_format(address, (const struct sockaddr *)&a.sa, a.len);
    return port;
}

struct lb_grpc_tls *lb_grpc_tls_listen(grpc_server *server, const char *text,
                                       struct lb_server_tls *tls, bool client_auth,
                                       char address[LB_ADDRESS_TEXT], struct lb_error *err)
{
    struct lb_grpc_tls *t = lb_malloc(sizeof *t);
    t->source = tls;
    atomic_init(&t->generation, 0);
    grpc_ssl_client_certificate_request_type ask =
        client_auth ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    grpc_server_credentials *credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(ask, fetch, t));
    int port = bind_port(server, text, credentials, address, err);
    grpc_server_credentials_release(credentials);
    t->port = (uint16_t)port;
    if (port > 0)
        return t;
    free(t);
    return NULL;
}

uint16_t lb_grpc_tls_port(const struct lb_grpc_tls *t)
{
    return t->port;
}

void lb_grpc_tls_free(struct lb_grpc_tls *t)
{
    free(t);
}
