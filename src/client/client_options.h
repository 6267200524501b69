/* The options both clients have. */
#ifndef LB_CLIENT_CLIENT_OPTIONS_H
#define LB_CLIENT_CLIENT_OPTIONS_H

#include "balance/expect.h"
#include "client/engine.h"
#include "common/options.h"
#include "report/weights.h"

enum lb_output_format { LB_OUTPUT_TEXT, LB_OUTPUT_JSON, LB_OUTPUT_NDJSON };

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
    uint64_t seed; /* 0: drawn */

    int diagnose;
    int expect;                 /* index into lb_expect_words; -1: nothing */
    uint64_t expect_backends;   /* 0: not told */
    const char *expect_weights; /* "v1=90,v2=10" */
    int group_by;               /* enum lb_group_by; -1: not given */
    const char *max_errors;     /* a number; NULL: no limit */
    double alpha;               /* 0: the verdict's own */
    struct lb_option_list vary; /* header:NAME, path, source, cookie */
    struct lb_option_list labels;

    int output; /* enum lb_output_format */
    const char *report;
    const char *admin_listen; /* NULL: none */
    int quiet;
};

/* What is the default of both; a client then sets what is its own. */
#define LB_CLIENT_OPTIONS_DEFAULTS                                     \
    {                                                                  \
        .interval_ns = -1, .rate = -1, .connections = 1, .streams = 1, \
        .timeout_ns = 5 * LB_NS_PER_S, .expect = -1, .group_by = -1    \
    }

#define LB_CLIENT_SHARED_GROUPS 4
extern const struct lb_option_group lb_client_groups[LB_CLIENT_SHARED_GROUPS];

/* The target: the argument (or NULL), else --url, else --host. NULL after failure. */
const char *lb_client_options_target(const struct lb_client_options *options, const char *argument,
                                     struct lb_error *err) LB_MUST_CHECK;

/* What the options come to, once no single option's check can find a fault. */
struct lb_client_plan {
    struct lb_load load;
    struct lb_vary vary; /* set by who knows the transport's facts (vary.h) */
    struct lb_expectation expectation;
    enum lb_group_by group_by;
    bool looks; /* ends at the first look (balance/evenness.h) at which the expectation fails */
    struct lb_weights weights; /* of --expect-weights */
};

/* Checks the options against each other and against what the transport can do, and fills `plan`,
 * which lb_client_plan_clear releases, also after failure. */
int lb_client_options_plan(const struct lb_client_options *options,
                           const struct lb_transport_ops *transport, struct lb_client_plan *plan,
                           struct lb_error *err) LB_MUST_CHECK;

void lb_client_plan_clear(struct lb_client_plan *plan);

#endif
