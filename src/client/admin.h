/* The client's own little HTTP server, for --admin-listen: a live page, its data, and metrics. It
 * has a loop of its own that never waits, so that it goes with any transport. */
#ifndef LB_CLIENT_ADMIN_H
#define LB_CLIENT_ADMIN_H

#include "common/error.h"

struct lb_admin;

/* Makes the text of a path; malloc'd, NULL without memory. */
typedef char *lb_admin_text_fn(void *arg);

struct lb_admin_texts {
    lb_admin_text_fn *metrics; /* of /metrics, Prometheus' text format 0.0.4 */
    lb_admin_text_fn *status;  /* of /status, JSON */
    void *arg;
};

/* Listens on `address` ("127.0.0.1:9090"; lb_address_parse_listen). `texts` is copied. NULL after
 * failure. */
struct lb_admin *lb_admin_new(const char *address, const struct lb_admin_texts *texts,
                              struct lb_error *err) LB_MUST_CHECK;

/* Where it listens, "127.0.0.1:41234". */
const char *lb_admin_address(const struct lb_admin *admin);

/* Answers what has come, without waiting. NULL does nothing. */
void lb_admin_poll(struct lb_admin *admin);

void lb_admin_free(struct lb_admin *admin);

#endif
