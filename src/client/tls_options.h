/* The clients' TLS options, and what they come to. */
#ifndef LB_CLIENT_TLS_OPTIONS_H
#define LB_CLIENT_TLS_OPTIONS_H

#include <stdbool.h>

#include "common/options.h"
#include "common/tls.h"

struct lb_tls_options {
    int tls;
    const char *ca, *cert, *key, *server_name;
    int skip_verify;
};

/* The option table for a struct `config` that has a struct lb_tls_options as `member`. */
#define LB_TLS_OPTION_TABLE(config, member)                                                        \
    {                                                                                              \
        {                                                                                          \
            "tls", LB_OPTION_FLAG, NULL, "Speak TLS, 1.2 or later.", offsetof(config, member.tls), \
            1},                                                                                    \
            {"cacert", LB_OPTION_STRING, "FILE",                                                   \
             "Certificates to trust, in PEM, instead of those this host trusts.",                  \
             offsetof(config, member.ca)},                                                         \
            {"cert", LB_OPTION_STRING, "FILE", "The client's own certificate, in PEM.",            \
             offsetof(config, member.cert)},                                                       \
            {"key", LB_OPTION_STRING, "FILE", "The key of --cert, in PEM, without a password.",    \
             offsetof(config, member.key)},                                                        \
            {"server-name", LB_OPTION_STRING, "NAME",                                              \
             "The name the server's certificate must have, instead of the target's.",              \
             offsetof(config, member.server_name)},                                                \
            {"insecure-skip-verify",                                                               \
             LB_OPTION_FLAG,                                                                       \
             NULL,                                                                                 \
             "Take any certificate of the server: whoever is in between can read and change all.", \
             offsetof(config, member.skip_verify),                                                 \
             1},                                                                                   \
    }

struct lb_tls_settings {
    bool on;
    bool verify;
    const char *server_name; /* NULL: the target's; an option's text */
    struct lb_tls_pems pems;
};

/* Checks the options against each other and reads their files. After success the caller releases
 * `settings` with lb_tls_settings_clear; after failure there is nothing to release. */
int lb_tls_settings_make(const struct lb_tls_options *options, struct lb_tls_settings *settings,
                         struct lb_error *err) LB_MUST_CHECK;
void lb_tls_settings_clear(struct lb_tls_settings *settings);

#endif
