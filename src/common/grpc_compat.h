/* What newer gRPC C cores name otherwise than 1.51, which Debian 12 and 13 and Ubuntu 24.04 have:
 * the only place that knows. configure looks which functions there are (the C headers have no
 * version):
 *
 *   logging       gpr_set_log_function is gone since the core logs through Abseil: its messages
 * then go to standard error by themselves, and none is seen here TLS options   one certificate
 * provider for all and functions to watch it became one provider for the roots and one for the own
 * certificate, which is watched when it is set
 *
 * Include config.h first. */
#ifndef LB_COMMON_GRPC_COMPAT_H
#define LB_COMMON_GRPC_COMPAT_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <stdbool.h>
#include <stddef.h>

/* A message of the core: `file` and `message` are valid during the call only. Any thread. */
typedef void lb_grpc_log_function(bool error, const char *file, int line, const char *message);

/* Where the core's messages go from now on, process-wide; nowhere with a core that does not tell.
 */
void lb_grpc_log_redirect(lb_grpc_log_function *sink);

/* Has `options` use the provider for the certificates to trust, for its own, or for both. The
 * provider remains the caller's. */
static inline void lb_grpc_tls_provide(grpc_tls_credentials_options *options,
                                       grpc_tls_certificate_provider *provider, bool roots,
                                       bool own)
{
#ifdef HAVE_GRPC_TLS_CREDENTIALS_OPTIONS_SET_ROOT_CERTIFICATE_PROVIDER
    if (roots)
        grpc_tls_credentials_options_set_root_certificate_provider(options, provider);
    if (own)
        grpc_tls_credentials_options_set_identity_certificate_provider(options, provider);
#else
    grpc_tls_credentials_options_set_certificate_provider(options, provider);
    if (roots)
        grpc_tls_credentials_options_watch_root_certs(options);
    if (own)
        grpc_tls_credentials_options_watch_identity_key_cert_pairs(options);
#endif
}

#endif
