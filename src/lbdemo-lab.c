/* lbdemo-lab: servers and real balancers on this machine, and our clients through them. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <jansson.h>

#include "common/file.h"
#include "common/language.h"
#include "common/options.h"
#include "common/units.h"
#include "lab/commands.h"
#include "lab/dns.h"

#define DEFAULT_SERVERS 3
#define DEFAULT_REPEAT 1
#define MAX_REPEAT 10000
#define MAX_CLIENT_ARGS 1000

#define AT(field) offsetof(struct lb_lab_options, field)

static int check_l4(const char *text, struct lb_error *err)
{
    return lb_topology_find(text, "L4", err) ? 0 : -1;
}

static int check_l7(const char *text, struct lb_error *err)
{
    return lb_topology_find(text, "L7", err) ? 0 : -1;
}

static int check_topology(const char *text, struct lb_error *err)
{
    return lb_topology_find(text, NULL, err) ? 0 : -1;
}

static const struct lb_option where_options[] = {
    {"state", LB_OPTION_STRING, "DIR",
     "Folder the lab is known by, one lab each; yours alone. Otherwise $XDG_RUNTIME_DIR/lbdemo-lab "
     "or "
     "/tmp/lbdemo-lab-UID.",
     AT(state)},
};
static const struct lb_option make_options[] = {
    {"servers", LB_OPTION_UINT, "N", "How many servers.", AT(servers), .min = 1,
     .max = LB_LAB_MAX_SERVERS},
    {"logs", LB_OPTION_STRING, "DIR",
     "Folder for logs, configurations and reports. Otherwise one in the state folder.", AT(logs)},
};
static const struct lb_option envoy_options[] = {
    {"envoy", LB_OPTION_STRING, "PATH",
     "The Envoy program. Otherwise .tools/envoy beside this program or a folder above, or in PATH.",
     AT(envoy)},
};
static const struct lb_option path_options[] = {
    {"l4", LB_OPTION_STRING, "NAME",
     "Balancer of connections: haproxy, nginx, kernel (needs root), or a topology's name. "
     "Otherwise "
     "haproxy.",
     AT(l4), .check = check_l4},
    {"l7", LB_OPTION_STRING, "NAME",
     "Balancer of requests: envoy, haproxy, nginx, or a topology's name. Otherwise envoy, or "
     "haproxy "
     "where Envoy is not installed.",
     AT(l7), .check = check_l7},
};
static const struct lb_option topology_options[] = {
    {"topology", LB_OPTION_LIST, "NAME",
     "A topology that list names; more than one may be given. With up they come after those of "
     "--l4 "
     "and --l7, or instead of them when neither is given; with matrix only they are run.",
     AT(topologies), .check = check_topology},
};
static const struct lb_option up_options[] = {
    {"detach", LB_OPTION_FLAG, NULL, "Return when the lab stands; down ends it.", AT(detach), 1},
};
static const struct lb_option matrix_options[] = {
    {"repeat", LB_OPTION_UINT, "N", "How often each cell is probed.", AT(repeat), .min = 1,
     .max = MAX_REPEAT},
};

static const struct lb_option_group all_groups[] = {
    LB_OPTION_GROUP("All commands", where_options),
    LB_OPTION_GROUP("up, demo and matrix", make_options),
    LB_OPTION_GROUP("up, demo, matrix and list", envoy_options),
    LB_OPTION_GROUP("up and demo", path_options),
    LB_OPTION_GROUP("up and matrix", topology_options),
    LB_OPTION_GROUP("up", up_options),
    LB_OPTION_GROUP("matrix", matrix_options),
};
#define GROUPS(name) (name##_groups), sizeof(name##_groups) / sizeof(name##_groups)[0]

static const struct lb_option_group standing_groups[] = {LB_OPTION_GROUP("Options", where_options)};
static const struct lb_option_group list_groups[] = {LB_OPTION_GROUP("Options", where_options),
                                                     LB_OPTION_GROUP("Balancers", envoy_options)};
static const struct lb_option_group up_groups[] = {
    LB_OPTION_GROUP("Options", where_options),  LB_OPTION_GROUP("Lab", make_options),
    LB_OPTION_GROUP("Balancers", path_options), LB_OPTION_GROUP("More balancers", topology_options),
    LB_OPTION_GROUP("Envoy", envoy_options),    LB_OPTION_GROUP("Running", up_options)};
static const struct lb_option_group demo_groups[] = {
    LB_OPTION_GROUP("Options", where_options), LB_OPTION_GROUP("Lab", make_options),
    LB_OPTION_GROUP("Balancers", path_options), LB_OPTION_GROUP("Envoy", envoy_options)};
static const struct lb_option_group matrix_groups[] = {
    LB_OPTION_GROUP("Options", where_options), LB_OPTION_GROUP("Lab", make_options),
    LB_OPTION_GROUP("Balancers", topology_options), LB_OPTION_GROUP("Envoy", envoy_options),
    LB_OPTION_GROUP("Running", matrix_options)};

static int up(const struct lb_lab_options *options, char **args, int count, struct lb_error *err)
{
    (void)args, (void)count;
    return lb_lab_up(options, err);
}

static int down(const struct lb_lab_options *options, char **args, int count, struct lb_error *err)
{
    (void)args, (void)count;
    return lb_lab_down(options, err);
}

static int list(const struct lb_lab_options *options, char **args, int count, struct lb_error *err)
{
    (void)args, (void)count;
    return lb_lab_list(options, err);
}

static int logs(const struct lb_lab_options *options, char **args, int count, struct lb_error *err)
{
    return lb_lab_logs(options, count > 0 ? args[0] : NULL, err);
}

static int demo(const struct lb_lab_options *options, char **args, int count, struct lb_error *err)
{
    (void)args, (void)count;
    return lb_lab_demo(options, err);
}

static int matrix(const struct lb_lab_options *options, char **args, int count,
                  struct lb_error *err)
{
    (void)args, (void)count;
    return lb_lab_matrix(options, err);
}

static const struct command {
    const char *name;
    const char *synopsis;
    const char *summary;
    const struct lb_option_group *groups;
    size_t group_count;
    int max_args;
    bool options_first;
    int (*run)(const struct lb_lab_options *options, char **args, int count, struct lb_error *err);
} commands[] = {
    {"up", "up [OPTION]...",
     "Starts servers and an L4 and an L7 path to them, and holds them up until Ctrl-C.", GROUPS(up),
     0, false, up},
    {"run", "run [OPTION]... http|grpc PATH [CLIENT-OPTION]...",
     "Runs a client through a path (L4, L7 or a topology's name) of the lab that stands; its "
     "options "
     "are the client's own.",
     GROUPS(standing), MAX_CLIENT_ARGS, true, lb_lab_run},
    {"down", "down [OPTION]...", "Ends the lab that stands.", GROUPS(standing), 0, false, down},
    {"list", "list [OPTION]...", "Names the topologies, and the targets of the lab that stands.",
     GROUPS(list), 0, false, list},
    {"logs", "logs [OPTION]... [NAME]",
     "Names the logs of the lab that stands, or prints the one called NAME.", GROUPS(standing), 1,
     false, logs},
    {"demo", "demo [OPTION]...",
     "Runs both clients through an L4 and an L7 path and prints who was balanced.", GROUPS(demo), 0,
     false, demo},
    {"matrix", "matrix [OPTION]...",
     "Probes every topology with HTTP and gRPC and compares the verdicts with the truth.",
     GROUPS(matrix), 0, false, matrix},
};
static const size_t command_count = sizeof commands / sizeof commands[0];

static void print_libraries(FILE *out)
{
    fprintf(out, "libevent %s, Jansson %s\n", event_get_version(), jansson_version_str());
}

static const char *const command_names[] = {"up",   "run",  "down",   "list",
                                            "logs", "demo", "matrix", NULL};

/* For --help, --version, and to name a missing command. */
static const struct lb_program general = {
    .name = "lbdemo-lab",
    .synopsis = "COMMAND [OPTION]... [ARGUMENT]...",
    .summary =
        "Stands up servers and real balancers on this machine and runs the clients through them.",
    .epilog = "Commands:\n"
              "  up      hold up servers, an L4 path and an L7 path\n"
              "  run     run a client through a path: run http|grpc PATH [OPTION]...\n"
              "  down    end what up holds\n"
              "  list    name the topologies, and the targets of what up holds\n"
              "  logs    name the logs, or print one\n"
              "  demo    both clients through both paths, then the table\n"
              "  matrix  every topology, truth against verdict\n"
              "lbdemo-lab COMMAND --help tells more.\n",
    .commands = command_names,
    .groups = all_groups,
    .group_count = sizeof all_groups / sizeof all_groups[0],
    .options_first = true,
    .max_args = MAX_CLIENT_ARGS,
    .print_libraries = print_libraries,
};

/* What the lab started itself: serve-dns FD ADDRESS... */
static int serve_dns(int argc, char **argv)
{
    struct lb_error err;
    uint64_t fd;
    if (argc < 3 || lb_parse_uint(argv[2], 0, INT32_MAX, &fd, &err) < 0)
        return LB_EXIT_USAGE;
    if (lb_dns_serve((int)fd, argv + 3, (size_t)argc - 3, &err) < 0)
        return lb_program_fail(&general, &err, LB_EXIT_FAILURE);
    return LB_EXIT_OK;
}

static int finish(int status)
{
    struct lb_error err;
    if (lb_stdout_finish(&err) < 0)
        return lb_program_fail(&general, &err, LB_EXIT_FAILURE);
    return status;
}

static void refuse_command(const char *word, struct lb_error *err)
{
    if (word)
        lb_error_set(err,
                     "'%.80s' is no command, or not in its place, the first; the commands are up, "
                     "run, down, list, logs, demo and matrix",
                     word);
    else
        lb_error_set(
            err,
            "a command is missing; the commands are up, run, down, list, logs, demo and matrix");
}

/* Only --help and --version do without a command. */
static int without_command(int argc, char **argv, struct lb_lab_options *options)
{
    struct lb_error err;
    int first;
    enum lb_options_result parsed = lb_options_parse(&general, argc, argv, options, &first, &err);
    if (parsed == LB_OPTIONS_RUN)
        refuse_command(first < argc ? argv[first] : NULL, &err);
    lb_options_free(&general, options);
    return parsed == LB_OPTIONS_DONE ? finish(LB_EXIT_OK)
                                     : lb_program_fail(&general, &err, LB_EXIT_USAGE);
}

static int run_command(const struct command *command, int argc, char **argv,
                       struct lb_lab_options *options)
{
    const struct lb_program program = {.name = general.name,
                                       .synopsis = command->synopsis,
                                       .summary = command->summary,
                                       .groups = command->groups,
                                       .group_count = command->group_count,
                                       .max_args = command->max_args,
                                       .options_first = command->options_first,
                                       .print_libraries = print_libraries};
    struct lb_error err;
    int first, status = LB_EXIT_USAGE;
    switch (lb_options_parse(&program, argc, argv, options, &first, &err)) {
    case LB_OPTIONS_ERROR:
        lb_program_fail(&program, &err, status);
        break;
    case LB_OPTIONS_DONE:
        status = finish(LB_EXIT_OK);
        break;
    case LB_OPTIONS_RUN:
        status = command->run(options, argv + first, argc - first, &err);
        if (status < 0)
            lb_program_fail(&program, &err, 0);
        status = finish(abs(status));
        break;
    }
    lb_options_free(&program, options);
    return status;
}

/* So that no descriptor of ours takes the place of a standard one that was closed. */
static void open_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct lb_lab_options options = {.servers = DEFAULT_SERVERS, .repeat = DEFAULT_REPEAT};
    open_standard_descriptors();
    lb_language_begin();
    if (argc > 1 && strcmp(argv[1], LB_DNS_COMMAND) == 0)
        return serve_dns(argc, argv);
    for (size_t i = 0; argc > 1 && i < command_count; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_command(&commands[i], argc - 1, argv + 1, &options);
    }
    return without_command(argc, argv, &options);
}
