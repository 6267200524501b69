/* One simulated run: see run.h. */
#include "run.h"

#include "balance/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_NS INT64_C(1000000)
#define MAX_OPEN 16

const struct sim_design sim_designs[SIM_DESIGNS] = {
    {"--diagnose", .diagnose = true},
    {"6 x 8", .connections = 6, .each = 8},
    {"12 x 4", .connections = 12, .each = 4},
    {"100 x 10", .connections = 100, .each = 10},
    {"looks", .looks = true},
};

struct open_request {
    struct lb_step step;
    unsigned connection;
    uint64_t number;
    int backend;
};

struct run {
    struct sim_balancer *balancer;
    struct lb_schedule *schedule;
    struct lb_tally *tally;
    gsl_rng *rng;
    unsigned slot_connection[SIM_MAX_CONNECTIONS]; /* 0: none */
    int slot_address[SIM_MAX_CONNECTIONS];
    uint32_t ordinals[SIM_MAX_CONNECTIONS];
    unsigned connections;
    struct open_request open[MAX_OPEN];
    unsigned n_open;
    uint64_t sent;
};

static void send(struct run *r, const struct lb_step *step)
{
    struct open_request *o = &r->open[r->n_open++];
    *o = (struct open_request){.step = *step, .number = ++r->sent};
    if (step->open) {
        r->slot_connection[step->slot] = ++r->connections;
        r->slot_address[step->slot] =
            step->address >= 0 ? step->address : (int)gsl_rng_uniform_int(r->rng, r->balancer->N);
    }
    o->connection = r->slot_connection[step->slot];
    o->backend =
        sim_balancer_pick(r->balancer, o->connection, r->slot_address[step->slot], step->key);
}

static int finish_oldest(struct run *r)
{
    struct open_request o = r->open[0];
    char name[16], remote[32];
    memmove(r->open, r->open + 1, --r->n_open * sizeof(r->open[0]));
    sim_balancer_done(r->balancer, o.backend);
    snprintf(name, sizeof(name), "pod-%d", o.backend);
    bool by_address = r->balancer->kind == SIM_CLIENT_SIDE;
    snprintf(remote, sizeof(remote), "10.0.0.%d:80",
             by_address ? r->slot_address[o.step.slot] + 1 : 1);
    struct lb_observation seen = {
        .request = o.number,
        .planned_ns = (int64_t)o.number * STEP_NS,
        .sent_ns = (int64_t)o.number * STEP_NS,
        .finish_ns = (int64_t)o.number * STEP_NS + STEP_NS / 2,
        .connection = o.connection,
        .ordinal = ++r->ordinals[o.connection],
        .remote = remote,
        .result = o.backend == SIM_FAILED ? LB_RESULT_STATUS : LB_RESULT_ANSWER,
        .status = "503",
        .backend = o.backend == SIM_FAILED ? NULL : name,
    };
    return lb_schedule_done(r->schedule, o.step.ticket, &seen);
}

static int judge(const struct run *r, const struct lb_schedule_options *options, double alpha,
                 struct sim_result *out)
{
    struct lb_verdict *v;
    struct lb_verdict_options vo = {
        .alpha_evenness = alpha, .target = &options->target, .cache = options->verdict.cache};
    if (lb_verdict_make(r->tally, &vo, &v) < 0)
        return -1;
    *out = (struct sim_result){
        .layer = v->layers.layer,
        .sticky_level = v->layers.sticky_level,
        .outcome = v->outcome,
        .uneven = v->outcome == LB_OUTCOME_UNEVEN,
        .requests = (unsigned)v->requests,
        .left = v->layers.left,
    };
    lb_verdict_free(v);
    return 0;
}

/* One request after the other, judged at each look. */
static int run_looks(struct run *r, const struct lb_schedule_options *options,
                     struct sim_result *out)
{
    struct lb_step step;
    out->uneven = false;
    while (r->sent < LB_EVENNESS_LAST_LOOK && !out->uneven) {
        if (lb_schedule_next(r->schedule, &step) < 0 || step.kind != LB_STEP_SEND)
            return -1;
        send(r, &step);
        if (finish_oldest(r) < 0)
            return -1;
        if (lb_evenness_is_look(r->sent) &&
            judge(r, options, lb_evenness_look(r->sent, LB_ALPHA_EVENNESS), out) < 0)
            return -1;
    }
    return 0;
}

static int carry_out(struct run *r, uint64_t count)
{
    struct lb_step step;
    for (;;) {
        if (count && r->sent == count)
            break;
        if (lb_schedule_next(r->schedule, &step) < 0)
            return -1;
        if (step.kind == LB_STEP_STOP)
            break;
        if (step.kind == LB_STEP_SEND) {
            send(r, &step);
            if (!count)
                continue;
        }
        if (r->n_open == 0)
            break;
        if (finish_oldest(r) < 0)
            return -1;
    }
    while (r->n_open > 0) {
        if (finish_oldest(r) < 0)
            return -1;
    }
    return 0;
}

static void set_options(struct lb_schedule_options *o, enum sim_kind kind, unsigned N,
                        const struct sim_design *design, uint32_t seed)
{
    *o = (struct lb_schedule_options){
        .mode = design->diagnose ? LB_SCHEDULE_DIAGNOSE
                : design->looks  ? LB_SCHEDULE_NEW
                                 : LB_SCHEDULE_ROUNDS,
        .seed = seed,
        .in_flight = 1,
        .connections = design->connections,
        .streams = 1,
    };
    o->target.protocol = "http";
    o->target.addresses = kind == SIM_CLIENT_SIDE ? N : 1;
    o->target.cookies = kind == SIM_STICKY_COOKIE;
    o->target.diagnosed = design->diagnose;
    o->target.new_connections = design->looks;
    o->addresses = o->target.addresses;
    o->key_values[LB_LEVEL_SOURCE] = LB_DIAGNOSE_KEY_VALUES;
    o->key_values[LB_LEVEL_COOKIE] = o->target.cookies ? LB_DIAGNOSE_KEY_VALUES : 0;
}

int sim_run(enum sim_kind kind, unsigned N, const struct sim_design *design, uint32_t seed,
            struct lb_evenness_cache *cache, struct sim_result *out)
{
    struct lb_schedule_options options;
    int rc = -1;
    struct run *r = calloc(1, sizeof(*r));
    if (!r)
        return -1;
    set_options(&options, kind, N, design, seed);
    options.verdict.cache = cache;
    r->rng = gsl_rng_alloc(gsl_rng_taus2);
    r->balancer = malloc(sizeof(*r->balancer));
    r->tally = lb_tally_new("run", "", 1);
    r->schedule = r->tally ? lb_schedule_new(&options, r->tally) : NULL;
    if (!r->rng || !r->balancer || !r->schedule)
        goto out;
    gsl_rng_set(r->rng, seed ^ 0x5bd1e995u);
    sim_balancer_init(r->balancer, kind, N, r->rng);
    if (design->looks) {
        rc = run_looks(r, &options, out);
    } else if (carry_out(r, (uint64_t)design->connections * design->each) == 0) {
        lb_tally_flush(r->tally);
        rc = judge(r, &options, 0, out);
    }
out:
    lb_schedule_free(r->schedule);
    lb_tally_free(r->tally);
    free(r->balancer);
    if (r->rng)
        gsl_rng_free(r->rng);
    free(r);
    return rc;
}
