/* When the start of a channel is over. */
#include "client/settle.h"

#include <stdlib.h>

#include "unit.h"

START_TEST(it_ends_when_each_address_carried_a_request)
{
    struct lb_settle *s = lb_settle_new(2, 0);
    lb_settle_note(s, "10.0.0.1:80");
    lb_settle_note(s, "10.0.0.1:80");
    lb_settle_note(s, ""); /* failed */
    ck_assert(!lb_settle_over(s, 1));
    lb_settle_note(s, "10.0.0.2:80");
    ck_assert(lb_settle_over(s, 1));
    free(s);
}
END_TEST

START_TEST(an_address_that_never_answers_does_not_make_it_endless)
{
    struct lb_settle *s = lb_settle_new(3, 1000);
    ck_assert(!lb_settle_over(s, 1000 + LB_SETTLE_MAX_NS - 1));
    ck_assert(lb_settle_over(s, 1000 + LB_SETTLE_MAX_NS));
    for (unsigned i = 0; i < 3 * LB_SETTLE_MAX_ANSWERS; i++) {
        ck_assert(!lb_settle_over(s, 1001));
        lb_settle_note(s, "10.0.0.1:80");
    }
    ck_assert(lb_settle_over(s, 1001));
    free(s);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, it_ends_when_each_address_carried_a_request);
    tcase_add_test(tests, an_address_that_never_answers_does_not_make_it_endless);
}

LB_UNIT_MAIN("settle", fill)
