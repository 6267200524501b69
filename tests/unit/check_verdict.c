/* From tallies to words: layers, outcomes, expectations, advice, text. */
#include "balance/advice.h"
#include "balance/expect.h"
#include "balance/verdict.h"
#include "balance/verdict_text.h"
#include "feed_runs.h"

#include <gsl/gsl_rng.h>
#include <math.h>
#include <stddef.h>

static struct lb_verdict *judge(const struct lb_tally *t, const struct lb_verdict_options *options)
{
    static const struct lb_verdict_options none;
    struct lb_verdict *v = NULL;
    ck_assert_int_eq(lb_verdict_make(t, options ? options : &none, &v), 0);
    ck_assert_ptr_nonnull(v);
    return v;
}

static struct lb_verdict *judge_letters(const char *letters, bool new_connections,
                                        const struct lb_verdict_options *options)
{
    struct lb_tally *t = feed_letters(letters, new_connections);
    struct lb_verdict *v = judge(t, options);
    lb_tally_free(t);
    return v;
}

static void repeat(char *to, const char *cycle, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        to[i] = cycle[i % strlen(cycle)];
    to[n] = '\0';
}

static bool has_fact(const struct lb_verdict *v, enum lb_fact_id id)
{
    for (size_t i = 0; i < v->n_facts; i++) {
        if (v->facts[i].id == id)
            return true;
    }
    return false;
}

static void expect_no_text(const struct lb_verdict *v, const char *part)
{
    char *text = lb_verdict_text(v, 200);
    ck_assert_msg(strstr(text, part) == NULL, "\"%s\" in:\n%s", part, text);
    free(text);
}

static void expect_text(const struct lb_verdict *v, const char *part)
{
    char *text = lb_verdict_text(v, 200);
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in:\n%s", part, text);
    free(text);
}

START_TEST(nothing_answered_is_no_data_with_its_cause)
{
    struct lb_target_facts target = {.protocol = "grpc", .addresses = 1};
    struct lb_verdict_options o = {.target = &target};
    struct lb_verdict *v = judge_letters("!!!!!", true, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_NO_DATA);
    ck_assert_str_eq(v->cause, "connect: Connection refused");
    ck_assert_uint_eq(v->cause_count, 5);
    expect_text(v, "no-data: none of 5 requests was answered");
    lb_verdict_free(v);
    v = judge_letters("", true, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_NO_DATA);
    lb_verdict_free(v);
}
END_TEST

START_TEST(one_channel_to_one_of_three_is_pinned_with_advice)
{
    char letters[41];
    repeat(letters, "a", 40);
    struct lb_target_facts target = {.protocol = "grpc", .addresses = 1};
    struct lb_verdict_options o = {.expected_backends = 3, .target = &target};
    struct lb_verdict *v = judge_letters(letters, false, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_PINNED);
    expect_text(v, "pinned: 1 of 3 backends got all 40 requests");
    expect_text(v, "one connection carried all 40");
    expect_text(v, "contrib/k8s/overlays/istio");
    expect_text(v, "--max-connection-age");
    expect_text(v, "share   a    100 %  expected 33.3 %");
    lb_verdict_free(v);
    v = judge_letters("aaa", false, &o); /* one in nine by luck */
    ck_assert_int_eq(v->outcome, LB_OUTCOME_INCONCLUSIVE);
    ck_assert_uint_gt(v->needed_units, 3);
    lb_verdict_free(v);
}
END_TEST

/* `values` cookies, each with a backend of `names`; the default one is sent three times of four. */
static struct lb_verdict *judge_cookies(const char *names, unsigned values, unsigned told)
{
    struct lb_target_facts target = {.protocol = "http", .addresses = 1, .cookies = true};
    struct lb_layers known = {.layer = LB_LAYER_STICKY, .sticky_level = LB_LEVEL_COOKIE};
    struct lb_verdict_options o = {.expected_backends = told, .target = &target, .known = &known};
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 0; i < 4 * values; i++) {
        uint16_t value = i % 4 == 3 ? (uint16_t)(i / 4) : 0;
        char name[] = {names[value % strlen(names)], '\0'};
        struct lb_observation seen = answer(i + 1, i + 1, name);
        seen.key[LB_LEVEL_COOKIE] = value;
        ck_assert_int_eq(lb_tally_add(t, &seen), 0);
    }
    lb_tally_flush(t);
    struct lb_verdict *v = judge(t, &o);
    lb_tally_free(t);
    return v;
}

START_TEST(a_few_keys_say_nothing_of_evenness_and_of_how_many_backends_there_are)
{
    struct lb_verdict *v = judge_cookies("ab", 2, 0);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_PINNED);
    ck_assert_int_eq(v->unit, LB_UNIT_KEY);
    ck_assert_uint_eq(v->units, 2);
    ck_assert(!lb_verdict_tells_evenness(v));
    expect_text(v, "pinned: this client stays on one of at least 2 backends (sticky by cookie)");
    expect_text(v, "2 key values cannot tell how even the shares are: about 15 are needed");
    expect_no_text(v, "p = ");
    expect_no_text(v, "expected");
    lb_verdict_free(v);
    v = judge_cookies("ab", 2, 3);
    expect_text(v, "this client stays on one of 3 backends (sticky by cookie)");
    lb_verdict_free(v);
    v = judge_cookies("ab", 16, 2);
    expect_text(v, "this client stays on one of 2 backends (sticky by cookie)");
    expect_text(v, "p = 1 is the chance that 16 key values");
    expect_text(v, "expected 50 %");
    lb_verdict_free(v);
    v = judge_cookies("aaaaaaaaaaaaab", 14, 2); /* few, but uneven beyond luck is shown by them */
    expect_text(v, "is the chance that 14 key values");
    lb_verdict_free(v);
}
END_TEST

START_TEST(the_order_of_what_was_varied_on_purpose_is_not_told_of_a_pinned_client)
{
    struct lb_verdict *v = judge_cookies("ab", 16, 0);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_PINNED);
    ck_assert_int_ne(v->pattern.kind, LB_PATTERN_TOO_SHORT);
    ck_assert(!has_fact(v, LB_FACT_PATTERN));
    lb_verdict_free(v);
}
END_TEST

START_TEST(a_chance_has_three_digits_or_a_bound)
{
    char text[LB_P_VALUE_TEXT];
    ck_assert_str_eq(lb_p_value_format(text, 0.998), "= 0.998");
    ck_assert_str_eq(lb_p_value_format(text, 1), "= 1");
    ck_assert_str_eq(lb_p_value_format(text, 1.234e-5), "= 1.23e-05");
    ck_assert_str_eq(lb_p_value_format(text, 0), "< 1e-15");
}
END_TEST

START_TEST(one_backend_and_nothing_known_is_alone_or_pinned)
{
    char letters[41];
    repeat(letters, "a", 40);
    struct lb_verdict *v = judge_letters(letters, true, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_INCONCLUSIVE);
    ck_assert_int_eq(v->doubt, LB_DOUBT_ONE_BACKEND);
    ck_assert_int_eq(v->layers.layer, LB_LAYER_UNKNOWN);
    ck_assert_double_eq_tol(v->layers.single_bound, 1 - pow(0.001, 1.0 / 40), 1e-9);
    expect_text(v, "--diagnose");
    lb_verdict_free(v);
    struct lb_verdict_options o = {.expected_backends = 1};
    v = judge_letters(letters, true, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_SINGLE);
    ck_assert(has_fact(v, LB_FACT_BOUND));
    lb_verdict_free(v);
}
END_TEST

START_TEST(new_connections_in_turn_are_balanced_but_the_layer_is_open)
{
    char letters[61];
    struct lb_target_facts target = {.protocol = "http", .addresses = 1, .new_connections = true};
    struct lb_verdict_options o = {.target = &target};
    repeat(letters, "abc", 60);
    struct lb_verdict *v = judge_letters(letters, true, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
    ck_assert_int_eq(v->layers.layer, LB_LAYER_UNKNOWN);
    ck_assert(v->layers.explanations[LB_BY_REQUEST].left);
    ck_assert(v->layers.explanations[LB_BY_CONNECTION].left);
    ck_assert_int_eq(v->pattern.kind, LB_PATTERN_ROUND_ROBIN);
    expect_text(v, "round robin, period 3");
    expect_text(v, "With a new connection for each request");
    lb_verdict_free(v);
    letters[9] = '\0'; /* nine lines prove nothing */
    v = judge_letters(letters, true, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_INCONCLUSIVE);
    ck_assert_uint_eq(v->needed_units, 35);
    lb_verdict_free(v);
}
END_TEST

START_TEST(a_certified_cycle_is_uneven_exactly)
{
    char letters[101];
    repeat(letters, "abcabcabca", 100); /* 4:3:3 */
    struct lb_verdict *v = judge_letters(letters, true, NULL);
    ck_assert_double_gt(v->evenness.p_value, 0.1);
    ck_assert_int_eq(v->pattern.kind, LB_PATTERN_WEIGHTED_ROUND_ROBIN);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_UNEVEN);
    lb_verdict_free(v);
}
END_TEST

START_TEST(no_name_twice_is_no_identity)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    char name[16];
    for (unsigned i = 1; i <= 24; i++) {
        snprintf(name, sizeof(name), "12:00:%02u", i);
        struct lb_observation o = answer(i, i, name);
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_verdict *v = judge(t, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_INCONCLUSIVE);
    ck_assert_int_eq(v->doubt, LB_DOUBT_IDENTITY);
    expect_text(v, "every reply names another backend: more than 24 of them");
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_restart_is_one_backend_and_a_shared_name_is_two)
{
    struct lb_tally *restarted = lb_tally_new("r", "", 1), *shared = lb_tally_new("s", "", 1);
    for (unsigned i = 1; i <= 40; i++) {
        struct lb_observation a = answer(i, i, "pod"), b = a;
        a.boot = i <= 20 ? "1" : "2";
        b.boot = i % 2 ? "1" : "2";
        ck_assert_int_eq(lb_tally_add(restarted, &a), 0);
        ck_assert_int_eq(lb_tally_add(shared, &b), 0);
    }
    struct lb_verdict *v = judge(restarted, NULL);
    ck_assert_uint_eq(v->layers.backends, 1);
    ck_assert_uint_eq(v->shares[0].restarts, 1);
    ck_assert(has_fact(v, LB_FACT_EVENT));
    lb_verdict_free(v);
    v = judge(shared, NULL);
    ck_assert_uint_eq(v->layers.backends, 2);
    ck_assert(has_fact(v, LB_FACT_IDENTITY));
    ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
    lb_verdict_free(v);
    lb_tally_free(restarted);
    lb_tally_free(shared);
}
END_TEST

/* Even over three, one of which fails half of what it gets. */
START_TEST(errors_explain_before_shares_do)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 1; i <= 300; i++) {
        static const char *const names[] = {"a", "b", "c"};
        struct lb_observation o = answer(i, i, names[i % 3]);
        if (i % 6 == 0) {
            o.result = LB_RESULT_STATUS;
            o.status = "503";
        }
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_verdict *v = judge(t, NULL);
    ck_assert_double_lt(v->evenness.p_value, 0.01);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_INCONCLUSIVE);
    ck_assert_int_eq(v->doubt, LB_DOUBT_ERRORS);
    ck_assert_int_ge(v->failing, 0);
    ck_assert_str_eq(v->shares[v->failing].name, "a");
    ck_assert_uint_eq(v->shares[v->failing].errors, 50);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

START_TEST(failures_are_in_the_headline_and_the_advice)
{
    struct lb_verdict *v = judge_letters("ab!ab!ab!ab!ab!ab!ab!ab!ab!ab!ab!ab!ab!ab!", true, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
    expect_text(v, "balanced: over 2 backends (layer not known), 14 of 42 requests failed\n");
    expect_text(v, "Is a backend that is gone");
    lb_verdict_free(v);
}
END_TEST

/* Six connections that stay on two upstream connections of a pool: neither connections nor requests
 * are choices, so that shares are of nothing, equal or not. */
START_TEST(shares_are_not_tested_when_more_than_one_layer_chooses)
{
    for (unsigned first = 1; first <= 5; first += 2) {
        struct lb_target_facts target = {.protocol = "http", .addresses = 1};
        struct lb_verdict_options o = {.target = &target};
        struct lb_tally *t = lb_tally_new("run", "", 1);
        for (unsigned i = 1; i <= 90; i++) {
            bool of_first = i % 6 < first;
            struct lb_observation x = answer(i, 1 + i % 6, of_first ? "a" : "b");
            x.server_connection = of_first ? "7" : "8";
            x.server_ordinal = i;
            if (i > 6)
                x.toss[0] = (struct lb_toss){.tossed = true,
                                             .own = true,
                                             .level = LB_LEVEL_CONNECTION,
                                             .groups = 2,
                                             .weight = 1,
                                             .total = 2};
            ck_assert_int_eq(lb_tally_add(t, &x), 0);
        }
        lb_tally_flush(t);
        struct lb_verdict *v = judge(t, &o);
        ck_assert_uint_eq(v->layers.left, 0);
        ck_assert_int_eq(v->outcome, LB_OUTCOME_INCONCLUSIVE);
        ck_assert_int_eq(v->doubt, LB_DOUBT_NO_UNIT);
        expect_text(v, "inconclusive: more than one layer chooses (layer not known)");
        lb_verdict_free(v);
        lb_tally_free(t);
    }
}
END_TEST

START_TEST(a_share_far_off_is_uneven_and_its_weights_are_balanced)
{
    char letters[201];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    gsl_rng_set(rng, 3);
    for (unsigned i = 0; i < 200; i++)
        letters[i] = gsl_rng_uniform(rng) < 0.7 ? 'a' : 'b';
    letters[200] = '\0';
    gsl_rng_free(rng);
    struct lb_verdict *v = judge_letters(letters, true, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_UNEVEN);
    expect_text(v, "uneven: a got ");
    lb_verdict_free(v);
    struct lb_weight weights[] = {{"a", 70}, {"b", 30}};
    struct lb_verdict_options o = {.weights = weights, .n_weights = 2};
    v = judge_letters(letters, true, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
    ck_assert_double_eq_tol(v->shares[0].expected, 0.7, 1e-9);
    lb_verdict_free(v);
    o.n_weights = 1; /* b has no weight: seen though not expected */
    v = judge_letters(letters, true, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_UNEVEN);
    expect_text(v, "b was not expected");
    lb_verdict_free(v);
}
END_TEST

START_TEST(groups_are_judged_by_their_weights)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 1; i <= 400; i++) {
        static const char *const names[] = {"a", "b", "c", "d"};
        struct lb_observation o = answer(i, i, names[i % 4]);
        o.version = i % 4 == 3 ? "v2" : "v1";
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_weight weights[] = {{"v1", 3}, {"v2", 1}};
    struct lb_verdict_options o = {
        .weights = weights, .n_weights = 2, .group_by = LB_GROUP_VERSION};
    struct lb_verdict *v = judge(t, &o);
    ck_assert_uint_eq(v->n_shares, 2);
    ck_assert_uint_eq(v->shares[0].answers, 300);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
    expect_text(v, "balanced: over 2 groups");
    ck_assert_double_eq_tol(v->could_miss, 0.0835, 0.0005); /* sqrt(14.88 * .75 * .25 / 400) */
    lb_verdict_free(v);
    weights[0].weight = 1;
    v = judge(t, &o);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_UNEVEN);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_group_that_never_answered_has_no_times)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 1; i <= 40; i++) {
        struct lb_observation o = answer(i, i, "a");
        o.version = "v1";
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_weight weights[] = {{"v1", 9}, {"v2", 1}};
    struct lb_verdict_options o = {
        .weights = weights, .n_weights = 2, .group_by = LB_GROUP_VERSION};
    struct lb_verdict *v = judge(t, &o);
    ck_assert_uint_eq(v->n_shares, 2);
    ck_assert(v->shares[1].not_seen);
    ck_assert_int_eq(v->shares[1].first_ns, 0);
    ck_assert_int_eq(v->shares[1].last_ns, 0);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_fleet_of_pinned_clients_is_said_though_the_sum_is_even)
{
    struct lb_tally *sum = lb_tally_new(NULL, NULL, 0);
    for (unsigned c = 0; c < 60; c++) {
        static const char *const names[] = {"a", "b", "c"};
        char run[16], client[16];
        snprintf(run, sizeof(run), "run-%u", c);
        snprintf(client, sizeof(client), "client-%u", c);
        struct lb_tally *t = lb_tally_new(run, client, 1);
        for (unsigned i = 1; i <= 20; i++) {
            struct lb_observation o = answer(i, 1, names[c % 3]);
            ck_assert_int_eq(lb_tally_add(t, &o), 0);
        }
        ck_assert_int_eq(lb_tally_merge(sum, t), LB_MERGE_OK);
        lb_tally_free(t);
    }
    struct lb_verdict *v = judge(sum, NULL);
    ck_assert_uint_eq(v->clients, 60);
    ck_assert_uint_eq(v->pinned_clients, 60);
    expect_text(v, "60 of 60 clients got one backend only");
    ck_assert_uint_eq(v->layers.backends, 3);
    lb_verdict_free(v);
    lb_tally_free(sum);
}
END_TEST

START_TEST(two_connections_on_one_server_side_connection_prove_a_pool)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 1; i <= 40; i++) {
        struct lb_observation o = answer(i, 1 + i % 4, "a");
        o.server_connection = i % 4 < 2 ? "7" : "8";
        o.server_ordinal = i;
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_verdict *v = judge(t, NULL);
    ck_assert(v->layers.pool_proven);
    ck_assert(!v->layers.explanations[LB_BY_CONNECTION].left);
    ck_assert(has_fact(v, LB_FACT_POOL));
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

/* Two addresses, two backends behind each, requests move between those; addresses are tossed. */
START_TEST(two_hops_are_two_layers)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    struct lb_tally *t = lb_tally_new("run", "", 1);
    int last_address[4] = {-1, -1, -1, -1};
    uint64_t request = 0;
    gsl_rng_set(rng, 9);
    for (unsigned c = 1; c <= 40; c++) {
        int address = (int)gsl_rng_uniform_int(rng, 2);
        for (unsigned i = 0; i < 6; i++) {
            int backend = address * 2 + (int)gsl_rng_uniform_int(rng, 2);
            char name[2] = {(char)('a' + backend), '\0'};
            struct lb_observation o = answer(++request, c, name);
            o.remote = address ? "10.0.0.2:80" : "10.0.0.1:80";
            if (i == 0 && last_address[backend] >= 0)
                o.toss[1] = (struct lb_toss){.tossed = true,
                                             .own = last_address[backend] == address,
                                             .level = LB_LEVEL_ADDRESS_SET,
                                             .groups = 2,
                                             .weight = 1,
                                             .total = 2};
            /* Tosses among connections, so that the half rule can speak. */
            o.toss[0] = (struct lb_toss){.tossed = i > 1,
                                         .own = gsl_rng_uniform_int(rng, 2),
                                         .groups = 2,
                                         .weight = 1,
                                         .total = 2};
            last_address[backend] = address;
            ck_assert_int_eq(lb_tally_add(t, &o), 0);
        }
    }
    struct lb_target_facts target = {.protocol = "http", .addresses = 2};
    struct lb_verdict_options o = {.target = &target};
    struct lb_verdict *v = judge(t, &o);
    ck_assert_int_eq(v->layers.layer, LB_LAYER_CLIENT_SIDE);
    ck_assert_int_eq(v->layers.behind, LB_LAYER_PER_REQUEST);
    ck_assert(has_fact(v, LB_FACT_TWO_HOPS));
    lb_verdict_free(v);
    lb_tally_free(t);
    gsl_rng_free(rng);
}
END_TEST

/* Requests on channels drawn at random, each with a turn over three remote addresses; a backend for
 * each address, or for each connection. */
static struct lb_tally *feed_channels(unsigned channels, unsigned requests, bool by_address)
{
    static const char *const remotes[] = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    struct lb_tally *t = lb_tally_new("run", "", 1);
    unsigned turn[8] = {0}, backend[8][3];
    gsl_rng_set(rng, 4);
    for (unsigned c = 0; c < 8; c++)
        for (unsigned a = 0; a < 3; a++)
            backend[c][a] = by_address ? a : (unsigned)gsl_rng_uniform_int(rng, 3);
    for (uint64_t i = 1; i <= requests; i++) {
        unsigned c = (unsigned)gsl_rng_uniform_int(rng, channels), a = turn[c]++ % 3;
        char name[2] = {(char)('a' + backend[c][a]), '\0'};
        struct lb_observation o = answer(i, 1 + c * 3 + a, name);
        o.channel = c + 1;
        o.remote = remotes[a];
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    lb_tally_flush(t);
    gsl_rng_free(rng);
    return t;
}

/* As with xds: nobody told how many addresses there are; or told one, and there were more. */
START_TEST(channels_that_choose_among_addresses_are_client_side)
{
    for (unsigned addresses = 0; addresses <= 1; addresses++) {
        struct lb_tally *t = feed_channels(6, 90, true);
        struct lb_target_facts target = {.addresses = addresses, .lb_policy = "pick_first"};
        struct lb_verdict_options o = {.target = &target, .expected_backends = 3};
        struct lb_verdict *v = judge(t, &o);
        ck_assert_int_eq(v->layers.layer, LB_LAYER_CLIENT_SIDE);
        ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
        ck_assert_int_eq(v->unit, LB_UNIT_REQUEST);
        ck_assert(v->layers.own_choice);
        lb_verdict_free(v);
        lb_tally_free(t);
    }
}
END_TEST

START_TEST(one_channel_over_addresses_is_never_called_per_connection)
{
    struct lb_tally *t = feed_channels(1, 200, true);
    struct lb_target_facts target = {.addresses = 1, .lb_policy = "round_robin"};
    struct lb_verdict_options o = {.target = &target};
    struct lb_verdict *v = judge(t, &o);
    ck_assert_int_eq(v->layers.layer, LB_LAYER_UNKNOWN);
    ck_assert(v->layers.explanations[LB_BY_ADDRESS].left);
    ck_assert(v->layers.explanations[LB_BY_CONNECTION].left);
    lb_verdict_free(v);
    lb_tally_free(t);
    t = feed_channels(6, 200, false); /* the address does not decide */
    v = judge(t, &o);
    ck_assert_int_ne(v->layers.layer, LB_LAYER_CLIENT_SIDE);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

/* A channel that went to the next address when its connection was lost did not choose. */
START_TEST(a_channel_that_moved_on_chose_nothing)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (uint64_t i = 1; i <= 90; i++) {
        uint64_t c = (i - 1) / 5;
        struct lb_observation o = answer(i, c + 1, c % 2 ? "a" : "b");
        o.channel = 1;
        o.remote = c % 2 ? "10.0.0.1:80" : "10.0.0.2:80";
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    lb_tally_flush(t);
    struct lb_verdict *v = judge(t, NULL);
    ck_assert(!v->layers.own_choice);
    ck_assert_int_ne(v->layers.layer, LB_LAYER_CLIENT_SIDE);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

START_TEST(a_policy_with_one_address_is_told)
{
    char letters[41];
    repeat(letters, "a", 40);
    struct lb_target_facts target = {
        .protocol = "grpc", .addresses = 1, .lb_policy = "round_robin"};
    struct lb_verdict_options o = {.expected_backends = 3, .target = &target};
    struct lb_verdict *v = judge_letters(letters, false, &o);
    expect_text(v, "resolved to one address");
    expect_text(v, "headless");
    lb_verdict_free(v);
}
END_TEST

START_TEST(expectations_are_met_not_met_or_cannot_be_judged)
{
    char letters[61], reason[200];
    repeat(letters, "abc", 60);
    struct lb_verdict *even = judge_letters(letters, true, NULL);
    letters[9] = '\0';
    struct lb_verdict *few = judge_letters(letters, true, NULL);
    struct lb_verdict *dead = judge_letters("!!", true, NULL);
    struct lb_expectation e = {.word = LB_EXPECT_BALANCED};
    ck_assert_int_eq(lb_expect_check(&e, even, NULL, reason, sizeof(reason)), LB_EXPECT_MET);
    ck_assert_str_eq(reason, "");
    ck_assert_int_eq(lb_expect_check(&e, few, NULL, reason, sizeof(reason)),
                     LB_EXPECT_CANNOT_JUDGE);
    ck_assert_ptr_nonnull(strstr(reason, "about 35 needed"));
    ck_assert_int_eq(lb_expect_check(&e, dead, NULL, reason, sizeof(reason)),
                     LB_EXPECT_CANNOT_JUDGE);
    e.word = LB_EXPECT_PINNED;
    ck_assert_int_eq(lb_expect_check(&e, even, NULL, reason, sizeof(reason)), LB_EXPECT_NOT_MET);
    e.word = LB_EXPECT_PER_REQUEST;
    ck_assert_int_eq(lb_expect_check(&e, even, NULL, reason, sizeof(reason)),
                     LB_EXPECT_CANNOT_JUDGE);
    e = (struct lb_expectation){.backends = 4};
    ck_assert_int_eq(lb_expect_check(&e, even, NULL, reason, sizeof(reason)), LB_EXPECT_NOT_MET);
    ck_assert_int_eq(lb_expect_check(&e, few, NULL, reason, sizeof(reason)),
                     LB_EXPECT_CANNOT_JUDGE);
    e.backends = 2; /* one too many is never luck */
    ck_assert_int_eq(lb_expect_check(&e, few, NULL, reason, sizeof(reason)), LB_EXPECT_NOT_MET);
    e.backends = 3;
    ck_assert_int_eq(lb_expect_check(&e, few, NULL, reason, sizeof(reason)), LB_EXPECT_MET);
    e = (struct lb_expectation){.limit_errors = true};
    ck_assert_int_eq(lb_expect_check(&e, dead, NULL, reason, sizeof(reason)), LB_EXPECT_NOT_MET);
    ck_assert_int_eq(lb_expect_check(&e, even, NULL, reason, sizeof(reason)), LB_EXPECT_MET);
    e = (struct lb_expectation){0};
    ck_assert_int_eq(lb_expect_check(&e, dead, NULL, reason, sizeof(reason)),
                     LB_EXPECT_CANNOT_JUDGE);
    ck_assert_int_eq(lb_expect_parse("client-side"), LB_EXPECT_CLIENT_SIDE);
    ck_assert_int_eq(lb_expect_parse("Balanced"), LB_EXPECT_NOTHING);
    lb_verdict_free(even);
    lb_verdict_free(few);
    lb_verdict_free(dead);
}
END_TEST

START_TEST(names_from_the_network_are_escaped_and_lines_fit)
{
    struct lb_tally *t = lb_tally_new("run", "", 1);
    static const char *const names[] = {"\x1b[31mred\n", "bad\xff\xc0\xaf",
                                        "p\xc3\xb6"
                                        "d",
                                        "\xe2\x80\xae"
                                        "dlrow"};
    for (unsigned i = 1; i <= 48; i++) {
        struct lb_observation o = answer(i, i, names[i % 4]);
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    struct lb_verdict *v = judge(t, NULL);
    char *text = lb_verdict_text(v, 80);
    for (const char *c = text; *c; c++)
        ck_assert_msg(*c == '\n' || (unsigned char)*c >= 0x20, "control character %d", *c);
    ck_assert_ptr_nonnull(strstr(text, "\\x1b[31mred\\x0a"));
    ck_assert_ptr_nonnull(strstr(text, "p\xc3\xb6"
                                       "d"));
    ck_assert_ptr_nonnull(strstr(text, "\\xe2\\x80\\xae"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        ck_assert_uint_le(strlen(line), 80 + 2);
    free(text);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

/* One line a backend, in columns; of many the extremes. */
START_TEST(shares_stand_in_columns_and_many_are_cut_in_the_middle)
{
    static const char *const pods[] = {"server-7c4bfd74d-29c69", "server-7c4bfd74d-q",
                                       "server-7c4bfd74d-fk8zf"};
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (uint64_t i = 1; i <= 105; i++) {
        struct lb_observation o = answer(i, i, pods[i % 3]);
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    lb_tally_flush(t);
    struct lb_verdict *v = judge(t, NULL);
    char *text = lb_verdict_text(v, 80);
    ck_assert_ptr_nonnull(
        strstr(text, "server-7c4bfd74d-29c69   33.3 %  expected 33.3 %  (22.8 to 45.9 %)\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "server-7c4bfd74d-q       33.3 %  expected 33.3 %  (22.8 to 45.9 %)\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "(in brackets where the true share lies, with 99 % confidence)\n"));
    ck_assert_ptr_nonnull(strstr(text, "is the chance that 105 connections are at least this"));
    free(text);
    lb_verdict_free(v);
    lb_tally_free(t);
    t = lb_tally_new("run", "", 1);
    for (uint64_t i = 0; i < 400; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%02u", (unsigned)(i % 40 < 39 || i < 40 ? i % 40 : 0));
        struct lb_observation o = answer(i + 1, i + 1, name);
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    lb_tally_flush(t);
    v = judge(t, NULL);
    text = lb_verdict_text(v, 80);
    ck_assert_ptr_nonnull(strstr(text, "share   pod-00")); /* the largest */
    ck_assert_ptr_nonnull(strstr(text, "... 28 more, each between these ...\n"));
    ck_assert_ptr_nonnull(strstr(text, "pod-39   0.25 %")); /* the smallest */
    ck_assert_ptr_null(strstr(text, "pod-20"));
    free(text);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

/* A channel whose connections end after twenty requests: chosen for one after the other. */
START_TEST(what_a_probe_knows_of_the_layer_settles_the_outcome)
{
    static const char backends[] = "aaabaccbbcacaccabcbccbcbcbaabbbbbcacaaaaabaaccbcc";
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 0; i < 20 * (sizeof(backends) - 1); i++) {
        char name[] = {backends[i / 20], '\0'};
        struct lb_observation o = answer(i + 1, i / 20 + 1, name);
        o.planned_ns = o.sent_ns = o.finish_ns = (int64_t)i * 50000000;
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    lb_tally_flush(t);
    struct lb_verdict *v = judge(t, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_INCONCLUSIVE);
    ck_assert_int_eq(v->doubt, LB_DOUBT_LAYER);
    ck_assert(!v->layer_told);
    lb_verdict_free(v);
    struct lb_layers known = {.layer = LB_LAYER_PER_CONNECTION};
    struct lb_verdict_options o = {.known = &known};
    v = judge(t, &o);
    ck_assert(v->layer_told);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
    ck_assert_int_eq(v->unit, LB_UNIT_CONNECTION);
    ck_assert(!has_fact(v, LB_FACT_LAYER_LEFT));
    ck_assert(!has_fact(v, LB_FACT_EVENT)); /* a few connections without one backend are luck */
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

START_TEST(what_an_even_verdict_could_have_missed_is_said)
{
    char letters[49];
    repeat(letters, "abc", 48);
    struct lb_verdict *v = judge_letters(letters, true, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_BALANCED);
    ck_assert_double_eq_tol(v->could_miss, 0.284, 0.001); /* sqrt(17.43 * 1/3 * 2/3 / 48) */
    expect_text(v,
                "even, as far as 48 connections can tell: a share 28 points off would have shown");
    lb_verdict_free(v);
}
END_TEST

START_TEST(a_backend_out_for_a_while_and_a_restart_are_told_with_their_times)
{
    char letters[601];
    repeat(letters, "abc", 200);
    repeat(letters + 200, "ab", 200);
    repeat(letters + 400, "abc", 200);
    struct lb_verdict *v = judge_letters(letters, true, NULL);
    expect_text(v, "c did not answer from 0.2 s to 0.4 s");
    lb_verdict_free(v);
    struct lb_tally *t = lb_tally_new("run", "", 1);
    for (unsigned i = 1; i <= 100; i++) {
        struct lb_observation o = answer(i, i, i % 2 ? "a" : "b");
        o.boot = i % 2 && i > 50 ? "second" : "first";
        o.planned_ns = o.sent_ns = o.finish_ns = (int64_t)i * 100000000;
        ck_assert_int_eq(lb_tally_add(t, &o), 0);
    }
    v = judge(t, NULL);
    expect_text(v, "a restarted: old until 4.9 s, new from 5.1 s");
    ck_assert_uint_eq(v->n_shares, 2);
    lb_verdict_free(v);
    lb_tally_free(t);
}
END_TEST

START_TEST(backends_that_came_and_went_are_not_called_badly_weighted)
{
    char letters[601];
    repeat(letters, "ab", 200); /* two, then four, then two again */
    repeat(letters + 200, "abcd", 100);
    repeat(letters + 300, "ab", 300);
    struct lb_verdict *v = judge_letters(letters, true, NULL);
    ck_assert_int_eq(v->outcome, LB_OUTCOME_UNEVEN);
    expect_text(v, "c first answered at");
    expect_text(v, "d did not answer after");
    expect_text(v, "advice  Backends came or went while this ran");
    expect_text(v, "p < 1e-15 is the chance");
    lb_verdict_free(v);
}
END_TEST

START_TEST(every_verdict_of_the_words_has_at_most_three_lines_of_advice)
{
    struct lb_target_facts targets[] = {
        {.protocol = "grpc", .addresses = 1, .lb_policy = "round_robin"},
        {.protocol = "grpc"},
        {.protocol = "http", .new_connections = true},
        {.protocol = "http", .diagnosed = true}};
    for (unsigned t = 0; t < 4; t++) {
        for (unsigned outcome = 0; outcome <= LB_OUTCOME_NO_DATA; outcome++) {
            for (unsigned layer = 0; layer <= LB_LAYER_SINGLE_BACKEND; layer++) {
                for (unsigned doubt = 0; doubt <= LB_DOUBT_NO_UNIT; doubt++) {
                    struct lb_verdict v = {.outcome = outcome, .doubt = doubt};
                    const char *lines[LB_ADVICE_LINES];
                    v.layers.layer = layer;
                    if (outcome != LB_OUTCOME_INCONCLUSIVE && doubt != LB_DOUBT_NONE)
                        continue;
                    unsigned n = lb_advice_choose(&v, &targets[t], lines);
                    ck_assert_uint_le(n, LB_ADVICE_LINES);
                    bool wants = outcome == LB_OUTCOME_PINNED || outcome == LB_OUTCOME_UNEVEN ||
                                 outcome == LB_OUTCOME_NO_DATA ||
                                 (outcome == LB_OUTCOME_INCONCLUSIVE && doubt != LB_DOUBT_NONE);
                    ck_assert_msg(!wants || n > 0, "no advice for %s, %s, doubt %u",
                                  lb_outcome_name(outcome), lb_layer_name(layer), doubt);
                    for (unsigned i = 0; i < n; i++)
                        ck_assert_uint_le(strlen(lines[i]), 100);
                }
            }
        }
    }
}
END_TEST

/* A report from outside: any count may be anything. */
START_TEST(a_verdict_is_made_of_whatever_passes_the_check)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    unsigned passed = 0;
    char letters[121];
    gsl_rng_set(rng, 12);
    for (unsigned i = 0; i < 120; i++)
        letters[i] = i % 17 == 0 ? '!' : (char)('a' + gsl_rng_uniform_int(rng, 4));
    letters[120] = '\0';
    struct lb_tally *t = feed_letters(letters, false);
    for (unsigned r = 0; r < 3000; r++) {
        struct lb_segment *s = lb_segment_copy(only_segment(t));
        struct lb_backend *b = &s->backends[gsl_rng_uniform_int(rng, s->n_backends)];
        struct {
            void *from;
            size_t size;
        } places[] = {
            {b->pairs, sizeof(b->pairs)},
            {b->slots, sizeof(b->slots)},
            {&b->answers,
             offsetof(struct lb_backend, pairs) - offsetof(struct lb_backend, answers)},
            {s->connections, s->n_connections * sizeof(*s->connections)},
            {s->keys, s->n_keys * sizeof(*s->keys)},
            {s->raw, s->n_raw * sizeof(*s->raw)},
            {s->coins, sizeof(s->coins)},
            {&s->order, sizeof(s->order)},
            {&s->opened, sizeof(s->opened)},
            {&s->first, offsetof(struct lb_segment, backends) - offsetof(struct lb_segment, first)},
            {&s->folded, sizeof(s->folded)},
            {&s->slot_shift, sizeof(s->slot_shift)}};
        size_t which = gsl_rng_uniform_int(rng, sizeof(places) / sizeof(places[0]));
        uint32_t value = (uint32_t)(gsl_rng_uniform_int(rng, 2) ? gsl_rng_uniform_int(rng, 200)
                                                                : gsl_rng_get(rng));
        size_t at = 4 * gsl_rng_uniform_int(rng, places[which].size / 4);
        memcpy((char *)places[which].from + at, &value, sizeof(value));
        struct lb_tally *restored = lb_tally_new(NULL, NULL, 0);
        if (!lb_segment_check(s)) {
            passed++;
            ck_assert_int_eq(lb_tally_add_segment(restored, &s), LB_MERGE_OK);
            struct lb_verdict *v = judge(restored, NULL);
            char *text = lb_verdict_text(v, 80);
            ck_assert_ptr_nonnull(text);
            free(text);
            lb_verdict_free(v);
        }
        lb_segment_free(s);
        lb_tally_free(restored);
    }
    lb_tally_free(t);
    gsl_rng_free(rng);
    ck_assert_uint_gt(passed, 100);
}
END_TEST

START_TEST(a_live_verdict_says_the_same_words)
{
    char letters[61];
    repeat(letters, "abc", 60);
    struct lb_tally *t = feed_letters(letters, true);
    struct lb_verdict_options live = {.live = true};
    struct lb_verdict *a = judge(t, &live), *b = judge(t, NULL);
    ck_assert_int_eq(a->outcome, b->outcome);
    ck_assert_int_eq(a->layers.layer, b->layers.layer);
    char *x = lb_verdict_headline(a), *y = lb_verdict_headline(b);
    ck_assert_str_eq(x, y);
    free(x);
    free(y);
    lb_verdict_free(a);
    lb_verdict_free(b);
    lb_tally_free(t);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, nothing_answered_is_no_data_with_its_cause);
    tcase_add_test(tests, one_channel_to_one_of_three_is_pinned_with_advice);
    tcase_add_test(tests, a_few_keys_say_nothing_of_evenness_and_of_how_many_backends_there_are);
    tcase_add_test(tests, the_order_of_what_was_varied_on_purpose_is_not_told_of_a_pinned_client);
    tcase_add_test(tests, a_chance_has_three_digits_or_a_bound);
    tcase_add_test(tests, one_backend_and_nothing_known_is_alone_or_pinned);
    tcase_add_test(tests, new_connections_in_turn_are_balanced_but_the_layer_is_open);
    tcase_add_test(tests, a_certified_cycle_is_uneven_exactly);
    tcase_add_test(tests, no_name_twice_is_no_identity);
    tcase_add_test(tests, a_restart_is_one_backend_and_a_shared_name_is_two);
    tcase_add_test(tests, errors_explain_before_shares_do);
    tcase_add_test(tests, failures_are_in_the_headline_and_the_advice);
    tcase_add_test(tests, shares_are_not_tested_when_more_than_one_layer_chooses);
    tcase_add_test(tests, a_share_far_off_is_uneven_and_its_weights_are_balanced);
    tcase_add_test(tests, groups_are_judged_by_their_weights);
    tcase_add_test(tests, a_group_that_never_answered_has_no_times);
    tcase_add_test(tests, a_fleet_of_pinned_clients_is_said_though_the_sum_is_even);
    tcase_add_test(tests, two_connections_on_one_server_side_connection_prove_a_pool);
    tcase_add_test(tests, two_hops_are_two_layers);
    tcase_add_test(tests, channels_that_choose_among_addresses_are_client_side);
    tcase_add_test(tests, one_channel_over_addresses_is_never_called_per_connection);
    tcase_add_test(tests, a_channel_that_moved_on_chose_nothing);
    tcase_add_test(tests, a_policy_with_one_address_is_told);
    tcase_add_test(tests, expectations_are_met_not_met_or_cannot_be_judged);
    tcase_add_test(tests, names_from_the_network_are_escaped_and_lines_fit);
    tcase_add_test(tests, shares_stand_in_columns_and_many_are_cut_in_the_middle);
    tcase_add_test(tests, what_a_probe_knows_of_the_layer_settles_the_outcome);
    tcase_add_test(tests, what_an_even_verdict_could_have_missed_is_said);
    tcase_add_test(tests, a_backend_out_for_a_while_and_a_restart_are_told_with_their_times);
    tcase_add_test(tests, backends_that_came_and_went_are_not_called_badly_weighted);
    tcase_add_test(tests, every_verdict_of_the_words_has_at_most_three_lines_of_advice);
    tcase_add_test(tests, a_verdict_is_made_of_whatever_passes_the_check);
    tcase_add_test(tests, a_live_verdict_says_the_same_words);
}

LB_UNIT_MAIN("verdict", fill)
