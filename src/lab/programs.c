/* Where the programs are that the lab starts. */
#include "config.h"

#include "lab/programs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_FOLDERS "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin"

static bool is_program(const char *folder, size_t size, const char *name, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%.*s/%s", (int)size, folder, name);
    return n > 0 && n < PATH_MAX && access(path, X_OK) == 0;
}

static bool find_in(const char *folders, const char *name, char path[PATH_MAX])
{
    while (folders && *folders) {
        size_t size = strcspn(folders, ":");
        if (size > 0 && is_program(folders, size, name, path))
            return true;
        folders += size + (folders[size] == ':');
    }
    return false;
}

/* The folder of this program, without the last slash; "" if the kernel does not tell. */
static void own_folder(char folder[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
}

int lb_programs_find_own(const char *name, char path[PATH_MAX], struct lb_error *err)
{
    char folder[PATH_MAX];
    own_folder(folder);
    size_t size = strlen(folder);
    if (size > 0 && is_program(folder, size, name, path))
        return 0;
    if (size >= 4 && strcmp(folder + size - 4, "/bin") == 0) {
        char sbin[PATH_MAX];
        snprintf(sbin, sizeof sbin, "../sbin/%.200s", name);
        if (is_program(folder, size, sbin, path))
            return 0;
    }
    if (find_in(getenv("PATH"), name, path))
        return 0;
    return lb_error_set(err, "cannot find %s beside this program ('%s') or in PATH", name, folder);
}

int lb_programs_find(const char *name, const char *package, char path[PATH_MAX],
                     struct lb_error *err)
{
    if (find_in(getenv("PATH"), name, path) || find_in(SYSTEM_FOLDERS, name, path))
        return 0;
    return lb_error_set(err, "cannot find %s: install the Debian package %s", name, package);
}

int lb_programs_find_envoy(const char *given, char path[PATH_MAX], struct lb_error *err)
{
    if (given && *given) {
        if (strlen(given) < PATH_MAX && access(given, X_OK) == 0) {
            strcpy(path, given);
            return 0;
        }
        return lb_error_set(err, "'%s', given as Envoy, is not a program that can be run", given);
    }
    char folder[PATH_MAX];
    own_folder(folder);
    size_t size = strlen(folder);
    if (is_program(folder, size, ".tools/envoy", path) ||
        is_program(folder, size, "../.tools/envoy", path) || find_in(getenv("PATH"), "envoy", path))
        return 0;
    return lb_error_set(err, "cannot find envoy: ./bootstrap --install-deps puts it into .tools of "
                             "the source tree; otherwise name it with --envoy");
}
