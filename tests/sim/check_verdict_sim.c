/* How often is the verdict wrong? Seeded runs of the real schedule, tally and verdict against
 * models of balancers; fails when a cell breaks its bound (the 99.99 % point of a wrong layer in
 * .001 and a false `uneven` in .01 of the runs). Prints a Markdown table.
 *
 *     check_verdict_sim [--runs N] [--jobs N] [--seed N] [--only TEXT]
 */
#include "power.h"
#include "run.h"

#include <gsl/gsl_cdf.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAYER_MAX 0.001
#define BOUND_TAIL 1e-4
#define MAX_REQUESTS 1000 /* of a run */
#define MAX_JOBS 64

static const unsigned sizes[] = {2, 3, 10, 50};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct cell {
    enum sim_kind kind;
    unsigned N;
    const struct sim_design *design;
};

struct count {
    unsigned runs, wrong, inconclusive, uneven, balanced;
    unsigned by_requests[MAX_REQUESTS + 1];
    unsigned words[LB_LAYER_SINGLE_BACKEND + 1];
};

struct settings {
    unsigned runs, jobs, seed;
    const char *only;
};

/* Smallest k that more than k wrong runs have a chance below 1e-4. */
static unsigned bound(double rate, unsigned runs)
{
    unsigned k = 0;
    while (rate < 1 && gsl_cdf_binomial_Q(k, rate, runs) > BOUND_TAIL)
        k++;
    return rate < 1 ? k : runs;
}

static bool is_wrong(enum sim_kind kind, const struct sim_result *r)
{
    if (r->layer == LB_LAYER_UNKNOWN)
        return false;
    if (r->layer != sim_truths[kind].layer)
        return true;
    return (kind == SIM_STICKY_SOURCE && r->sticky_level != LB_LEVEL_SOURCE) ||
           (kind == SIM_STICKY_COOKIE && r->sticky_level != LB_LEVEL_COOKIE);
}

static int simulate(const struct cell *c, const struct settings *set, struct count *n)
{
    struct lb_evenness_cache *cache = lb_evenness_cache_new();
    memset(n, 0, sizeof(*n));
    for (unsigned i = 0; i < set->runs; i++) {
        struct sim_result r;
        uint32_t seed = set->seed + i * 2654435761u + (unsigned)c->kind * 97 + c->N * 7;
        if (sim_run(c->kind, c->N, c->design, seed, cache, &r) < 0) {
            lb_evenness_cache_free(cache);
            return -1;
        }
        n->runs++;
        n->wrong += is_wrong(c->kind, &r);
        n->inconclusive += r.layer == LB_LAYER_UNKNOWN;
        n->uneven += r.uneven;
        n->balanced += r.outcome == LB_OUTCOME_BALANCED;
        n->words[r.layer]++;
        n->by_requests[r.requests < MAX_REQUESTS ? r.requests : MAX_REQUESTS]++;
    }
    lb_evenness_cache_free(cache);
    return 0;
}

static unsigned quantile(const struct count *n, double q)
{
    unsigned seen = 0, i = 0;
    for (; i < MAX_REQUESTS; i++) {
        seen += n->by_requests[i];
        if (seen >= q * n->runs)
            break;
    }
    return i;
}

static size_t list_cells(const struct settings *set, struct cell *cells)
{
    size_t n = 0;
    for (unsigned k = 0; k < SIM_KINDS; k++) {
        if (set->only && !strstr(sim_truths[k].name, set->only))
            continue;
        for (unsigned i = 0; i < SIZES; i++) {
            if (k == SIM_SINGLE && i > 0)
                break;
            for (unsigned d = 0; d < SIM_DESIGNS; d++)
                cells[n++] = (struct cell){k, k == SIM_SINGLE ? 1 : sizes[i], &sim_designs[d]};
        }
    }
    return n;
}

/* What a job writes for a cell, in one piece: all jobs share a pipe. */
struct record {
    uint32_t cell;
    struct count count;
};
_Static_assert(sizeof(struct record) <= PIPE_BUF, "a record is written in one piece");

/* A child simulates every jobs-th cell. */
static int work(const struct cell *cells, size_t n, unsigned job, const struct settings *set,
                int fd)
{
    struct record r;
    for (r.cell = job; r.cell < n; r.cell += set->jobs) {
        if (simulate(&cells[r.cell], set, &r.count) < 0)
            return 1;
        if (write(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
            return 1;
    }
    return 0;
}

static bool read_all(FILE *from, struct count *counts, size_t n)
{
    struct record r;
    size_t cells = 0;
    for (; fread(&r, sizeof(r), 1, from) == 1 && r.cell < n; cells++)
        counts[r.cell] = r.count;
    return cells == n;
}

static bool run_jobs(const struct cell *cells, size_t n, const struct settings *set,
                     struct count *counts)
{
    pid_t pid[MAX_JOBS];
    int fd[2];
    if (pipe(fd) < 0)
        return false;
    for (unsigned job = 0; job < set->jobs; job++) {
        pid[job] = fork();
        if (pid[job] == 0) {
            close(fd[0]);
            _exit(work(cells, n, job, set, fd[1]));
        }
    }
    close(fd[1]);
    FILE *from = fdopen(fd[0], "r");
    bool ok = from && read_all(from, counts, n);
    if (from)
        fclose(from);
    for (unsigned job = 0; job < set->jobs; job++) {
        int status = 1;
        ok &= pid[job] > 0 && waitpid(pid[job], &status, 0) == pid[job] && status == 0;
    }
    return ok;
}

static bool print_cell(const struct cell *c, const struct count *n)
{
    const struct sim_truth *truth = &sim_truths[c->kind];
    unsigned layer_max = bound(LAYER_MAX, n->runs), uneven_max = bound(truth->uneven_max, n->runs);
    bool ok = n->wrong <= layer_max && (!truth->even || n->uneven <= uneven_max);
    printf("| %s | %u | %s | %u | %u | %s%u | %u | %u / %u |%s\n", truth->name, c->N,
           c->design->name, n->wrong, n->inconclusive, truth->even ? "" : "found ", n->uneven,
           n->balanced, quantile(n, 0.5), quantile(n, 0.95), ok ? "" : " **bound broken**");
    return ok;
}

static bool median_ok(const struct cell *c, const struct count *n)
{
    bool judged = c->design->diagnose && c->N == 3 &&
                  (c->kind == SIM_L7_RANDOM || c->kind == SIM_L7_ROUND_ROBIN ||
                   c->kind == SIM_L4_RANDOM || c->kind == SIM_L4_ROUND_ROBIN);
    if (!judged || quantile(n, 0.5) <= 60)
        return true;
    printf("\n%s: median of %u requests is above 60\n", sim_truths[c->kind].name, quantile(n, 0.5));
    return false;
}

static void parse(int argc, char **argv, struct settings *set)
{
    static const struct option options[] = {{"runs", required_argument, NULL, 'r'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"only", required_argument, NULL, 'o'},
                                            {0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'r')
            set->runs = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'j')
            set->jobs = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 's')
            set->seed = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'o')
            set->only = optarg;
        else
            exit(2);
    }
    if (set->runs < 1 || set->jobs < 1 || set->jobs > MAX_JOBS || optind < argc) {
        fprintf(stderr,
                "check_verdict_sim: --runs and --jobs (1 to 64) must be positive numbers\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct settings set = {.runs = 60, .jobs = 2, .seed = 1};
    parse(argc, argv, &set);
    struct cell cells[SIM_KINDS * SIZES * SIM_DESIGNS];
    size_t n = list_cells(&set, cells);
    struct count *counts = calloc(n + 1, sizeof(*counts));
    if (!counts || !run_jobs(cells, n, &set, counts)) {
        fprintf(stderr, "check_verdict_sim: a job failed\n");
        return 1;
    }
    bool ok = true;
    printf("%u runs a cell, seed %u. Bounds: wrong layer <= %u; false uneven <= %u (least request "
           "with other load <= %u).\n\n",
           set.runs, set.seed, bound(LAYER_MAX, set.runs), bound(0.01, set.runs),
           bound(0.03, set.runs));
    printf("| truth | backends | design | wrong layer | layer inconclusive | uneven | balanced | "
           "requests median / 95 %% |\n|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        ok &= print_cell(&cells[i], &counts[i]);
    for (size_t i = 0; i < n; i++)
        ok &= median_ok(&cells[i], &counts[i]);
    free(counts);
    if (!set.only)
        ok &= power_check(set.seed);
    return ok ? 0 : 1;
}
