/* What both clients' options come to. */
#include "client/client_options.h"

#include "unit.h"

static const struct lb_transport_ops http = {.protocol = "http", .max_streams = 1};
static const struct lb_transport_ops grpc = {.protocol = "grpc", .max_streams = 100};

static struct lb_client_options options;
static struct lb_client_plan plan;
static struct lb_error err;

static void reset(void)
{
    options = (struct lb_client_options)LB_CLIENT_OPTIONS_DEFAULTS;
}

static void clean(void)
{
    lb_client_plan_clear(&plan);
}

static void make(const struct lb_transport_ops *ops)
{
    lb_client_plan_clear(&plan);
    ck_assert_msg(lb_client_options_plan(&options, ops, &plan, &err) == 0, "%s", err.text);
}

static void refuse(const char *words)
{
    lb_client_plan_clear(&plan);
    ck_assert_int_eq(lb_client_options_plan(&options, &http, &plan, &err), -1);
    ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
    reset();
}

START_TEST(the_default_is_one_request_a_second)
{
    make(&http);
    ck_assert_int_eq(plan.load.interval_ns, LB_NS_PER_S);
    ck_assert_int_eq(plan.load.timeout_ns, 5 * LB_NS_PER_S);
    ck_assert(!plan.load.catch_up);
    ck_assert_uint_eq(plan.load.count, 0);
    ck_assert_int_eq(plan.load.schedule.mode, LB_SCHEDULE_ROUNDS);
    ck_assert_uint_ne(plan.load.schedule.seed, 0);
}
END_TEST

START_TEST(a_new_connection_each_is_a_mode)
{
    options.new_connection = 1;
    options.connections = 7;
    make(&http);
    ck_assert_int_eq(plan.load.schedule.mode, LB_SCHEDULE_NEW);
    ck_assert_uint_eq(plan.load.schedule.in_flight, 7);
}
END_TEST

START_TEST(a_rate_catches_up)
{
    options.rate = 250;
    make(&http);
    ck_assert_int_eq(plan.load.interval_ns, 4 * LB_NS_PER_MS);
    ck_assert(plan.load.catch_up);
    options.rate = 0;
    make(&http);
    ck_assert_int_eq(plan.load.interval_ns, 0);
}
END_TEST

START_TEST(a_probe_is_as_fast_as_replies_come)
{
    options.diagnose = 1;
    make(&http);
    ck_assert_int_eq(plan.load.interval_ns, 0);
    ck_assert_int_eq(plan.load.schedule.mode, LB_SCHEDULE_DIAGNOSE);
    options.interval_ns = 5 * LB_NS_PER_MS;
    make(&http);
    ck_assert_int_eq(plan.load.interval_ns, 5 * LB_NS_PER_MS);
}
END_TEST

START_TEST(a_seed_is_taken_as_it_is)
{
    options.seed = 42;
    make(&http);
    ck_assert_uint_eq(plan.load.schedule.seed, 42);
}
END_TEST

START_TEST(weights_are_names_and_numbers)
{
    options.expect_weights = "v1=90,v2=9.5,a=b=0.5";
    make(&http);
    ck_assert_uint_eq(plan.weights.count, 3);
    ck_assert_str_eq(plan.weights.list[0].name, "v1");
    ck_assert_double_eq(plan.weights.list[1].weight, 9.5);
    ck_assert_str_eq(plan.weights.list[2].name, "a=b");
    ck_assert(plan.expectation.weights);
}
END_TEST

START_TEST(expectations_are_taken_over)
{
    options.expect = 5;
    options.expect_backends = 3;
    options.max_errors = "0";
    options.group_by = 1;
    make(&http);
    ck_assert_int_eq(plan.expectation.word, LB_EXPECT_PINNED);
    ck_assert_uint_eq(plan.expectation.backends, 3);
    ck_assert(plan.expectation.limit_errors);
    ck_assert_uint_eq(plan.expectation.max_errors, 0);
    ck_assert_int_eq(plan.group_by, LB_GROUP_ZONE);
}
END_TEST

START_TEST(a_run_that_asks_whether_it_is_balanced_has_an_end)
{
    options.expect = 0;
    make(&http);
    ck_assert(plan.looks);
    ck_assert_uint_eq(plan.load.count, LB_EVENNESS_LAST_LOOK);
    reset();
    options.expect_weights = "v1=9,v2=1";
    make(&http);
    ck_assert(plan.looks);
    options.count = 50;
    make(&http);
    ck_assert(!plan.looks);
    ck_assert_uint_eq(plan.load.count, 50);
    options.count = 0;
    options.duration_ns = LB_NS_PER_S;
    make(&http);
    ck_assert(!plan.looks);
    ck_assert_uint_eq(plan.load.count, 0);
    reset();
    options.expect = 0;
    options.diagnose = 1;
    make(&http);
    ck_assert(!plan.looks);
    reset();
    options.expect = 5; /* pinned */
    make(&http);
    ck_assert(!plan.looks);
    ck_assert_uint_eq(plan.load.count, 0);
}
END_TEST

START_TEST(each_expected_word_is_the_verdicts)
{
    static const char *const words[] = {"balanced",    "per-request", "per-connection",
                                        "client-side", "sticky",      "pinned"};
    for (int i = 0; i < 6; i++) {
        options.expect = i;
        make(&http);
        ck_assert_str_eq(lb_expect_name(plan.expectation.word), words[i]);
    }
}
END_TEST

START_TEST(what_does_not_fit_together_is_refused)
{
    options.rate = 5;
    options.interval_ns = LB_NS_PER_S;
    refuse("exclude each other");
    options.streams = 2;
    refuse("--streams 2");
    options.alpha = 1;
    refuse("--alpha");
    options.diagnose = 1;
    options.warmup_ns = 1;
    refuse("--warmup");
    options.vary.count = 1;
    refuse("--vary");
    options.expect_weights = "v1";
    refuse("'v1'");
    options.expect_weights = "v1=1,v1=2";
    refuse("twice");
    options.expect_weights = "=1";
    refuse("=1");
    options.expect_weights = "v1=-1";
    refuse("'-1'");
    options.expect_weights = "v1=0,v2=0";
    refuse("all weights are 0");
}
END_TEST

START_TEST(streams_are_for_transports_that_have_them)
{
    options.streams = 50;
    make(&grpc);
    ck_assert_uint_eq(plan.load.schedule.streams, 50);
}
END_TEST

START_TEST(the_argument_wins_over_the_options)
{
    options.url = "u";
    options.host = "h";
    ck_assert_str_eq(lb_client_options_target(&options, "a", &err), "a");
    ck_assert_str_eq(lb_client_options_target(&options, NULL, &err), "u");
    options.url = NULL;
    ck_assert_str_eq(lb_client_options_target(&options, NULL, &err), "h");
    options.host = NULL;
    ck_assert_ptr_null(lb_client_options_target(&options, NULL, &err));
    ck_assert_ptr_null(lb_client_options_target(&options, "", &err));
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, reset, clean);
    tcase_add_test(tests, the_default_is_one_request_a_second);
    tcase_add_test(tests, a_new_connection_each_is_a_mode);
    tcase_add_test(tests, a_rate_catches_up);
    tcase_add_test(tests, a_probe_is_as_fast_as_replies_come);
    tcase_add_test(tests, a_seed_is_taken_as_it_is);
    tcase_add_test(tests, weights_are_names_and_numbers);
    tcase_add_test(tests, expectations_are_taken_over);
    tcase_add_test(tests, a_run_that_asks_whether_it_is_balanced_has_an_end);
    tcase_add_test(tests, each_expected_word_is_the_verdicts);
    tcase_add_test(tests, what_does_not_fit_together_is_refused);
    tcase_add_test(tests, streams_are_for_transports_that_have_them);
    tcase_add_test(tests, the_argument_wins_over_the_options);
}

LB_UNIT_MAIN("client_options", fill)
