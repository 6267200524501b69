/* When to send what on which connection. */
#include "client/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/settle.h"

#define MAX_SENDS_A_STEP 64 /* then replies are looked for, however much is overdue */
#define NOT_STARTED INT64_MIN

/* One that is open: of gRPC a channel, which may have several connections. */
struct place {
    struct lb_slot *slot;     /* NULL: not open */
    uint64_t channel;         /* its number in the run */
    struct lb_settle *settle; /* NULL: it has no start to leave aside, or that is over */
};

/* One schedule and the slots it speaks of: the run's, and before it the warm-up's. */
struct phase {
    struct lb_schedule *schedule;
    struct place *slots; /* by the schedule's number */
    uint32_t slot_count;
};

/* A request in flight. The transport's tag is its index. */
struct flight {
    bool used, warmup, keep;
    bool aside; /* sent at the start of its channel */
    uint32_t slot;
    uint64_t ticket, number;
    int64_t planned_ns, sent_ns;
    uint32_t next_free;
};

struct lb_engine {
    struct lb_transport *transport;
    struct lb_load load;
    const struct lb_vary *vary;
    lb_done_fn *on_done;
    void *arg;

    struct phase run, warmup;
    struct lb_tally *warmup_tally;
    struct flight *flights;
    uint32_t flight_count, first_free; /* free list; flight_count ends it */
    uint64_t in_flight, sent, warmup_sent, channels;

    int64_t origin_ns;  /* on the transport's clock, of time 0 */
    int64_t planned_ns; /* of the next request */
    int64_t hold_ns;    /* a probe waits for its channel: nothing is sent before */
    bool warming, blocked, stopped, failed;
    enum lb_stop_reason reason;
    struct lb_error error; /* when failed */
};

static int64_t elapsed(const struct lb_engine *e)
{
    return e->transport->ops->now(e->transport) - e->origin_ns;
}

static void fail(struct lb_engine *e, const char *text)
{
    e->failed = e->stopped = true;
    lb_error_set(&e->error, "%s", text);
}

/* --- what is in flight ---------------------------------------------------------------------------
 */

static struct flight *take_flight(struct lb_engine *e)
{
    if (e->first_free == e->flight_count) {
        uint32_t count = e->flight_count ? 2 * e->flight_count : 64;
        struct flight *flights = realloc(e->flights, count * sizeof *flights);
        if (!flights)
            return NULL;
        for (uint32_t i = e->flight_count; i < count; i++)
            flights[i] = (struct flight){.next_free = i + 1};
        e->flights = flights;
        e->first_free = e->flight_count;
        e->flight_count = count;
    }
    struct flight *flight = &e->flights[e->first_free];
    e->first_free = flight->next_free;
    flight->used = true;
    e->in_flight++;
    return flight;
}

static void release_flight(struct lb_engine *e, struct flight *flight)
{
    flight->used = false;
    flight->next_free = e->first_free;
    e->first_free = (uint32_t)(flight - e->flights);
    e->in_flight--;
}

/* --- slots ---------------------------------------------------------------------------------------
 */

static int make_room(struct phase *phase, uint32_t slot)
{
    if (slot < phase->slot_count)
        return 0;
    uint32_t count = slot + 1 < 16 ? 16 : 2 * (slot + 1);
    struct place *slots = realloc(phase->slots, count * sizeof *slots);
    if (!slots)
        return -1;
    memset(slots + phase->slot_count, 0, (count - phase->slot_count) * sizeof *slots);
    phase->slots = slots;
    phase->slot_count = count;
    return 0;
}

static void close_slot(struct lb_engine *e, struct phase *phase, uint32_t slot)
{
    if (slot < phase->slot_count && phase->slots[slot].slot) {
        e->transport->ops->close(phase->slots[slot].slot);
        free(phase->slots[slot].settle);
        phase->slots[slot] = (struct place){0};
    }
}

static void close_phase(struct lb_engine *e, struct phase *phase)
{
    for (uint32_t i = 0; i < phase->slot_count; i++)
        close_slot(e, phase, i);
    lb_schedule_free(phase->schedule);
    free(phase->slots);
    *phase = (struct phase){0};
}

/* Policies that choose for each request are uneven until they have reached every address. */
static int start_settling(struct lb_engine *e, struct place *place, int address)
{
    const struct lb_target_facts *target = &e->load.schedule.target;
    if (address >= 0 || target->addresses < 2 || !target->lb_policy ||
        strcmp(target->lb_policy, "pick_first") == 0)
        return 0;
    place->settle = lb_settle_new(target->addresses, elapsed(e));
    return place->settle ? 0 : lb_error_set(&e->error, "out of memory");
}

/* Opens the step's slot; the one of the same number that the warm-up left is used on. */
static int open_slot(struct lb_engine *e, struct phase *phase, const struct lb_step *step)
{
    struct lb_varied_key key;
    if (make_room(phase, step->slot) < 0)
        return lb_error_set(&e->error, "out of memory");
    close_slot(e, phase, step->slot);
    if (phase == &e->run && step->keep && step->slot < e->warmup.slot_count) {
        phase->slots[step->slot] = e->warmup.slots[step->slot];
        e->warmup.slots[step->slot] = (struct place){0};
    }
    struct place *place = &phase->slots[step->slot];
    if (place->slot)
        return 0;
    lb_vary_key(e->vary, step->key, step->address, &key);
    key.key.owner = step->slot;
    place->slot = e->transport->ops->open(e->transport, &key.key, step->keep, &e->error);
    place->channel = ++e->channels;
    return place->slot ? start_settling(e, place, step->address) : -1;
}

/* --- sending -------------------------------------------------------------------------------------
 */

/* Moves the plan on. Without catch_up the requests that would be overdue are left out, save the
 * oldest: the run keeps its grid and never bursts. */
static void advance_plan(struct lb_engine *e, int64_t now)
{
    int64_t interval = e->load.interval_ns;
    e->planned_ns += interval;
    if (interval > 0 && !e->load.catch_up && e->planned_ns < now)
        e->planned_ns += (now - e->planned_ns + interval - 1) / interval * interval;
}

/* Is this request one of the start of its channel? */
static bool is_start(struct place *place, int64_t now)
{
    if (place->settle && lb_settle_over(place->settle, now)) {
        free(place->settle);
        place->settle = NULL;
    }
    return place->settle != NULL;
}

static void send_step(struct lb_engine *e, struct phase *phase, const struct lb_step *step,
                      int64_t now)
{
    if (step->open && open_slot(e, phase, step) < 0) {
        e->failed = e->stopped = true;
        return;
    }
    struct flight *flight = take_flight(e);
    if (!flight) {
        fail(e, "out of memory");
        return;
    }
    bool warmup = phase == &e->warmup;
    flight->warmup = warmup;
    flight->keep = step->keep;
    flight->slot = step->slot;
    flight->aside = is_start(&phase->slots[step->slot], now);
    if (flight->aside && e->load.schedule.mode == LB_SCHEDULE_DIAGNOSE)
        e->hold_ns = now + LB_SETTLE_PACE_NS;
    flight->ticket = step->ticket;
    flight->number = warmup ? ++e->warmup_sent : ++e->sent;
    flight->planned_ns = e->load.interval_ns > 0 ? e->planned_ns : now;
    flight->sent_ns = now;
    advance_plan(e, now);
    e->transport->ops->send(phase->slots[step->slot].slot, (uint64_t)(flight - e->flights),
                            e->origin_ns + now + e->load.timeout_ns);
}

static bool load_is_done(const struct lb_engine *e, int64_t now)
{
    return e->stopped || (e->load.count && e->sent >= e->load.count) ||
           (e->load.duration_ns && !e->warming && now >= e->load.duration_ns);
}

/* Once its time is over the warm-up waits for its replies, so that its connections are idle and can
 * be used on (open_slot); then the run begins. Returns whether something may be sent. */
static bool end_warmup(struct lb_engine *e)
{
    int64_t now = elapsed(e);
    if (!e->warming || now < 0)
        return true;
    if (e->in_flight > 0)
        return false;
    e->warming = e->blocked = false;
    e->origin_ns += now;
    e->planned_ns = 0;
    return true;
}

static bool is_held(const struct lb_engine *e, int64_t now)
{
    return e->hold_ns > 0 && now < e->hold_ns;
}

static void send_due(struct lb_engine *e)
{
    for (int n = 0; n < MAX_SENDS_A_STEP; n++) {
        bool may_send = end_warmup(e);
        int64_t now = elapsed(e);
        if (!may_send || load_is_done(e, now) || e->blocked ||
            (e->load.interval_ns > 0 && now < e->planned_ns) || is_held(e, now))
            return;
        struct phase *phase = e->warming ? &e->warmup : &e->run;
        struct lb_step step;
        if (lb_schedule_next(phase->schedule, &step) < 0) {
            fail(e, "out of memory");
            return;
        }
        switch (step.kind) {
        case LB_STEP_SEND:
            send_step(e, phase, &step, now);
            break;
        case LB_STEP_WAIT:
            e->blocked = true;
            return;
        case LB_STEP_STOP:
            e->stopped = true;
            e->reason = step.reason;
            return;
        }
    }
}

/* --- replies -------------------------------------------------------------------------------------
 */

static void observe(const struct lb_done *done, char server_connection[24],
                    struct lb_observation *o)
{
    const struct lb_reply *reply = done->reply;
    server_connection[0] = '\0';
    if (reply->server_connection)
        snprintf(server_connection, 24, "%" PRIu64, reply->server_connection);
    *o = (struct lb_observation){
        .request = done->number,
        .planned_ns = done->planned_ns,
        .sent_ns = done->sent_ns,
        .finish_ns = done->finish_ns,
        .connection = reply->connection,
        .ordinal = reply->ordinal,
        .remote = reply->remote,
        .result = reply->outcome == LB_REPLY_OK       ? LB_RESULT_ANSWER
                  : reply->outcome == LB_REPLY_STATUS ? LB_RESULT_STATUS
                                                      : LB_RESULT_FAILED,
        .status = reply->outcome == LB_REPLY_OK ? "" : reply->error,
        .backend = reply->backend,
        .boot = reply->boot_id,
        .version = reply->version,
        .zone = reply->zone,
        .node = reply->node,
        .server_connection = server_connection,
        .server_ordinal = reply->server_ordinal,
        .server_peer = reply->server_peer,
        .proxy_headers = reply->proxy_headers[0] != '\0',
    };
}

static void on_reply(void *arg, const struct lb_reply *reply)
{
    struct lb_engine *e = arg;
    struct flight flight = e->flights[reply->tag];
    struct phase *phase = flight.warmup ? &e->warmup : &e->run;
    struct lb_done done = {flight.number, flight.planned_ns, flight.sent_ns,
                           reply->finish_ns - e->origin_ns, reply};
    struct lb_observation observation;
    char server_connection[24];
    release_flight(e, &e->flights[reply->tag]);
    observe(&done, server_connection, &observation);
    struct place *place = &phase->slots[flight.slot];
    observation.channel = place->channel;
    observation.aside = flight.aside;
    if (place->settle)
        lb_settle_note(place->settle, reply->remote);
    if (lb_schedule_done(phase->schedule, flight.ticket, &observation) < 0)
        fail(e, "out of memory");
    if (reply->last && flight.keep)
        lb_schedule_closed(phase->schedule, flight.slot);
    e->blocked = false;
    if (!flight.warmup)
        e->on_done(e->arg, &done);
    if (!flight.keep)
        close_slot(e, phase, flight.slot); /* last: the reply's texts may be the slot's */
}

static void on_closed(void *arg, uint32_t owner)
{
    struct lb_engine *e = arg;
    struct phase *phase = e->warming ? &e->warmup : &e->run;
    if (owner < phase->slot_count && phase->slots[owner].slot)
        lb_schedule_closed(phase->schedule, owner);
}

/* --- the engine's interface ----------------------------------------------------------------------
 */

static int start_warmup(struct lb_engine *e, struct lb_error *err)
{
    struct lb_schedule_options options = e->load.schedule;
    if (options.mode == LB_SCHEDULE_DIAGNOSE)
        return lb_error_set(err, "--diagnose sends too few requests for a warm-up");
    e->warmup_tally = lb_tally_new("warm-up", "", 1);
    if (e->warmup_tally)
        e->warmup.schedule = lb_schedule_new(&options, e->warmup_tally);
    e->warming = true;
    return e->warmup.schedule ? 0 : lb_error_set(err, "out of memory");
}

struct lb_engine *lb_engine_new(struct lb_transport *transport, const struct lb_load *load,
                                const struct lb_vary *vary, struct lb_tally *tally,
                                lb_done_fn *on_done, void *arg, struct lb_error *err)
{
    struct lb_engine *e = calloc(1, sizeof *e);
    if (!e) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    e->transport = transport;
    e->load = *load;
    e->vary = vary;
    e->on_done = on_done;
    e->arg = arg;
    e->origin_ns = NOT_STARTED;
    e->run.schedule = lb_schedule_new(&load->schedule, tally);
    if (!e->run.schedule)
        lb_error_set(err, "out of memory");
    if (!e->run.schedule || (load->warmup_ns > 0 && start_warmup(e, err) < 0)) {
        lb_engine_free(e);
        return NULL;
    }
    transport->on_reply = on_reply;
    transport->on_closed = on_closed;
    transport->arg = e;
    return e;
}

int lb_engine_step(struct lb_engine *e, struct lb_error *err)
{
    const struct lb_transport_ops *ops = e->transport->ops;
    if (e->origin_ns == NOT_STARTED) {
        e->origin_ns = ops->now(e->transport) + e->load.warmup_ns;
        e->planned_ns = -e->load.warmup_ns;
    }
    send_due(e);
    int64_t now = elapsed(e), until = now + LB_POLL_MAX_NS;
    bool done = load_is_done(e, now), ending = e->warming && now >= 0;
    if (!done && !e->blocked && !ending)
        until = is_held(e, now) ? e->hold_ns : e->load.interval_ns > 0 ? e->planned_ns : now;
    if (e->warming && !ending && until > 0)
        until = 0;
    if (!e->failed && (!done || e->in_flight))
        ops->poll(e->transport, e->origin_ns + until);
    if (e->failed) {
        if (err)
            *err = e->error;
        return -1;
    }
    return !load_is_done(e, elapsed(e)) || e->in_flight > 0;
}

void lb_engine_stop(struct lb_engine *e)
{
    e->stopped = true;
}

int64_t lb_engine_elapsed_ns(const struct lb_engine *e)
{
    return e->origin_ns == NOT_STARTED ? 0 : elapsed(e);
}

uint64_t lb_engine_sent(const struct lb_engine *e)
{
    return e->sent;
}

uint64_t lb_engine_in_flight(const struct lb_engine *e)
{
    return e->in_flight;
}

enum lb_stop_reason lb_engine_stop_reason(const struct lb_engine *e)
{
    return e->reason;
}

const char *lb_engine_phase(const struct lb_engine *e)
{
    return e->warming ? "warming up" : lb_schedule_phase(e->run.schedule);
}

void lb_engine_free(struct lb_engine *e)
{
    if (!e)
        return;
    close_phase(e, &e->warmup);
    close_phase(e, &e->run);
    lb_tally_free(e->warmup_tally);
    free(e->flights);
    free(e);
}
