/* Running our clients through a lab's paths. */
#ifndef LB_LAB_CLIENT_H
#define LB_LAB_CLIENT_H

#include <jansson.h>

#include "lab/lab.h"

#define LB_CLIENT_MAX_ARGS 32
#define LB_CLIENT_MAX_NAMES (2 * LB_LAB_MAX_SERVERS) /* different names counted */

/* What to run. */
struct lb_client_call {
    const struct lb_lab_path *path;
    bool grpc;
    const char *const *args; /* besides the target and what the path asks for; ends with NULL */
    const char *log;         /* name of its log file in the lab's folder */
    const char *output;      /* name of the file that keeps its output; NULL: none does */
    FILE *echo;              /* its lines "#N: ..." are copied there; NULL: they are not */
    bool json;               /* its output is one JSON document */
    int64_t limit_ns;        /* it is ended after that long, which is a failure */
};

/* What came of it. */
struct lb_client_result {
    int status;     /* exit status; 128 + signal when it was killed */
    size_t replies; /* lines "#N: NAME" */
    size_t errors;  /* lines "#N: error: ..." */
    size_t names;   /* different names */
    char *name[LB_CLIENT_MAX_NAMES];
    json_t *document; /* with `json`; NULL when the output was none */
};

/* Runs a client to its end. After failure (it could not be started, took too long, or the lab was
 * interrupted) -1; otherwise the result is filled in whatever the client's status, and
 * lb_client_result_clear frees it. */
int lb_client_run(struct lb_lab *lab, const struct lb_client_call *call,
                  struct lb_client_result *result, struct lb_error *err) LB_MUST_CHECK;

void lb_client_result_clear(struct lb_client_result *result);

#endif
