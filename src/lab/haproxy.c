/* HAProxy: one process that inherits its listening sockets (bind fd@N). */
#include "config.h"

#include "lab/balancer.h"

#include <stdlib.h>

#include "lab/programs.h"

static int spawn(struct lb_lab *lab, struct lb_lab_path *path, const char *config,
                 const struct lb_listeners *listeners, struct lb_error *err)
{
    const char *name = path->topology->name;
    char program[PATH_MAX], log_name[80];
    if (lb_programs_find("haproxy", "haproxy", program, err) < 0)
        return -1;
    snprintf(log_name, sizeof log_name, "%s.log", name);
    char *log = lb_lab_file(lab, log_name);
    if (!log)
        return lb_error_set(err, "out of memory");
    /* -db: one process in the foreground. */
    const char *argv[] = {program, "-db", "-f", config, NULL};
    const struct lb_spawn spawn = {.name = name,
                                   .argv = argv,
                                   .log = log,
                                   .out = -1,
                                   .netns = -1,
                                   .fds = listeners->fds,
                                   .fd_count = 2};
    path->balancer = lb_supervisor_spawn(lab->supervisor, &spawn, err);
    free(log);
    return path->balancer ? 0 : -1;
}

int lb_haproxy_start(struct lb_lab *lab, struct lb_lab_path *path, struct lb_error *err)
{
    struct lb_listeners listeners;
    char http[16], grpc[16], file[80];
    if (lb_listeners_open(&listeners, err) < 0)
        return -1;
    snprintf(http, sizeof http, "fd@%d", listeners.fds[0]);
    snprintf(grpc, sizeof grpc, "fd@%d", listeners.fds[1]);
    snprintf(file, sizeof file, "%s.cfg", path->topology->name);
    const struct lb_variable common[] = {{"ALGORITHM", path->topology->algorithm},
                                         {"HTTP_BIND", http},
                                         {"GRPC_BIND", grpc},
                                         {NULL, NULL}};
    char *config = lb_lab_write_config(lab, path->topology->config, file, common, err);
    int result = config ? spawn(lab, path, config, &listeners, err) : -1;
    free(config);
    lb_path_set_targets(path, "127.0.0.1", listeners.ports[0], listeners.ports[1]);
    lb_listeners_close(&listeners); /* the process has them */
    return result;
}
