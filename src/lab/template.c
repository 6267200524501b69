/* The balancers' configuration templates, filled in. */
#include "config.h"

#include "lab/template.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_MARK "@SERVER_"
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

const char *lb_template_find(const char *name)
{
    for (const struct lb_template *t = lb_templates; t->name; t++) {
        if (strcmp(t->name, name) == 0)
            return t->text;
    }
    return NULL;
}

static const char *value_of(const struct lb_variable *variables, const char *name, size_t size)
{
    for (; variables && variables->name; variables++) {
        if (strlen(variables->name) == size && memcmp(variables->name, name, size) == 0)
            return variables->value;
    }
    return NULL;
}

/* The length of the placeholder's name at `at`, which begins with '@'; 0 if it is none. */
static size_t placeholder(const char *at, const char *end)
{
    size_t size = strspn(at + 1, NAME_CHARACTERS);
    return at + 1 + size < end && at[1 + size] == '@' ? size : 0;
}

static int expand_line(FILE *out, const char *line, size_t size, const struct lb_variable *common,
                       const struct lb_variable *server, struct lb_error *err)
{
    const char *end = line + size;
    while (line < end) {
        size_t name = *line == '@' ? placeholder(line, end) : 0;
        if (name == 0) {
            fputc(*line++, out);
            continue;
        }
        const char *value = value_of(server, line + 1, name);
        if (!value)
            value = value_of(common, line + 1, name);
        if (!value)
            return lb_error_set(err, "nothing stands for the placeholder @%.*s@", (int)name,
                                line + 1);
        fputs(value, out);
        line += name + 2;
    }
    return 0;
}

static int expand(FILE *out, const char *text, const struct lb_variable *common,
                  const struct lb_variable *const *servers, size_t server_count,
                  struct lb_error *err)
{
    for (int number = 1; *text; number++) {
        size_t size = strcspn(text, "\n");
        size += text[size] == '\n';
        const char *mark = memmem(text, size, SERVER_MARK, strlen(SERVER_MARK));
        size_t copies = mark ? server_count : 1;
        for (size_t i = 0; i < copies; i++) {
            struct lb_error why;
            if (expand_line(out, text, size, common, mark ? servers[i] : NULL, &why) < 0)
                return lb_error_set(err, "line %d: %.400s", number, why.text);
        }
        text += size;
    }
    return 0;
}

char *lb_template_expand(const char *text, const struct lb_variable *common,
                         const struct lb_variable *const *servers, size_t server_count,
                         struct lb_error *err)
{
    char *result = NULL;
    size_t size;
    FILE *out = open_memstream(&result, &size);
    if (!out) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    int failed = expand(out, text, common, servers, server_count, err);
    if (fclose(out) != 0 && !failed)
        failed = lb_error_set(err, "out of memory");
    if (failed) {
        free(result);
        return NULL;
    }
    return result;
}
