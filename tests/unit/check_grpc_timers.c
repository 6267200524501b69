/* Timers of one thread. */
#include "server/grpc_timers.h"

#include "unit.h"

#define MANY 500

struct probe {
    struct lb_grpc_timer timer;
    int64_t ran_after; /* how many ran before it; -1: it did not run */
    int64_t again_ns;  /* set itself once more, for then; 0: not */
};

static struct lb_grpc_timers timers;
static int64_t ran;
static int64_t last_due;

static void run(struct lb_grpc_timer *timer)
{
    struct probe *probe = (struct probe *)timer;
    ck_assert_int_ge(timer->due_ns, last_due);
    last_due = timer->due_ns;
    probe->ran_after = ran++;
    if (probe->again_ns) {
        int64_t when = probe->again_ns;
        probe->again_ns = 0;
        lb_grpc_timers_set(&timers, timer, when);
    }
}

static void reset(struct probe *probes, size_t count)
{
    timers = (struct lb_grpc_timers){0};
    ran = last_due = 0;
    for (size_t i = 0; i < count; i++)
        probes[i] = (struct probe){.timer.run = run, .ran_after = -1};
}

START_TEST(an_empty_heap_is_never_due)
{
    reset(NULL, 0);
    ck_assert_int_eq(lb_grpc_timers_next(&timers), INT64_MAX);
    lb_grpc_timers_run(&timers, INT64_MAX);
    lb_grpc_timers_free(&timers);
}
END_TEST

START_TEST(timers_run_in_the_order_of_their_times)
{
    struct probe p[MANY];
    reset(p, MANY);
    for (size_t i = 0; i < MANY; i++)
        lb_grpc_timers_set(&timers, &p[i].timer, 1 + (int64_t)(i * 7919 % MANY));
    ck_assert_int_eq(lb_grpc_timers_next(&timers), 1);
    lb_grpc_timers_run(&timers, MANY / 2);
    ck_assert_int_eq(ran, MANY / 2);
    ck_assert_int_eq(lb_grpc_timers_next(&timers), MANY / 2 + 1);
    lb_grpc_timers_run(&timers, MANY);
    ck_assert_int_eq(ran, MANY);
    lb_grpc_timers_free(&timers);
}
END_TEST

START_TEST(cancelled_timers_do_not_run_and_the_others_keep_their_order)
{
    struct probe p[MANY];
    reset(p, MANY);
    for (size_t i = 0; i < MANY; i++)
        lb_grpc_timers_set(&timers, &p[i].timer, 1 + (int64_t)(i * 7919 % MANY));
    for (size_t i = 0; i < MANY; i += 3)
        lb_grpc_timers_cancel(&timers, &p[i].timer);
    lb_grpc_timers_cancel(&timers, &p[0].timer); /* a second time: nothing */
    lb_grpc_timers_run(&timers, MANY);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(p[i].ran_after < 0, i % 3 == 0);
    lb_grpc_timers_free(&timers);
}
END_TEST

START_TEST(setting_again_moves_a_timer)
{
    struct probe p[3];
    reset(p, 3);
    for (size_t i = 0; i < 3; i++)
        lb_grpc_timers_set(&timers, &p[i].timer, 10 + (int64_t)i);
    lb_grpc_timers_set(&timers, &p[0].timer, 20);
    lb_grpc_timers_set(&timers, &p[2].timer, 5);
    ck_assert_uint_eq(timers.count, 3);
    lb_grpc_timers_run(&timers, 100);
    ck_assert_int_eq(p[2].ran_after, 0);
    ck_assert_int_eq(p[1].ran_after, 1);
    ck_assert_int_eq(p[0].ran_after, 2);
    lb_grpc_timers_free(&timers);
}
END_TEST

START_TEST(a_timer_may_set_itself_again_while_it_runs)
{
    struct probe p[1];
    reset(p, 1);
    p[0].again_ns = 7;
    lb_grpc_timers_set(&timers, &p[0].timer, 5);
    lb_grpc_timers_run(&timers, 6);
    ck_assert_int_eq(ran, 1);
    ck_assert_int_eq(lb_grpc_timers_next(&timers), 7);
    lb_grpc_timers_run(&timers, 7);
    ck_assert_int_eq(ran, 2);
    lb_grpc_timers_free(&timers);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, an_empty_heap_is_never_due);
    tcase_add_test(tests, timers_run_in_the_order_of_their_times);
    tcase_add_test(tests, cancelled_timers_do_not_run_and_the_others_keep_their_order);
    tcase_add_test(tests, setting_again_moves_a_timer);
    tcase_add_test(tests, a_timer_may_set_itself_again_while_it_runs);
}

LB_UNIT_MAIN("grpc_timers", fill)
