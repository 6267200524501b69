/* The order of sending: rounds, new connections, the probe. */
#include "balance/schedule.h"
#include "feed_runs.h"

#define SLOTS 6

static struct lb_schedule_options rounds(unsigned connections, unsigned streams)
{
    return (struct lb_schedule_options){
        .mode = LB_SCHEDULE_ROUNDS, .seed = 5, .connections = connections, .streams = streams};
}

START_TEST(a_round_visits_each_connection_once_in_a_fresh_order)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    struct lb_schedule_options o = rounds(SLOTS, 1);
    struct lb_schedule *s = lb_schedule_new(&o, t);
    uint32_t order[10][SLOTS], ordinals[SLOTS] = {0};
    for (unsigned r = 0; r < 10; r++) {
        bool visited[SLOTS] = {false};
        for (unsigned i = 0; i < SLOTS; i++) {
            struct lb_step step;
            ck_assert_int_eq(lb_schedule_next(s, &step), 0);
            ck_assert_int_eq(step.kind, LB_STEP_SEND);
            ck_assert(step.open == (r == 0) && step.keep);
            ck_assert(!visited[step.slot]);
            visited[step.slot] = true;
            order[r][i] = step.slot;
            struct lb_observation seen =
                answer(r * SLOTS + i + 1, step.slot + 1, step.slot % 2 ? "a" : "b");
            seen.ordinal = ++ordinals[step.slot];
            ck_assert_int_eq(lb_schedule_done(s, step.ticket, &seen), 0);
            /* In the last place of a round nothing is drawn any more. */
            ck_assert(!(r == 0 && seen.toss[0].tossed));
            ck_assert(!(r > 0 && i + 1 == SLOTS && seen.toss[0].tossed));
            ck_assert(!seen.toss[0].tossed || seen.toss[0].own);
        }
    }
    ck_assert(memcmp(order[0], order[1], sizeof(order[0])) != 0 ||
              memcmp(order[1], order[2], sizeof(order[0])) != 0);
    ck_assert_uint_gt(only_segment(t)->coins[LB_LEVEL_CONNECTION].tosses, 10);
    lb_schedule_free(s);
    lb_tally_free(t);
}
END_TEST

START_TEST(busy_connections_are_not_drawn)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    struct lb_schedule_options o = rounds(2, 2);
    struct lb_schedule *s = lb_schedule_new(&o, t);
    struct lb_step step[5];
    unsigned in_flight[2] = {0};
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(lb_schedule_next(s, &step[i]), 0);
        ck_assert_int_eq(step[i].kind, LB_STEP_SEND);
        ck_assert_uint_le(++in_flight[step[i].slot], 2);
    }
    ck_assert_int_eq(lb_schedule_next(s, &step[4]), 0);
    ck_assert_int_eq(step[4].kind, LB_STEP_WAIT);
    struct lb_observation seen = answer(1, 1, "a");
    ck_assert_int_eq(lb_schedule_done(s, step[0].ticket, &seen), 0);
    ck_assert_int_eq(lb_schedule_done(s, step[0].ticket, &seen), -1); /* only once */
    ck_assert_int_eq(lb_schedule_next(s, &step[4]), 0);
    ck_assert_int_eq(step[4].kind, LB_STEP_SEND);
    ck_assert_uint_eq(step[4].slot, step[0].slot);
    lb_schedule_free(s);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_reconnect_makes_the_toss_void_and_a_closed_slot_opens_again)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    struct lb_schedule_options o = rounds(2, 1);
    struct lb_schedule *s = lb_schedule_new(&o, t);
    struct lb_step step;
    for (unsigned i = 1; i <= 2; i++) {
        ck_assert_int_eq(lb_schedule_next(s, &step), 0);
        struct lb_observation seen = answer(i, step.slot + 1, step.slot ? "a" : "b");
        ck_assert_int_eq(lb_schedule_done(s, step.ticket, &seen), 0);
    }
    ck_assert_int_eq(lb_schedule_next(s, &step), 0);
    struct lb_observation moved = answer(3, 77, "a"); /* not the connection that was tossed */
    ck_assert_int_eq(lb_schedule_done(s, step.ticket, &moved), 0);
    ck_assert(!moved.toss[0].tossed);
    lb_schedule_closed(s, 0);
    lb_schedule_closed(s, 1);
    lb_schedule_closed(s, 9999); /* no such slot: ignored */
    ck_assert_int_eq(lb_schedule_next(s, &step), 0);
    ck_assert(step.open);
    lb_schedule_free(s);
    lb_tally_free(t);
}
END_TEST

START_TEST(new_connections_are_not_kept)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    struct lb_schedule_options o = {.mode = LB_SCHEDULE_NEW, .in_flight = 1};
    struct lb_schedule *s = lb_schedule_new(&o, t);
    struct lb_step step;
    for (unsigned i = 1; i < 20; i++) {
        ck_assert_int_eq(lb_schedule_next(s, &step), 0);
        ck_assert(step.kind == LB_STEP_SEND && step.open && !step.keep && step.address == -1);
        struct lb_observation seen = answer(i, i, "a");
        ck_assert_int_eq(lb_schedule_done(s, step.ticket, &seen), 0);
        ck_assert(!seen.toss[0].tossed);
    }
    lb_schedule_free(s);
    lb_tally_free(t);
}
END_TEST

/* What a probe of a target ends with. */
struct probe {
    const char *(*backend)(unsigned request, unsigned connection, const uint16_t *key);
    struct lb_schedule_options options;
    bool pooled; /* one upstream connection a backend */
    enum lb_stop_reason reason;
    unsigned requests, most_in_flight, opened;
    uint16_t most_key[LB_LEVELS];
    struct lb_layers layers;
    enum lb_outcome outcome;
};

static void probe(struct probe *p)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    p->options.mode = LB_SCHEDULE_DIAGNOSE;
    struct lb_schedule *s = lb_schedule_new(&p->options, t);
    unsigned connection[256] = {0}, next = 0, open = 0;
    struct lb_step waiting[16], step;
    for (;;) {
        ck_assert_int_eq(lb_schedule_next(s, &step), 0);
        if (step.kind == LB_STEP_STOP)
            break;
        if (step.kind == LB_STEP_SEND) {
            if (step.open)
                connection[step.slot] = ++next;
            waiting[open++] = step;
            p->most_in_flight = open > p->most_in_flight ? open : p->most_in_flight;
            continue;
        }
        ck_assert_uint_gt(open, 0);
        step = waiting[--open];
        p->requests++;
        for (unsigned l = 0; l < LB_LEVELS; l++)
            if (step.key[l] > p->most_key[l])
                p->most_key[l] = step.key[l];
        const char *name = p->backend(p->requests, connection[step.slot], step.key);
        struct lb_observation seen = answer(p->requests, connection[step.slot], name);
        if (!name) {
            seen.result = LB_RESULT_FAILED;
            seen.connection = 0;
            seen.status = "refused";
        }
        if (p->pooled) {
            seen.server_connection = name;
            seen.server_ordinal = p->requests;
        }
        ck_assert_int_eq(lb_schedule_done(s, step.ticket, &seen), 0);
        ck_assert_uint_le(p->requests, LB_DIAGNOSE_MAX_REQUESTS);
    }
    p->reason = step.reason;
    p->opened = next;
    lb_tally_flush(t);
    ck_assert_int_eq(lb_layers_judge(t, &p->options.target, LB_ALPHA_LAYER, &p->layers), 0);
    struct lb_verdict_options options = p->options.verdict;
    struct lb_verdict *v;
    options.target = &p->options.target;
    ck_assert_int_eq(lb_verdict_make(t, &options, &v), 0);
    p->outcome = v->outcome;
    lb_verdict_free(v);
    lb_schedule_free(s);
    lb_tally_free(t);
}

static const char *turn(unsigned request, unsigned connection, const uint16_t *key)
{
    (void)connection;
    (void)key;
    return request % 3 == 0 ? "a" : request % 3 == 1 ? "b" : "c";
}

static const char *by_connection(unsigned request, unsigned connection, const uint16_t *key)
{
    return turn(connection, request, key);
}

static const char *by_source(unsigned request, unsigned connection, const uint16_t *key)
{
    return turn(key[LB_LEVEL_SOURCE], connection + request, key);
}

static const char *one(unsigned request, unsigned connection, const uint16_t *key)
{
    (void)request;
    (void)connection;
    (void)key;
    return "a";
}

static const char *none(unsigned request, unsigned connection, const uint16_t *key)
{
    (void)request;
    (void)connection;
    (void)key;
    return NULL;
}

START_TEST(the_probe_stops_when_layer_and_evenness_are_certain)
{
    struct probe l7 = {.backend = turn}, l4 = {.backend = by_connection};
    l7.options.target.addresses = l4.options.target.addresses = 1;
    probe(&l7);
    ck_assert_int_eq(l7.reason, LB_STOP_CERTAIN);
    ck_assert_int_eq(l7.layers.layer, LB_LAYER_PER_REQUEST);
    ck_assert_uint_eq(l7.most_in_flight, 1);
    probe(&l4);
    ck_assert_int_eq(l4.reason, LB_STOP_CERTAIN);
    ck_assert_int_eq(l4.layers.layer, LB_LAYER_PER_CONNECTION);
    ck_assert_uint_le(l4.requests, 60);
    ck_assert_uint_ge(l4.opened, 35);
}
END_TEST

/* Chance runs in the tossed order make the verdict want more units than the plain 35 at times. */
START_TEST(the_probe_goes_on_until_the_verdict_has_units_enough)
{
    unsigned longer = 0;
    for (uint32_t seed = 1; seed <= 400; seed++) {
        struct probe p = {.backend = turn, .options.seed = seed};
        p.options.target.addresses = 1;
        probe(&p);
        if (p.reason != LB_STOP_CERTAIN)
            continue;
        ck_assert_msg(p.outcome == LB_OUTCOME_BALANCED, "seed %u: outcome %d after %u requests",
                      (unsigned)seed, (int)p.outcome, p.requests);
        longer += p.requests > 100;
    }
    ck_assert_uint_le(longer, 40);
}
END_TEST

START_TEST(the_probe_follows_the_alpha_of_the_verdict)
{
    struct probe p = {.backend = turn, .options.seed = 1}, strict = p;
    p.options.target.addresses = strict.options.target.addresses = 1;
    strict.options.verdict.alpha_evenness = 1e-6;
    probe(&p);
    probe(&strict);
    ck_assert_int_eq(strict.reason, LB_STOP_CERTAIN);
    ck_assert_int_eq(strict.outcome, LB_OUTCOME_BALANCED);
    ck_assert_uint_gt(strict.requests, p.requests);
}
END_TEST

/* A proxy gives each client connection one of its few upstream connections, to keep. That they are
 * shared rules out a choice a connection; a choice a request must not be left over for that. */
START_TEST(connections_that_stay_on_a_shared_pool_are_not_called_per_request)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        struct probe p = {.backend = by_connection, .pooled = true, .options.seed = seed};
        p.options.target.addresses = 1;
        probe(&p);
        ck_assert(p.layers.pool_proven);
        ck_assert_msg(p.layers.layer == LB_LAYER_UNKNOWN, "seed %u: %s after %u requests",
                      (unsigned)seed, lb_layer_name(p.layers.layer), p.requests);
        ck_assert_int_eq(p.outcome, LB_OUTCOME_INCONCLUSIVE);
    }
}
END_TEST

START_TEST(one_backend_makes_the_probe_vary_keys_and_send_together)
{
    struct probe p = {.backend = one};
    p.options.target.addresses = 1;
    p.options.key_values[LB_LEVEL_SOURCE] = 50;
    p.options.key_values[LB_LEVEL_HEADER] = 3;
    probe(&p);
    ck_assert_int_eq(p.reason, LB_STOP_ONE_BACKEND);
    ck_assert_uint_eq(p.most_in_flight, LB_DIAGNOSE_IN_FLIGHT);
    ck_assert_uint_eq(p.most_key[LB_LEVEL_SOURCE], LB_DIAGNOSE_KEY_VALUES);
    ck_assert_uint_eq(p.most_key[LB_LEVEL_HEADER], 3);
    ck_assert_uint_eq(p.most_key[LB_LEVEL_COOKIE], 0);
    ck_assert_int_eq(p.layers.layer, LB_LAYER_UNKNOWN); /* bounded, never proved */
    ck_assert(p.layers.bounded_single);
}
END_TEST

START_TEST(a_key_that_decides_is_found)
{
    struct probe p = {.backend = by_source};
    p.options.target.addresses = 1;
    p.options.key_values[LB_LEVEL_SOURCE] = 20;
    probe(&p);
    ck_assert_int_eq(p.layers.layer, LB_LAYER_STICKY);
    ck_assert_int_eq(p.layers.sticky_level, LB_LEVEL_SOURCE);
}
END_TEST

/* Once an address is known to decide, only what the client itself chooses tells how evenly. */
START_TEST(client_side_is_counted_where_the_client_chooses)
{
    static const char *const names[] = {"a", "b", "c"};
    static const char *const remotes[] = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"};
    struct lb_tally *t = lb_tally_new("run", "", 1);
    struct lb_schedule_options o = {.mode = LB_SCHEDULE_DIAGNOSE,
                                    .seed = 3,
                                    .addresses = 3,
                                    .expected_backends = 3,
                                    .target = {.addresses = 3, .lb_policy = "round_robin"}};
    struct lb_schedule *s = lb_schedule_new(&o, t);
    struct lb_step step;
    uint64_t request = 0, own = 0, opened = 0;
    unsigned turn = 0, tried = 0;
    for (;;) {
        ck_assert_int_eq(lb_schedule_next(s, &step), 0);
        if (step.kind != LB_STEP_SEND)
            break;
        if (request < 3) { /* to untried addresses */
            ck_assert_uint_eq(tried >> step.address & 1, 0);
            tried |= 1u << step.address;
        }
        unsigned at = step.address >= 0 ? (unsigned)step.address : turn++ % 3;
        struct lb_observation seen = answer(++request, 1 + step.slot * 3 + at, names[at]);
        seen.remote = remotes[at];
        seen.channel = step.slot + 1;
        seen.connection += step.open && !step.keep ? 1000 + 10 * request : 0;
        opened += step.address < 0 && step.open;
        own += step.address < 0;
        seen.aside = step.address < 0 && own <= 3; /* the start of the channel */
        ck_assert_int_eq(lb_schedule_done(s, step.ticket, &seen), 0);
        ck_assert(seen.aside == (step.address >= 0 || own <= 3));
    }
    ck_assert_int_eq(step.reason, LB_STOP_CERTAIN);
    ck_assert_uint_eq(own, 35 + 3);
    ck_assert_uint_eq(opened, 1); /* one channel, whose policy it is */
    lb_tally_flush(t);
    const struct lb_segment *all = only_segment(t);
    for (size_t i = 0; i < 3; i++) {
        const struct lb_backend *b = &all->backends[i];
        ck_assert_uint_ge(b->answers - b->aside, 11);
        ck_assert_uint_le(b->answers - b->aside, 12);
    }
    lb_schedule_free(s);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_target_that_refuses_all_is_given_up_soon)
{
    struct probe p = {.backend = none};
    probe(&p);
    ck_assert_int_eq(p.reason, LB_STOP_BUDGET);
    ck_assert_uint_le(p.requests, 20);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    struct lb_schedule_options bad[] = {rounds(0, 1),
                                        rounds(LB_SCHEDULE_MAX_SLOTS + 1, 1),
                                        rounds(1, 0),
                                        {.mode = LB_SCHEDULE_NEW},
                                        {.mode = LB_SCHEDULE_DIAGNOSE, .alpha = 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_ptr_null(lb_schedule_new(&bad[i], t));
    lb_tally_free(t);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_round_visits_each_connection_once_in_a_fresh_order);
    tcase_add_test(tests, busy_connections_are_not_drawn);
    tcase_add_test(tests, a_reconnect_makes_the_toss_void_and_a_closed_slot_opens_again);
    tcase_add_test(tests, new_connections_are_not_kept);
    tcase_add_test(tests, the_probe_stops_when_layer_and_evenness_are_certain);
    tcase_add_test(tests, the_probe_goes_on_until_the_verdict_has_units_enough);
    tcase_add_test(tests, the_probe_follows_the_alpha_of_the_verdict);
    tcase_add_test(tests, connections_that_stay_on_a_shared_pool_are_not_called_per_request);
    tcase_add_test(tests, one_backend_makes_the_probe_vary_keys_and_send_together);
    tcase_add_test(tests, a_key_that_decides_is_found);
    tcase_add_test(tests, client_side_is_counted_where_the_client_chooses);
    tcase_add_test(tests, a_target_that_refuses_all_is_given_up_soon);
    tcase_add_test(tests, options_out_of_range_are_refused);
}

LB_UNIT_MAIN("schedule", fill)
