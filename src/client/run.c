/* What both client programs are: options, a transport, the engine, output, exit status. */
#include "config.h"

#include "client/run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "balance/verdict_text.h"
#include "client/admin.h"
#include "client/client_metrics.h"
#include "client/client_report.h"
#include "client/live.h"
#include "client/output.h"
#include "client/summary.h"
#include "common/file.h"
#include "common/language.h"

#define RUN_ID_TEXT 33
#define HOST_NAME_TEXT 256

struct run {
    const struct lb_program *program;
    const struct lb_client_options *options;
    const char *target;
    struct lb_client_plan plan;
    struct lb_transport *transport;
    struct lb_tally *tally;
    struct lb_engine *engine;
    struct lb_output *output;
    struct lb_live *live;   /* NULL: not on a terminal */
    struct lb_admin *admin; /* NULL: no --admin-listen */
    bool output_failed;
    char id[RUN_ID_TEXT], client[HOST_NAME_TEXT];
    uint64_t done, rejected_at; /* requests; the look that ended the run, 0: none */
    int64_t started_ms, elapsed_ns;
    uint64_t abandoned;
    struct lb_client_record record;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* The first SIGINT or SIGTERM ends the run with its summary; the second has its default effect. A
 * closed pipe is an error of write, not a signal. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Each connection is a descriptor: as many as the host lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void name_run(struct run *run)
{
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        int64_t now = lb_clock_realtime_ns();
        pid_t pid = getpid();
        memset(random, 0, sizeof random);
        memcpy(random, &now, sizeof now);
        memcpy(random + sizeof now, &pid, sizeof pid);
    }
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(run->id + 2 * i, 3, "%02x", random[i]);
    const char *pod = getenv("POD_NAME");
    if (pod && *pod)
        snprintf(run->client, sizeof run->client, "%s", pod);
    else if (gethostname(run->client, sizeof run->client - 1) != 0)
        run->client[0] = '\0';
}

static struct lb_target_facts target_facts(const struct run *run)
{
    struct lb_transport_facts facts = {0};
    const struct lb_load *load = &run->plan.load;
    run->transport->ops->facts(run->transport, &facts);
    return (struct lb_target_facts){
        .protocol = run->transport->ops->protocol,
        .target = run->target,
        .addresses = facts.addresses,
        .lb_policy = facts.lb_policy,
        .new_connections = load->schedule.mode == LB_SCHEDULE_NEW,
        .channels = load->schedule.mode == LB_SCHEDULE_ROUNDS ? load->schedule.connections : 0,
        .cookies = run->plan.vary.values[LB_LEVEL_COOKIE] > 0,
        .tls = facts.tls,
        .diagnosed = load->schedule.mode == LB_SCHEDULE_DIAGNOSE,
    };
}

/* A probe has to know beforehand where it can send and what it can vary. */
static int plan_probe(struct run *run, struct lb_error *err)
{
    struct lb_schedule_options *schedule = &run->plan.load.schedule;
    const struct lb_transport_ops *ops = run->transport->ops;
    struct lb_transport_facts facts = {0};
    if (schedule->mode != LB_SCHEDULE_DIAGNOSE)
        return 0;
    if (ops->look_up)
        ops->look_up(run->transport, ops->now(run->transport) + run->plan.load.timeout_ns);
    ops->facts(run->transport, &facts);
    schedule->addresses = facts.choose_address ? facts.addresses : 0;
    schedule->max_requests = (unsigned)run->plan.load.count;
    if (lb_vary_plan(&run->options->vary, &facts, &run->plan.vary, err) < 0)
        return -1;
    memcpy(schedule->key_values, run->plan.vary.values, sizeof schedule->key_values);
    return 0;
}

/* How the run is judged, apart from what is known of the target. */
static struct lb_verdict_options verdict_options(const struct run *run)
{
    double evenness = run->options->alpha > 0 ? run->options->alpha : LB_ALPHA_EVENNESS;
    if (run->plan.looks)
        evenness = lb_evenness_look(run->rejected_at ? run->rejected_at : run->done, evenness);
    return (struct lb_verdict_options){
        .alpha_layer = run->options->alpha,
        .alpha_evenness = evenness,
        .expected_backends = run->plan.expectation.backends,
        .weights = run->plan.weights.list,
        .n_weights = run->plan.weights.count,
        .group_by = run->plan.group_by,
        .translate = lb_text,
    };
}

static int judge(const struct run *run, bool live, struct lb_verdict **verdict)
{
    struct lb_target_facts target = target_facts(run);
    struct lb_verdict_options options = verdict_options(run);
    options.live = live;
    options.target = &target;
    return lb_verdict_make(run->tally, &options, verdict);
}

/* At a look, ends the run when it is not what was expected. */
static void take_look(struct run *run)
{
    struct lb_verdict *verdict;
    char reason[sizeof(struct lb_error)];
    if (!lb_evenness_is_look(run->done) || judge(run, true, &verdict) < 0)
        return;
    if (lb_expect_check(&run->plan.expectation, verdict, NULL, reason, sizeof reason) ==
        LB_EXPECT_NOT_MET) {
        run->rejected_at = run->done;
        lb_engine_stop(run->engine);
    }
    lb_verdict_free(verdict);
}

static void on_done(void *arg, const struct lb_done *done)
{
    struct run *run = arg;
    run->done++;
    if (run->plan.looks && !run->rejected_at)
        take_look(run);
    if (!run->options->quiet)
        lb_live_clear(run->live);
    if (!run->output_failed && lb_output_request(run->output, done) < 0) {
        run->output_failed = true;
        lb_engine_stop(run->engine);
    }
}

static int open_run(struct run *run, struct lb_error *err)
{
    struct lb_schedule_options *schedule = &run->plan.load.schedule;
    enum lb_output_format format = (enum lb_output_format)run->options->output;
    /* A probe's lines say nothing by themselves; its objects may be wanted. */
    bool probe = schedule->mode == LB_SCHEDULE_DIAGNOSE && format == LB_OUTPUT_TEXT;
    name_run(run);
    run->started_ms = lb_clock_realtime_ns() / LB_NS_PER_MS;
    schedule->target = target_facts(run);
    schedule->verdict = verdict_options(run);
    run->tally = lb_tally_new(run->id, run->client, 1);
    run->output = lb_output_new(stdout, format, run->options->quiet || probe);
    run->live = lb_live_new();
    if (!run->tally || !run->output)
        return lb_error_set(err, "out of memory");
    run->engine = lb_engine_new(run->transport, &run->plan.load, &run->plan.vary, run->tally,
                                on_done, run, err);
    return run->engine ? 0 : -1;
}

static void show_live(struct run *run)
{
    struct lb_verdict *verdict;
    int64_t now = lb_engine_elapsed_ns(run->engine);
    if (!lb_live_due(run->live, run->tally, now) || judge(run, true, &verdict) < 0)
        return;
    lb_live_show(run->live, run->tally, verdict, lb_engine_phase(run->engine), now);
    lb_verdict_free(verdict);
}

static char *make_metrics(void *arg)
{
    const struct run *run = arg;
    struct lb_verdict *verdict;
    if (judge(run, true, &verdict) < 0)
        return NULL;
    char *text = lb_client_metrics(run->tally, verdict, lb_engine_in_flight(run->engine));
    lb_verdict_free(verdict);
    return text;
}

static char *make_status(void *arg)
{
    const struct run *run = arg;
    struct lb_verdict *verdict;
    if (judge(run, false, &verdict) < 0)
        return NULL;
    char *text =
        lb_client_status(run->target, lb_engine_elapsed_ns(run->engine),
                         lb_engine_in_flight(run->engine), lb_engine_phase(run->engine), verdict);
    lb_verdict_free(verdict);
    return text;
}

static int open_admin(struct run *run, struct lb_error *err)
{
    const struct lb_admin_texts texts = {make_metrics, make_status, run};
    struct lb_error why;
    if (!run->options->admin_listen)
        return 0;
    run->admin = lb_admin_new(run->options->admin_listen, &texts, &why);
    if (!run->admin)
        return lb_error_set(err, "option --admin-listen: %.400s", why.text);
    fprintf(stderr, "%s: live page on http://%s/\n", run->program->name,
            lb_admin_address(run->admin));
    return 0;
}

/* Until the load is done, a signal came, or nothing can be written any more. */
static int drive(struct run *run, struct lb_error *err)
{
    int more = 1;
    lb_language_pause(); /* what is said of requests goes into the report */
    while (more > 0 && !interrupted && !run->output_failed) {
        more = lb_engine_step(run->engine, err);
        lb_admin_poll(run->admin);
        show_live(run);
    }
    lb_language_resume();
    lb_live_clear(run->live);
    run->elapsed_ns = lb_engine_elapsed_ns(run->engine);
    run->abandoned = lb_engine_in_flight(run->engine);
    lb_tally_flush(run->tally);
    return more < 0 ? -1 : 0;
}

static int print_text(const struct run *run, const struct lb_verdict *verdict)
{
    if (lb_summary_print(stdout, run->tally, run->target, run->elapsed_ns, run->abandoned) < 0)
        return -1;
    char *text = lb_verdict_text(verdict, LB_TEXT_WIDTH);
    if (!text)
        return -1;
    printf("\n%s", text);
    free(text);
    return 0;
}

/* As --output and --report ask for. */
static int publish(struct run *run, const struct lb_verdict *verdict, struct lb_error *err)
{
    struct lb_client_record *record = &run->record;
    const struct lb_client_plan *plan = &run->plan;
    record->run.id = run->id;
    record->run.client = run->client;
    record->run.program = run->program->name;
    record->run.program_version = PACKAGE_VERSION;
    record->run.started_ms = run->started_ms;
    record->run.duration_ns = run->elapsed_ns + plan->load.warmup_ns;
    record->run.target = target_facts(run);
    lb_client_record_settings(record, plan);
    const char *file = run->options->report;
    if (file && lb_client_record_save(record, file, plan, run->tally, verdict, err) < 0)
        return -1;
    switch ((enum lb_output_format)run->options->output) {
    case LB_OUTPUT_TEXT:
        return print_text(run, verdict) < 0 ? lb_error_set(err, "out of memory") : 0;
    case LB_OUTPUT_JSON:
        return lb_client_record_save(record, "-", plan, run->tally, verdict, err);
    case LB_OUTPUT_NDJSON:
        return lb_client_verdict_print(stdout, &plan->expectation, verdict) < 0
                   ? lb_error_set(err, "out of memory")
                   : 0;
    }
    return 0;
}

/* Judges what was counted, prints it, and says how the program is to end. */
static int conclude(struct run *run, struct lb_error *err)
{
    struct lb_verdict *verdict;
    char reason[sizeof err->text];
    if (judge(run, false, &verdict) < 0) {
        lb_error_set(err, "out of memory");
        return LB_EXIT_FAILURE;
    }
    enum lb_expect_result result =
        lb_expect_check(&run->plan.expectation, verdict, lb_text, reason, sizeof reason);
    int bad = publish(run, verdict, err);
    lb_verdict_free(verdict);
    if (bad < 0)
        return LB_EXIT_FAILURE;
    lb_error_set(err, "%s", reason);
    return result == LB_EXPECT_MET       ? LB_EXIT_OK
           : result == LB_EXPECT_NOT_MET ? LB_EXIT_FAILURE
                                         : LB_EXIT_UNJUDGED;
}

static void close_run(struct run *run)
{
    lb_admin_free(run->admin);
    lb_engine_free(run->engine);
    lb_live_free(run->live);
    lb_output_free(run->output);
    lb_tally_free(run->tally);
    if (run->transport)
        run->transport->ops->free(run->transport);
    lb_client_plan_clear(&run->plan);
    lb_client_record_clear(&run->record);
}

/* From the parsed options to the exit status; `err` has a sentence unless the status is 0. */
static int run_client(const struct lb_client *client, struct run *run, const void *config,
                      struct lb_error *err)
{
    run->transport = client->new_transport(config, run->target, err);
    if (!run->transport ||
        lb_client_options_plan(run->options, run->transport->ops, &run->plan, err) < 0 ||
        lb_client_record_labels(&run->record, &run->options->labels, err) < 0 ||
        (run->options->report && lb_client_report_check(run->options->report, err) < 0) ||
        plan_probe(run, err) < 0)
        return LB_EXIT_USAGE;
    catch_signals();
    raise_descriptor_limit();
    if (open_run(run, err) < 0 || open_admin(run, err) < 0 || drive(run, err) < 0)
        return LB_EXIT_FAILURE;
    if (run->output_failed)
        return lb_stdout_fail(err), LB_EXIT_FAILURE;
    return conclude(run, err);
}

int lb_client_main(const struct lb_client *client, int argc, char **argv, void *config)
{
    struct lb_option_group groups[LB_CLIENT_OWN_GROUPS + LB_CLIENT_SHARED_GROUPS];
    memcpy(groups, client->groups, client->group_count * sizeof groups[0]);
    memcpy(groups + client->group_count, lb_client_groups, sizeof lb_client_groups);
    const struct lb_program program = {
        .name = client->name,
        .synopsis = client->synopsis,
        .summary = client->summary,
        .epilog = client->epilog,
        .groups = groups,
        .group_count = client->group_count + LB_CLIENT_SHARED_GROUPS,
        .max_args = 1,
        .print_libraries = client->print_libraries,
    };
    struct run run = {.program = &program, .options = config};
    struct lb_error err = {""};
    int first, status = LB_EXIT_OK;
    lb_language_begin();
    enum lb_options_result parsed = lb_options_parse(&program, argc, argv, config, &first, &err);
    if (parsed == LB_OPTIONS_ERROR)
        status = LB_EXIT_USAGE;
    else if (parsed == LB_OPTIONS_RUN) {
        run.target = lb_client_options_target(config, argv[first], &err);
        status = run.target ? run_client(client, &run, config, &err) : LB_EXIT_USAGE;
    }
    close_run(&run);
    lb_options_free(&program, config);
    struct lb_error written = {""};
    if (!run.output_failed && lb_stdout_finish(&written) < 0) {
        status = LB_EXIT_FAILURE;
        err = written;
    }
    return status == LB_EXIT_OK || !err.text[0] ? status : lb_program_fail(&program, &err, status);
}
