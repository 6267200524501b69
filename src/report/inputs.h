/* inputs.h - which files are meant: files, folders, patterns, standard input. */
#ifndef LB_REPORT_INPUTS_H
#define LB_REPORT_INPUTS_H

#include <stddef.h>

#include "common/error.h"

/* Paths in the order given, those of a folder or pattern sorted. Zero-initialised it is empty. */
struct lb_inputs {
    char **paths;
    size_t count;
};

/* Adds what `argument` stands for: "-" (standard input, once); a file; every *.json in a folder and
 * its subfolders; what a pattern with *, ? or [ matches if there is no such file. Nothing there is
 * an error. After failure the list is as before or longer, and fit for lb_inputs_free. */
int lb_inputs_add(struct lb_inputs *inputs, const char *argument,
                  struct lb_error *err) LB_MUST_CHECK;

void lb_inputs_free(struct lb_inputs *inputs);

#endif
