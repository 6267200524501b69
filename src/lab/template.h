/* The balancers' configuration templates (src/lab/templates): plain configuration files with a few
 * @PLACEHOLDER@s, compiled in. A line with a placeholder that begins with SERVER_ is repeated for
 * each server. */
#ifndef LB_LAB_TEMPLATE_H
#define LB_LAB_TEMPLATE_H

#include <stddef.h>

#include "common/error.h"

/* What stands for @NAME@. An array of these ends with a NULL name. */
struct lb_variable {
    const char *name, *value;
};

/* One embedded file; the array, generated at build time, ends with a NULL name. */
struct lb_template {
    const char *name, *text; /* "haproxy-tcp.cfg" */
};
extern const struct lb_template lb_templates[];

/* The text of a template, or NULL. */
const char *lb_template_find(const char *name);

/* Fills in `text`: `common` applies everywhere, servers[i] to the i-th copy of a server line. The
 * result is the caller's to free. NULL after failure: a placeholder nothing stands for, or no
 * memory; the error names the placeholder and the line. */
char *lb_template_expand(const char *text, const struct lb_variable *common,
                         const struct lb_variable *const *servers, size_t server_count,
                         struct lb_error *err) LB_MUST_CHECK;

#endif
