/* What every unit test program shares: a main for one suite. */
#ifndef LB_TESTS_UNIT_H
#define LB_TESTS_UNIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Defines main, which runs `test_case`s built by `fill(TCase *)`. */
#define LB_UNIT_MAIN(name, fill)                     \
    int main(void)                                   \
    {                                                \
        Suite *suite = suite_create(name);           \
        TCase *tests = tcase_create(name);           \
        tcase_set_timeout(tests, 60);                \
        fill(tests);                                 \
        suite_add_tcase(suite, tests);               \
        SRunner *runner = srunner_create(suite);     \
        srunner_run_all(runner, CK_ENV);             \
        int failed = srunner_ntests_failed(runner);  \
        srunner_free(runner);                        \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS; \
    }

#endif
