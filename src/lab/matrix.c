/* All topologies by all kinds of traffic: truth against verdict. */
#include "config.h"

#include "lab/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/words.h"

#define WORDS 7 /* the layers a verdict can name, and none */

static const char *const layers[WORDS] = {"per-connection", "per-request",  "client-side", "sticky",
                                          "single-backend", "inconclusive", "none"};

/* What came of all probes. */
struct counts {
    unsigned confusion[WORDS][WORDS]; /* [truth][verdict] */
    unsigned probes, wrong_layers, wrong_outcomes, skipped;
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
        printf(" (%u wrong outcomes)", cell->wrong_outcomes);
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
    sum->requests += cell->requests;
}

static int run_cell(struct lb_lab *lab, const struct lb_lab_path *path, enum lb_traffic traffic,
                    uint64_t repeat, struct counts *sum, struct lb_error *err)
{
    const struct lb_truth *truth = &path->topology->truth[traffic];
    struct counts cell = {0};
    for (uint64_t i = 0; i < repeat; i++) {
        struct lb_words words;
        if (lb_words_probe(lab, path, traffic, &words, err) < 0)
            return -1;
        cell.probes++;
        cell.requests += words.requests;
        cell.confusion[index_of(truth->layer)][index_of(words.layer)]++;
        if (lb_words_wrong_layer(truth, &words))
            cell.wrong_layers++;
        if (lb_words_wrong_outcome(truth, &words)) {
            cell.wrong_outcomes++;
            fprintf(stderr, "lbdemo-lab: %s, %s: outcome %s, was to be %s\n", path->topology->name,
                    lb_traffic_names[traffic], words.outcome, truth->outcome);
        }
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

static void print_confusion(const struct counts *sum)
{
    printf("\n%-16s", "truth \\ verdict");
    for (size_t v = 0; v < WORDS; v++)
        printf(" %14s", layers[v]);
    printf("\n");
    for (size_t t = 0; t + 2 < WORDS; t++) {
        printf("%-16s", layers[t]);
        for (size_t v = 0; v < WORDS; v++)
            printf(" %14u", sum->confusion[t][v]);
        printf("\n");
    }
    printf(
        "\n%u probes, %llu requests: %u wrong layers, %u wrong outcomes; %u topologies skipped\n",
        sum->probes, (unsigned long long)sum->requests, sum->wrong_layers, sum->wrong_outcomes,
        sum->skipped);
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
    print_confusion(&sum);
    return sum.wrong_layers + sum.wrong_outcomes > 0 ? LB_EXIT_FAILURE : LB_EXIT_OK;
}
