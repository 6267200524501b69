/* What --help and --version print, derived from the option tables. */
#ifndef LB_COMMON_OPTIONS_HELP_H
#define LB_COMMON_OPTIONS_HELP_H

#include "common/options.h"

#define LB_OPTION_ENV_NAME 64

/* Writes "LBDEMO_HTTP_LISTEN" for http-listen. */
void lb_option_env_name(const struct lb_option *o, char name[LB_OPTION_ENV_NAME]);

/* Prints the words of `text` in lines of at most 80 columns (a longer word stands alone), each
 * indented by `indent` spaces. */
void lb_options_print_wrapped(FILE *out, const char *text, int indent);

/* At most 80 columns; `config` holds the defaults. */
void lb_options_print_help(const struct lb_program *program, const void *config, FILE *out);
void lb_options_print_version(const struct lb_program *program, FILE *out);

/* Not for users and in no manual: what contrib/completions is generated from. */
#define LB_OPTIONS_TABLE "--print-options"

/* Prints the tables for contrib/completions/table.awk and po/options.awk: lines of fields between
 * tabs, program NAME SYNOPSIS SUMMARY command NAME epilog LINE group TITLE option LONG LETTER|-
 * many|once none|choice|file|folder|text ARGUMENT|A|B|...|- HELP in English, whatever the
 * environment. */
void lb_options_print_table(const struct lb_program *program, FILE *out);

#endif
