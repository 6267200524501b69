/* The command line as data. A program describes its options in tables; parsing, the LBDEMO_<OPTION>
 * environment, --help and the shell completions are derived from them. */
#ifndef LB_COMMON_OPTIONS_H
#define LB_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

enum lb_option_type {
    LB_OPTION_FLAG,     /* int: set to `value`; takes no argument */
    LB_OPTION_STRING,   /* const char * */
    LB_OPTION_LIST,     /* struct lb_option_list: may be given more than once */
    LB_OPTION_UINT,     /* uint64_t, from min to max */
    LB_OPTION_DOUBLE,   /* double, from min to max */
    LB_OPTION_DURATION, /* int64_t nanoseconds, from min to max */
    LB_OPTION_CHOICE,   /* int: index into `choices` */
};

/* Arguments of a LB_OPTION_LIST, in order. From the environment: one item. The strings are those of
 * argv or environ; lb_options_free releases `items`. */
struct lb_option_list {
    const char **items;
    size_t count;
};

struct lb_option {
    const char *name; /* without "--" */
    enum lb_option_type type;
    const char *arg;            /* what --help calls the argument; NULL for flags. Completions offer
                                   files for FILE and PATH, folders for DIR */
    const char *help;           /* sentences; wrapped by --help, which adds the default */
    size_t offset;              /* of the value in the program's configuration struct */
    int value;                  /* FLAG: what is stored */
    int64_t min, max;           /* UINT, DOUBLE, DURATION */
    const char *const *choices; /* CHOICE: ends with NULL */
    char letter;                /* one-letter form, or 0 */
    const char *env; /* another environment variable read after LBDEMO_<OPTION>, or NULL */
    int (*check)(const char *text,
                 struct lb_error *err); /* STRING, LIST: refuses a bad value; or NULL */
};

struct lb_option_group {
    const char *title; /* "Load" */
    const struct lb_option *options;
    size_t count;
};
#define LB_OPTION_GROUP(title, table)                  \
    {                                                  \
        title, table, sizeof(table) / sizeof(table)[0] \
    }

struct lb_program {
    const char *name;
    const char *synopsis; /* what follows the name: "[OPTION]... [TARGET]" */
    const char *summary;  /* sentences, wrapped by --help */
    const char *epilog;   /* printed as it is after the options; or NULL */
    const char *const
        *commands; /* names of its subcommands, for completions; ends with NULL; or NULL */
    const struct lb_option_group *groups;
    size_t group_count;
    int max_args;       /* arguments that are no options */
    bool options_first; /* the first argument ends the options: what follows is another program's */
    void (*print_libraries)(FILE *out); /* versions of linked libraries for --version; or NULL */
};

enum lb_options_result {
    LB_OPTIONS_ERROR = -1, /* *err says what; exit LB_EXIT_USAGE */
    LB_OPTIONS_RUN = 0,
    LB_OPTIONS_DONE = 1, /* --help or --version was printed on standard output; exit LB_EXIT_OK */
};

/* Reads the environment, then the command line (which wins) into `config`, which holds the
 * defaults. `*first_arg` is set to the index in the reordered argv of the first argument that is no
 * option. Values point into argv and environ. Every program also has --help and --version. Not for
 * more than one thread. Call lb_options_free also after failure. */
enum lb_options_result lb_options_parse(const struct lb_program *program, int argc, char **argv,
                                        void *config, int *first_arg,
                                        struct lb_error *err) LB_MUST_CHECK;

/* Releases what lists in `config` hold. */
void lb_options_free(const struct lb_program *program, void *config);

/* Prints `err` as "PROGRAM: TEXT" on standard error and returns `status`. */
int lb_program_fail(const struct lb_program *program, const struct lb_error *err, int status);

#endif
