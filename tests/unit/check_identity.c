/* Who this server is. */
#include "server/identity.h"

#include <unistd.h>

#include "unit.h"

START_TEST(what_is_given_stays)
{
    struct lb_identity id = {.name = "pod-1",
                             .namespace = "demo",
                             .pod_ip = "10.1.2.3",
                             .node = "node-a",
                             .zone = "eu-1",
                             .version = "v1"};
    struct lb_error err = {""};
    ck_assert_msg(lb_identity_complete(&id, &err) == 0, "%s", err.text);
    ck_assert_str_eq(id.name, "pod-1");
    ck_assert_str_eq(id.namespace, "demo");
    ck_assert_str_eq(id.pod_ip, "10.1.2.3");
    ck_assert_str_eq(id.node, "node-a");
    ck_assert_str_eq(id.zone, "eu-1");
    ck_assert_str_eq(id.version, "v1");
}
END_TEST

START_TEST(the_host_names_what_nobody_did)
{
    struct lb_identity id = {.name = ""};
    char host[256];
    ck_assert_int_eq(gethostname(host, sizeof host), 0);
    ck_assert_int_eq(lb_identity_complete(&id, NULL), 0);
    ck_assert_str_eq(id.name, host);
    ck_assert_str_eq(id.namespace, "");
    ck_assert_str_eq(id.zone, "");
    ck_assert_ptr_nonnull(id.pod_ip);
    ck_assert_msg(strncmp(id.pod_ip, "127.", 4) != 0 && strcmp(id.pod_ip, "::1") != 0,
                  "nobody else reaches %s", id.pod_ip);
}
END_TEST

START_TEST(boot_ids_differ)
{
    struct lb_identity a = {.name = "a"}, b = {.name = "a"};
    ck_assert_int_eq(lb_identity_complete(&a, NULL), 0);
    ck_assert_int_eq(lb_identity_complete(&b, NULL), 0);
    ck_assert_uint_eq(strlen(a.boot_id), LB_BOOT_ID_DIGITS);
    ck_assert_uint_eq(strspn(a.boot_id, "0123456789abcdef"), LB_BOOT_ID_DIGITS);
    ck_assert_str_ne(a.boot_id, b.boot_id);
    ck_assert_int_gt(a.start_time_unix_ms, INT64_C(1600000000000));
}
END_TEST

START_TEST(texts_that_no_answer_could_carry_are_refused)
{
    static const char *const bad[] = {
        "a\nb",        "a\x7f", "\xff", "\xc0\xaf", "a\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xe0\x80\x80"};
    static const char *const good[] = {"", "server-0", "größe", "服务器", "\xf0\x9f\x90\xa7"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct lb_error err = {""};
        ck_assert_int_eq(lb_identity_check_text(bad[i], &err), -1);
        ck_assert_str_ne(err.text, "");
        struct lb_identity id = {.name = "a", .zone = bad[i]};
        ck_assert_int_eq(lb_identity_complete(&id, &err), -1);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_int_eq(lb_identity_check_text(good[i], NULL), 0);
    char text[LB_IDENTITY_TEXT_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(lb_identity_check_text(text, NULL), -1);
    text[sizeof text - 2] = '\0';
    ck_assert_int_eq(lb_identity_check_text(text, NULL), 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, what_is_given_stays);
    tcase_add_test(tests, the_host_names_what_nobody_did);
    tcase_add_test(tests, boot_ids_differ);
    tcase_add_test(tests, texts_that_no_answer_could_carry_are_refused);
}

LB_UNIT_MAIN("identity", fill)
