/* Faults on demand: what can be written, and how often it is drawn. */
#include "server/faults.h"

#include "common/clock.h"
#include "unit.h"

enum { DRAWS = 20000 };

static struct lb_faults *new_faults(const char *spec, bool allow)
{
    static const char *items[1];
    struct lb_option_list list = {items, spec ? 1 : 0};
    struct lb_error err = {""};
    items[0] = spec;
    struct lb_faults *f = lb_faults_new(&list, allow, "pod-1", &err);
    ck_assert_msg(f != NULL, "%s", err.text);
    return f;
}

static struct lb_fault draw(struct lb_faults *f, const char *request, unsigned *seed)
{
    struct lb_fault fault;
    struct lb_error err = {""};
    int result = lb_faults_decide(f, request, request ? strlen(request) : 0, seed, &fault, &err);
    ck_assert_msg(result == 0, "%s", err.text);
    return fault;
}

START_TEST(what_cannot_be_meant_is_refused)
{
    static const char *const bad[] = {
        "",
        "delay",
        "delay=",
        "delay=100",
        "delay=-1ms",
        "delay=61s",
        "delay=100ms:10",
        "delay=100ms:%",
        "delay=100ms:101%",
        "delay=100ms:-1%",
        "delay=100ms:nan%",
        "delay=100ms:60%,1s:60%",
        "delay=1s;delay=2s",
        "status=200",
        "status=600",
        "status=x:5%",
        "reset=1:5%",
        "reset:5",
        "resets",
        "name=pod-1",
        "name=;reset",
        "status=503;",
        "status=503;;reset",
        "jitter=1s",
        "status=500:1%,500:1%,500:1%,500:1%,500:1%,500:1%,500:1%,500:1%,500:1%",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct lb_error err = {""};
        ck_assert_msg(lb_faults_check(bad[i], &err) == -1, "'%s' was taken", bad[i]);
        ck_assert_str_ne(err.text, "");
    }
    static const char *const good[] = {"delay=100ms:10%,1s:1%;status=503:5%;reset:0.5%;name=pod-1",
                                       "reset", "status=503", "delay=60s:0%", "name=x;delay=1ms"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct lb_error err = {""};
        ck_assert_msg(lb_faults_check(good[i], &err) == 0, "%s: %s", good[i], err.text);
    }
    char text[LB_FAULT_TEXT_MAX + 1];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(lb_faults_check(text, NULL), -1);
}
END_TEST

START_TEST(nothing_is_injected_unless_asked_for)
{
    struct lb_faults *f = new_faults(NULL, false);
    unsigned seed = 1;
    for (int i = 0; i < 100; i++) {
        struct lb_fault fault = draw(f, "status=503", &seed); /* not allowed */
        ck_assert(fault.status == 0 && fault.delay_ns == 0 && !fault.reset);
    }
    lb_faults_free(f);
}
END_TEST

/* Whether `seen` of DRAWS is within five standard deviations of `share`. */
static void check_share(int seen, double share, const char *what)
{
    double expected = DRAWS * share, variance = expected * (1 - share);
    double off = seen - expected;
    ck_assert_msg(off * off <= 25 * variance + 1e-9, "%s: %d of %d for a share of %g", what, seen,
                  (int)DRAWS, share);
}

START_TEST(shares_are_kept)
{
    struct lb_faults *f =
        new_faults("delay=100ms:10%,1s:1%;status=503:5%,500:2%;reset:0.5%", false);
    unsigned seed = 42;
    int tenth = 0, second = 0, s503 = 0, s500 = 0, resets = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct lb_fault fault = draw(f, NULL, &seed);
        tenth += fault.delay_ns == 100 * LB_NS_PER_MS;
        second += fault.delay_ns == LB_NS_PER_S;
        s503 += fault.status == 503;
        s500 += fault.status == 500;
        resets += fault.reset;
    }
    check_share(tenth, 0.10, "100 ms");
    check_share(second, 0.01, "1 s");
    check_share(s503, 0.05, "503");
    check_share(s500, 0.02, "500");
    check_share(resets, 0.005, "reset");
    lb_faults_free(f);
}
END_TEST

START_TEST(all_and_none_are_exact)
{
    struct lb_faults *f = new_faults("status=503;reset:0%;delay=1ms:100%", false);
    unsigned seed = 7;
    for (int i = 0; i < DRAWS; i++) {
        struct lb_fault fault = draw(f, NULL, &seed);
        ck_assert(fault.status == 503 && !fault.reset && fault.delay_ns == LB_NS_PER_MS);
    }
    lb_faults_free(f);
}
END_TEST

START_TEST(a_name_limits_a_fault_to_one_pod)
{
    struct lb_faults *ours = new_faults("status=503;name=pod-1", false);
    struct lb_faults *theirs = new_faults("status=503;name=pod-2", false);
    unsigned seed = 1;
    ck_assert_int_eq(draw(ours, NULL, &seed).status, 503);
    ck_assert_int_eq(draw(theirs, NULL, &seed).status, 0);
    lb_faults_free(ours);
    lb_faults_free(theirs);
}
END_TEST

START_TEST(a_request_s_wish_takes_the_place_of_what_applies_to_all)
{
    struct lb_faults *f = new_faults("status=503", true);
    unsigned seed = 1;
    struct lb_fault fault = draw(f, "delay=5ms", &seed);
    ck_assert(fault.status == 0 && fault.delay_ns == 5 * LB_NS_PER_MS);
    ck_assert_int_eq(draw(f, "delay=5ms;name=pod-2", &seed).status, 503);
    struct lb_error err = {""};
    ck_assert_int_eq(lb_faults_decide(f, "nonsense", 8, &seed, &fault, &err), -1);
    ck_assert_str_ne(err.text, "");
    ck_assert_int_eq(lb_faults_decide(f, "status=503\0", 11, &seed, &fault, &err), -1);
    lb_faults_free(f);
}
END_TEST

START_TEST(what_applies_to_all_can_be_replaced)
{
    struct lb_faults *f = new_faults("status=503", false);
    unsigned seed = 1;
    char text[LB_FAULT_TEXT_MAX];
    struct lb_error err = {""};
    ck_assert_int_eq(lb_faults_set(f, "status=500\n", 11, &err), 0);
    ck_assert_int_eq(draw(f, NULL, &seed).status, 500);
    lb_faults_text(f, text);
    ck_assert_str_eq(text, "status=500\n");
    ck_assert_int_eq(lb_faults_set(f, "junk", 4, &err), -1);
    ck_assert_int_eq(draw(f, NULL, &seed).status, 500);
    ck_assert_int_eq(lb_faults_set(f, "\n", 1, &err), 0);
    ck_assert_int_eq(draw(f, NULL, &seed).status, 0);
    lb_faults_text(f, text);
    ck_assert_str_eq(text, "");
    lb_faults_free(f);
}
END_TEST

START_TEST(several_faults_apply_together)
{
    static const char *items[] = {"delay=40s", "delay=40s", "status=503;name=pod-1",
                                  "status=500;name=x"};
    struct lb_option_list list = {items, 4};
    struct lb_error err;
    struct lb_faults *f = lb_faults_new(&list, false, "pod-1", &err);
    ck_assert_ptr_nonnull(f);
    unsigned seed = 1;
    struct lb_fault fault = draw(f, NULL, &seed);
    ck_assert(fault.delay_ns == LB_FAULT_DELAY_MAX_S * LB_NS_PER_S && fault.status == 503);
    lb_faults_free(f);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, what_cannot_be_meant_is_refused);
    tcase_add_test(tests, nothing_is_injected_unless_asked_for);
    tcase_add_test(tests, shares_are_kept);
    tcase_add_test(tests, all_and_none_are_exact);
    tcase_add_test(tests, a_name_limits_a_fault_to_one_pod);
    tcase_add_test(tests, a_request_s_wish_takes_the_place_of_what_applies_to_all);
    tcase_add_test(tests, what_applies_to_all_can_be_replaced);
    tcase_add_test(tests, several_faults_apply_together);
}

LB_UNIT_MAIN("faults", fill)
