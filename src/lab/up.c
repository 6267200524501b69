/* Standing a lab up and holding it. */
#include "config.h"

#include "common/language.h"
#include "lab/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/state.h"

#define LOG_TAIL_LINES 10
#define MAX_PATHS LB_STATE_MAX_PATHS

/* Which topologies to stand up: those of --topology, and L4 and L7 unless only --topology was
 * given. */
static int choose_paths(const struct lb_lab_options *options,
                        const struct lb_topology *topologies[MAX_PATHS], size_t *count,
                        struct lb_error *err)
{
    *count = 0;
    if (options->topologies.count == 0 || options->l4 || options->l7) {
        if (lb_lab_choose(options, &topologies[0], &topologies[1], err) < 0)
            return -1;
        *count = 2;
    }
    for (size_t i = 0; i < options->topologies.count; i++) {
        if (*count == MAX_PATHS)
            return lb_error_set(err, "more than %d topologies at once", MAX_PATHS);
        topologies[*count] = lb_topology_find(options->topologies.items[i], NULL, err);
        if (!topologies[(*count)++])
            return -1;
    }
    return 0;
}

static void print_lab(const struct lb_lab *lab, const char *state)
{
    printf(lb_text("%zu servers:\n"), lab->server_count);
    for (size_t i = 0; i < lab->server_count; i++) {
        const struct lb_lab_server *s = &lab->servers[i];
        printf("  %-24s %s  http %u  grpc %u  pid %ld\n", s->name, s->host, s->http_port,
               s->grpc_port, (long)s->process->pid);
    }
    fputs(lb_text("Paths:\n"), stdout);
    for (const struct lb_lab_path *p = lab->paths; p; p = p->next)
        printf("  %-6s %s\n%s%s%s         %s\n", p->topology->path, p->topology->name,
               p->http[0] ? "         " : "", p->http, p->http[0] ? "\n" : "", p->grpc);
    printf(lb_text("Logs: %s\n"), lab->dir);
    if (lab->paths)
        printf(lb_text("Try: lbdemo-lab run %s%s%sgrpc %s --count 9\n"), state ? "--state " : "",
               state ? state : "", state ? " " : "", lab->paths->topology->name);
    fflush(stdout);
}

/* Tells of processes that ended by themselves. Servers may go, one may want to see what then
 * happens; without its balancer the lab is none. */
static int report_ends(struct lb_lab *lab, struct lb_error *err)
{
    struct lb_process *process;
    while ((process = lb_supervisor_next_ended(lab->supervisor))) {
        char how[LB_PROCESS_TEXT];
        lb_process_describe(process, how);
        fprintf(stderr, "lbdemo-lab: %s %s\n", process->name, how);
        for (const struct lb_lab_path *p = lab->paths; p; p = p->next) {
            if (p->balancer != process)
                continue;
            lb_process_print_log_tail(process, LOG_TAIL_LINES, stderr);
            return lb_error_set(err, "%s %s; its log is '%s'", process->name, how, process->log);
        }
    }
    return 0;
}

static int hold(struct lb_lab *lab, struct lb_error *err)
{
    while (!lb_supervisor_interrupted(lab->supervisor)) {
        if (report_ends(lab, err) < 0)
            return -1;
        lb_supervisor_wait(lab->supervisor, -1, -1);
    }
    return LB_EXIT_OK;
}

/* From here on what a detached lab has to say goes to a log. */
static int leave_terminal(const struct lb_lab *lab, struct lb_error *err)
{
    char *path = lb_lab_file(lab, "lab.log");
    int log = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int status = 0;
    if (log < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        status =
            lb_error_set(err, "cannot open '%s': %s", path ? path : "lab.log", strerror(errno));
    if (log >= 0)
        close(log);
    if (null >= 0)
        close(null);
    free(path);
    return status;
}

/* Says that the lab stands; with `ready` (a pipe's end) also to the process that waits there. */
static int announce(int ready, const struct lb_lab *lab, const char *state, struct lb_error *err)
{
    print_lab(lab, state);
    if (ready < 0) {
        fputs(lb_text("Ctrl-C ends it.\n"), stdout);
        fflush(stdout);
        return 0;
    }
    if (leave_terminal(lab, err) < 0)
        return -1;
    char good = LB_EXIT_OK;
    ssize_t n = write(ready, &good, 1);
    close(ready);
    return n == 1 ? 0 : lb_error_set(err, "nobody waits for the lab any more");
}

static int stand(struct lb_supervisor *supervisor, const struct lb_lab_options *options,
                 struct lb_state *state, int ready, struct lb_error *err)
{
    const struct lb_topology *topologies[MAX_PATHS];
    struct lb_lab_config config = {.server_count = options->servers, .envoy = options->envoy};
    char dir[PATH_MAX];
    size_t count;
    if (choose_paths(options, topologies, &count, err) < 0 ||
        lb_lab_folder(options, "logs", dir, err) < 0)
        return -1;
    config.dir = dir;
    for (size_t i = 0; i < count; i++)
        config.namespaces = config.namespaces || topologies[i]->balancer == LB_BALANCER_KERNEL;
    struct lb_lab *lab = lb_lab_new(supervisor, &config, err);
    int status = lab ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = lb_lab_add_path(lab, topologies[i], err) ? 0 : -1;
    if (status == 0)
        status = lb_state_write(state, lab, err);
    if (status == 0)
        status = announce(ready, lab, options->state, err);
    if (status == 0)
        status = hold(lab, err);
    lb_state_remove(state);
    lb_lab_free(lab);
    return status;
}

static int stand_up(const struct lb_lab_options *options, int ready, struct lb_error *err)
{
    struct lb_state state;
    struct lb_supervisor *supervisor = NULL;
    int status = -1;
    if (lb_state_open(&state, options->state, err) == 0 && lb_state_lock(&state, err) == 0 &&
        (supervisor = lb_supervisor_new(err)))
        status = stand(supervisor, options, &state, ready, err);
    lb_supervisor_free(supervisor);
    lb_state_close(&state);
    return status;
}

/* Goes on in a child of its own session; the parent returns when the lab stands or could not, with
 * the status to exit with. */
static int stand_up_detached(const struct lb_lab_options *options, struct lb_error *err)
{
    int ready[2];
    fflush(stdout);
    if (pipe2(ready, O_CLOEXEC) < 0)
        return lb_error_set(err, "cannot detach: %s", strerror(errno));
    pid_t child = fork();
    if (child < 0)
        return lb_error_set(err, "cannot detach: %s", strerror(errno));
    if (child == 0) {
        close(ready[0]);
        setsid();
        return stand_up(options, ready[1], err);
    }
    close(ready[1]);
    char good;
    ssize_t n;
    do
        n = read(ready[0], &good, 1);
    while (n < 0 && errno == EINTR);
    close(ready[0]);
    /* Otherwise the child has said what it was. */
    return n == 1 ? LB_EXIT_OK : LB_EXIT_FAILURE;
}

int lb_lab_up(const struct lb_lab_options *options, struct lb_error *err)
{
    return options->detach ? stand_up_detached(options, err) : stand_up(options, -1, err);
}
