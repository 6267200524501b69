/* The parts of the lab that start nothing: templates, topologies, the truth. */
#include <stdlib.h>
#include <string.h>

#include "lab/template.h"
#include "lab/topology.h"
#include "lab/words.h"
#include "unit.h"

static struct lb_error err;

static const struct lb_variable first[] = {
    {"SERVER_NAME", "a"}, {"SERVER_PORT", "1"}, {NULL, NULL}};
static const struct lb_variable second[] = {
    {"SERVER_NAME", "b"}, {"SERVER_PORT", "2"}, {NULL, NULL}};
static const struct lb_variable *const servers[] = {first, second};
static const struct lb_variable common[] = {{"ALGORITHM", "random"}, {NULL, NULL}};

START_TEST(a_server_line_is_repeated_for_each_server)
{
    char *text = lb_template_expand("balance @ALGORITHM@\nserver @SERVER_NAME@ :@SERVER_PORT@\nend",
                                    common, servers, 2, &err);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, "balance random\nserver a :1\nserver b :2\nend");
    free(text);
}
END_TEST

START_TEST(what_is_no_placeholder_stays)
{
    char *text = lb_template_expand("a@b @@ @lower@ @service-ips fd@3 @", common, servers, 2, &err);
    ck_assert_str_eq(text, "a@b @@ @lower@ @service-ips fd@3 @");
    free(text);
}
END_TEST

START_TEST(a_placeholder_nothing_stands_for_is_named)
{
    ck_assert_ptr_null(lb_template_expand("one\n@NOTHING@\n", common, servers, 2, &err));
    ck_assert_str_eq(err.text, "line 2: nothing stands for the placeholder @NOTHING@");
    /* A server's placeholder in a lab without servers: its line is left out. */
    char *text = lb_template_expand("x\n@SERVER_NAME@\ny\n", common, servers, 0, &err);
    ck_assert_str_eq(text, "x\ny\n");
    free(text);
}
END_TEST

START_TEST(every_topology_has_its_template_and_a_name_of_its_own)
{
    for (size_t i = 0; i < lb_topology_count; i++) {
        const struct lb_topology *t = &lb_topologies[i];
        ck_assert_msg(!t->config || lb_template_find(t->config), "%s", t->name);
        ck_assert_ptr_eq(lb_topology_find(t->name, NULL, &err), t);
        ck_assert_ptr_eq(lb_topology_find(t->name, t->path, &err), t);
        ck_assert_ptr_nonnull(t->truth[LB_TRAFFIC_GRPC].layer);
    }
}
END_TEST

START_TEST(short_names_depend_on_the_path)
{
    ck_assert_str_eq(lb_topology_find("haproxy", "L4", &err)->name, "haproxy-tcp-roundrobin");
    ck_assert_str_eq(lb_topology_find("haproxy", "L7", &err)->name, "haproxy-http-roundrobin");
    ck_assert_ptr_null(lb_topology_find("haproxy", NULL, &err));
    ck_assert_ptr_null(lb_topology_find("kernel", "L7", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "'kernel' is none of envoy, haproxy, nginx"));
}
END_TEST

START_TEST(only_a_word_that_contradicts_the_truth_is_wrong)
{
    const struct lb_truth truth = {"per-request", "balanced"}, open = {"sticky", NULL};
    const struct lb_words right = {"per-request", "balanced", 1}, other = {"sticky", "uneven", 1},
                          wrong = {"per-connection", "pinned", 1},
                          nothing = {"inconclusive", "inconclusive", 1}, none = {"", "no-data", 0};
    ck_assert(!lb_words_wrong_layer(&truth, &right) && !lb_words_wrong_outcome(&truth, &right));
    ck_assert(lb_words_wrong_layer(&truth, &other) && lb_words_wrong_outcome(&truth, &other));
    ck_assert(lb_words_wrong_layer(&truth, &wrong) && lb_words_wrong_outcome(&truth, &wrong));
    ck_assert(!lb_words_wrong_layer(&truth, &nothing) && !lb_words_wrong_outcome(&truth, &nothing));
    ck_assert(!lb_words_wrong_layer(&truth, &none) && !lb_words_wrong_outcome(&truth, &none));
    const struct lb_words half = {"per-request", "inconclusive", 1};
    ck_assert(lb_words_tell(&right) && lb_words_tell(&wrong));
    ck_assert(!lb_words_tell(&half) && !lb_words_tell(&nothing) && !lb_words_tell(&none));
    ck_assert(lb_words_wrong_layer(&open, &right) && !lb_words_wrong_outcome(&open, &wrong));
}
END_TEST

START_TEST(layers_are_spelled_for_people)
{
    char text[LB_WORD];
    ck_assert_str_eq(lb_words_spell("per-connection", text), "per connection");
    ck_assert_str_eq(lb_words_spell("client-side", text), "client-side");
    ck_assert_str_eq(lb_words_spell("inconclusive", text), "layer unknown");
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_server_line_is_repeated_for_each_server);
    tcase_add_test(tests, what_is_no_placeholder_stays);
    tcase_add_test(tests, a_placeholder_nothing_stands_for_is_named);
    tcase_add_test(tests, every_topology_has_its_template_and_a_name_of_its_own);
    tcase_add_test(tests, short_names_depend_on_the_path);
    tcase_add_test(tests, layers_are_spelled_for_people);
    tcase_add_test(tests, only_a_word_that_contradicts_the_truth_is_wrong);
}

LB_UNIT_MAIN("lab", fill)
