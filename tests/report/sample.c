/* Reports of simulated runs. See sample.h. */
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "report/report_write.h"

#define MAX_SLOTS 4096

/* The simulated world: what each slot's connection is, and who it goes to. */
struct world {
    const struct sample *sample;
    uint64_t random;
    uint64_t connections; /* made so far */
    uint64_t turn;        /* of a round robin */
    uint64_t id[MAX_SLOTS];
    uint32_t ordinal[MAX_SLOTS];
    unsigned backend[MAX_SLOTS];
    int64_t now_ns;
};

/* SplitMix64 (Steele, Lea & Flood 2014). */
static uint64_t draw(struct world *w, uint64_t n)
{
    uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % n;
}

static void fill_names(const struct sample *s, unsigned backend, char name[64], char boot[32])
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    if (s->name)
        snprintf(name, 64, "%s%u", s->name, backend);
    else
        snprintf(name, 64, "server-7c4bfd74d-%c%c%c%c%u", letters[backend * 7 % 27],
                 letters[(backend * 5 + 3) % 27], letters[(backend * 11 + 8) % 27],
                 letters[(backend * 13 + 1) % 27], backend % 10);
    snprintf(boot, 32, "boot-%u", backend);
}

/* Carries out one step of the schedule. */
static void serve(struct world *w, const struct lb_step *step, struct lb_observation *o)
{
    const struct sample *s = w->sample;
    uint32_t slot = step->slot % MAX_SLOTS;
    if (step->open || !w->id[slot]) {
        w->id[slot] = ++w->connections;
        w->ordinal[slot] = 0;
        w->backend[slot] = (unsigned)draw(w, s->backends);
    }
    unsigned backend = s->balancer == SAMPLE_PER_CONNECTION ? w->backend[slot]
                       : s->balancer == SAMPLE_ROUND_ROBIN  ? (unsigned)(w->turn++ % s->backends)
                                                            : (unsigned)draw(w, s->backends);
    static char name[64], boot[32];
    fill_names(s, backend, name, boot);
    uint64_t tail = draw(w, 100) == 0 ? 20 : 1;
    int64_t latency = (int64_t)((400 + draw(w, 600) + 80 * backend) * tail) * LB_NS_PER_US;
    w->now_ns += (int64_t)(1 + draw(w, 3)) * LB_NS_PER_MS;
    o->planned_ns = o->sent_ns = w->now_ns;
    o->finish_ns = w->now_ns + latency * (s->slow ? s->slow : 1);
    o->connection = w->id[slot];
    o->ordinal = ++w->ordinal[slot];
    o->remote = "10.96.0.7:8080";
    o->status = strcmp(s->protocol, "http") == 0 ? "200" : "OK";
    o->result = LB_RESULT_ANSWER;
    o->backend = name;
    o->boot = boot;
    o->zone = backend % 2 ? "zone-b" : "zone-a";
    if (s->fail_every && o->request % s->fail_every == 0) {
        o->result = LB_RESULT_FAILED;
        o->status = "connect: Connection refused";
        o->backend = o->boot = NULL;
    }
}

static int simulate(const struct sample *s, struct lb_tally *tally)
{
    struct world *w = calloc(1, sizeof *w);
    struct lb_schedule_options options = {
        .mode = s->mode,
        .seed = s->seed,
        .connections = s->connections,
        .streams = 1,
        .in_flight = 1,
        .target = {.protocol = s->protocol, .target = s->target},
    };
    struct lb_schedule *schedule = lb_schedule_new(&options, tally);
    int status = w && schedule ? 0 : -1;
    if (status == 0) {
        w->sample = s;
        w->random = s->seed;
    }
    for (uint64_t request = 1; status == 0 && request <= s->requests; request++) {
        struct lb_step step;
        if (lb_schedule_next(schedule, &step) < 0)
            status = -1;
        else if (step.kind != LB_STEP_SEND)
            break;
        if (status == 0) {
            struct lb_observation o = {.request = request};
            serve(w, &step, &o);
            memcpy(o.key, step.key, sizeof o.key);
            status = lb_schedule_done(schedule, step.ticket, &o);
        }
    }
    lb_schedule_free(schedule);
    free(w);
    lb_tally_flush(tally);
    return status;
}

int sample_run(const struct sample *s, struct lb_report_run *run, struct lb_tally **tally)
{
    *run = (struct lb_report_run){
        .id = s->run,
        .client = s->client,
        .program = strcmp(s->protocol, "http") == 0 ? "lbdemo-http-client" : "lbdemo-grpc-client",
        .program_version = "0.1.0",
        .started_ms = INT64_C(1795474000123) + s->seed % 1000,
        .duration_ns = (int64_t)s->requests * 2 * LB_NS_PER_MS,
        .target = {.protocol = s->protocol,
                   .target = s->target,
                   .addresses = 1,
                   .new_connections = s->mode == LB_SCHEDULE_NEW,
                   .channels = s->connections,
                   .diagnosed = s->mode == LB_SCHEDULE_DIAGNOSE},
        .settings = {.mode = s->mode,
                     .seed = s->seed,
                     .connections = s->connections,
                     .streams = 1,
                     .interval_ns = 2 * LB_NS_PER_MS,
                     .timeout_ns = 5 * LB_NS_PER_S},
    };
    if (s->path) {
        run->labels[0] = (struct lb_report_label){"path", s->path};
        run->n_labels = 1;
    }
    *tally = lb_tally_new(s->run, s->client, 1);
    return *tally ? simulate(s, *tally) : -1;
}

struct lb_report *sample_report(const struct sample *s)
{
    struct lb_report_run run;
    struct lb_tally *tally;
    struct lb_report *r = lb_report_new();
    if (!r || sample_run(s, &run, &tally) < 0)
        goto fail;
    if (lb_report_add_run(r, &run) < 0 || lb_tally_merge(r->tally, tally) == LB_MERGE_NO_MEMORY) {
        lb_tally_free(tally);
        goto fail;
    }
    lb_tally_free(tally);
    return r;
fail:
    lb_report_free(r);
    return NULL;
}

char *sample_text(const struct sample *s)
{
    struct lb_verdict *v = NULL;
    struct lb_report *r = sample_report(s);
    char *text = NULL;
    if (r && lb_report_judge(r, NULL, &v, NULL) == 0)
        text = lb_report_text(r, v, NULL, r->runs[0].program, r->runs[0].program_version);
    lb_verdict_free(v);
    lb_report_free(r);
    return text;
}
