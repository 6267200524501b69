/* The command line as data: parsing of arguments and environment. */
#include "common/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/options_help.h"
#include "common/units.h"

/* getopt_long's values: above any letter. Option i of the flattened tables is FIRST_OPTION + i. */
enum { OPTION_HELP = 256, OPTION_VERSION, FIRST_OPTION };

static const struct lb_option *option_at(const struct lb_program *program, size_t index)
{
    for (size_t g = 0; g < program->group_count; g++) {
        if (index < program->groups[g].count)
            return &program->groups[g].options[index];
        index -= program->groups[g].count;
    }
    return NULL;
}

static int choose(const struct lb_option *o, const char *text, int *value, struct lb_error *err)
{
    char allowed[256] = "";
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *value = i;
            return 0;
        }
        size_t used = strlen(allowed);
        snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", o->choices[i]);
    }
    return lb_error_set(err, "'%s' is none of %s", text, allowed);
}

static int append(struct lb_option_list *list, const char *text, struct lb_error *err)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return lb_error_set(err, "out of memory");
    items[list->count++] = text;
    list->items = items;
    return 0;
}

static int store(const struct lb_option *o, const char *text, void *config, struct lb_error *err)
{
    void *at = (char *)config + o->offset;
    if (o->check && o->check(text, err) < 0)
        return -1;
    switch (o->type) {
    case LB_OPTION_FLAG:
        *(int *)at = o->value;
        return 0;
    case LB_OPTION_STRING:
        *(const char **)at = text;
        return 0;
    case LB_OPTION_LIST:
        return append(at, text, err);
    case LB_OPTION_UINT:
        return lb_parse_uint(text, (uint64_t)o->min, (uint64_t)o->max, at, err);
    case LB_OPTION_DOUBLE:
        return lb_parse_double(text, (double)o->min, (double)o->max, at, err);
    case LB_OPTION_DURATION:
        return lb_parse_duration(text, o->min, o->max, at, err);
    case LB_OPTION_CHOICE:
        return choose(o, text, at, err);
    }
    return -1;
}

/* A flag's variable is a yes or a no; no and an empty value leave the default. */
static int flag_from_env(const char *text, bool *set, struct lb_error *err)
{
    static const char *const yes[] = {"1", "true", "yes", "on"}, *const no[] = {"", "0", "false",
                                                                                "no", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *set = true;
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (strcasecmp(text, no[i]) == 0) {
            *set = false;
            return 0;
        }
    }
    return lb_error_set(err, "'%s' is none of 1, true, yes, on, 0, false, no, off", text);
}

void lb_option_env_name(const struct lb_option *o, char name[LB_OPTION_ENV_NAME])
{
    size_t n = (size_t)snprintf(name, LB_OPTION_ENV_NAME, "LBDEMO_%s", o->name);
    for (size_t i = 0; i < n && name[i]; i++)
        name[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
}

static int from_env(const struct lb_option *o, void *config, struct lb_error *err)
{
    char own[LB_OPTION_ENV_NAME];
    lb_option_env_name(o, own);
    const char *name = own, *text = getenv(own);
    if (!text && o->env) {
        name = o->env;
        text = getenv(o->env);
    }
    if (!text || (!*text && o->type != LB_OPTION_STRING))
        return 0;
    struct lb_error why;
    bool set = true;
    if ((o->type == LB_OPTION_FLAG && flag_from_env(text, &set, &why) < 0) ||
        (set && store(o, text, config, &why) < 0))
        return lb_error_set(err, "environment variable %s: %.400s", name, why.text);
    return 0;
}

/* A list given on the command line replaces the environment's. */
static void forget_env_list(const struct lb_option *o, bool *seen, void *config)
{
    if (o->type == LB_OPTION_LIST && !*seen)
        ((struct lb_option_list *)((char *)config + o->offset))->count = 0;
    *seen = true;
}

static size_t describe(const struct lb_program *program, struct option *longs, char *letters)
{
    size_t n = 0;
    const struct lb_option *o;
    if (program->options_first)
        *letters++ = '+';
    *letters++ = ':';
    for (; (o = option_at(program, n)); n++) {
        int has_arg = o->type == LB_OPTION_FLAG ? no_argument : required_argument;
        longs[n] = (struct option){o->name, has_arg, NULL, FIRST_OPTION + (int)n};
        if (o->letter) {
            *letters++ = o->letter;
            if (has_arg)
                *letters++ = ':';
        }
    }
    *letters = '\0';
    longs[n] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    longs[n + 1] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    longs[n + 2] = (struct option){0};
    return n;
}

static const struct lb_option *find(const struct lb_program *program, int c, size_t *index)
{
    const struct lb_option *o;
    if (c >= FIRST_OPTION) {
        *index = (size_t)(c - FIRST_OPTION);
        return option_at(program, *index);
    }
    for (*index = 0; (o = option_at(program, *index)); ++*index) {
        if (o->letter == c)
            return o;
    }
    return NULL;
}

static int bad_option(int c, char **argv, struct lb_error *err)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    /* optopt is 0 or above the letters for a long option, which getopt has stepped over. */
    const char *name = optopt > 0 && optopt < 256 ? letter : argv[optind - 1];
    if (c == ':')
        return lb_error_set(err, "option '%s' needs an argument; see --help", name);
    if (optopt >= OPTION_HELP)
        return lb_error_set(err, "option '%s' takes no argument; see --help", name);
    return lb_error_set(err, "unknown or ambiguous option '%s'; see --help", name);
}

static int parse_args(const struct lb_program *program, int argc, char **argv, void *config,
                      const struct option *longs, const char *letters, bool *seen,
                      struct lb_error *err)
{
    int c;
    opterr = 0;
    optind = 0; /* GNU: starts anew, so that tests can parse more than once */
    while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (c == OPTION_HELP) {
            lb_options_print_help(program, config, stdout);
            return LB_OPTIONS_DONE;
        }
        if (c == OPTION_VERSION) {
            lb_options_print_version(program, stdout);
            return LB_OPTIONS_DONE;
        }
        if (c == '?' || c == ':')
            return bad_option(c, argv, err);
        size_t index;
        const struct lb_option *o = find(program, c, &index);
        struct lb_error why;
        forget_env_list(o, &seen[index], config);
        if (store(o, optarg, config, &why) < 0)
            return lb_error_set(err, "option --%s: %.400s", o->name, why.text);
    }
    if (argc - optind > program->max_args)
        return lb_error_set(err, "unexpected argument '%s'; see --help",
                            argv[optind + program->max_args]);
    return LB_OPTIONS_RUN;
}

/* Before the environment: --help shows the defaults, also beside a bad variable. */
static int answer_early(const struct lb_program *program, int argc, char **argv, const void *config)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (program->options_first && argv[i][0] != '-')
            break;
        if (strcmp(argv[i], "--help") == 0) {
            lb_options_print_help(program, config, stdout);
            return LB_OPTIONS_DONE;
        }
        if (strcmp(argv[i], LB_OPTIONS_TABLE) == 0) {
            lb_options_print_table(program, stdout);
            return LB_OPTIONS_DONE;
        }
    }
    return LB_OPTIONS_RUN;
}

enum lb_options_result lb_options_parse(const struct lb_program *program, int argc, char **argv,
                                        void *config, int *first_arg, struct lb_error *err)
{
    size_t total = 0;
    for (size_t g = 0; g < program->group_count; g++)
        total += program->groups[g].count;
    struct option *longs = calloc(total + 3, sizeof *longs);
    char *letters = calloc(2 * total + 3, 1);
    bool *seen = calloc(total + 1, sizeof *seen);
    int result = longs && letters && seen ? 0 : lb_error_set(err, "out of memory");
    if (result == 0) {
        describe(program, longs, letters);
        result = answer_early(program, argc, argv, config);
    }
    const struct lb_option *o;
    for (size_t i = 0; result == 0 && (o = option_at(program, i)); i++)
        result = from_env(o, config, err);
    if (result == 0)
        result = parse_args(program, argc, argv, config, longs, letters, seen, err);
    *first_arg = optind;
    free(longs);
    free(letters);
    free(seen);
    return result;
}

void lb_options_free(const struct lb_program *program, void *config)
{
    const struct lb_option *o;
    for (size_t i = 0; (o = option_at(program, i)); i++) {
        if (o->type != LB_OPTION_LIST)
            continue;
        struct lb_option_list *list = (void *)((char *)config + o->offset);
        free(list->items);
        *list = (struct lb_option_list){0};
    }
}

int lb_program_fail(const struct lb_program *program, const struct lb_error *err, int status)
{
    fprintf(stderr, "%s: %s\n", program->name, err->text);
    return status;
}
