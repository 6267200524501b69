/* The command line as data. */
#include "common/options.h"

#include <stdarg.h>

#include "common/clock.h"
#include "unit.h"

static const char *const colours[] = {"red", "green", NULL};

struct config {
    const char *name;
    uint64_t count;
    int64_t wait;
    double part;
    int colour, quiet;
    struct lb_option_list items;
};

#define AT(field) offsetof(struct config, field)
static const struct lb_option table[] = {
    {"name", LB_OPTION_STRING, "NAME", "A name.", AT(name), .env = "OTHER_NAME"},
    {"count", LB_OPTION_UINT, "N", "How many.", AT(count), .min = 1, .max = 10, .letter = 'n'},
    {"wait-time", LB_OPTION_DURATION, "TIME", "How long.", AT(wait), .max = 60 * LB_NS_PER_S},
    {"part", LB_OPTION_DOUBLE, "P", "Which part.", AT(part), .max = 1},
    {"colour", LB_OPTION_CHOICE, NULL, "Which colour.", AT(colour), .choices = colours},
    {"quiet", LB_OPTION_FLAG, NULL, "Say nothing.", AT(quiet), 1},
    {"item", LB_OPTION_LIST, "ITEM", "One more.", AT(items)},
};
static const struct lb_option_group groups[] = {LB_OPTION_GROUP("All", table)};
static const struct lb_program program = {.name = "prog",
                                          .synopsis = "[OPTION]...",
                                          .summary = "Does it.",
                                          .groups = groups,
                                          .group_count = 1,
                                          .max_args = 1};

static struct config config;
static struct lb_error err;
static int first;

static int parse(int argc, ...)
{
    static char *argv[16];
    va_list args;
    va_start(args, argc);
    argv[0] = (char *)"prog";
    for (int i = 1; i <= argc; i++)
        argv[i] = va_arg(args, char *);
    argv[argc + 1] = NULL;
    va_end(args);
    lb_options_free(&program, &config);
    config = (struct config){.count = 3, .colour = 1};
    err.text[0] = '\0';
    return lb_options_parse(&program, argc + 1, argv, &config, &first, &err);
}

static void forget(void)
{
    lb_options_free(&program, &config);
}

START_TEST(every_type_is_stored)
{
    ck_assert_int_eq(parse(9, "--name", "x", "-n", "7", "--wait-time=1.5s", "--part=0.25",
                           "--colour=red", "--quiet", "target"),
                     LB_OPTIONS_RUN);
    ck_assert_str_eq(config.name, "x");
    ck_assert_uint_eq(config.count, 7);
    ck_assert_int_eq(config.wait, 1500 * LB_NS_PER_MS);
    ck_assert_double_eq(config.part, 0.25);
    ck_assert_int_eq(config.colour, 0);
    ck_assert_int_eq(config.quiet, 1);
    ck_assert_int_eq(first, 9);
}
END_TEST

START_TEST(defaults_stay)
{
    ck_assert_int_eq(parse(0), LB_OPTIONS_RUN);
    ck_assert_uint_eq(config.count, 3);
    ck_assert_int_eq(config.colour, 1);
    ck_assert_ptr_null(config.name);
}
END_TEST

START_TEST(environment_gives_and_the_option_wins)
{
    setenv("LBDEMO_COUNT", "5", 1);
    setenv("LBDEMO_WAIT_TIME", "2s", 1);
    setenv("LBDEMO_QUIET", "yes", 1);
    setenv("OTHER_NAME", "alias", 1);
    ck_assert_int_eq(parse(2, "--count", "6"), LB_OPTIONS_RUN);
    ck_assert_uint_eq(config.count, 6);
    ck_assert_int_eq(config.wait, 2 * LB_NS_PER_S);
    ck_assert_int_eq(config.quiet, 1);
    ck_assert_str_eq(config.name, "alias");
    setenv("LBDEMO_NAME", "own", 1);
    ck_assert_int_eq(parse(0), LB_OPTIONS_RUN);
    ck_assert_str_eq(config.name, "own");
}
END_TEST

START_TEST(bad_environment_is_named)
{
    setenv("LBDEMO_COUNT", "11", 1);
    ck_assert_int_eq(parse(0), LB_OPTIONS_ERROR);
    ck_assert_str_eq(err.text,
                     "environment variable LBDEMO_COUNT: '11' is not a whole number from 1 to 10");
    unsetenv("LBDEMO_COUNT");
    setenv("LBDEMO_QUIET", "maybe", 1);
    ck_assert_int_eq(parse(0), LB_OPTIONS_ERROR);
}
END_TEST

START_TEST(lists_collect_and_replace_the_environment)
{
    setenv("LBDEMO_ITEM", "env", 1);
    ck_assert_int_eq(parse(0), LB_OPTIONS_RUN);
    ck_assert_uint_eq(config.items.count, 1);
    ck_assert_int_eq(parse(2, "--item=a", "--item=b"), LB_OPTIONS_RUN);
    ck_assert_uint_eq(config.items.count, 2);
    ck_assert_str_eq(config.items.items[1], "b");
}
END_TEST

START_TEST(bad_options_are_named)
{
    ck_assert_int_eq(parse(1, "--nonsense"), LB_OPTIONS_ERROR);
    ck_assert_ptr_nonnull(strstr(err.text, "'--nonsense'"));
    ck_assert_int_eq(parse(1, "-x"), LB_OPTIONS_ERROR);
    ck_assert_ptr_nonnull(strstr(err.text, "'-x'"));
    ck_assert_int_eq(parse(1, "--name"), LB_OPTIONS_ERROR);
    ck_assert_ptr_nonnull(strstr(err.text, "'--name' needs an argument"));
    ck_assert_int_eq(parse(1, "--quiet=1"), LB_OPTIONS_ERROR);
    ck_assert_ptr_nonnull(strstr(err.text, "takes no argument"));
    ck_assert_int_eq(parse(1, "--count=0"), LB_OPTIONS_ERROR);
    ck_assert_str_eq(err.text, "option --count: '0' is not a whole number from 1 to 10");
    ck_assert_int_eq(parse(1, "--colour=blue"), LB_OPTIONS_ERROR);
    ck_assert_str_eq(err.text, "option --colour: 'blue' is none of red, green");
    ck_assert_int_eq(parse(2, "a", "b"), LB_OPTIONS_ERROR);
    ck_assert_str_eq(err.text, "unexpected argument 'b'; see --help");
}
END_TEST

START_TEST(an_argument_ends_the_options_of_a_program_that_runs_another)
{
    struct lb_program runner = program;
    runner.options_first = true;
    runner.max_args = 9;
    char *argv[] = {(char *)"prog",       (char *)"--count=4", (char *)"http",
                    (char *)"--count=99", (char *)"--help",    NULL};
    ck_assert_int_eq(lb_options_parse(&runner, 5, argv, &config, &first, &err), LB_OPTIONS_RUN);
    ck_assert_uint_eq(config.count, 4);
    ck_assert_int_eq(first, 2);
    argv[1] = (char *)"--count";
    argv[2] = NULL;
    ck_assert_int_eq(lb_options_parse(&runner, 2, argv, &config, &first, &err), LB_OPTIONS_ERROR);
    ck_assert_ptr_nonnull(strstr(err.text, "needs an argument"));
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_checked_fixture(tests, NULL, forget);
    tcase_add_test(tests, every_type_is_stored);
    tcase_add_test(tests, defaults_stay);
    tcase_add_test(tests, environment_gives_and_the_option_wins);
    tcase_add_test(tests, bad_environment_is_named);
    tcase_add_test(tests, lists_collect_and_replace_the_environment);
    tcase_add_test(tests, bad_options_are_named);
    tcase_add_test(tests, an_argument_ends_the_options_of_a_program_that_runs_another);
}

LB_UNIT_MAIN("options", fill)
