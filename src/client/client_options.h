/* The options both clients have. */
#ifndef LB_CLIENT_CLIENT_OPTIONS_H
#define LB_CLIENT_CLIENT_OPTIONS_H

#include "client/engine.h"
#include "common/options.h"

enum lb_output { LB_OUTPUT_TEXT, LB_OUTPUT_JSON, LB_OUTPUT_NDJSON };

/* The first member of each client's configuration. */
struct lb_client_options {
    const char *url, *host; /* the target, as option; a TARGET argument wins */
    uint64_t count;
    int64_t duration_ns;
    int64_t interval_ns; /* -1: not given */
    double rate;         /* requests a second; 0: as fast as replies come; -1: not given */
    uint64_t connections, streams;
    int new_connection; /* 1, 0; each client has its default */
    int64_t timeout_ns, warmup_ns;
    uint64_t seed; /* 0: from the clock */
    uint64_t expect_backends; /* 0: not told */
    int output;    /* enum lb_output */
    const char *report;
    int quiet;
};

/* What is the default of both; a client then sets what is its own. */
#define LB_CLIENT_OPTIONS_DEFAULTS                                                                 \
    {                                                                                              \
        .interval_ns = -1, .rate = -1, .connections = 1, .streams = 1,                             \
        .timeout_ns = 5 * LB_NS_PER_S                                                              \
    }

#define LB_CLIENT_SHARED_GROUPS 4
extern const struct lb_option_group lb_client_groups[LB_CLIENT_SHARED_GROUPS];

/* Checks what no single option can: --rate beside --interval. Fills `load`. */
int lb_client_options_load(const struct lb_client_options *options, struct lb_load *load,
                           struct lb_error *err) LB_MUST_CHECK;

/* The target: the argument (or NULL), else --url, else --host. NULL after failure. */
const char *lb_client_options_target(const struct lb_client_options *options, const char *argument,
                                     struct lb_error *err) LB_MUST_CHECK;

#endif
