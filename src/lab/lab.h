/* A lab: servers, and paths to them through balancers. */
#ifndef LB_LAB_LAB_H
#define LB_LAB_LAB_H

#include <stdint.h>

#include "lab/supervisor.h"
#include "lab/template.h"
#include "lab/topology.h"

#define LB_LAB_MAX_SERVERS 50
#define LB_LAB_HOST 16                             /* "127.0.0.50" */
#define LB_LAB_NAME 32                             /* "server-7c4bfd74d-29c69" */
#define LB_LAB_TARGET 2048                         /* a list of all addresses is the longest */
#define LB_LAB_READY_NS (INT64_C(15) * 1000000000) /* longest wait for a program to be ready */

struct lb_lab_server {
    char name[LB_LAB_NAME];
    const char *version; /* "v1"; the last of several servers is "v2" */
    char host[LB_LAB_HOST];
    unsigned http_port, grpc_port;
    struct lb_process *process;
};

/* A standing topology. */
struct lb_lab_path {
    const struct lb_topology *topology;
    struct lb_process *balancer; /* NULL: there is none */
    char http[LB_LAB_TARGET];    /* "http://127.0.0.1:41234/pod"; "" when HTTP cannot take it */
    char grpc[LB_LAB_TARGET];
    struct lb_lab_path *next;
};

/* Fields are for reading; lab.c and the balancers' files write them. */
struct lb_lab {
    struct lb_supervisor *supervisor;
    char *dir;         /* configurations, port files and logs */
    const char *envoy; /* as given by the user, or NULL */
    size_t server_count;
    struct lb_lab_server servers[LB_LAB_MAX_SERVERS];
    struct lb_lab_path *paths;
    struct lb_kernel *kernel; /* the namespaces; NULL: servers listen on the loopback device */
};

/* What a lab is made of. */
struct lb_lab_config {
    size_t server_count; /* 1 to LB_LAB_MAX_SERVERS */
    const char *dir;     /* must exist */
    const char *envoy;   /* or NULL */
    bool namespaces;     /* each server in a network namespace of its own, and this process moved
                            into another; needed by LB_BALANCER_KERNEL, needs root */
};

/* Starts the servers and waits until all of them accept. `supervisor` must outlive the lab. After
 * failure NULL; whatever was started is ended. */
struct lb_lab *lb_lab_new(struct lb_supervisor *supervisor, const struct lb_lab_config *config,
                          struct lb_error *err) LB_MUST_CHECK;

/* Ends all that the lab started and frees it. NULL is ignored. */
void lb_lab_free(struct lb_lab *lab);

/* Starts a topology's balancer and waits until it forwards. The path is the lab's; NULL after
 * failure, and the balancer is ended. When the balancer itself failed, its log's last lines have
 * been printed on standard error. */
struct lb_lab_path *lb_lab_add_path(struct lb_lab *lab, const struct lb_topology *topology,
                                    struct lb_error *err) LB_MUST_CHECK;

/* Ends a path's balancer and frees the path. */
void lb_lab_remove_path(struct lb_lab *lab, struct lb_lab_path *path);

/* Runs a program of the system to its end; `log` names its log file in the lab's folder. `fds` are
 * handed to it. A failure names the last line it wrote. */
int lb_lab_run_tool(struct lb_lab *lab, const char *log, const char *const *argv, int netns,
                    const int *fds, size_t fd_count, struct lb_error *err) LB_MUST_CHECK;

/* "DIR/NAME" of the lab's folder, the caller's to free; NULL without memory. */
char *lb_lab_file(const struct lb_lab *lab, const char *name);

/* Fills in a template and writes it to the lab's folder. Returns the file's path, the caller's to
 * free, or NULL. */
char *lb_lab_write_config(struct lb_lab *lab, const char *template_name, const char *file_name,
                          const struct lb_variable *common, struct lb_error *err) LB_MUST_CHECK;

/* Waits until `ready(arg)` is true. Fails when the process ends, at an interruption, or after
 * LB_LAB_READY_NS; `what` says what was waited for. Prints the log's end when it was the process's
 * fault. */
int lb_lab_await(struct lb_lab *lab, struct lb_process *process, bool (*ready)(void *arg),
                 void *arg, const char *what, struct lb_error *err) LB_MUST_CHECK;

#endif
