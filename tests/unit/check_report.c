/* The report: what is written is what is read, and nothing else is read. */
#include "report/report_read.h"

#include <jansson.h>
#include <math.h>

#include "../report/sample.h"
#include "common/file.h"
#include "report/merge.h"
#include "report/report_write.h"
#include "report/when.h"
#include "unit.h"

static const struct sample small = {
    .run = "run-1",
    .client = "client-1",
    .protocol = "http",
    .target = "http://shop.example:8080/pod",
    .path = "service",
    .backends = 3,
    .connections = 4,
    .requests = 24,
    .fail_every = 9,
    .seed = 3,
};

static char *text_of(struct lb_report *r)
{
    struct lb_verdict *v;
    ck_assert_int_eq(lb_report_judge(r, NULL, &v, NULL), 0);
    char *text = lb_report_text(r, v, NULL, "lbdemo-http-client", "0.1.0");
    lb_verdict_free(v);
    ck_assert_ptr_nonnull(text);
    return text;
}

static struct lb_report *parse(const char *text)
{
    struct lb_error err;
    struct lb_report *r = lb_report_parse("run.json", text, strlen(text), &err);
    if (!r)
        ck_abort_msg("%s", err.text);
    return r;
}

static void assert_round_trip(const struct sample *s)
{
    struct lb_report *made = sample_report(s);
    char *first = text_of(made);
    struct lb_report *read = parse(first);
    char *second = text_of(read);
    ck_assert_str_eq(first, second);
    ck_assert_uint_eq(lb_tally_segments(made->tally), lb_tally_segments(read->tally));
    for (size_t i = 0; i < lb_tally_segments(made->tally); i++)
        ck_assert(
            lb_segment_equal(lb_tally_segment(made->tally, i), lb_tally_segment(read->tally, i)));
    free(first);
    free(second);
    lb_report_free(made);
    lb_report_free(read);
}

START_TEST(what_is_written_is_read_back)
{
    static const enum lb_schedule_mode modes[] = {LB_SCHEDULE_ROUNDS, LB_SCHEDULE_NEW,
                                                  LB_SCHEDULE_DIAGNOSE};
    for (size_t m = 0; m < 3; m++) {
        for (int b = 0; b < 3; b++) {
            struct sample s = small;
            s.mode = modes[m];
            s.balancer = (enum sample_balancer)b;
            s.requests = 300;
            s.backends = 12; /* more than a connection's record holds */
            assert_round_trip(&s);
        }
    }
}
END_TEST

START_TEST(names_of_any_bytes_are_read_back)
{
    struct sample s = small;
    s.name = "\xff\\x41 \x01\xc3\xa9\"\xe2\x80";
    s.client = "\\\xfe";
    s.path = "a\\b\n";
    assert_round_trip(&s);
}
END_TEST

START_TEST(every_report_that_is_cut_off_is_refused)
{
    char *text = sample_text(&small);
    size_t size = strlen(text);
    for (size_t cut = 0; cut < size; cut++) {
        struct lb_error err = {""};
        ck_assert_ptr_null(lb_report_parse("run.json", text, cut, &err));
        ck_assert_msg(strncmp(err.text, "run.json: ", 10) == 0, "%s", err.text);
    }
    free(text);
}
END_TEST

/* Puts another value where the path leads in a good report and reads that. */
static void assert_refused(const char *const *path, json_t *value, const char *place)
{
    char *text = sample_text(&small);
    json_t *document = json_loads(text, 0, NULL), *at = document;
    free(text);
    size_t i = 0;
    for (; path[i + 1]; i++)
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(path[i]))
                               : json_object_get(at, path[i]);
    ck_assert_msg(at != NULL, "%s: no such place in the sample", place);
    if (!value)
        json_object_del(at, path[i]);
    else if (json_is_array(at))
        json_array_set_new(at, (size_t)atoi(path[i]), value);
    else
        json_object_set_new(at, path[i], value);
    text = json_dumps(document, 0);
    json_decref(document);
    struct lb_error err = {""};
    struct lb_report *r = lb_report_parse("run.json", text, strlen(text), &err);
    ck_assert_msg(r == NULL, "%s: accepted", place);
    ck_assert_msg(strncmp(err.text, place, strlen(place)) == 0, "'%s' is not '%s…'", err.text,
                  place);
    free(text);
}

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SEGMENT "runs", "0", "segments", "0"
#define AT_SEGMENT "run.json: /runs/0/segments/0"

START_TEST(values_out_of_type_or_range_are_refused_with_their_place)
{
    assert_refused(PATH("format"), json_string("other"), "run.json: is not an lbdemo report");
    assert_refused(PATH("version"), json_integer(2), "run.json: /version: is 2, newer than");
    assert_refused(PATH("version"), json_string("1"),
                   "run.json: /version: is a string, not a whole");
    assert_refused(PATH("extra"), json_true(), "run.json: /extra: is not a member");
    assert_refused(PATH("runs"), json_array(), "run.json: /runs: has 0 elements");
    assert_refused(PATH("runs", "0", "id"), NULL, "run.json: /runs/0/id: is missing");
    assert_refused(PATH("runs", "0", "id"), json_string(""), "run.json: /runs/0/id: is empty");
    assert_refused(PATH("runs", "0", "started"), json_string("2026-02-30T00:00:00.000Z"),
                   "run.json: /runs/0/started: is not a time");
    assert_refused(PATH("runs", "0", "target", "protocol"), json_string("ftp"),
                   "run.json: /runs/0/target/protocol: is neither");
    assert_refused(PATH("runs", "0", "settings", "mode"), json_string("fast"),
                   "run.json: /runs/0/settings/mode: is not a word");
    assert_refused(PATH("runs", "0", "labels", "a b"), json_string("x"),
                   "run.json: /runs/0/labels/a b: is not a label's name");
    assert_refused(PATH("judging", "alpha_layer"), json_integer(0),
                   "run.json: /judging: has a sig");
    assert_refused(PATH("verdict", "outcome"), json_string("fine"),
                   "run.json: /verdict/outcome: is not a word");
    assert_refused(PATH("verdict", "shares", "0", "share"), json_real(1.5),
                   "run.json: /verdict/shares/0/share: is 1.5; allowed is 0 to 1");
    assert_refused(PATH(SEGMENT, "first"), json_real(1.5),
                   AT_SEGMENT "/first: is a fraction, not a whole number");
    assert_refused(PATH(SEGMENT, "requests"), json_integer(-1),
                   AT_SEGMENT "/requests: is -1; allowed");
    assert_refused(PATH(SEGMENT, "requests"), json_integer(25), AT_SEGMENT ": ");
    assert_refused(PATH(SEGMENT, "backends", "0", "answers"), json_null(),
                   AT_SEGMENT "/backends/0/answers: is null, not a whole number");
    assert_refused(PATH(SEGMENT, "backends", "0", "name"), json_string("a\\b"),
                   AT_SEGMENT "/backends/0/name: has a backslash");
    assert_refused(PATH(SEGMENT, "backends", "0", "pairs", "odd"), json_array(),
                   AT_SEGMENT "/backends/0/pairs/odd: is not a kind");
    assert_refused(PATH(SEGMENT, "backends", "0", "latency", "buckets", "0"),
                   json_pack("[i, i]", 99999, 1),
                   AT_SEGMENT "/backends/0/latency/buckets/0: names");
    assert_refused(PATH(SEGMENT, "connections", "0", "first_backend"), json_integer(4000000000),
                   AT_SEGMENT ": ");
    assert_refused(PATH(SEGMENT, "connections", "0", "backends", "0"), json_pack("[i, i]", 77, 1),
                   AT_SEGMENT "/connections/0/backends/0/0: is 77; allowed is 0 to 2");
    assert_refused(PATH(SEGMENT, "raw", "latency_us", "3"), json_string("x"),
                   AT_SEGMENT "/raw/latency_us/3: is a string");
    assert_refused(PATH(SEGMENT, "raw", "backend"), json_array(),
                   AT_SEGMENT "/raw/backend: has 0 elements, not 24");
    assert_refused(PATH(SEGMENT, "order", "head", "0"), json_array(),
                   AT_SEGMENT "/order/head/0: has 0 elements, not 3");
    assert_refused(PATH(SEGMENT, "coins", "moon"), json_object(), AT_SEGMENT "/coins/moon: is not");
}
END_TEST

/* Takes every member away in turn, at every depth; of arrays the first two elements. */
static void without_each(json_t *document, json_t *node)
{
    const char *name;
    json_t *value, *names = json_object();
    for (size_t i = 0; i < 2 && i < json_array_size(node); i++)
        without_each(document, json_array_get(node, i));
    if (json_is_object(node))
        json_object_update(names, node); /* node changes its order below */
    json_object_foreach(names, name, value)
    {
        json_object_del(node, name);
        char *text = json_dumps(document, 0);
        struct lb_error err = {""};
        struct lb_report *r = lb_report_parse("run.json", text, strlen(text), &err);
        ck_assert(r || strncmp(err.text, "run.json: ", 10) == 0);
        lb_report_free(r);
        free(text);
        json_object_set(node, name, value);
        without_each(document, value);
    }
    json_decref(names);
}

START_TEST(a_report_without_any_one_member_is_read_or_refused)
{
    struct sample s = small;
    s.mode = LB_SCHEDULE_DIAGNOSE;
    s.requests = 30;
    char *text = sample_text(&s);
    json_t *document = json_loads(text, 0, NULL);
    without_each(document, document);
    json_decref(document);
    free(text);
    assert_refused(PATH(SEGMENT, "order", "pairs"), NULL, AT_SEGMENT "/order/pairs: is missing");
}
END_TEST

START_TEST(no_member_may_be_of_another_kind)
{
    char *text = sample_text(&small);
    json_t *document = json_loads(text, 0, NULL), *value;
    const char *name;
    void *next;
    json_t *copy = json_deep_copy(document);
    json_object_foreach_safe(copy, next, name, value)
    {
        json_t *other = json_is_integer(value) ? json_string("x") : json_integer(1);
        json_t *broken = json_deep_copy(document);
        json_object_set_new(broken, name, other);
        char *bad = json_dumps(broken, 0);
        struct lb_error err;
        ck_assert_msg(!lb_report_parse("run.json", bad, strlen(bad), &err), "%s", name);
        free(bad);
        json_decref(broken);
    }
    json_decref(copy);
    json_decref(document);
    free(text);
}
END_TEST

START_TEST(long_places_do_not_overflow)
{
    char name[4096];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_refused(PATH(name), json_true(), "run.json: /nnnnnnnn");
    struct lb_error err;
    ck_assert_ptr_null(lb_report_parse(name, "{", 1, &err));
    ck_assert_uint_lt(strlen(err.text), sizeof err.text);
}
END_TEST

/* The reports of n clients, merged in the order that `step` gives. */
static char *merged(unsigned n, unsigned step)
{
    struct lb_report *all = lb_report_new();
    for (unsigned i = 0; i < n; i++) {
        char run[32];
        struct sample s = small;
        unsigned which = i * step % n;
        snprintf(run, sizeof run, "run-%u", which);
        s.run = s.client = run;
        s.seed = which;
        struct lb_report *one = sample_report(&s);
        ck_assert_int_eq(lb_report_merge(all, one, "x.json", NULL), 0);
        ck_assert_int_eq(lb_report_merge(all, one, "again.json", NULL), 0);
        lb_report_free(one);
    }
    ck_assert_uint_eq(all->n_runs, n);
    char *text = text_of(all);
    lb_report_free(all);
    return text;
}

START_TEST(the_order_of_merging_and_doubles_make_no_difference)
{
    char *a = merged(7, 1), *b = merged(7, 3), *c = merged(7, 5);
    ck_assert_str_eq(a, b);
    ck_assert_str_eq(a, c);
    free(a);
    free(b);
    free(c);
}
END_TEST

START_TEST(merging_is_associative)
{
    struct lb_report *parts[3], *left = lb_report_new(), *right = lb_report_new();
    struct lb_report *pair = lb_report_new();
    for (int i = 0; i < 3; i++) {
        char run[8];
        struct sample s = small;
        snprintf(run, sizeof run, "r%d", i);
        s.run = run;
        s.seed = (uint32_t)i;
        parts[i] = sample_report(&s);
    }
    ck_assert_int_eq(lb_report_merge(left, parts[0], "", NULL), 0);
    ck_assert_int_eq(lb_report_merge(left, parts[1], "", NULL), 0);
    ck_assert_int_eq(lb_report_merge(left, parts[2], "", NULL), 0);
    ck_assert_int_eq(lb_report_merge(pair, parts[1], "", NULL), 0);
    ck_assert_int_eq(lb_report_merge(pair, parts[2], "", NULL), 0);
    ck_assert_int_eq(lb_report_merge(right, parts[0], "", NULL), 0);
    ck_assert_int_eq(lb_report_merge(right, pair, "", NULL), 0);
    char *a = text_of(left), *b = text_of(right);
    ck_assert_str_eq(a, b);
    free(a);
    free(b);
    for (int i = 0; i < 3; i++)
        lb_report_free(parts[i]);
    lb_report_free(left);
    lb_report_free(right);
    lb_report_free(pair);
}
END_TEST

START_TEST(another_run_under_the_same_id_is_refused)
{
    struct sample other = small;
    other.client = "somebody else";
    struct lb_report *a = sample_report(&small), *b = sample_report(&other);
    struct lb_error err;
    ck_assert_int_eq(lb_report_merge(a, b, "b.json", &err), -1);
    ck_assert_str_eq(err.text,
                     "b.json: run 'run-1' has the id of a run read before, but another client");
    lb_report_free(a);
    lb_report_free(b);
}
END_TEST

/* A report of requests first .. last of one run. */
static struct lb_report *part_of(uint64_t first, uint64_t last)
{
    struct lb_report *r = lb_report_new();
    struct lb_report_run run;
    struct lb_tally *whole, *part = lb_tally_new("run-1", "client-1", first);
    ck_assert_int_eq(sample_run(&small, &run, &whole), 0);
    for (uint64_t i = first; i <= last; i++) {
        struct lb_observation o = {.request = i,
                                   .connection = 1,
                                   .ordinal = (uint32_t)i,
                                   .sent_ns = (int64_t)i * 1000000,
                                   .planned_ns = (int64_t)i * 1000000,
                                   .finish_ns = (int64_t)i * 1000000 + 500000,
                                   .backend = "a",
                                   .status = "200"};
        ck_assert_int_eq(lb_tally_add(part, &o), 0);
    }
    lb_tally_flush(part);
    ck_assert_int_eq(lb_report_add_run(r, &run), 0);
    ck_assert_int_eq(lb_tally_merge(r->tally, part), LB_MERGE_OK);
    lb_tally_free(whole);
    lb_tally_free(part);
    return r;
}

START_TEST(parts_of_a_run_are_stitched_and_overlaps_refused)
{
    struct lb_report *whole = part_of(1, 20), *a = part_of(1, 8), *b = part_of(9, 20);
    struct lb_report *over = part_of(5, 12);
    struct lb_error err;
    ck_assert_int_eq(lb_report_merge(b, a, "a.json", NULL), 0);
    ck_assert_uint_eq(lb_tally_segments(b->tally), 1);
    ck_assert(lb_segment_equal(lb_tally_segment(b->tally, 0), lb_tally_segment(whole->tally, 0)));
    ck_assert_int_eq(lb_report_merge(a, over, "over.json", &err), -1);
    ck_assert_str_eq(err.text,
                     "over.json: counts requests of run 'run-1' that were counted in part already");
    lb_report_free(whole);
    lb_report_free(a);
    lb_report_free(b);
    lb_report_free(over);
}
END_TEST

START_TEST(labels_are_name_and_value)
{
    struct lb_report_run run = {0};
    struct lb_error err;
    char *copies[3];
    ck_assert_int_eq(lb_report_label_parse(&run, "path=a=b", &copies[0], NULL), 0);
    ck_assert_str_eq(lb_report_run_label(&run, "path"), "a=b");
    ck_assert_int_eq(lb_report_label_parse(&run, "path=c", &copies[1], &err), -1);
    ck_assert_str_eq(err.text, "label 'path' is given twice");
    static const char *const bad[] = {"", "=x", "path", "a b=c", "ä=c"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(lb_report_label_check(bad[i], &err), -1);
    free(copies[0]);
    free(copies[1]);
}
END_TEST

START_TEST(times_are_written_and_read)
{
    char text[LB_WHEN_TEXT];
    int64_t ms = -1;
    ck_assert_str_eq(lb_when_format(text, INT64_C(1795474000123)), "2026-11-23T22:46:40.123Z");
    ck_assert_int_eq(lb_when_parse(text, &ms), 0);
    ck_assert_int_eq(ms, INT64_C(1795474000123));
    static const char *const bad[] = {"",
                                      "2026-11-23",
                                      "2026-13-23T22:46:40.123Z",
                                      "2026-11-23T22:46:60.123Z",
                                      "2026-11-23T22:46:40.123+",
                                      "1969-12-31T23:59:59.999Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(lb_when_parse(bad[i], &ms), -1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, what_is_written_is_read_back);
    tcase_add_test(tests, names_of_any_bytes_are_read_back);
    tcase_add_test(tests, every_report_that_is_cut_off_is_refused);
    tcase_add_test(tests, values_out_of_type_or_range_are_refused_with_their_place);
    tcase_add_test(tests, a_report_without_any_one_member_is_read_or_refused);
    tcase_add_test(tests, no_member_may_be_of_another_kind);
    tcase_add_test(tests, long_places_do_not_overflow);
    tcase_add_test(tests, the_order_of_merging_and_doubles_make_no_difference);
    tcase_add_test(tests, merging_is_associative);
    tcase_add_test(tests, another_run_under_the_same_id_is_refused);
    tcase_add_test(tests, parts_of_a_run_are_stitched_and_overlaps_refused);
    tcase_add_test(tests, labels_are_name_and_value);
    tcase_add_test(tests, times_are_written_and_read);
}

LB_UNIT_MAIN("report", fill)
