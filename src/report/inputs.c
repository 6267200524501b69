/* Which files are meant. See inputs.h. */
#include "report/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INPUTS 1000000
#define MAX_DEPTH 16 /* of folders; links may make circles */

static int append(struct lb_inputs *inputs, const char *path, struct lb_error *err)
{
    if (inputs->count == MAX_INPUTS)
        return lb_error_set(err, "more than %d reports are given", MAX_INPUTS);
    if ((inputs->count & (inputs->count - 1)) == 0) { /* full at every power of two */
        size_t room = inputs->count ? 2 * inputs->count : 1;
        char **grown = realloc(inputs->paths, room * sizeof *grown);
        if (!grown)
            return lb_error_set(err, "out of memory");
        inputs->paths = grown;
    }
    char *copy = strdup(path);
    if (!copy)
        return lb_error_set(err, "out of memory");
    inputs->paths[inputs->count++] = copy;
    return 0;
}

static int is_wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int is_report_name(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".json") == 0;
}

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static int add_folder(struct lb_inputs *inputs, const char *folder, int depth, struct lb_error *err)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_wanted, alphasort);
    if (n < 0)
        return lb_error_set(err, "cannot read '%s': %s", folder, strerror(errno));
    int status = 0;
    for (int i = 0; i < n; i++) {
        struct stat info;
        char *path = status == 0 ? join(folder, entries[i]->d_name) : NULL;
        if (status == 0 && !path)
            status = lb_error_set(err, "out of memory");
        if (status == 0 && stat(path, &info) == 0) {
            if (S_ISDIR(info.st_mode) && depth < MAX_DEPTH)
                status = add_folder(inputs, path, depth + 1, err);
            else if (!S_ISDIR(info.st_mode) && is_report_name(path))
                status = append(inputs, path, err);
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int add_pattern(struct lb_inputs *inputs, const char *pattern, struct lb_error *err)
{
    glob_t found;
    int status = glob(pattern, GLOB_ERR, NULL, &found);
    if (status == GLOB_NOMATCH)
        return lb_error_set(err, "no file matches '%s'", pattern);
    if (status != 0)
        return lb_error_set(err, "cannot read what matches '%s': %s", pattern,
                            status == GLOB_NOSPACE ? "out of memory" : strerror(errno));
    status = 0;
    for (size_t i = 0; i < found.gl_pathc && status == 0; i++)
        status = append(inputs, found.gl_pathv[i], err);
    globfree(&found);
    return status;
}

int lb_inputs_add(struct lb_inputs *inputs, const char *argument, struct lb_error *err)
{
    struct stat info;
    if (strcmp(argument, "-") == 0) {
        for (size_t i = 0; i < inputs->count; i++) {
            if (strcmp(inputs->paths[i], "-") == 0)
                return lb_error_set(err, "standard input ('-') is given twice");
        }
        return append(inputs, argument, err);
    }
    if (stat(argument, &info) < 0) {
        if (strpbrk(argument, "*?["))
            return add_pattern(inputs, argument, err);
        return lb_error_set(err, "cannot read '%s': %s", argument, strerror(errno));
    }
    if (!S_ISDIR(info.st_mode))
        return append(inputs, argument, err);
    size_t before = inputs->count;
    if (add_folder(inputs, argument, 0, err) < 0)
        return -1;
    if (inputs->count == before)
        return lb_error_set(err, "no *.json in the folder '%s'", argument);
    return 0;
}

void lb_inputs_free(struct lb_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        free(inputs->paths[i]);
    free(inputs->paths);
    *inputs = (struct lb_inputs){0};
}
