/* Faults on demand: delays, error statuses and resets, by chance.
 *
 * A specification is parts separated by ';':
 *     delay=100ms:10%,1s:1%     of all requests 10 % wait 100 ms and 1 % wait 1 s
 *     status=503:5%             5 % end in this status (400 to 599)
 *     reset:1%                  of 1 % the connection is reset
 *     name=server-0             only on the pod of this name
 * A share left out is 100 %. A request that is delayed may also get a status or be reset. */
#ifndef LB_SERVER_FAULTS_H
#define LB_SERVER_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/options.h"

/* The header, gRPC metadata and query parameter by which a caller asks for a fault. */
#define LB_FAULT_HEADER "x-lbdemo-fault"
#define LB_FAULT_QUERY "fault"

#define LB_FAULT_TEXT_MAX 512
#define LB_FAULT_DELAY_MAX_S 60
#define LB_FAULT_CHOICES_MAX 8 /* of delays, and of statuses */

/* What happens to one request; all zero: nothing. First the delay, then a reset or a status. */
struct lb_fault {
    int64_t delay_ns;
    int status; /* 0: none */
    bool reset;
};

struct lb_faults;

/* `specs` apply to all requests, all of them at once; `allow` lets requests bring their own. `pod`
 * outlives it. */
struct lb_faults *lb_faults_new(const struct lb_option_list *specs, bool allow, const char *pod,
                                struct lb_error *err) LB_MUST_CHECK;
void lb_faults_free(struct lb_faults *f);

/* Replaces what applies to all requests; "" is nothing. Any thread. */
int lb_faults_set(struct lb_faults *f, const char *text, size_t len,
                  struct lb_error *err) LB_MUST_CHECK;

/* Writes what applies to all requests. Any thread. */
void lb_faults_text(struct lb_faults *f, char text[LB_FAULT_TEXT_MAX]);

/* Whether `request`, what a request asks for, is to be passed to decide. Any thread. */
bool lb_faults_allowed(const struct lb_faults *f);

/* Draws what happens to a request, from `*seed` (rand_r's). `request` is what it asks for itself
 * (not NUL-terminated), or NULL; where that applies to this pod it takes the place of what applies
 * to all. Fails only for a `request` that cannot be read. Any thread; costs next to nothing when no
 * fault is set. */
int lb_faults_decide(struct lb_faults *f, const char *request, size_t len, unsigned *seed,
                     struct lb_fault *fault, struct lb_error *err) LB_MUST_CHECK;

/* For option tables: refuses a specification that cannot be read. */
int lb_faults_check(const char *text, struct lb_error *err);

#endif
