/* What a client prints: lines, objects, the table. */
#include "client/output.h"
#include "client/summary.h"

#include <jansson.h>

#include "common/units.h"
#include "unit.h"

static char *text;
static size_t size;
static struct lb_reply reply;
static struct lb_done done;

static void reset(void)
{
    reply = (struct lb_reply){.outcome = LB_REPLY_OK,
                              .status = 200,
                              .error = "",
                              .connection = 2,
                              .ordinal = 1,
                              .remote = "127.0.0.1:80",
                              .local = "",
                              .backend = "pod-a",
                              .boot_id = "",
                              .version = "",
                              .zone = "",
                              .node = "",
                              .server_peer = "",
                              .proxy_headers = ""};
    done = (struct lb_done){.number = 7,
                            .planned_ns = 1000000,
                            .sent_ns = 1500000,
                            .finish_ns = 3000000,
                            .reply = &reply};
}

static void clean(void)
{
    free(text);
    text = NULL;
}

static const char *print(enum lb_output_format format, bool quiet)
{
    clean();
    FILE *out = open_memstream(&text, &size);
    struct lb_output *output = lb_output_new(out, format, quiet);
    ck_assert_int_eq(lb_output_request(output, &done), 0);
    lb_output_free(output);
    fclose(out);
    return text;
}

START_TEST(a_line_is_the_number_and_the_name)
{
    ck_assert_str_eq(print(LB_OUTPUT_TEXT, false), "#7: pod-a\n");
    ck_assert_str_eq(print(LB_OUTPUT_TEXT, true), "");
    reply.backend = "";
    ck_assert_str_eq(print(LB_OUTPUT_TEXT, false), "#7: (no name)\n");
}
END_TEST

START_TEST(an_error_is_named)
{
    reply.outcome = LB_REPLY_ERROR;
    reply.error = "connect 127.0.0.1:8080: Connection refused";
    ck_assert_str_eq(print(LB_OUTPUT_TEXT, false),
                     "#7: error: connect 127.0.0.1:8080: Connection refused\n");
}
END_TEST

START_TEST(what_would_move_the_cursor_is_escaped)
{
    reply.backend = "a\nb\x1b[2J";
    ck_assert_str_eq(print(LB_OUTPUT_TEXT, false), "#7: a\\x0ab\\x1b[2J\n");
}
END_TEST

START_TEST(an_object_has_what_is_known)
{
    reply.server_connection = 12;
    reply.zone = "z\xff";
    json_t *o = json_loads(print(LB_OUTPUT_NDJSON, false), 0, NULL);
    ck_assert_ptr_nonnull(o);
    ck_assert_ptr_eq(strchr(text, '\n'), text + size - 1);
    ck_assert_int_eq(json_integer_value(json_object_get(o, "request")), 7);
    ck_assert_int_eq(json_integer_value(json_object_get(o, "latency_us")), 2000);
    ck_assert_int_eq(json_integer_value(json_object_get(o, "sent_us")), 1500);
    ck_assert_int_eq(json_integer_value(json_object_get(o, "server_connection")), 12);
    ck_assert_int_eq(json_integer_value(json_object_get(o, "status")), 200);
    ck_assert_str_eq(json_string_value(json_object_get(o, "outcome")), "ok");
    ck_assert_str_eq(json_string_value(json_object_get(o, "zone")), "z\\xff");
    ck_assert_ptr_null(json_object_get(o, "node"));
    ck_assert_ptr_null(json_object_get(o, "error"));
    json_decref(o);
}
END_TEST

START_TEST(a_document_has_no_line_a_request)
{
    ck_assert_str_eq(print(LB_OUTPUT_JSON, false), "");
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    FILE *out = fopen("/dev/full", "w");
    struct lb_output *output = lb_output_new(out, LB_OUTPUT_TEXT, false);
    ck_assert_int_eq(lb_output_request(output, &done), -1);
    lb_output_free(output);
    fclose(out);
}
END_TEST

/* Adds `n` answers of a backend, the i-th after i milliseconds, or errors without one. */
static void add(struct lb_tally *tally, const char *backend, const char *boot, unsigned n)
{
    static uint64_t number;
    if (!backend)
        number = 0;
    for (unsigned i = 1; backend && i <= n; i++) {
        struct lb_observation o = {.request = ++number,
                                   .connection = number,
                                   .ordinal = 1,
                                   .remote = "127.0.0.1:80",
                                   .finish_ns = i * LB_NS_PER_MS,
                                   .result = *backend ? LB_RESULT_ANSWER : LB_RESULT_FAILED,
                                   .status = *backend ? "" : "connect: refused",
                                   .backend = backend,
                                   .boot = boot,
                                   .version = "",
                                   .zone = "",
                                   .node = "",
                                   .server_connection = "",
                                   .server_peer = ""};
        ck_assert_int_eq(lb_tally_add(tally, &o), 0);
    }
}

static const char *table(const struct lb_tally *tally, uint64_t abandoned)
{
    clean();
    FILE *out = open_memstream(&text, &size);
    ck_assert_int_eq(lb_summary_print(out, tally, "http://t", 2 * LB_NS_PER_S, abandoned), 0);
    fclose(out);
    return text;
}

START_TEST(the_table_has_a_row_a_backend)
{
    struct lb_tally *tally = lb_tally_new("r", "", 1);
    add(tally, NULL, NULL, 0);
    add(tally, "pod-b", "", 1);
    add(tally, "pod-a", "boot1", 2);
    add(tally, "", "", 2);
    add(tally, "pod-a", "boot2", 1);
    lb_tally_flush(tally);
    ck_assert_str_eq(
        table(tally, 1),
        "\nhttp://t: 6 requests in 2.00s, 1 more abandoned\n"
        "backend                        replies  share errors conns    min median    max\n"
        "pod-a                                3  75.0%      0     3 1.00ms 1.00ms 2.00ms\n"
        "pod-b                                1  25.0%      0     1 1.00ms 1.00ms 1.00ms\n"
        "total                                4 100.0%      2     4 1.00ms 1.00ms 2.00ms\n"
        "       2 x connect: refused\n");
    lb_tally_free(tally);
}
END_TEST

START_TEST(a_run_without_replies_has_no_rows)
{
    struct lb_tally *tally = lb_tally_new("r", "", 1);
    ck_assert_str_eq(table(tally, 0), "\nhttp://t: 0 requests in 2.00s\n");
    lb_tally_free(tally);
}
END_TEST

START_TEST(many_backends_and_long_names_are_cut)
{
    struct lb_tally *tally = lb_tally_new("r", "", 1);
    char name[128];
    add(tally, NULL, NULL, 0);
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "a-deployment-with-a-long-name-\xc3\xa4-7c4bfd74d-%05d", i);
        add(tally, name, "", 1);
    }
    lb_tally_flush(tally);
    table(tally, 0);
    ck_assert_ptr_nonnull(strstr(text, "\na-deploy..e-\xc3\xa4-7c4bfd74d-00007 "));
    ck_assert_ptr_nonnull(strstr(text, "\n... and 20 more\n"));
    lb_tally_free(tally);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, reset, clean);
    tcase_add_test(tests, a_line_is_the_number_and_the_name);
    tcase_add_test(tests, an_error_is_named);
    tcase_add_test(tests, what_would_move_the_cursor_is_escaped);
    tcase_add_test(tests, an_object_has_what_is_known);
    tcase_add_test(tests, a_document_has_no_line_a_request);
    tcase_add_test(tests, a_full_disk_is_told);
    tcase_add_test(tests, the_table_has_a_row_a_backend);
    tcase_add_test(tests, a_run_without_replies_has_no_rows);
    tcase_add_test(tests, many_backends_and_long_names_are_cut);
}

LB_UNIT_MAIN("client_output", fill)
