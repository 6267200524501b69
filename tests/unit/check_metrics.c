/* What the server counts, and how Prometheus reads it. */
#include "server/metrics.h"

#include "unit.h"

static const char *const methods[] = {"/pod", "other"};
static const char *const codes[] = {"200", "404"};
static const struct lb_metrics_facts facts = {
    .ready = true, .version = "1", .libevent = "2", .grpc = "3", .pod = "p\"\\", .pod_version = ""};
static struct lb_metrics *metrics;

static struct lb_metrics_shard *new_shard(enum lb_metrics_protocol protocol)
{
    struct lb_error err = {""};
    struct lb_metrics_shard *s =
        lb_metrics_shard_new(metrics, protocol, methods, 2, codes, 2, &err);
    ck_assert_msg(s != NULL, "%s", err.text);
    return s;
}

static void set_up(void)
{
    metrics = lb_metrics_new(NULL);
    ck_assert_ptr_nonnull(metrics);
}

static void tear_down(void)
{
    lb_metrics_free(metrics);
}

/* Whether the exposition has `line`. */
static void check_line(bool openmetrics, const char *line)
{
    char wanted[256];
    size_t len;
    char *text = lb_metrics_format(metrics, &facts, openmetrics, &len);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(len, strlen(text));
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    ck_assert_msg(strstr(text, wanted) != NULL, "no line '%s' in\n%s", line, text);
    free(text);
}

START_TEST(shards_are_added_up_by_protocol)
{
    struct lb_metrics_shard *a = new_shard(LB_METRICS_HTTP), *b = new_shard(LB_METRICS_HTTP);
    struct lb_metrics_shard *c = new_shard(LB_METRICS_GRPC);
    for (int i = 0; i < 5; i++) {
        lb_metrics_begin(i % 2 ? a : b);
        lb_metrics_end(i % 2 ? a : b, 0, 0, 1000);
    }
    lb_metrics_begin(c);
    lb_metrics_end(c, 1, 1, 1000);
    lb_metrics_begin(a);
    lb_metrics_begin(b);
    lb_metrics_cancel(b);
    lb_metrics_sent(a, 100);
    lb_metrics_sent(b, 20);
    check_line(false, "lbdemo_requests_total{protocol=\"http\",method=\"/pod\",code=\"200\"} 5");
    check_line(false, "lbdemo_requests_total{protocol=\"grpc\",method=\"other\",code=\"404\"} 1");
    check_line(false, "lbdemo_requests_in_flight{protocol=\"http\"} 1");
    check_line(false, "lbdemo_requests_in_flight{protocol=\"grpc\"} 0");
    check_line(false, "lbdemo_sent_bytes_total{protocol=\"http\"} 120");
}
END_TEST

START_TEST(open_connections_are_those_accepted_and_not_closed)
{
    struct lb_metrics_shard *a = new_shard(LB_METRICS_HTTP);
    for (int i = 0; i < 4; i++)
        lb_metrics_accepted(a);
    lb_metrics_closed(a, LB_CLOSE_IDLE);
    lb_metrics_closed(a, LB_CLOSE_UNKNOWN);
    ck_assert_uint_eq(lb_metrics_open(metrics, LB_METRICS_HTTP), 2);
    ck_assert_uint_eq(lb_metrics_open(metrics, LB_METRICS_GRPC), 0);
    check_line(false, "lbdemo_connections_open{protocol=\"http\"} 2");
    check_line(false, "lbdemo_connections_closed_total{protocol=\"http\",reason=\"idle\"} 1");
    check_line(false, "lbdemo_connections_closed_total{protocol=\"http\",reason=\"unknown\"} 1");
}
END_TEST

START_TEST(a_duration_is_counted_from_its_bucket_up)
{
    struct lb_metrics_shard *a = new_shard(LB_METRICS_HTTP);
    lb_metrics_begin(a);
    lb_metrics_end(a, 0, 0, 10000);
    lb_metrics_begin(a);
    lb_metrics_end(a, 0, 0, 10001);
    lb_metrics_begin(a);
    lb_metrics_end(a, 0, 0, INT64_C(60000000000));
    const char *bucket =
        "lbdemo_request_duration_seconds_bucket{protocol=\"http\",method=\"/pod\",le=";
    static const char *const expected[] = {"\"1e-05\"} 1", "\"2.5e-05\"} 2", "\"10\"} 2",
                                           "\"+Inf\"} 3"};
    for (size_t i = 0; i < 4; i++) {
        char line[256];
        snprintf(line, sizeof line, "%s%s", bucket, expected[i]);
        check_line(false, line);
    }
    check_line(false, "lbdemo_request_duration_seconds_count{protocol=\"http\",method=\"/pod\"} 3");
    check_line(
        false,
        "lbdemo_request_duration_seconds_sum{protocol=\"http\",method=\"/pod\"} 60.000020001");
}
END_TEST

START_TEST(openmetrics_names_counters_without_their_suffix_and_ends)
{
    new_shard(LB_METRICS_HTTP);
    check_line(true, "# TYPE lbdemo_connections_accepted counter");
    check_line(false, "# TYPE lbdemo_connections_accepted_total counter");
    size_t len;
    char *text = lb_metrics_format(metrics, &facts, true, &len);
    ck_assert_str_eq(text + len - 6, "# EOF\n");
    free(text);
    check_line(true, "lbdemo_pod_info{pod=\"p\\\"\\\\\",version=\"\"} 1");
}
END_TEST

START_TEST(openmetrics_is_written_for_those_who_ask)
{
    static const struct {
        const char *accept;
        bool wants;
    } cases[] = {
        {"", false},
        {"text/plain", false},
        {"application/openmetrics-text;version=1.0.0,text/plain;q=0.5", true},
        {"text/plain, Application/OpenMetrics-Text", true},
        {"application/openmetrics-tex", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert(lb_metrics_wants_openmetrics(cases[i].accept, strlen(cases[i].accept)) ==
                  cases[i].wants);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, shards_are_added_up_by_protocol);
    tcase_add_test(tests, open_connections_are_those_accepted_and_not_closed);
    tcase_add_test(tests, a_duration_is_counted_from_its_bucket_up);
    tcase_add_test(tests, openmetrics_names_counters_without_their_suffix_and_ends);
    tcase_add_test(tests, openmetrics_is_written_for_those_who_ask);
}

LB_UNIT_MAIN("metrics", fill)
