/* Whole files. */
#ifndef LB_COMMON_FILE_H
#define LB_COMMON_FILE_H

#include <stddef.h>

#include "common/error.h"

/* Writes `size` bytes to a temporary name beside `path`, then renames it to `path`, so that a
 * reader sees all of it or nothing. After failure neither is there (an older `path` stays). */
int lb_file_write(const char *path, const void *data, size_t size,
                  struct lb_error *err) LB_MUST_CHECK;

/* Reads a file of at most `max` bytes. `*data` (NUL-terminated beyond `*size`) is the caller's to
 * free; after failure it is NULL. "-" is standard input. */
int lb_file_read(const char *path, size_t max, char **data, size_t *size,
                 struct lb_error *err) LB_MUST_CHECK;

/* Says that standard output could not be written to, as errno has it. Returns -1. */
int lb_stdout_fail(struct lb_error *err);

/* Flushes standard output and tells whether all that was printed got there. For the end of main. */
int lb_stdout_finish(struct lb_error *err) LB_MUST_CHECK;

#endif
