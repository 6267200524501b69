/* lbdemo-server's command line. */
#ifndef LB_SERVER_SERVER_OPTIONS_H
#define LB_SERVER_SERVER_OPTIONS_H

#include <stdint.h>

#include "common/options.h"
#include "server/identity.h"

struct lb_server_options {
    struct lb_identity identity;
    const char *http_listen, *grpc_listen, *admin_listen; /* "" for none */
    const char *port_file;                                /* or NULL */
    uint64_t threads;                                     /* 0: as many as processors, at most 8 */
    int64_t header_timeout_ns, body_timeout_ns, write_timeout_ns, idle_timeout_ns;
    int64_t max_age_ns, max_age_grace_ns;
    uint64_t max_connections, max_requests;
    int64_t drain_delay_ns, drain_timeout_ns;
    const char *tls_cert, *tls_key, *tls_client_ca; /* or NULL */
    struct lb_option_list faults;
    int allow_faults;
    const char *access_log; /* or NULL */
    int log_level, log_format;
};

extern const struct lb_server_options lb_server_defaults;
extern const struct lb_program lb_server_program;

/* Refuses options that do not go together. */
int lb_server_options_check(const struct lb_server_options *o, struct lb_error *err) LB_MUST_CHECK;

#endif
