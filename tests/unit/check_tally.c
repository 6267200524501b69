/* Tallies: what is counted, cut and stitched, merged in any order, and what a hostile server does.
 */
#include "feed_runs.h"

#include <gsl/gsl_rng.h>

#define REQUESTS 400

/* A lively run: several connections, backends, restarts, errors, keys, tosses, server-side ids. */
static void make_run(struct lb_observation *list, unsigned n, unsigned seed)
{
    static const char *const names[] = {"pod-a", "pod-b", "pod-c", "pod-d"};
    static const char *const boots[] = {"1", "2"};
    static const char *const remotes[] = {"10.0.0.1:80", "10.0.0.2:80"};
    static const char *const ids[] = {"s1", "s2", "s3"};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    uint32_t ordinals[64] = {0};
    gsl_rng_set(rng, seed);
    for (unsigned i = 0; i < n; i++) {
        uint64_t connection = 1 + gsl_rng_uniform_int(rng, 12) + i / 100;
        struct lb_observation o = answer(i + 1, connection, names[gsl_rng_uniform_int(rng, 4)]);
        o.ordinal = ++ordinals[connection];
        o.boot = boots[i > n / 2];
        o.remote = remotes[connection % 2];
        o.version = o.backend[4] < 'c' ? "v1" : "v2";
        o.zone = "z";
        o.channel = 1 + connection / 3;
        o.aside = gsl_rng_uniform_int(rng, 4) == 0;
        o.finish_ns += (int64_t)gsl_rng_uniform_int(rng, 90000000);
        o.server_connection = ids[gsl_rng_uniform_int(rng, 3)];
        o.server_ordinal = 1 + gsl_rng_uniform_int(rng, 3);
        o.key[LB_LEVEL_SOURCE] = (uint16_t)(connection % 3);
        o.toss[0] = (struct lb_toss){
            .tossed = i % 2, .own = i % 3 == 0, .groups = 2 + i % 2, .weight = 1, .total = 3};
        if (gsl_rng_uniform_int(rng, 10) == 0) {
            o.result = i % 2 ? LB_RESULT_STATUS : LB_RESULT_FAILED;
            o.status = i % 4 < 2 ? "503" : "timeout";
            if (o.result == LB_RESULT_FAILED)
                o.backend = NULL;
        }
        list[i] = o;
    }
    gsl_rng_free(rng);
}

static struct lb_tally *tally_of(const struct lb_observation *list, unsigned from, unsigned until)
{
    struct lb_tally *t = lb_tally_new("run", "client", from + 1);
    for (unsigned i = from; i < until; i++)
        ck_assert_int_eq(lb_tally_add(t, &list[i]), 0);
    lb_tally_flush(t);
    return t;
}

START_TEST(stays_and_leaves_are_counted_from_the_second_request_of_a_connection)
{
    struct lb_tally *t = feed_letters("aabaaab", false);
    const struct lb_backend *a = backend_named(only_segment(t), "a");
    const struct lb_backend *b = backend_named(only_segment(t), "b");
    /* The pair (1, 2) involves the first request. */
    ck_assert_uint_eq(a->pairs[LB_PAIR_CONNECTION].stays, 2);
    ck_assert_uint_eq(a->pairs[LB_PAIR_CONNECTION].leaves, 1);
    ck_assert_uint_eq(a->pairs[LB_PAIR_CONNECTION].pending, 1); /* a has not answered since */
    ck_assert_uint_eq(b->pairs[LB_PAIR_CONNECTION].leaves, 1);
    ck_assert_uint_eq(a->pairs[LB_PAIR_TIME].stays, 2);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_backend_that_never_comes_back_is_not_left)
{
    struct lb_tally *t = feed_letters("aaaabbbbbb", false);
    ck_assert_uint_eq(backend_named(only_segment(t), "a")->pairs[LB_PAIR_CONNECTION].leaves, 0);
    ck_assert_uint_eq(backend_named(only_segment(t), "a")->pairs[LB_PAIR_CONNECTION].pending, 1);
    lb_tally_free(t);
}
END_TEST

START_TEST(requests_are_counted_in_the_order_of_sending)
{
    struct lb_observation list[REQUESTS];
    make_run(list, REQUESTS, 3);
    struct lb_tally *in_order = tally_of(list, 0, REQUESTS);
    struct lb_tally *shuffled = lb_tally_new("run", "client", 1);
    for (unsigned i = 0; i < REQUESTS; i += 8) /* blocks of 8 backwards */
        for (unsigned j = 8; j-- > 0;)
            ck_assert_int_eq(lb_tally_add(shuffled, &list[i + j]), 0);
    lb_tally_flush(shuffled);
    ck_assert(lb_segment_equal(only_segment(in_order), only_segment(shuffled)));
    lb_tally_free(in_order);
    lb_tally_free(shuffled);
}
END_TEST

START_TEST(a_run_cut_anywhere_and_merged_in_any_order_is_the_whole)
{
    struct lb_observation list[REQUESTS];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    gsl_rng_set(rng, 11);
    for (unsigned cutting = 0; cutting < 100; cutting++) {
        make_run(list, REQUESTS, cutting);
        struct lb_tally *whole = tally_of(list, 0, REQUESTS), *parts[8];
        struct lb_tally *merged = lb_tally_new(NULL, NULL, 0);
        unsigned n = 2 + (unsigned)gsl_rng_uniform_int(rng, 6), cut[9] = {0};
        for (unsigned i = 1; i < n; i++)
            cut[i] = cut[i - 1] + 1 + (unsigned)gsl_rng_uniform_int(rng, 60);
        cut[n] = REQUESTS;
        for (unsigned i = 0; i < n; i++)
            parts[i] = tally_of(list, cut[i], cut[i + 1]);
        for (unsigned i = 0; i < n; i++) { /* a random order */
            unsigned j = i + (unsigned)gsl_rng_uniform_int(rng, n - i);
            struct lb_tally *swap = parts[i];
            parts[i] = parts[j];
            parts[j] = swap;
        }
        unsigned grouped = cutting % 2 ? 2 : 1; /* (x + y) + z or x + (y + z) */
        for (unsigned i = 0; i + 1 < n && grouped == 2; i += 2) {
            struct lb_tally *pair = lb_tally_new(NULL, NULL, 0);
            ck_assert_int_eq(lb_tally_merge(pair, parts[i + 1]), LB_MERGE_OK);
            ck_assert_int_eq(lb_tally_merge(pair, parts[i]), LB_MERGE_OK);
            ck_assert_int_eq(lb_tally_merge(merged, pair), LB_MERGE_OK);
            lb_tally_free(pair);
        }
        for (unsigned i = grouped == 2 ? n - n % 2 : 0; i < n; i++)
            ck_assert_int_eq(lb_tally_merge(merged, parts[i]), LB_MERGE_OK);
        ck_assert_int_eq(lb_tally_merge(merged, parts[0]), LB_MERGE_KNOWN);
        ck_assert(lb_segment_equal(only_segment(whole), only_segment(merged)));
        for (unsigned i = 0; i < n; i++)
            lb_tally_free(parts[i]);
        lb_tally_free(whole);
        lb_tally_free(merged);
    }
    gsl_rng_free(rng);
}
END_TEST

START_TEST(the_same_report_counts_once_and_overlaps_are_refused)
{
    struct lb_observation list[REQUESTS];
    make_run(list, REQUESTS, 5);
    struct lb_tally *a = tally_of(list, 0, 100), *b = tally_of(list, 50, 150);
    struct lb_tally *c = tally_of(list, 20, 60), *sum = lb_tally_new(NULL, NULL, 0);
    ck_assert_int_eq(lb_tally_merge(sum, a), LB_MERGE_OK);
    ck_assert_int_eq(lb_tally_merge(sum, a), LB_MERGE_KNOWN);
    ck_assert_int_eq(lb_tally_merge(sum, c), LB_MERGE_KNOWN);
    ck_assert_int_eq(lb_tally_merge(sum, b), LB_MERGE_OVERLAP);
    ck_assert(lb_segment_equal(only_segment(sum), only_segment(a)));
    lb_tally_free(a);
    lb_tally_free(b);
    lb_tally_free(c);
    lb_tally_free(sum);
}
END_TEST

START_TEST(a_server_with_endless_names_is_bounded)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    char name[32], *endless = malloc(100001);
    memset(endless, 'x', 100000);
    endless[100000] = '\0';
    for (unsigned i = 0; i < LB_MAX_BACKENDS + 500; i++) {
        snprintf(name, sizeof(name), "pod-%u", i);
        struct lb_observation o = answer(i + 1, 1, name);
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    const struct lb_segment *s = only_segment(t);
    ck_assert_uint_eq(s->n_backends, LB_MAX_BACKENDS);
    ck_assert_uint_eq(s->dropped_names, 500);
    lb_tally_free(t);
    t = lb_tally_new("run", "", 1);
    struct lb_observation o = answer(1, 1, endless), p = answer(2, 1, endless);
    ck_assert_int_eq(lb_tally_add(t, &o), 0);
    endless[99999] = 'y'; /* another name, though its beginning is the same */
    ck_assert_int_eq(lb_tally_add(t, &p), 0);
    ck_assert_uint_eq(only_segment(t)->n_backends, 2);
    ck_assert_uint_eq(strlen(only_segment(t)->backends[0].name), LB_MAX_NAME);
    lb_tally_free(t);
    free(endless);
}
END_TEST

START_TEST(a_connection_for_each_request_does_not_grow_for_ever)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 1; i <= 3 * LB_MAX_CONNECTIONS; i++) {
        struct lb_observation o = answer(i, i, i % 3 ? "a" : "b");
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    const struct lb_segment *s = only_segment(t);
    ck_assert_uint_le(s->n_connections, LB_MAX_CONNECTIONS);
    ck_assert_uint_eq(s->n_connections + s->folded.connections, 3 * LB_MAX_CONNECTIONS);
    ck_assert_uint_eq(backend_named(s, "b")->starts, LB_MAX_CONNECTIONS);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_connection_follows_eight_backends_then_says_more)
{
    struct lb_tally *t = feed_letters("abcdefgh", false);
    ck_assert_uint_eq(only_segment(t)->connections[0].n_backends, 8);
    lb_tally_free(t);
    t = feed_letters("abcdefghij", false);
    ck_assert_uint_eq(only_segment(t)->connections[0].n_backends, LB_CONNECTION_BACKENDS + 1);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_request_that_never_ends_holds_up_a_bounded_number)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 2; i <= 2 * LB_TALLY_WINDOW; i++) { /* number 1 never comes */
        struct lb_observation o = answer(i, 1, "a");
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_observation late = answer(1, 1, "a");
    ck_assert_uint_ge(lb_tally_segment(t, 0)->connections[0].answers, LB_TALLY_WINDOW - 1);
    lb_tally_flush(t);
    ck_assert_int_eq(lb_tally_add(t, &late), 0);
    ck_assert_uint_eq(only_segment(t)->late, 1);
    ck_assert_uint_eq(only_segment(t)->answers, 2 * LB_TALLY_WINDOW);
    lb_tally_free(t);
}
END_TEST

START_TEST(restored_segments_that_do_not_add_up_are_refused)
{
    struct lb_observation list[REQUESTS];
    make_run(list, REQUESTS, 9);
    struct lb_tally *t = tally_of(list, 0, REQUESTS);
    struct lb_segment *s = lb_segment_copy(only_segment(t));
    ck_assert(lb_segment_equal(s, only_segment(t)));
    ck_assert_ptr_null(lb_segment_check(s));
    s->backends[0].answers++;
    ck_assert_ptr_nonnull(lb_segment_check(s));
    s->backends[0].answers--;
    s->connections[0].first_backend = 999;
    ck_assert_ptr_nonnull(lb_segment_check(s));
    s->connections[0].first_backend = 0;
    ck_assert_ptr_null(lb_segment_check(s));
    s->order.tail[0].backend = 77;
    ck_assert_ptr_nonnull(lb_segment_check(s));
    s->order.tail[0].backend = 0;
    s->coins[0].tosses = UINT64_MAX;
    ck_assert_ptr_nonnull(lb_segment_check(s));
    s->coins[0].tosses = 0;
    s->coins[0].own = s->coins[0].other = 0;
    s->raw[3].backend = 1000;
    ck_assert_ptr_nonnull(lb_segment_check(s));
    s->raw[3].backend = LB_NONE;
    s->requests = 1;
    ck_assert_ptr_nonnull(lb_segment_check(s));
    lb_segment_free(s);
    lb_tally_free(t);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, stays_and_leaves_are_counted_from_the_second_request_of_a_connection);
    tcase_add_test(tests, a_backend_that_never_comes_back_is_not_left);
    tcase_add_test(tests, requests_are_counted_in_the_order_of_sending);
    tcase_add_test(tests, a_run_cut_anywhere_and_merged_in_any_order_is_the_whole);
    tcase_add_test(tests, the_same_report_counts_once_and_overlaps_are_refused);
    tcase_add_test(tests, a_server_with_endless_names_is_bounded);
    tcase_add_test(tests, a_connection_for_each_request_does_not_grow_for_ever);
    tcase_add_test(tests, a_connection_follows_eight_backends_then_says_more);
    tcase_add_test(tests, a_request_that_never_ends_holds_up_a_bounded_number);
    tcase_add_test(tests, restored_segments_that_do_not_add_up_are_refused);
}

LB_UNIT_MAIN("tally", fill)
