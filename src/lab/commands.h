/* The commands of lbdemo-lab. Each returns the exit status it ends with, or with `err` set, for the
 * program to print, the status negated: -LB_EXIT_FAILURE (-1) or -LB_EXIT_USAGE. */
#ifndef LB_LAB_COMMANDS_H
#define LB_LAB_COMMANDS_H

#include <limits.h>

#include "common/options.h"
#include "lab/lab.h"

/* What the command line can give. */
struct lb_lab_options {
    uint64_t servers;
    const char *l4, *l7;              /* names of topologies; NULL: the usual ones */
    struct lb_option_list topologies; /* full names */
    const char *envoy, *state, *logs; /* NULL: the usual places */
    int detach;
    uint64_t repeat;
};

/* Stands a lab up and holds it until a signal, or a balancer's end. */
int lb_lab_up(const struct lb_lab_options *options, struct lb_error *err);

/* Runs a client through a path of the standing lab: args are CLIENT PATH [ARGUMENT]..., `count` of
 * them. Becomes the client: returns only after failure. */
int lb_lab_run(const struct lb_lab_options *options, char **args, int count, struct lb_error *err);

/* Ends the standing lab and waits until it is gone. */
int lb_lab_down(const struct lb_lab_options *options, struct lb_error *err);

/* Names the topologies, and the standing lab's targets. */
int lb_lab_list(const struct lb_lab_options *options, struct lb_error *err);

/* Names the standing lab's log files, or prints the one of `name`. */
int lb_lab_logs(const struct lb_lab_options *options, const char *name, struct lb_error *err);

/* The demonstration. */
int lb_lab_demo(const struct lb_lab_options *options, struct lb_error *err);

/* All topologies by all kinds of traffic: truth against verdict. */
int lb_lab_matrix(const struct lb_lab_options *options, struct lb_error *err);

/* One server shows nothing of balancing. */
int lb_lab_check_servers(const struct lb_lab_options *options, struct lb_error *err) LB_MUST_CHECK;

/* The topologies --l4 and --l7 name, or the usual ones: HAProxy for L4; Envoy, where it is
 * installed, else HAProxy for L7. */
int lb_lab_choose(const struct lb_lab_options *options, const struct lb_topology **l4,
                  const struct lb_topology **l7, struct lb_error *err) LB_MUST_CHECK;

/* The folder for logs and configurations, made if needed, as absolute path: --logs, else `name` in
 * the state folder. */
int lb_lab_folder(const struct lb_lab_options *options, const char *name, char dir[PATH_MAX],
                  struct lb_error *err) LB_MUST_CHECK;

#endif
