/* What --help and --version print, derived from the option tables; and the tables themselves. */
#include "config.h"

#include "common/options_help.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "balance/text_width.h"
#include "common/language.h"
#include "common/units.h"

enum { WIDTH = 79, HELP_COLUMN = 6 };

void lb_options_print_wrapped(FILE *out, const char *text, int indent)
{
    unsigned column = 0;
    while (*text) {
        size_t space = strspn(text, " "), piece = text[space] ? lb_text_piece(text + space) : 0;
        unsigned columns = lb_text_width(text + space, piece);
        if (column == 0 || column + space + columns > WIDTH) {
            fprintf(out, "%s%*s", column ? "\n" : "", indent, "");
            column = (unsigned)indent + columns;
        } else {
            fprintf(out, "%.*s", (int)space, text);
            column += (unsigned)space + columns;
        }
        fprintf(out, "%.*s", (int)piece, text + space);
        text += space + piece;
    }
    fputc('\n', out);
}

/* Writes " (default VALUE)" where there is one worth naming. */
static void format_default(const struct lb_option *o, const void *config, char *buf, size_t size)
{
    const void *at = (const char *)config + o->offset;
    char text[LB_DURATION_TEXT];
    buf[0] = '\0';
    switch (o->type) {
    case LB_OPTION_FLAG:
    case LB_OPTION_LIST:
        break;
    case LB_OPTION_STRING:
        if (*(const char *const *)at && **(const char *const *)at)
            snprintf(buf, size, lb_text(" (default %s)"), *(const char *const *)at);
        break;
    case LB_OPTION_UINT:
        if (*(const uint64_t *)at)
            snprintf(buf, size, lb_text(" (default %" PRIu64 ")"), *(const uint64_t *)at);
        break;
    case LB_OPTION_DOUBLE:
        if (*(const double *)at > 0)
            snprintf(buf, size, lb_text(" (default %g)"), *(const double *)at);
        break;
    case LB_OPTION_DURATION:
        if (*(const int64_t *)at > 0)
            snprintf(buf, size, lb_text(" (default %s)"),
                     lb_format_duration(text, *(const int64_t *)at));
        break;
    case LB_OPTION_CHOICE:
        if (*(const int *)at >= 0)
            snprintf(buf, size, lb_text(" (default %s)"), o->choices[*(const int *)at]);
        break;
    }
}

/* Bytes of the full stop at the end of a text: ASCII's, or U+3002. */
static size_t full_stop(const char *text, size_t length)
{
    static const char wide[] = "\xe3\x80\x82";
    if (length && text[length - 1] == '.')
        return 1;
    return length >= 3 && strcmp(text + length - 3, wide) == 0 ? 3 : 0;
}

static void print_option(const struct lb_option *o, const void *config, FILE *out)
{
    if (o->letter)
        fprintf(out, "  -%c, --%s", o->letter, o->name);
    else
        fprintf(out, "  --%s", o->name);
    if (o->type == LB_OPTION_CHOICE) {
        for (int i = 0; o->choices[i]; i++)
            fprintf(out, "%c%s", i ? '|' : '=', o->choices[i]);
    } else if (o->arg) {
        fprintf(out, "=%s", o->arg);
    }
    fputc('\n', out);

    char tail[256], text[1024];
    format_default(o, config, tail, sizeof tail);
    const char *help = lb_text(o->help);
    size_t length = strlen(help), stop = full_stop(help, length);
    /* The default stands inside the last sentence. */
    if (tail[0] && stop)
        snprintf(text, sizeof text, "%.*s%s%s", (int)(length - stop), help, tail,
                 help + length - stop);
    else
        snprintf(text, sizeof text, "%s%s", help, tail);
    lb_options_print_wrapped(out, text, HELP_COLUMN);
}

void lb_options_print_help(const struct lb_program *program, const void *config, FILE *out)
{
    fprintf(out, lb_text("Usage: %s %s\n"), program->name, program->synopsis);
    lb_options_print_wrapped(out, lb_text(program->summary), 0);
    for (size_t g = 0; g < program->group_count; g++) {
        fprintf(out, "\n%s:\n", lb_text(program->groups[g].title));
        for (size_t i = 0; i < program->groups[g].count; i++)
            print_option(&program->groups[g].options[i], config, out);
    }
    fputs(lb_text("\nOther:\n  --help\n      Print this and exit.\n  --version\n"
                  "      Print the version, license and libraries and exit.\n\n"),
          out);
    lb_options_print_wrapped(
        out,
        lb_text("Each option is also an environment variable: LBDEMO_ and its name in capitals "
                "with '_' for '-'; the option wins."),
        0);
    if (program->epilog)
        fprintf(out, "\n%s", lb_text(program->epilog));
    fprintf(out, lb_text("\nReport bugs to: %s\n"), PACKAGE_BUGREPORT);
}

void lb_options_print_version(const struct lb_program *program, FILE *out)
{
    fprintf(out, "%s (%s) %s\n", program->name, PACKAGE_NAME, PACKAGE_VERSION);
    fputs(lb_text("License GPL-3.0-or-later: GNU GPL version 3 or later.\n"
                  "This is free software: you may change and redistribute it.\n"
                  "There is NO WARRANTY, to the extent permitted by law.\n"),
          out);
    if (program->print_libraries)
        program->print_libraries(out);
}

/* "KIND<TAB>ARGUMENT": what is to be completed after the option. */
static void print_argument(const struct lb_option *o, FILE *out)
{
    if (o->type == LB_OPTION_FLAG) {
        fputs("none\t-", out);
    } else if (o->type == LB_OPTION_CHOICE) {
        fputs("choice\t", out);
        for (int i = 0; o->choices[i]; i++)
            fprintf(out, "%s%s", i ? "|" : "", o->choices[i]);
    } else {
        bool file = strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "PATH") == 0;
        fprintf(out, "%s\t%s",
                file                         ? "file"
                : strcmp(o->arg, "DIR") == 0 ? "folder"
                                             : "text",
                o->arg);
    }
}

void lb_options_print_table(const struct lb_program *program, FILE *out)
{
    fprintf(out, "program\t%s\t%s\t%s\n", program->name, program->synopsis, program->summary);
    for (size_t i = 0; program->commands && program->commands[i]; i++)
        fprintf(out, "command\t%s\n", program->commands[i]);
    for (const char *line = program->epilog; line && *line; line += strcspn(line, "\n") + 1)
        fprintf(out, "epilog\t%.*s\n", (int)strcspn(line, "\n"), line);
    for (size_t g = 0; g < program->group_count; g++) {
        fprintf(out, "group\t%s\n", program->groups[g].title);
        for (size_t i = 0; i < program->groups[g].count; i++) {
            const struct lb_option *o = &program->groups[g].options[i];
            fprintf(out, "option\t%s\t%c\t%s\t", o->name, o->letter ? o->letter : '-',
                    o->type == LB_OPTION_LIST ? "many" : "once");
            print_argument(o, out);
            fprintf(out, "\t%s\n", o->help);
        }
    }
    fputs("option\thelp\t-\tonce\tnone\t-\tPrint help and exit.\n"
          "option\tversion\t-\tonce\tnone\t-\tPrint the version and exit.\n",
          out);
}
