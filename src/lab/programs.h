/* Where the programs are that the lab starts. */
#ifndef LB_LAB_PROGRAMS_H
#define LB_LAB_PROGRAMS_H

#include <limits.h>

#include "common/error.h"

/* Finds one of our own programs: beside this program, in sbin beside bin, then in PATH. */
int lb_programs_find_own(const char *name, char path[PATH_MAX], struct lb_error *err) LB_MUST_CHECK;

/* Finds another program: in PATH, then where system programs are, which users' PATH may lack. The
 * error names the Debian package `package`. */
int lb_programs_find(const char *name, const char *package, char path[PATH_MAX],
                     struct lb_error *err) LB_MUST_CHECK;

/* Finds Envoy: `given` where it is neither NULL nor empty, else .tools/envoy in this program's
 * folder or the one above it (the build tree and the source tree), then in PATH. */
int lb_programs_find_envoy(const char *given, char path[PATH_MAX],
                           struct lb_error *err) LB_MUST_CHECK;

#endif
