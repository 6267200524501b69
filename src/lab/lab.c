/* A lab: servers, and paths to them through balancers. */
#include "config.h"

#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/language.h"
#include "lab/balancer.h"
#include "lab/kernel.h"
#include "lab/probe.h"
#include "lab/servers.h"

#define POLL_NS (5 * LB_NS_PER_MS) /* between looks at what tells readiness only when asked */
#define LOG_TAIL_LINES 10

static lb_balancer_fn *const starters[] = {
    [LB_BALANCER_HAPROXY] = lb_haproxy_start,     [LB_BALANCER_NGINX] = lb_nginx_start,
    [LB_BALANCER_ENVOY] = lb_envoy_start,         [LB_BALANCER_KERNEL] = lb_kernel_start,
    [LB_BALANCER_ADDRESSES] = lb_addresses_start, [LB_BALANCER_DNS] = lb_dns_start,
};

char *lb_lab_file(const struct lb_lab *lab, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", lab->dir, name) < 0 ? NULL : path;
}

static int explain_end(const struct lb_process *process, struct lb_error *err)
{
    char how[LB_PROCESS_TEXT];
    fprintf(stderr, lb_text("The log of %s, '%s', ends:\n"), process->name, process->log);
    lb_process_print_log_tail(process, LOG_TAIL_LINES, stderr);
    return lb_error_set(err, "%s %s; its log is '%s'", process->name,
                        lb_process_describe(process, how), process->log);
}

int lb_lab_await(struct lb_lab *lab, struct lb_process *process, bool (*ready)(void *arg),
                 void *arg, const char *what, struct lb_error *err)
{
    int64_t deadline = lb_clock_monotonic_ns() + LB_LAB_READY_NS;
    while (!ready(arg)) {
        lb_supervisor_wait(lab->supervisor, -1, lb_clock_monotonic_ns() + POLL_NS);
        if (lb_supervisor_interrupted(lab->supervisor))
            return lb_supervisor_set_interrupted(lab->supervisor, err);
        if (process && process->ended)
            return explain_end(process, err);
        if (lb_clock_monotonic_ns() > deadline)
            return lb_error_set(err, "%s: waited in vain for %s for %d s; its log is '%s'",
                                process ? process->name : "lab", lb_text(what),
                                (int)(LB_LAB_READY_NS / LB_NS_PER_S), process ? process->log : "");
    }
    return 0;
}

/* Variables of all servers, for the template's repeated lines. */
struct server_variables {
    char http_port[24], grpc_port[24], index[24], weight[24], probability[24];
    struct lb_variable list[8];
};

/* For weighted clusters: the last of several servers, which is version v2, gets a tenth of all. */
static unsigned weight_of(const struct lb_lab *lab, size_t index)
{
    unsigned others = (unsigned)lab->server_count - 1;
    return others > 0 && index == others ? others : 9;
}

static void describe_server(const struct lb_lab *lab, size_t index, struct server_variables *v)
{
    const struct lb_lab_server *server = &lab->servers[index];
    snprintf(v->http_port, sizeof v->http_port, "%u", server->http_port);
    snprintf(v->grpc_port, sizeof v->grpc_port, "%u", server->grpc_port);
    snprintf(v->index, sizeof v->index, "%zu", index);
    snprintf(v->weight, sizeof v->weight, "%u", weight_of(lab, index));
    /* Of being taken when those before it were not: all come out equal. */
    snprintf(v->probability, sizeof v->probability, "%.10f",
             1.0 / (double)(lab->server_count - index));
    const struct lb_variable list[] = {
        {"SERVER_NAME", server->name},
        {"SERVER_HOST", server->host},
        {"SERVER_HTTP_PORT", v->http_port},
        {"SERVER_GRPC_PORT", v->grpc_port},
        {"SERVER_INDEX", v->index},
        {"SERVER_WEIGHT", v->weight},
        {"SERVER_PROBABILITY", v->probability},
        {NULL, NULL},
    };
    memcpy(v->list, list, sizeof list);
}

static char *fill_in(struct lb_lab *lab, const char *text, const struct lb_variable *common,
                     struct lb_error *err)
{
    size_t n = lab->server_count;
    struct server_variables *variables = calloc(n, sizeof *variables);
    const struct lb_variable **lists = calloc(n, sizeof *lists);
    char *config = NULL;
    if (!variables || !lists) {
        lb_error_set(err, "out of memory");
    } else {
        for (size_t i = 0; i < n; i++) {
            describe_server(lab, i, &variables[i]);
            lists[i] = variables[i].list;
        }
        config = lb_template_expand(text, common, lists, n, err);
    }
    free(variables);
    free(lists);
    return config;
}

char *lb_lab_write_config(struct lb_lab *lab, const char *template_name, const char *file_name,
                          const struct lb_variable *common, struct lb_error *err)
{
    const char *text = lb_template_find(template_name);
    if (!text) {
        lb_error_set(err, "there is no template '%s'", template_name);
        return NULL;
    }
    char *path = NULL, *config = fill_in(lab, text, common, err);
    if (config && !(path = lb_lab_file(lab, file_name)))
        lb_error_set(err, "out of memory");
    if (path && lb_file_write(path, config, strlen(config), err) < 0) {
        free(path);
        path = NULL;
    }
    free(config);
    return path;
}

int lb_lab_run_tool(struct lb_lab *lab, const char *log, const char *const *argv, int netns,
                    const int *fds, size_t fd_count, struct lb_error *err)
{
    char *path = lb_lab_file(lab, log);
    if (!path)
        return lb_error_set(err, "out of memory");
    const struct lb_spawn spawn = {.name = log,
                                   .argv = argv,
                                   .log = path,
                                   .out = -1,
                                   .netns = netns,
                                   .fds = fds,
                                   .fd_count = fd_count};
    struct lb_process *process = lb_supervisor_spawn(lab->supervisor, &spawn, err);
    free(path);
    if (!process)
        return -1;
    int64_t deadline = lb_clock_monotonic_ns() + LB_LAB_READY_NS;
    while (!process->ended && !lb_supervisor_interrupted(lab->supervisor) &&
           lb_clock_monotonic_ns() < deadline)
        lb_supervisor_wait(lab->supervisor, -1, deadline);
    int result = 0;
    if (lb_supervisor_interrupted(lab->supervisor))
        result = lb_supervisor_set_interrupted(lab->supervisor, err);
    else if (!process->ended)
        result = lb_error_set(err, "'%s' did not end in time", argv[0]);
    else if (process->status != 0)
        result = explain_end(process, err);
    lb_supervisor_stop(lab->supervisor, process);
    return result;
}

/* Whether HTTP gets through; a path gRPC alone can take is ready once its servers are. */
static bool forwards(void *arg)
{
    const struct lb_lab_path *path = arg;
    return !path->http[0] || lb_probe_http(path->http);
}

struct lb_lab_path *lb_lab_add_path(struct lb_lab *lab, const struct lb_topology *topology,
                                    struct lb_error *err)
{
    struct lb_lab_path *path = calloc(1, sizeof *path);
    if (!path) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    path->topology = topology;
    struct lb_lab_path **last = &lab->paths;
    while (*last)
        last = &(*last)->next;
    *last = path;
    if (starters[topology->balancer](lab, path, err) < 0 ||
        lb_lab_await(lab, path->balancer, forwards, path, N_("a reply through it"), err) < 0) {
        lb_lab_remove_path(lab, path);
        return NULL;
    }
    return path;
}

void lb_lab_remove_path(struct lb_lab *lab, struct lb_lab_path *path)
{
    struct lb_lab_path **at = &lab->paths;
    while (*at != path)
        at = &(*at)->next;
    *at = path->next;
    if (path->balancer)
        lb_supervisor_stop(lab->supervisor, path->balancer);
    free(path);
}

struct lb_lab *lb_lab_new(struct lb_supervisor *supervisor, const struct lb_lab_config *config,
                          struct lb_error *err)
{
    struct lb_lab *lab = calloc(1, sizeof *lab);
    if (!lab || !(lab->dir = strdup(config->dir))) {
        free(lab);
        lb_error_set(err, "out of memory");
        return NULL;
    }
    lab->supervisor = supervisor;
    lab->envoy = config->envoy;
    lab->server_count = config->server_count;
    if ((config->namespaces && lb_kernel_enter(lab, err) < 0) || lb_servers_start(lab, err) < 0) {
        lb_lab_free(lab);
        return NULL;
    }
    return lab;
}

void lb_lab_free(struct lb_lab *lab)
{
    if (!lab)
        return;
    while (lab->paths)
        lb_lab_remove_path(lab, lab->paths);
    for (size_t i = lab->server_count; i-- > 0;) {
        if (lab->servers[i].process)
            lb_supervisor_stop(lab->supervisor, lab->servers[i].process);
    }
    lb_kernel_free(lab->kernel);
    free(lab->dir);
    free(lab);
}
