/* The options both clients have. */
#include "client/client_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/address.h"
#include "common/language.h"
#include "common/units.h"
#include "report/report.h"

#define DEFAULT_INTERVAL_NS LB_NS_PER_S
#define DAY_NS (24 * 3600 * LB_NS_PER_S)

/* In the order of enum lb_expect_word from LB_EXPECT_BALANCED on. */
static const char *const expect_words[] = {
    "balanced", "per-request", "per-connection", "client-side", "sticky", "pinned", NULL};
static const char *const output_formats[] = {"text", "json", "ndjson", NULL};
/* In the order of enum lb_group_by from LB_GROUP_VERSION on. */
static const char *const groupings[] = {"version", "zone", "node", "backend", NULL};

static int check_number(const char *text, struct lb_error *err)
{
    uint64_t n;
    return lb_parse_uint(text, 0, UINT64_MAX, &n, err);
}

static int check_vary(const char *text, struct lb_error *err)
{
    if (strcmp(text, "path") == 0 || strcmp(text, "source") == 0 || strcmp(text, "cookie") == 0 ||
        (strncmp(text, "header:", 7) == 0 && text[7]))
        return 0;
    return lb_error_set(err, "'%s' is none of header:NAME, path, source, cookie", text);
}

static int check_address(const char *text, struct lb_error *err)
{
    struct lb_address address;
    return lb_address_parse_listen(text, &address, err);
}

#define AT(field) offsetof(struct lb_client_options, field)

static const struct lb_option target_options[] = {
    {"url", LB_OPTION_STRING, "URL", "The target, instead of the argument.", AT(url)},
    {"host", LB_OPTION_STRING, "HOST[:PORT]", "The target, instead of the argument.", AT(host)},
};

static const struct lb_option load_options[] = {
    {"count", LB_OPTION_UINT, "N", "End after that many requests; 0 is for ever.", AT(count),
     .max = INT64_MAX, .letter = 'n'},
    {"duration", LB_OPTION_DURATION, "TIME", "End after that time; 0 is for ever.", AT(duration_ns),
     .max = 365 * DAY_NS, .letter = 'd'},
    {"interval", LB_OPTION_DURATION, "TIME",
     "From one request to the next (default 1s); 0 is as fast as replies come. What a stalled "
     "target "
     "holds up is left out.",
     AT(interval_ns), .max = 365 * DAY_NS, .letter = 'i'},
    {"rate", LB_OPTION_DOUBLE, "N",
     "Requests a second, instead of --interval; 0 is as fast as replies come. What a stalled "
     "target "
     "holds up is sent later.",
     AT(rate), .max = 1000000},
    {"connections", LB_OPTION_UINT, "N",
     "Connections kept; with --new-connection the requests in flight at once.", AT(connections),
     .min = 1, .max = LB_SCHEDULE_MAX_SLOTS, .letter = 'c'},
    {"streams", LB_OPTION_UINT, "N", "Requests in flight a connection.", AT(streams), .min = 1,
     .max = 1000},
    {"new-connection", LB_OPTION_FLAG, NULL, "A new connection for each request.",
     AT(new_connection), 1},
    {"reuse-connection", LB_OPTION_FLAG, NULL, "Keep connections for all requests.",
     AT(new_connection), 0},
    {"timeout", LB_OPTION_DURATION, "TIME", "How long a request may take.", AT(timeout_ns),
     .min = LB_NS_PER_MS, .max = DAY_NS},
    {"warmup", LB_OPTION_DURATION, "TIME", "Send that long before measuring.", AT(warmup_ns),
     .max = DAY_NS},
    {"seed", LB_OPTION_UINT, "N",
     "Of the draws which connection sends next; 0 draws one. The report has it.", AT(seed),
     .max = UINT32_MAX},
};

static const struct lb_option verdict_options[] = {
    {"diagnose", LB_OPTION_FLAG, NULL,
     "Probe the target with a few connections, as fast as replies come, and end once the verdict "
     "is "
     "certain, after 200 requests at the latest.",
     AT(diagnose), 1},
    {"expect", LB_OPTION_CHOICE, NULL,
     "Exit 1 unless the verdict is this. To tell whether traffic is balanced, a run without "
     "--count "
     "and --duration ends by itself, after 200 requests at the latest.",
     AT(expect), .choices = expect_words},
    {"expect-backends", LB_OPTION_UINT, "N", "Exit 1 unless that many backends answer.",
     AT(expect_backends), .max = 10000},
    {"expect-weights", LB_OPTION_STRING, "NAME=W,...",
     "Exit 1 unless shares are in proportion to these, as in v1=90,v2=10.", AT(expect_weights)},
    {"group-by", LB_OPTION_CHOICE, NULL, "What the names of --expect-weights are.", AT(group_by),
     .choices = groupings},
    {"max-errors", LB_OPTION_STRING, "N", "Exit 1 when more requests fail.", AT(max_errors),
     .check = check_number},
    {"alpha", LB_OPTION_DOUBLE, "P",
     "Chance of a wrong verdict that is accepted; 0 is 0.001 for the layer and 0.01 for the "
     "shares.",
     AT(alpha), .max = 1},
    {"vary", LB_OPTION_LIST, "WHAT",
     "What --diagnose may vary: header:NAME, path, source, cookie. May be given more than once.",
     AT(vary), .check = check_vary},
    {"label", LB_OPTION_LIST, "NAME=VALUE",
     "A label of the report, as in path=service. May be given more than once.", AT(labels),
     .check = lb_report_label_check},
};

static const struct lb_option output_options[] = {
    {"output", LB_OPTION_CHOICE, NULL,
     "Lines and a table, one JSON document, or one object a request.", AT(output),
     .choices = output_formats, .letter = 'o'},
    {"report", LB_OPTION_STRING, "FILE", "Write the run's report to that file at the end.",
     AT(report)},
    {"admin-listen", LB_OPTION_STRING, "ADDRESS",
     "Serve a live page and /metrics there while the run lasts, as in 127.0.0.1:9091.",
     AT(admin_listen), .check = check_address},
    {"quiet", LB_OPTION_FLAG, NULL, "No line a request.", AT(quiet), 1, .letter = 'q'},
};

const struct lb_option_group lb_client_groups[LB_CLIENT_SHARED_GROUPS] = {
    LB_OPTION_GROUP("Target", target_options),
    LB_OPTION_GROUP("Load", load_options),
    LB_OPTION_GROUP("Verdict", verdict_options),
    LB_OPTION_GROUP("Output", output_options),
};

const char *lb_client_options_target(const struct lb_client_options *options, const char *argument,
                                     struct lb_error *err)
{
    const char *target = argument ? argument : options->url ? options->url : options->host;
    if (target && *target)
        return target;
    lb_error_set(err, "no target; give it as argument, --url or --host; see --help");
    return NULL;
}

static int plan_pace(const struct lb_client_options *o, struct lb_load *load, struct lb_error *err)
{
    if (o->interval_ns >= 0 && o->rate >= 0)
        return lb_error_set(err, "--interval and --rate exclude each other");
    if (o->rate > 0) {
        load->interval_ns = (int64_t)((double)LB_NS_PER_S / o->rate);
        load->catch_up = true;
        if (o->rate < 1.0 / 86400)
            return lb_error_set(err, "--rate %g is less than one request a day", o->rate);
    } else if (o->rate < 0) {
        load->interval_ns = o->interval_ns >= 0 ? o->interval_ns
                            : o->diagnose       ? 0
                                                : DEFAULT_INTERVAL_NS;
    }
    return 0;
}

/* A seed that differs from run to run, and from client to client started at once. */
static uint32_t draw_seed(void)
{
    uint64_t x = (uint64_t)lb_clock_realtime_ns() ^ ((uint64_t)getpid() << 40);
    x = (x ^ (x >> 31)) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 32;
    return (uint32_t)x ? (uint32_t)x : 1;
}

static int plan_load(const struct lb_client_options *o, const struct lb_transport_ops *transport,
                     struct lb_load *load, struct lb_error *err)
{
    if (o->streams > transport->max_streams)
        return lb_error_set(
            err,
            transport->max_streams == 1
                ? N_("--streams %u: over %s a connection has at most %u request in "
                     "flight")
                : N_("--streams %u: over %s a connection has at most %u requests in "
                     "flight"),
            (unsigned)o->streams, transport->protocol, transport->max_streams);
    if (o->diagnose && o->warmup_ns > 0)
        return lb_error_set(err, "--warmup has no meaning with --diagnose");
    load->count = o->count;
    load->duration_ns = o->duration_ns;
    load->timeout_ns = o->timeout_ns;
    load->warmup_ns = o->warmup_ns;
    load->schedule = (struct lb_schedule_options){
        .mode = o->diagnose         ? LB_SCHEDULE_DIAGNOSE
                : o->new_connection ? LB_SCHEDULE_NEW
                                    : LB_SCHEDULE_ROUNDS,
        .seed = o->seed ? (uint32_t)o->seed : draw_seed(),
        .connections = (unsigned)o->connections,
        .streams = (unsigned)o->streams,
        .in_flight = (unsigned)o->connections,
        .alpha = o->alpha,
        .expected_backends = (unsigned)o->expect_backends,
    };
    return plan_pace(o, load, err);
}

int lb_client_options_plan(const struct lb_client_options *o,
                           const struct lb_transport_ops *transport, struct lb_client_plan *plan,
                           struct lb_error *err)
{
    memset(plan, 0, sizeof *plan);
    if (o->alpha < 0 || o->alpha >= 1)
        return lb_error_set(err, "option --alpha: '%g' is not a number from 0 to below 1",
                            o->alpha);
    if (o->vary.count && !o->diagnose)
        return lb_error_set(err, "--vary needs --diagnose");
    if (plan_load(o, transport, &plan->load, err) < 0 ||
        lb_weights_parse(o->expect_weights, &plan->weights, err) < 0)
        return -1;
    struct lb_expectation *expectation = &plan->expectation;
    plan->group_by = o->group_by >= 0 ? LB_GROUP_VERSION + o->group_by : LB_GROUP_NONE;
    if (o->expect >= 0)
        expectation->word = LB_EXPECT_BALANCED + (unsigned)o->expect;
    expectation->backends = (unsigned)o->expect_backends;
    expectation->weights = o->expect_weights != NULL;
    expectation->limit_errors = o->max_errors != NULL;
    plan->looks = (expectation->word == LB_EXPECT_BALANCED || expectation->weights) && !o->count &&
                  !o->duration_ns && !o->diagnose;
    if (plan->looks)
        plan->load.count = LB_EVENNESS_LAST_LOOK;
    if (o->max_errors &&
        lb_parse_uint(o->max_errors, 0, UINT64_MAX, &expectation->max_errors, err) < 0)
        return -1;
    return 0;
}

void lb_client_plan_clear(struct lb_client_plan *plan)
{
    lb_weights_clear(&plan->weights);
    memset(plan, 0, sizeof *plan);
}
