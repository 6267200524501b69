/* What the verdict costs: 10 million observations from 10,000 connections over 1,000 backends, fed,
 * judged and written as text. Prints CPU seconds and resident memory.
 *
 *     bench_verdict [OBSERVATIONS [CONNECTIONS [BACKENDS]]]
 */
#include "balance/tally.h"
#include "balance/verdict_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int feed(struct lb_tally *t, uint64_t n, uint32_t connections, uint32_t backends,
                char (*names)[48], uint32_t *ordinals)
{
    uint64_t random = 88172645463325252;
    for (uint64_t i = 1; i <= n; i++) {
        uint32_t connection = (uint32_t)(next(&random) % connections);
        uint32_t backend = (uint32_t)(next(&random) % backends);
        int64_t at = (int64_t)i * 50000;
        struct lb_observation o = {
            .request = i,
            .planned_ns = at,
            .sent_ns = at,
            .finish_ns = at + 200000 + (int64_t)(next(&random) % 5000000),
            .connection = connection + 1,
            .ordinal = ++ordinals[connection],
            .remote = "10.96.0.17:80",
            .result = LB_RESULT_ANSWER,
            .backend = names[backend],
            .boot = "5f3a9c1d2e4b6a78",
            .version = "v1",
        };
        o.toss[0] = (struct lb_toss){
            .tossed = true, .own = false, .groups = 64, .weight = 1 + backend % 64, .total = 9999};
        if (lb_tally_add(t, &o) < 0)
            return -1;
    }
    lb_tally_flush(t);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    uint32_t connections = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000;
    uint32_t backends = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1000;
    if (n == 0 || connections == 0 || backends == 0) {
        fprintf(stderr, "usage: bench_verdict [OBSERVATIONS [CONNECTIONS [BACKENDS]]]\n");
        return 2;
    }
    char(*names)[48] = calloc(backends, sizeof(*names));
    uint32_t *ordinals = calloc(connections, sizeof(*ordinals));
    struct lb_tally *t = lb_tally_new("bench", "", 1);
    if (!names || !ordinals || !t)
        return 1;
    for (uint32_t i = 0; i < backends; i++)
        snprintf(names[i], sizeof(names[i]), "server-7c4bfd74d-%05u", i);
    double start = cpu_seconds();
    if (feed(t, n, connections, backends, names, ordinals) < 0)
        return 1;
    double fed = cpu_seconds();
    struct lb_verdict_options options = {0};
    struct lb_verdict *v;
    if (lb_verdict_make(t, &options, &v) < 0)
        return 1;
    char *headline = lb_verdict_headline(v);
    double judged = cpu_seconds();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "%llu observations, %u connections, %u backends: fed %.2f s (%.0f ns each), judged %.3f s,"
        " %.1f MiB\n%s\n",
        (unsigned long long)n, connections, backends, fed - start, (fed - start) / (double)n * 1e9,
        judged - fed, (double)usage.ru_maxrss / 1024, headline ? headline : "");
    free(headline);
    lb_verdict_free(v);
    lb_tally_free(t);
    free(names);
    free(ordinals);
    return 0;
}
