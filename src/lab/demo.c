/* The demonstration: both clients through an L4 and an L7 path, then the table. */
#include "config.h"

#include "lab/commands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/language.h"
#include "lab/client.h"
#include "lab/programs.h"
#include "lab/state.h"
#include "lab/words.h"

#define REQUESTS_PER_SERVER 3 /* nine for three servers, as in the demonstration */
#define INTERVAL_MS 50.0
#define RUN_MS 1000.0    /* longest that a run of more requests is stretched to */
#define MISS_CHANCE 1e-6 /* of random choice leaving a server out */
#define MAX_PROBES 3     /* of one cell */
#define PAGE "report.html"
#define TOOL_WIDTH 11 /* of the table's column */
#define CLIENT_LIMIT_NS (20 * LB_NS_PER_S)

enum { HTTP, GRPC, PROTOCOLS };
enum { L4, L7, ROWS };
static const char *const protocol_names[PROTOCOLS] = {"HTTP", "gRPC"};

/* One cell of the table. */
struct cell {
    struct lb_client_result run; /* the demonstration's requests */
    struct lb_words words;       /* what --diagnose found */
};

struct row {
    const struct lb_lab_path *path;
    struct cell cells[PROTOCOLS];
};

static bool is_l4(const struct lb_topology *topology)
{
    return strcmp(topology->path, "L4") == 0;
}

/* How many requests show every server: three each when they take turns; when the choice is random,
 * as many as make leaving one out less likely than MISS_CHANCE (N (1 - 1/N)^n). One channel through
 * L4 stays on one server however many there are. */
static unsigned request_count(const struct lb_lab *lab, const struct lb_topology *topology,
                              bool grpc)
{
    double servers = (double)lab->server_count, n = REQUESTS_PER_SERVER * servers;
    if (topology->random && !(grpc && is_l4(topology)))
        n = fmax(n, ceil(log(MISS_CHANCE / servers) / log1p(-1 / servers)));
    return (unsigned)n;
}

static char *report_file(const struct lb_lab *lab, const struct lb_topology *topology, int protocol)
{
    char name[96];
    snprintf(name, sizeof name, "%s-%s.json", topology->name, protocol == GRPC ? "grpc" : "http");
    return lb_lab_file(lab, name);
}

static int run_client(struct lb_lab *lab, const struct lb_lab_path *path, bool grpc,
                      struct lb_client_result *result, struct lb_error *err)
{
    const char *name = path->topology->name, *protocol = grpc ? "grpc" : "http";
    char count[16], interval[32], log[96], output[96], label[16];
    unsigned requests = request_count(lab, path->topology, grpc);
    snprintf(count, sizeof count, "%u", requests);
    snprintf(interval, sizeof interval, "%.0fms", fmin(INTERVAL_MS, RUN_MS / requests));
    snprintf(log, sizeof log, "%s-%s.log", name, protocol);
    snprintf(output, sizeof output, "%s-%s.txt", name, protocol);
    snprintf(label, sizeof label, "path=%s", path->topology->path);
    char *file = report_file(lab, path->topology, grpc);
    if (!file)
        return lb_error_set(err, "out of memory");
    const char *const args[] = {"--count", count,     "--interval", interval, "--report",
                                file,      "--label", label,        NULL};
    const struct lb_client_call call = {.path = path,
                                        .grpc = grpc,
                                        .args = args,
                                        .log = log,
                                        .output = output,
                                        .echo = stdout,
                                        .limit_ns = CLIENT_LIMIT_NS};
    printf(lb_text("\nlbdemo-%s-client through %s (%s), %s:\n"), protocol, path->topology->path,
           path->topology->tool,
           lb_text(grpc ? N_("one channel") : N_("a new connection for each request")));
    int status = lb_client_run(lab, &call, result, err);
    free(file);
    return status;
}

/* What --diagnose is told of connections; its report stands beside the run's. */
static enum lb_traffic probed_traffic(int protocol)
{
    return protocol == GRPC ? LB_TRAFFIC_GRPC : LB_TRAFFIC_HTTP_REUSED;
}

/* Asks again when it was not enough to tell, as about one probe in fifty is. */
static int probe(struct lb_lab *lab, const struct lb_lab_path *path, enum lb_traffic traffic,
                 struct lb_words *words, struct lb_error *err)
{
    for (int i = 0; i < MAX_PROBES; i++) {
        if (lb_words_probe(lab, path, traffic, words, err) < 0)
            return -1;
        if (lb_words_tell(words))
            break;
    }
    return 0;
}

static int measure(struct lb_lab *lab, struct row *row, struct lb_error *err)
{
    for (int p = 0; p < PROTOCOLS; p++) {
        if (run_client(lab, row->path, p == GRPC, &row->cells[p].run, err) < 0)
            return -1;
    }
    for (int p = 0; p < PROTOCOLS; p++) {
        if (probe(lab, row->path, probed_traffic(p), &row->cells[p].words, err) < 0)
            return -1;
    }
    return 0;
}

/* "balanced over 3, per connection": how many servers the demonstration's requests reached; whether
 * evenly and by which layer, which nine requests cannot tell, is the probe's verdict. */
static void describe_cell(const struct lb_lab *lab, const struct cell *cell, char *buf, size_t size)
{
    size_t servers = lab->server_count, names = cell->run.names;
    char layer[LB_WORD];
    lb_words_spell(cell->words.layer, layer);
    if (names == 0)
        snprintf(buf, size, "no reply");
    else if (names == 1)
        snprintf(buf, size, "pinned to 1 of %zu, %s", servers, layer);
    else if (names < servers)
        snprintf(buf, size, "%zu of %zu, %s", names, servers, layer);
    else
        snprintf(buf, size, "%s over %zu, %s", cell->words.outcome, servers, layer);
}

static void print_table(const struct lb_lab *lab, const struct row *rows, size_t count)
{
    int tool = TOOL_WIDTH;
    for (size_t i = 0; i < count; i++)
        tool = (int)fmax(tool, (double)strlen(rows[i].path->topology->tool));
    printf("\n%-*s%-34s%s\n", tool + 5, "path", "HTTP/1.1 (new connections)", "gRPC (one channel)");
    for (size_t i = 0; i < count; i++) {
        char http[80], grpc[80];
        describe_cell(lab, &rows[i].cells[HTTP], http, sizeof http);
        describe_cell(lab, &rows[i].cells[GRPC], grpc, sizeof grpc);
        printf("%-3s %-*s %-33s %s\n", rows[i].path->topology->path, tool,
               rows[i].path->topology->tool, http, grpc);
    }
}

/* Whether one cell is as the demonstration says; prints what is not. */
static bool check_cell(const struct lb_lab *lab, const struct row *row, int protocol)
{
    const struct cell *cell = &row->cells[protocol];
    const struct lb_topology *t = row->path->topology;
    size_t wanted = protocol == GRPC && is_l4(t) ? 1 : lab->server_count;
    const struct lb_truth *truth = &t->truth[probed_traffic(protocol)];
    bool good = true;
    if (cell->run.names != wanted || cell->run.errors > 0) {
        fprintf(stderr,
                "lbdemo-lab: %s through %s (%s) was to reach %zu of %zu servers without an error; "
                "it reached %zu, with %zu errors\n",
                protocol_names[protocol], t->path, t->name, wanted, lab->server_count,
                cell->run.names, cell->run.errors);
        good = false;
    }
    if (lb_words_wrong_layer(truth, &cell->words)) {
        fprintf(stderr, "lbdemo-lab: %s through %s (%s) is %s; --diagnose found %s\n",
                protocol_names[protocol], t->path, t->name, truth->layer, cell->words.layer);
        good = false;
    }
    return good;
}

/* Has lbdemo-report make a page of the runs' and the probes' reports. */
static int make_page(struct lb_lab *lab, const struct row *rows, size_t count, struct lb_error *err)
{
    char program[PATH_MAX];
    char *page = lb_lab_file(lab, PAGE);
    const char *argv[3 + 2 * PROTOCOLS * ROWS + 1] = {program, "--html", page};
    size_t n = 3;
    bool complete = page != NULL;
    for (size_t i = 0; i < count; i++) {
        for (int p = 0; p < PROTOCOLS; p++) {
            argv[n] = report_file(lab, rows[i].path->topology, p);
            n += argv[n] != NULL;
            argv[n] = lb_words_report(lab, rows[i].path, probed_traffic(p));
            n += argv[n] != NULL;
        }
    }
    complete = complete && n == 3 + 2 * PROTOCOLS * count;
    int status = complete ? lb_programs_find_own("lbdemo-report", program, err)
                          : lb_error_set(err, "out of memory");
    if (status == 0)
        status = lb_lab_run_tool(lab, "page.log", argv, -1, NULL, 0, err);
    while (n > 3)
        free((char *)argv[--n]);
    free(page);
    return status;
}

static int demonstrate(struct lb_lab *lab, const struct lb_topology *const *topologies,
                       struct row *rows, size_t count, struct lb_error *err)
{
    printf(lb_text("%zu servers:"), lab->server_count);
    for (size_t i = 0; i < lab->server_count; i++)
        printf(" %s", lab->servers[i].name);
    printf("\n");
    for (size_t i = 0; i < count; i++) {
        rows[i].path = lb_lab_add_path(lab, topologies[i], err);
        if (!rows[i].path || measure(lab, &rows[i], err) < 0)
            return -1;
    }
    print_table(lab, rows, count);
    fflush(stdout);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        for (int p = 0; p < PROTOCOLS; p++)
            good = check_cell(lab, &rows[i], p) && good;
    }
    if (good)
        fputs(
            lb_text(
                "\nL4 picks a server for each connection: HTTP opened one for each request, gRPC\n"
                "kept one for all. L7 picks a server for each request.\n"),
            stdout);
    if (make_page(lab, rows, count, err) < 0)
        return -1;
    printf(lb_text("\nThe runs as a page: %s/%s\nLogs and reports: %s\n"), lab->dir, PAGE,
           lab->dir);
    return good ? LB_EXIT_OK : LB_EXIT_FAILURE;
}

/* The demonstration's claim is about balancers that spread; a sticky or weighted one breaks it. */
static int check_topology(const struct lb_topology *topology, struct lb_error *err)
{
    if (strcmp(topology->truth[LB_TRAFFIC_GRPC].layer, "sticky") == 0 || topology->weights)
        return lb_error_set(err,
                            "the demonstration needs a balancer that spreads evenly; '%s' does "
                            "not: %s",
                            topology->name, topology->summary);
    return 0;
}

static int stand_and_demonstrate(struct lb_supervisor *supervisor,
                                 const struct lb_lab_options *options,
                                 const struct lb_topology *const topologies[ROWS], const char *dir,
                                 struct lb_error *err)
{
    struct row rows[ROWS] = {0};
    const struct lb_lab_config config = {.server_count = options->servers,
                                         .dir = dir,
                                         .envoy = options->envoy,
                                         .namespaces =
                                             topologies[L4]->balancer == LB_BALANCER_KERNEL};
    struct lb_lab *lab = lb_lab_new(supervisor, &config, err);
    int status = lab ? demonstrate(lab, topologies, rows, ROWS, err) : -1;
    for (size_t i = 0; i < ROWS; i++) {
        for (int p = 0; p < PROTOCOLS; p++)
            lb_client_result_clear(&rows[i].cells[p].run);
    }
    lb_lab_free(lab);
    return status;
}

int lb_lab_demo(const struct lb_lab_options *options, struct lb_error *err)
{
    const struct lb_topology *topologies[ROWS];
    char dir[PATH_MAX];
    if (lb_lab_check_servers(options, err) < 0 ||
        lb_lab_choose(options, &topologies[L4], &topologies[L7], err) < 0 ||
        check_topology(topologies[L4], err) < 0 || check_topology(topologies[L7], err) < 0)
        return -LB_EXIT_USAGE;
    if (lb_lab_folder(options, "demo", dir, err) < 0)
        return -1;
    if (!options->l7 && topologies[L7]->balancer != LB_BALANCER_ENVOY)
        fputs(lb_text("Envoy is not installed here: HAProxy stands for it on the L7 path.\n"),
              stdout);
    struct lb_supervisor *supervisor = lb_supervisor_new(err);
    int status = supervisor ? stand_and_demonstrate(supervisor, options, topologies, dir, err) : -1;
    lb_supervisor_free(supervisor);
    return status;
}
