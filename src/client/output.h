/* What a client prints about each request while it runs. */
#ifndef LB_CLIENT_OUTPUT_H
#define LB_CLIENT_OUTPUT_H

#include <stdio.h>

#include "client/client_options.h"

struct lb_output;

/* Writes to `out`, which stays the caller's. `quiet` leaves out the line a request. NULL without
 * memory. */
struct lb_output *lb_output_new(FILE *out, enum lb_output_format format, bool quiet);

/* Prints a request that ended, flushed at once. 0, or -1 when it cannot be written (errno says why)
 * or memory is out. */
int lb_output_request(struct lb_output *output, const struct lb_done *done) LB_MUST_CHECK;

/* NULL is allowed. */
void lb_output_free(struct lb_output *output);

#endif
