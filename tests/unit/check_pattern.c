/* The order of turns and the events of a run. */
#include "balance/pattern.h"
#include "balance/timeline.h"
#include "feed_runs.h"

#include <gsl/gsl_rng.h>

static enum lb_pattern_kind pattern_of(const char *letters, uint32_t *period)
{
    struct lb_pattern p;
    struct lb_tally *t = feed_letters(letters, true);
    ck_assert_int_eq(lb_pattern_find(only_segment(t), false, &p), 0);
    enum lb_pattern_kind kind = p.kind;
    if (period)
        *period = p.period;
    lb_pattern_clear(&p);
    lb_tally_free(t);
    return kind;
}

static void repeat(char *to, const char *cycle, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        to[i] = cycle[i % strlen(cycle)];
    to[n] = '\0';
}

START_TEST(turns_are_named_with_their_period)
{
    char letters[256];
    uint32_t period;
    repeat(letters, "abc", 40);
    ck_assert_int_eq(pattern_of(letters, &period), LB_PATTERN_ROUND_ROBIN);
    ck_assert_uint_eq(period, 3);
    repeat(letters, "aaabbaacba", 100); /* 6:3:1 */
    ck_assert_int_eq(pattern_of(letters, &period), LB_PATTERN_WEIGHTED_ROUND_ROBIN);
    ck_assert_uint_eq(period, 10);
}
END_TEST

START_TEST(one_backend_and_short_runs_have_no_order)
{
    ck_assert_int_eq(pattern_of("aaaaaaaaaaaaaaaaaaaa", NULL), LB_PATTERN_ONE_BACKEND);
    ck_assert_int_eq(pattern_of("abcab", NULL), LB_PATTERN_TOO_SHORT);
}
END_TEST

START_TEST(random_choice_is_no_order_and_a_clock_is_not)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    unsigned none = 0, unknown = 0;
    char letters[512];
    gsl_rng_set(rng, 2);
    for (unsigned r = 0; r < 100; r++) {
        for (unsigned i = 0; i < 300; i++)
            letters[i] = (char)('a' + gsl_rng_uniform_int(rng, 3));
        letters[300] = '\0';
        none += pattern_of(letters, NULL) == LB_PATTERN_NO_ORDER;
        for (unsigned i = 1; i < 300; i++)
            letters[i] = gsl_rng_uniform_int(rng, 15) ? letters[i - 1] : letters[i];
        unknown += pattern_of(letters, NULL) == LB_PATTERN_UNKNOWN;
    }
    gsl_rng_free(rng);
    ck_assert_uint_ge(none, 92);
    ck_assert_uint_ge(unknown, 98);
}
END_TEST

START_TEST(workers_with_a_turn_each_are_several_turns)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    unsigned right = 0, turn[4];
    gsl_rng_set(rng, 6);
    for (unsigned r = 0; r < 50; r++) {
        char letters[1001];
        for (unsigned w = 0; w < 4; w++)
            turn[w] = (unsigned)gsl_rng_uniform_int(rng, 3);
        for (unsigned i = 0; i < 1000; i++)
            letters[i] = (char)('a' + turn[gsl_rng_uniform_int(rng, 4)]++ % 3);
        letters[1000] = '\0';
        right += pattern_of(letters, NULL) == LB_PATTERN_SEVERAL_TURNS;
    }
    gsl_rng_free(rng);
    ck_assert_uint_ge(right, 45);
}
END_TEST

/* 8 in flight over 4 backends; each request takes as long as 8 sends. */
START_TEST(the_less_busy_backend_shows_only_with_requests_in_flight)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    gsl_rng_set(rng, 8);
    struct lb_tally *t = lb_tally_new("run", "", 1);
    unsigned recent[400];
    for (unsigned i = 0; i < 400; i++) {
        unsigned load[4] = {0};
        for (unsigned j = i > 8 ? i - 8 : 0; j < i; j++)
            load[recent[j]]++;
        unsigned x = (unsigned)gsl_rng_uniform_int(rng, 4),
                 y = (unsigned)gsl_rng_uniform_int(rng, 4);
        recent[i] = load[x] <= load[y] ? x : y;
        char name[2] = {(char)('a' + recent[i]), '\0'};
        struct lb_observation o = answer(i + 1, i + 1, name);
        o.finish_ns = o.sent_ns + 8 * 1000000;
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    lb_tally_flush(t);
    struct lb_pattern p;
    ck_assert_int_eq(lb_pattern_find(only_segment(t), false, &p), 0);
    ck_assert_int_eq(p.kind, LB_PATTERN_LEAST_REQUEST);
    lb_pattern_clear(&p);
    lb_tally_free(t);
    gsl_rng_free(rng);
}
END_TEST

static size_t events_of(const char *letters, struct lb_event *events)
{
    struct lb_tally *t = feed_letters(letters, true);
    size_t n = lb_timeline_events(only_segment(t), 1, events);
    lb_tally_free(t);
    return n;
}

START_TEST(a_backend_that_comes_and_one_that_goes_are_events)
{
    struct lb_event events[LB_MAX_EVENTS];
    char letters[401];
    repeat(letters, "abab", 200);
    repeat(letters + 200, "bcbc", 200);
    ck_assert_uint_eq(events_of(letters, events), 2);
    ck_assert_int_eq(events[0].kind, LB_EVENT_GONE);
    ck_assert_int_eq(events[1].kind, LB_EVENT_APPEARED);
    ck_assert_int_ge(events[1].fair_ns, 0);
    ck_assert_int_le(events[1].from_ns, 203 * INT64_C(1000000));
    repeat(letters, "abc", 400);
    ck_assert_uint_eq(events_of(letters, events), 0);
}
END_TEST

START_TEST(a_backend_taken_out_for_a_while_was_ejected)
{
    struct lb_event events[LB_MAX_EVENTS];
    char letters[601];
    repeat(letters, "abc", 200);
    repeat(letters + 200, "ab", 200);
    repeat(letters + 400, "abc", 200);
    ck_assert_uint_eq(events_of(letters, events), 1);
    ck_assert_int_eq(events[0].kind, LB_EVENT_EJECTED);
    ck_assert_int_gt(events[0].until_ns - events[0].from_ns, 150 * INT64_C(1000000));
}
END_TEST

START_TEST(the_same_name_with_a_new_boot_id_restarted)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 1; i <= 100; i++) {
        struct lb_observation o = answer(i, 1, i % 2 ? "a" : "b");
        o.boot = i % 2 && i > 50 ? "second" : "first";
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_event events[LB_MAX_EVENTS];
    ck_assert_uint_eq(lb_timeline_events(only_segment(t), 1, events), 1);
    ck_assert_int_eq(events[0].kind, LB_EVENT_RESTARTED);
    lb_tally_free(t);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, turns_are_named_with_their_period);
    tcase_add_test(tests, one_backend_and_short_runs_have_no_order);
    tcase_add_test(tests, random_choice_is_no_order_and_a_clock_is_not);
    tcase_add_test(tests, workers_with_a_turn_each_are_several_turns);
    tcase_add_test(tests, the_less_busy_backend_shows_only_with_requests_in_flight);
    tcase_add_test(tests, a_backend_that_comes_and_one_that_goes_are_events);
    tcase_add_test(tests, a_backend_taken_out_for_a_while_was_ejected);
    tcase_add_test(tests, the_same_name_with_a_new_boot_id_restarted);
}

LB_UNIT_MAIN("pattern", fill)
