/* A run as Prometheus reads it. */
#ifndef LB_CLIENT_CLIENT_METRICS_H
#define LB_CLIENT_CLIENT_METRICS_H

#include <stdint.h>

#include "balance/verdict.h"

/* All of it in the text format 0.0.4. malloc'd; NULL without memory. */
char *lb_client_metrics(const struct lb_tally *tally, const struct lb_verdict *verdict,
                        uint64_t in_flight);

#endif
