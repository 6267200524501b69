/* nginx: a master and a worker process that inherit their listening sockets, named in the NGINX
 * variable as at a binary upgrade; the configuration names their addresses. */
#include "config.h"

#include "lab/balancer.h"

#include <signal.h>
#include <stdlib.h>

#include "lab/programs.h"

#define MODULES "/usr/lib/nginx/modules" /* Debian's */

static int spawn(struct lb_lab *lab, struct lb_lab_path *path, const char *config,
                 const struct lb_listeners *listeners, struct lb_error *err)
{
    const char *name = path->topology->name;
    char program[PATH_MAX], log_name[80], inherited[48];
    if (lb_programs_find("nginx", "nginx-light", program, err) < 0)
        return -1;
    snprintf(inherited, sizeof inherited, "NGINX=%d;%d;", listeners->fds[0], listeners->fds[1]);
    snprintf(log_name, sizeof log_name, "%s.log", name);
    char *log = lb_lab_file(lab, log_name);
    if (!log)
        return lb_error_set(err, "out of memory");
    const char *argv[] = {program, "-p", lab->dir, "-e", "stderr", "-c", config, NULL};
    const char *env[] = {inherited, NULL};
    /* The master, when asked to, ends its worker; killed, it would leave it behind. (With
     * "master_process off" nginx 1.22 crashes on inherited sockets.) */
    const struct lb_spawn spawn = {.name = name,
                                   .argv = argv,
                                   .env = env,
                                   .log = log,
                                   .out = -1,
                                   .netns = -1,
                                   .fds = listeners->fds,
                                   .fd_count = 2,
                                   .death_signal = SIGTERM};
    path->balancer = lb_supervisor_spawn(lab->supervisor, &spawn, err);
    free(log);
    return path->balancer ? 0 : -1;
}

int lb_nginx_start(struct lb_lab *lab, struct lb_lab_path *path, struct lb_error *err)
{
    struct lb_listeners listeners;
    char http[32], grpc[32], file[80];
    if (lb_listeners_open(&listeners, err) < 0)
        return -1;
    snprintf(http, sizeof http, "127.0.0.1:%u", listeners.ports[0]);
    snprintf(grpc, sizeof grpc, "127.0.0.1:%u", listeners.ports[1]);
    snprintf(file, sizeof file, "%s.conf", path->topology->name);
    const struct lb_variable common[] = {{"ALGORITHM", path->topology->algorithm},
                                         {"HTTP_LISTEN", http},
                                         {"GRPC_LISTEN", grpc},
                                         {"DIR", lab->dir},
                                         {"MODULES", MODULES},
                                         {NULL, NULL}};
    char *config = lb_lab_write_config(lab, path->topology->config, file, common, err);
    int result = config ? spawn(lab, path, config, &listeners, err) : -1;
    free(config);
    lb_path_set_targets(path, "127.0.0.1", listeners.ports[0], listeners.ports[1]);
    lb_listeners_close(&listeners); /* the process has them */
    return result;
}
