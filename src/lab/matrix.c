/* All topologies by all kinds of traffic: truth against verdict. */
#include "config.h"

#include "lab/commands.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/words.h"

#define WORDS 7 /* the layers a verdict can name, and none */
#define ALPHA_EVENNESS \
    0.01 /* the clients' default: chance that a fair random choice looks uneven */
#define ALLOWED_BY_LUCK 1e-4 /* chance that as many do as are no longer put down to luck */

static const char *const layers[WORDS] = {"per-connection", "per-request",  "client-side", "sticky",
                                          "single-backend", "inconclusive", "none"};
/* As heads of columns. */
static const char *const short_layers[WORDS] = {"per-conn", "per-req", "client", "sticky",
                                                "single",   "inconcl", "none"};

/* What came of all probes. */
struct counts {
    unsigned confusion[WORDS][WORDS]; /* [truth][verdict] */
    unsigned probes, wrong_layers, wrong_outcomes, skipped;
    unsigned random_probes; /* of fair random choices */
    unsigned random_uneven; /* of them, called uneven: not wrong unless too many */
    unsigned kept;          /* reports of wrong words */
    uint64_t requests;
};

static size_t index_of(const char *layer)
{
    for (size_t i = 0; i + 1 < WORDS; i++) {
        if (strcmp(layers[i], layer) == 0)
            return i;
    }
    return WORDS - 1;
}

/* One cell's line: what was said how often. */
static void print_cell(const struct lb_topology *topology, enum lb_traffic traffic,
                       const struct counts *cell)
{
    const struct lb_truth *truth = &topology->truth[traffic];
    printf("%-24s %-12s %-15s", topology->name, lb_traffic_names[traffic], truth->layer);
    for (size_t i = 0; i < WORDS; i++) {
        unsigned n = cell->confusion[index_of(truth->layer)][i];
        if (n > 0)
            printf(" %u %s", n, layers[i]);
    }
    if (cell->wrong_layers > 0)
        printf(" WRONG");
    if (cell->wrong_outcomes > 0)
        printf(" (%u WRONG outcomes)", cell->wrong_outcomes);
    if (cell->random_uneven > 0)
        printf(" (%u uneven)", cell->random_uneven);
    printf("\n");
    fflush(stdout);
}

static void add(struct counts *sum, const struct counts *cell)
{
    for (size_t t = 0; t < WORDS; t++) {
        for (size_t v = 0; v < WORDS; v++)
            sum->confusion[t][v] += cell->confusion[t][v];
    }
    sum->probes += cell->probes;
    sum->wrong_layers += cell->wrong_layers;
    sum->wrong_outcomes += cell->wrong_outcomes;
    sum->random_probes += cell->random_probes;
    sum->random_uneven += cell->random_uneven;
    sum->requests += cell->requests;
}

/* Keeps the report of a wrong word from being overwritten by the next probe's. */
static int keep_report(const struct lb_lab *lab, const struct lb_lab_path *path,
                       enum lb_traffic traffic, unsigned number, struct lb_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "wrong-%u.json", number + 1);
    char *from = lb_words_report(lab, path, traffic), *to = lb_lab_file(lab, name);
    int status = 0;
    if (!from || !to)
        status = lb_error_set(err, "out of memory");
    else if (rename(from, to) < 0)
        status = lb_error_set(err, "cannot rename '%s' to '%s': %s", from, to, strerror(errno));
    else
        fprintf(stderr, "lbdemo-lab: its report is '%s'\n", to);
    free(from);
    free(to);
    return status;
}

/* Returns whether a word was wrong, after saying which. */
static bool count(const struct lb_topology *topology, enum lb_traffic traffic,
                  const struct lb_words *words, struct counts *cell)
{
    const struct lb_truth *truth = &topology->truth[traffic];
    bool fair = topology->random && truth->outcome && strcmp(truth->outcome, "balanced") == 0;
    cell->probes++;
    cell->requests += words->requests;
    cell->confusion[index_of(truth->layer)][index_of(words->layer)]++;
    bool wrong = lb_words_wrong_layer(truth, words);
    if (wrong) {
        cell->wrong_layers++;
        fprintf(stderr, "lbdemo-lab: %s, %s: layer %s, was to be %s\n", topology->name,
                lb_traffic_names[traffic], words->layer, truth->layer);
    }
    if (fair)
        cell->random_probes++;
    if (fair && strcmp(words->outcome, "uneven") == 0) {
        cell->random_uneven++;
    } else if (lb_words_wrong_outcome(truth, words)) {
        cell->wrong_outcomes++;
        wrong = true;
        fprintf(stderr, "lbdemo-lab: %s, %s: outcome %s, was to be %s\n", topology->name,
                lb_traffic_names[traffic], words->outcome, truth->outcome);
    }
    return wrong;
}

static int run_cell(struct lb_lab *lab, const struct lb_lab_path *path, enum lb_traffic traffic,
                    uint64_t repeat, struct counts *sum, struct lb_error *err)
{
    struct counts cell = {0};
    for (uint64_t i = 0; i < repeat; i++) {
        struct lb_words words;
        if (lb_words_probe(lab, path, traffic, &words, err) < 0)
            return -1;
        if (count(path->topology, traffic, &words, &cell) &&
            keep_report(lab, path, traffic, sum->kept++, err) < 0)
            return -1;
    }
    print_cell(path->topology, traffic, &cell);
    add(sum, &cell);
    return 0;
}

static int run_topology(struct lb_lab *lab, const struct lb_topology *topology, uint64_t repeat,
                        struct counts *sum, struct lb_error *err)
{
    struct lb_lab_path *path = lb_lab_add_path(lab, topology, err);
    int status = path ? 0 : -1;
    for (int t = 0; status == 0 && t < LB_TRAFFIC_COUNT; t++) {
        if (topology->truth[t].layer)
            status = run_cell(lab, path, (enum lb_traffic)t, repeat, sum, err);
    }
    if (path)
        lb_lab_remove_path(lab, path);
    return status;
}

/* The most of n fair random choices that may look uneven: more than that many have a chance of at
 * most ALLOWED_BY_LUCK (binomial, ALPHA_EVENNESS each). */
static unsigned allowed_uneven(unsigned n)
{
    double p = pow(1 - ALPHA_EVENNESS, n), rest = 1 - p;
    unsigned k = 0;
    while (k < n && rest > ALLOWED_BY_LUCK) {
        p *= (double)(n - k) / (k + 1) * ALPHA_EVENNESS / (1 - ALPHA_EVENNESS);
        rest -= p;
        k++;
    }
    return k;
}

static void print_sum(const struct counts *sum)
{
    printf("\n%-15s", "truth | verdict");
    for (size_t v = 0; v < WORDS; v++)
        printf(" %8s", short_layers[v]);
    printf("\n");
    for (size_t t = 0; t + 3 < WORDS; t++) {
        printf("%-15s", layers[t]);
        for (size_t v = 0; v < WORDS; v++)
            printf(" %8u", sum->confusion[t][v]);
        printf("\n");
    }
    printf("\n%u probes, %llu requests: %u wrong layers, %u wrong outcomes\n"
           "%u of %u fair random choices were called uneven (allowed: %u)\n",
           sum->probes, (unsigned long long)sum->requests, sum->wrong_layers, sum->wrong_outcomes,
           sum->random_uneven, sum->random_probes, allowed_uneven(sum->random_probes));
    if (sum->skipped > 0)
        printf("%u topologies were skipped\n", sum->skipped);
}

/* Those that were asked for, all of them, or without --topology those that can be run here. */
static int choose(const struct lb_lab_options *options, const struct lb_topology **chosen,
                  size_t *count, struct counts *sum, struct lb_error *err)
{
    *count = 0;
    for (size_t i = 0; i < options->topologies.count && i < lb_topology_count; i++) {
        chosen[*count] = lb_topology_find(options->topologies.items[i], NULL, err);
        if (!chosen[*count] || !lb_topology_available(chosen[*count], options->envoy, err))
            return -1;
        ++*count;
    }
    for (size_t i = 0; options->topologies.count == 0 && i < lb_topology_count; i++) {
        struct lb_error why;
        if (lb_topology_available(&lb_topologies[i], options->envoy, &why)) {
            chosen[(*count)++] = &lb_topologies[i];
        } else {
            printf("%-24s skipped: %s\n", lb_topologies[i].name, why.text);
            sum->skipped++;
        }
    }
    return 0;
}

static int run_all(struct lb_supervisor *supervisor, const struct lb_lab_options *options,
                   const struct lb_topology *const *chosen, size_t count, struct counts *sum,
                   struct lb_error *err)
{
    struct lb_lab_config config = {.server_count = options->servers, .envoy = options->envoy};
    char dir[PATH_MAX];
    if (lb_lab_folder(options, "matrix", dir, err) < 0)
        return -1;
    config.dir = dir;
    for (size_t i = 0; i < count; i++)
        config.namespaces = config.namespaces || chosen[i]->balancer == LB_BALANCER_KERNEL;
    struct lb_lab *lab = lb_lab_new(supervisor, &config, err);
    int status = lab ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = run_topology(lab, chosen[i], options->repeat, sum, err);
    lb_lab_free(lab);
    return status;
}

int lb_lab_matrix(const struct lb_lab_options *options, struct lb_error *err)
{
    if (lb_lab_check_servers(options, err) < 0)
        return -LB_EXIT_USAGE;
    struct counts sum = {0};
    const struct lb_topology **chosen = calloc(lb_topology_count, sizeof *chosen);
    struct lb_supervisor *supervisor = chosen ? lb_supervisor_new(err) : NULL;
    size_t count;
    int status = -1;
    if (!chosen)
        lb_error_set(err, "out of memory");
    else if (supervisor && choose(options, chosen, &count, &sum, err) == 0)
        status = run_all(supervisor, options, chosen, count, &sum, err);
    lb_supervisor_free(supervisor);
    free(chosen);
    if (status < 0)
        return -1;
    print_sum(&sum);
    bool good = sum.wrong_layers == 0 && sum.wrong_outcomes == 0 &&
                sum.random_uneven <= allowed_uneven(sum.random_probes);
    return good ? LB_EXIT_OK : LB_EXIT_FAILURE;
}
