/* The engine over a transport and a clock that are not real. */
#include "client/engine.h"

#include "unit.h"

#define MAX_REQUESTS 4096
#define MS LB_NS_PER_MS

struct lb_slot {
    struct fake *fake;
    bool keep, open;
    uint32_t owner;
    uint64_t connection;
    unsigned in_flight;
};

struct pending {
    bool used;
    struct lb_slot *slot;
    uint64_t tag;
    int64_t finish_ns;
    bool timeout;
};

/* Replies after `delay_ns`, later while the clock is inside the stall, as error `fail_every` times.
 */
static struct fake {
    struct lb_transport base;
    int64_t now_ns, delay_ns, stall_from_ns, stall_to_ns;
    uint64_t connections, sent, fail_every, backends;
    unsigned opened, closed, max_in_flight, in_flight;
    bool overlap; /* a slot had two requests at once */
    bool last;    /* each reply ends its connection */
    struct lb_slot slots[MAX_REQUESTS];
    struct pending pending[MAX_REQUESTS];
} fake;

static int64_t fake_now(struct lb_transport *t)
{
    return ((struct fake *)t)->now_ns;
}

static struct lb_slot *fake_open(struct lb_transport *t, const struct lb_slot_key *key, bool keep,
                                 struct lb_error *err)
{
    struct fake *f = (struct fake *)t;
    if (f->opened == MAX_REQUESTS) {
        lb_error_set(err, "too many slots");
        return NULL;
    }
    struct lb_slot *slot = &f->slots[f->opened++];
    *slot = (struct lb_slot){f, keep, true, key->owner, 0, 0};
    return slot;
}

static void fake_send(struct lb_slot *slot, uint64_t tag, int64_t deadline_ns)
{
    struct fake *f = slot->fake;
    ck_assert(slot->open);
    f->sent++;
    if (!slot->connection || !slot->keep)
        slot->connection = ++f->connections;
    f->overlap |= slot->in_flight++ > 0;
    if (++f->in_flight > f->max_in_flight)
        f->max_in_flight = f->in_flight;
    int64_t finish = f->now_ns + f->delay_ns;
    if (f->now_ns >= f->stall_from_ns && f->now_ns < f->stall_to_ns)
        finish = f->stall_to_ns + f->delay_ns;
    for (size_t i = 0; i < MAX_REQUESTS; i++) {
        struct pending *p = &f->pending[i];
        if (p->used)
            continue;
        bool timeout = finish > deadline_ns;
        *p = (struct pending){true, slot, tag, timeout ? deadline_ns : finish, timeout};
        return;
    }
    ck_abort_msg("too many requests in flight");
}

static void fake_close(struct lb_slot *slot)
{
    ck_assert(slot->open);
    slot->open = false;
    slot->fake->closed++;
    for (size_t i = 0; i < MAX_REQUESTS; i++) {
        if (slot->fake->pending[i].slot == slot)
            slot->fake->pending[i].used = false;
    }
}

static void answer(struct fake *f, struct pending *p)
{
    char backend[32];
    bool fails = f->fail_every && (p->tag + 1) % f->fail_every == 0;
    snprintf(backend, sizeof backend, "pod-%d", (int)(p->slot->connection % f->backends));
    struct lb_reply reply = {.tag = p->tag,
                             .outcome = p->timeout ? LB_REPLY_TIMEOUT
                                        : fails    ? LB_REPLY_ERROR
                                                   : LB_REPLY_OK,
                             .error = p->timeout ? "timed out"
                                      : fails    ? "refused"
                                                 : "",
                             .finish_ns = p->finish_ns,
                             .connection = p->slot->connection,
                             .remote = "127.0.0.1:80",
                             .local = "",
                             .backend = fails || p->timeout ? "" : backend,
                             .boot_id = "",
                             .version = "v1",
                             .zone = "",
                             .node = "",
                             .server_peer = "",
                             .proxy_headers = ""};
    reply.last = f->last;
    p->used = false;
    p->slot->in_flight--;
    f->in_flight--;
    f->base.on_reply(f->base.arg, &reply);
}

/* The clock jumps to the next reply, or to the end. */
static void fake_poll(struct lb_transport *t, int64_t until_ns)
{
    struct fake *f = (struct fake *)t;
    struct pending *first = NULL;
    for (size_t i = 0; i < MAX_REQUESTS; i++) {
        struct pending *p = &f->pending[i];
        if (p->used && (!first || p->finish_ns < first->finish_ns))
            first = p;
    }
    if (first && first->finish_ns <= (until_ns > f->now_ns ? until_ns : f->now_ns)) {
        if (first->finish_ns > f->now_ns)
            f->now_ns = first->finish_ns;
        answer(f, first);
    } else if (until_ns > f->now_ns) {
        f->now_ns = until_ns;
    }
}

static void fake_facts(struct lb_transport *t, struct lb_transport_facts *facts)
{
    (void)t;
    *facts = (struct lb_transport_facts){.addresses = 1};
}

static const struct lb_transport_ops fake_ops = {.protocol = "http",
                                                 .max_streams = 1,
                                                 .now = fake_now,
                                                 .poll = fake_poll,
                                                 .open = fake_open,
                                                 .send = fake_send,
                                                 .close = fake_close,
                                                 .facts = fake_facts};

static struct {
    size_t count, ok, errors, timeouts;
    int64_t planned[MAX_REQUESTS], sent[MAX_REQUESTS], latency[MAX_REQUESTS];
    uint64_t connection[MAX_REQUESTS], number[MAX_REQUESTS];
} seen;

static void on_done(void *arg, const struct lb_done *done)
{
    (void)arg;
    seen.planned[seen.count] = done->planned_ns;
    seen.sent[seen.count] = done->sent_ns;
    seen.latency[seen.count] = done->finish_ns - done->planned_ns;
    seen.connection[seen.count] = done->reply->connection;
    seen.number[seen.count++] = done->number;
    seen.ok += done->reply->outcome == LB_REPLY_OK;
    seen.errors += done->reply->outcome == LB_REPLY_ERROR;
    seen.timeouts += done->reply->outcome == LB_REPLY_TIMEOUT;
}

static struct lb_tally *tally;
static struct lb_load load;

static void reset(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&seen, 0, sizeof seen);
    fake.base.ops = &fake_ops;
    fake.now_ns = 1000 * LB_NS_PER_S; /* a clock that does not start at 0 */
    fake.delay_ns = 2 * MS;
    fake.backends = 3;
    load = (struct lb_load){
        .interval_ns = LB_NS_PER_S,
        .timeout_ns = 5 * LB_NS_PER_S,
        .schedule = {
            .mode = LB_SCHEDULE_NEW, .seed = 1, .connections = 1, .streams = 1, .in_flight = 1}};
}

static void run(void)
{
    struct lb_error err;
    tally = lb_tally_new("run", "test", 1);
    struct lb_engine *engine = lb_engine_new(&fake.base, &load, NULL, tally, on_done, NULL, &err);
    ck_assert_msg(engine != NULL, "%s", err.text);
    int more = 1;
    for (int steps = 0; more > 0; steps++) {
        ck_assert_int_lt(steps, 1000000);
        more = lb_engine_step(engine, &err);
    }
    ck_assert_msg(more == 0, "%s", err.text);
    ck_assert_uint_eq(lb_engine_in_flight(engine), 0);
    lb_engine_free(engine);
    lb_tally_flush(tally);
    ck_assert_uint_eq(fake.opened, fake.closed);
    ck_assert(!fake.overlap);
}

static void clean(void)
{
    lb_tally_free(tally);
    tally = NULL;
}

START_TEST(one_request_a_second_on_a_new_connection_each)
{
    load.count = 5;
    run();
    ck_assert_uint_eq(seen.count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(seen.planned[i], (int64_t)i * LB_NS_PER_S);
        ck_assert_int_eq(seen.sent[i], seen.planned[i]);
        ck_assert_int_eq(seen.latency[i], 2 * MS);
        ck_assert_uint_eq(seen.connection[i], i + 1);
        ck_assert_uint_eq(seen.number[i], i + 1);
    }
    ck_assert_uint_eq(lb_tally_segment(tally, 0)->requests, 5);
}
END_TEST

START_TEST(the_duration_ends_the_run)
{
    load.duration_ns = 3500 * MS;
    run();
    ck_assert_uint_eq(seen.count, 4); /* at 0, 1, 2 and 3 s */
}
END_TEST

START_TEST(an_interval_leaves_out_what_a_stall_held_up)
{
    load.duration_ns = 10 * LB_NS_PER_S;
    fake.stall_from_ns = fake.now_ns + 500 * MS;
    fake.stall_to_ns = fake.now_ns + 4500 * MS;
    run();
    /* 0, 1 (stalled till 4.5), 2 (sent at 4.5), then on its grid: 5 to 9. */
    ck_assert_uint_eq(seen.count, 8);
    ck_assert_int_eq(seen.latency[1], 3502 * MS);
    ck_assert_int_eq(seen.planned[2], 2 * LB_NS_PER_S);
    ck_assert_int_eq(seen.sent[2], 4502 * MS);
    ck_assert_int_eq(seen.latency[2], 2504 * MS);
    ck_assert_int_eq(seen.planned[3], 5 * LB_NS_PER_S);
    ck_assert_int_eq(seen.latency[3], 2 * MS);
}
END_TEST

START_TEST(a_rate_sends_later_what_a_stall_held_up)
{
    load.duration_ns = 10 * LB_NS_PER_S;
    load.catch_up = true;
    fake.stall_from_ns = fake.now_ns + 500 * MS;
    fake.stall_to_ns = fake.now_ns + 4500 * MS;
    run();
    ck_assert_uint_eq(seen.count, 10);
    for (size_t i = 0; i < 10; i++)
        ck_assert_int_eq(seen.planned[i], (int64_t)i * LB_NS_PER_S);
    ck_assert_int_eq(seen.latency[4],
                     508 * MS); /* planned at 4 s, sent when 1, 2 and 3 were done */
    ck_assert_int_eq(seen.latency[5], 2 * MS);
}
END_TEST

START_TEST(without_an_interval_replies_set_the_pace)
{
    load.interval_ns = 0;
    load.count = 100;
    load.schedule.mode = LB_SCHEDULE_ROUNDS;
    load.schedule.connections = 4;
    run();
    ck_assert_uint_eq(seen.count, 100);
    ck_assert_uint_eq(fake.opened, 4);
    ck_assert_uint_eq(fake.connections, 4);
    ck_assert_uint_eq(fake.max_in_flight, 4);
    ck_assert_int_eq(seen.latency[99], 2 * MS);
    ck_assert_int_eq(fake.now_ns - 1000 * LB_NS_PER_S, 50 * MS);
}
END_TEST

START_TEST(new_connections_in_flight_are_bounded)
{
    load.interval_ns = MS / 10;
    load.catch_up = true;
    load.count = 200;
    load.schedule.in_flight = 3;
    run();
    ck_assert_uint_eq(seen.count, 200);
    ck_assert_uint_eq(fake.max_in_flight, 3);
    ck_assert_uint_eq(fake.connections, 200);
}
END_TEST

START_TEST(errors_are_counted_and_the_run_goes_on)
{
    load.count = 12;
    load.interval_ns = 10 * MS;
    fake.fail_every = 1;
    run();
    ck_assert_uint_eq(seen.errors, 12);
    ck_assert_uint_eq(lb_tally_segment(tally, 0)->errors, 12);
}
END_TEST

START_TEST(a_request_has_its_timeout_from_when_it_was_sent)
{
    load.count = 2;
    load.timeout_ns = 1500 * MS;
    fake.stall_from_ns = fake.now_ns;
    fake.stall_to_ns = fake.now_ns + 60 * LB_NS_PER_S;
    run();
    ck_assert_uint_eq(seen.timeouts, 2);
    ck_assert_int_eq(seen.latency[0], 1500 * MS);
    ck_assert_int_eq(seen.sent[1], 1500 * MS);
    ck_assert_int_eq(seen.latency[1], 2000 * MS);
}
END_TEST

START_TEST(the_warm_up_is_not_measured_and_its_connections_are_used_on)
{
    load.count = 10;
    load.interval_ns = 100 * MS;
    load.warmup_ns = LB_NS_PER_S;
    load.schedule.mode = LB_SCHEDULE_ROUNDS;
    load.schedule.connections = 2;
    run();
    ck_assert_uint_eq(fake.sent, 20);
    ck_assert_uint_eq(seen.count, 10);
    ck_assert_uint_eq(seen.number[0], 1);
    ck_assert_int_eq(seen.planned[0], 0);
    ck_assert_uint_eq(fake.connections, 2);
    ck_assert_uint_eq(lb_tally_segment(tally, 0)->requests, 10);
}
END_TEST

START_TEST(the_run_begins_when_the_warm_ups_replies_have_come)
{
    load.duration_ns = 250 * MS;
    load.interval_ns = 100 * MS;
    load.warmup_ns = LB_NS_PER_S;
    load.schedule.mode = LB_SCHEDULE_ROUNDS;
    fake.stall_from_ns = fake.now_ns + 500 * MS;
    fake.stall_to_ns = fake.now_ns + 3 * LB_NS_PER_S;
    run();
    ck_assert_uint_eq(seen.count, 3);
    ck_assert_int_eq(seen.planned[0], 0);
    ck_assert_int_eq(seen.latency[0], 2 * MS); /* the stall was the warm-up's */
    ck_assert_uint_eq(fake.connections, 1);
}
END_TEST

/* The order of connections over 40 rounds. */
static void draw_order(uint32_t seed, uint64_t order[160])
{
    reset();
    load.count = 160;
    load.interval_ns = 10 * MS;
    load.schedule.mode = LB_SCHEDULE_ROUNDS;
    load.schedule.connections = 4;
    load.schedule.seed = seed;
    run();
    memcpy(order, seen.connection, 160 * sizeof *order);
    clean();
}

START_TEST(which_connection_sends_next_is_drawn_from_the_seed)
{
    uint64_t a[160], b[160], c[160];
    draw_order(7, a);
    draw_order(7, b);
    draw_order(8, c);
    ck_assert_mem_eq(a, b, sizeof a);
    ck_assert_mem_ne(a, c, sizeof a);
    unsigned fixed = 0;
    for (size_t i = 4; i < 160; i++)
        fixed += a[i] == a[i - 4];
    ck_assert_uint_lt(fixed, 120); /* a fixed turn has 156 */
}
END_TEST

START_TEST(a_connection_that_ended_is_opened_anew)
{
    load.count = 12;
    load.interval_ns = 10 * MS;
    load.schedule.mode = LB_SCHEDULE_ROUNDS;
    load.schedule.connections = 2;
    fake.last = true;
    run();
    ck_assert_uint_eq(seen.count, 12);
    ck_assert_uint_eq(fake.opened, 12);
}
END_TEST

START_TEST(a_stopped_engine_ends_when_replies_have_come)
{
    struct lb_error err;
    tally = lb_tally_new("run", "test", 1);
    struct lb_engine *engine = lb_engine_new(&fake.base, &load, NULL, tally, on_done, NULL, &err);
    ck_assert_int_eq(lb_engine_step(engine, &err), 1);
    lb_engine_stop(engine);
    while (lb_engine_step(engine, &err) > 0)
        ck_assert_uint_lt(seen.count, 3);
    ck_assert_uint_eq(seen.count, lb_engine_sent(engine));
    lb_engine_free(engine);
}
END_TEST

START_TEST(an_engine_freed_in_mid_run_closes_its_connections)
{
    struct lb_error err;
    load.interval_ns = 0;
    load.schedule.in_flight = 5;
    tally = lb_tally_new("run", "test", 1);
    struct lb_engine *engine = lb_engine_new(&fake.base, &load, NULL, tally, on_done, NULL, &err);
    ck_assert_int_eq(lb_engine_step(engine, &err), 1);
    ck_assert_uint_gt(lb_engine_in_flight(engine), 0);
    lb_engine_free(engine);
    ck_assert_uint_eq(fake.opened, fake.closed);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, reset, clean);
    tcase_add_test(tests, one_request_a_second_on_a_new_connection_each);
    tcase_add_test(tests, the_duration_ends_the_run);
    tcase_add_test(tests, an_interval_leaves_out_what_a_stall_held_up);
    tcase_add_test(tests, a_rate_sends_later_what_a_stall_held_up);
    tcase_add_test(tests, without_an_interval_replies_set_the_pace);
    tcase_add_test(tests, new_connections_in_flight_are_bounded);
    tcase_add_test(tests, errors_are_counted_and_the_run_goes_on);
    tcase_add_test(tests, a_request_has_its_timeout_from_when_it_was_sent);
    tcase_add_test(tests, the_warm_up_is_not_measured_and_its_connections_are_used_on);
    tcase_add_test(tests, the_run_begins_when_the_warm_ups_replies_have_come);
    tcase_add_test(tests, which_connection_sends_next_is_drawn_from_the_seed);
    tcase_add_test(tests, a_connection_that_ended_is_opened_anew);
    tcase_add_test(tests, a_stopped_engine_ends_when_replies_have_come);
    tcase_add_test(tests, an_engine_freed_in_mid_run_closes_its_connections);
}

LB_UNIT_MAIN("engine", fill)
