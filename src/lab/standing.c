/* What can be done with a lab that stands: run clients, look at it, end it. */
#include "config.h"

#include "lab/commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/language.h"
#include "common/options_help.h"
#include "lab/client.h"
#include "lab/programs.h"
#include "lab/state.h"

#define DOWN_LIMIT_NS (30 * LB_NS_PER_S)
#define DOWN_POLL_NS (10 * LB_NS_PER_MS)
#define LIST_SUMMARY_COLUMN 32

static int read_lab(const struct lb_lab_options *options, struct lb_state_lab *lab,
                    struct lb_error *err)
{
    struct lb_state state;
    if (lb_state_open(&state, options->state, err) < 0)
        return -1;
    int status = lb_state_read(&state, lab, err);
    lb_state_close(&state);
    return status;
}

/* Enters the network namespace of the lab, when it is another than ours. */
static int enter_namespace(const struct lb_state_lab *lab, struct lb_error *err)
{
    char path[64], theirs[64] = "", ours[64] = "";
    snprintf(path, sizeof path, "/proc/%ld/ns/net", (long)lab->pid);
    if (readlink(path, theirs, sizeof theirs - 1) < 0 ||
        readlink("/proc/self/ns/net", ours, sizeof ours - 1) < 0 || strcmp(theirs, ours) == 0)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int status = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
    if (status < 0)
        lb_error_set(err, "cannot enter the lab's network namespace: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return status;
}

static const struct lb_state_path *find_path(const struct lb_state_lab *lab, const char *name,
                                             struct lb_error *err)
{
    char known[256] = "";
    for (size_t i = 0; i < lab->path_count; i++) {
        const struct lb_state_path *p = &lab->paths[i];
        if (strcasecmp(p->path, name) == 0 || strcmp(p->topology, name) == 0)
            return p;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s (%s)", used ? ", " : "", p->path,
                 p->topology);
    }
    lb_error_set(err, "the lab has no path '%.80s'; it has %s", name, known);
    return NULL;
}

static int choose_client(const char *name, bool *grpc, struct lb_error *err)
{
    *grpc = strcmp(name, "grpc") == 0 || strcmp(name, "lbdemo-grpc-client") == 0;
    if (*grpc || strcmp(name, "http") == 0 || strcmp(name, "lbdemo-http-client") == 0)
        return 0;
    return lb_error_set(err, "'%.80s' is no client; allowed are http and grpc", name);
}

static int become_client(const struct lb_state_path *path, bool grpc, char **args, int count,
                         struct lb_error *err)
{
    char program[PATH_MAX];
    const char *name = grpc ? "lbdemo-grpc-client" : "lbdemo-http-client";
    char **argv = calloc((size_t)count + 5, sizeof *argv);
    if (!argv)
        return lb_error_set(err, "out of memory");
    int n = 0;
    argv[n++] = (char *)name;
    if (grpc && path->policy[0]) {
        argv[n++] = (char *)"--lb-policy";
        argv[n++] = (char *)path->policy;
    }
    argv[n++] = (char *)(grpc ? path->grpc : path->http);
    memcpy(argv + n, args, (size_t)count * sizeof *args);
    if (lb_programs_find_own(name, program, err) == 0) {
        execv(program, argv);
        lb_error_set(err, "cannot run '%s': %s", program, strerror(errno));
    }
    free(argv);
    return -1;
}

int lb_lab_run(const struct lb_lab_options *options, char **args, int count, struct lb_error *err)
{
    struct lb_state_lab lab;
    bool grpc;
    if (count < 2)
        lb_error_set(err, "run needs a client (http or grpc) and a path (L4, L7 or a topology)");
    if (count < 2 || choose_client(args[0], &grpc, err) < 0)
        return -LB_EXIT_USAGE;
    if (read_lab(options, &lab, err) < 0)
        return -1;
    const struct lb_state_path *path = find_path(&lab, args[1], err);
    if (path && !grpc && !path->http[0]) {
        lb_error_set(err, "the path %s is for gRPC only", path->topology);
        path = NULL;
    }
    if (!path)
        return -LB_EXIT_USAGE;
    if (enter_namespace(&lab, err) < 0)
        return -1;
    return become_client(path, grpc, args + 2, count - 2, err);
}

int lb_lab_down(const struct lb_lab_options *options, struct lb_error *err)
{
    struct lb_state state;
    if (lb_state_open(&state, options->state, err) < 0)
        return -1;
    pid_t pid = lb_state_owner(&state);
    int status = LB_EXIT_OK;
    if (pid == 0)
        status = lb_error_set(err, "no lab stands in '%s'", state.dir);
    else if (kill(pid, SIGTERM) < 0)
        status = lb_error_set(err, "cannot end process %ld: %s", (long)pid, strerror(errno));
    int64_t deadline = lb_clock_monotonic_ns() + DOWN_LIMIT_NS;
    while (status == LB_EXIT_OK && lb_state_owner(&state) == pid) {
        const struct timespec pause = {.tv_nsec = DOWN_POLL_NS};
        nanosleep(&pause, NULL);
        if (lb_clock_monotonic_ns() > deadline)
            status = lb_error_set(err, "process %ld has not ended after %d s", (long)pid,
                                  (int)(DOWN_LIMIT_NS / LB_NS_PER_S));
    }
    lb_state_close(&state);
    return status;
}

static void print_standing(const struct lb_state_lab *lab)
{
    printf(lb_text("\nStanding (process %ld):\n"), (long)lab->pid);
    for (size_t i = 0; i < lab->path_count; i++) {
        const struct lb_state_path *p = &lab->paths[i];
        printf("  %-6s %s\n", p->path, p->topology);
        if (p->http[0])
            printf("         %s\n", p->http);
        printf("         %s\n", p->grpc);
    }
}

/* Says why a topology cannot be had here, at length unless the last one told was the same. */
static void print_absence(const char *why, struct lb_error *told)
{
    char text[sizeof told->text + 64];
    if (strcmp(told->text, why) == 0)
        snprintf(text, sizeof text, "%s", lb_text("(not here)"));
    else
        snprintf(text, sizeof text, lb_text("(not here: %s)"), why);
    snprintf(told->text, sizeof told->text, "%s", why);
    lb_options_print_wrapped(stdout, text, LIST_SUMMARY_COLUMN);
}

int lb_lab_list(const struct lb_lab_options *options, struct lb_error *err)
{
    struct lb_state_lab lab;
    struct lb_error told = {0};
    (void)err;
    for (size_t i = 0; i < lb_topology_count; i++) {
        const struct lb_topology *t = &lb_topologies[i];
        struct lb_error why;
        printf("%-24s %-6s %s\n", t->name, t->path, lb_text(t->summary));
        if (!lb_topology_available(t, options->envoy, &why))
            print_absence(why.text, &told);
    }
    if (read_lab(options, &lab, NULL) == 0)
        print_standing(&lab);
    return LB_EXIT_OK;
}

static int print_file(const char *dir, const char *name, struct lb_error *err)
{
    char path[PATH_MAX + 256], buffer[4096];
    size_t n;
    if (strchr(name, '/'))
        return lb_error_set(err, "'%s' is no name of a log; lbdemo-lab logs names them", name);
    snprintf(path, sizeof path, "%s/%.240s", dir, name);
    FILE *in = fopen(path, "re");
    if (!in)
        return lb_error_set(err, "cannot read '%s': %s; lbdemo-lab logs names the logs", path,
                            strerror(errno));
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0)
        fwrite(buffer, 1, n, stdout);
    fclose(in);
    return LB_EXIT_OK;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int lb_lab_logs(const struct lb_lab_options *options, const char *name, struct lb_error *err)
{
    struct lb_state_lab lab;
    struct dirent **entries;
    if (read_lab(options, &lab, err) < 0)
        return -1;
    if (name)
        return print_file(lab.logs, name, err);
    int count = scandir(lab.logs, &entries, is_visible, alphasort);
    if (count < 0)
        return lb_error_set(err, "cannot read the folder '%s': %s", lab.logs, strerror(errno));
    printf("%s:\n", lab.logs);
    for (int i = 0; i < count; i++) {
        printf("  %s\n", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return LB_EXIT_OK;
}
