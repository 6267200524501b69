/* How Prometheus reads what the server counts: text format 0.0.4 and OpenMetrics 1.0. */
#include "server/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "server/metrics_shard.h"

static const char *const protocol_names[] = {"http", "grpc"};
static const char *const reason_names[] = {"client", "request", "refused",  "timeout",
                                           "idle",   "age",     "requests", "limit",
                                           "drain",  "fault",   "unknown"};
static const char *const fault_names[] = {"delay", "status", "reset"};

struct writer {
    FILE *out;
    bool openmetrics;
    const struct lb_metrics *metrics;
};

/* A counter's family has no "_total" in OpenMetrics, its samples always have it. */
static void family(const struct writer *w, const char *name, const char *type, const char *help)
{
    const char *suffix = strcmp(type, "counter") == 0 && !w->openmetrics ? "_total" : "";
    fprintf(w->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
}

static void put_label(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            fputc('\\', out);
        fputc(*value, out);
    }
}

static uint64_t value_of(const lb_metrics_cell *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* The sum over a protocol's shards of the cell at `offset`. */
static uint64_t sum(const struct lb_metrics *m, enum lb_metrics_protocol protocol, size_t offset)
{
    uint64_t total = 0;
    for (const struct lb_metrics_shard *s = m->shards; s; s = s->next) {
        if (s->protocol == protocol)
            total += value_of((const lb_metrics_cell *)(const void *)((const char *)s + offset));
    }
    return total;
}

#define SUM(m, protocol, field) sum(m, protocol, offsetof(struct lb_metrics_shard, field))

/* A shard that has the labels of a protocol; NULL: the server does not speak it. */
static const struct lb_metrics_shard *labels_of(const struct lb_metrics *m,
                                                enum lb_metrics_protocol p)
{
    const struct lb_metrics_shard *s = m->shards;
    while (s && s->protocol != p)
        s = s->next;
    return s;
}

static size_t cell_at(size_t base, size_t row, size_t width, size_t column)
{
    return base + (row * width + column) * sizeof(lb_metrics_cell);
}

static void put_requests(const struct writer *w)
{
    family(w, "lbdemo_requests", "counter", "Requests answered, by route or method and by status.");
    for (int p = 0; p < LB_METRICS_PROTOCOLS; p++) {
        const struct lb_metrics_shard *s = labels_of(w->metrics, (enum lb_metrics_protocol)p);
        for (size_t m = 0; s && m < s->method_count; m++) {
            for (size_t c = 0; c < s->code_count; c++) {
                size_t at = cell_at(offsetof(struct lb_metrics_shard, requests), m,
                                    LB_METRICS_CODES_MAX, c);
                uint64_t n = sum(w->metrics, s->protocol, at);
                if (n > 0)
                    fprintf(
                        w->out,
                        "lbdemo_requests_total{protocol=\"%s\",method=\"%s\",code=\"%s\"} %llu\n",
                        protocol_names[p], s->methods[m], s->codes[c], (unsigned long long)n);
            }
        }
    }
}

static void put_histogram(const struct writer *w, const struct lb_metrics_shard *s, size_t m)
{
    static const char name[] = "lbdemo_request_duration_seconds";
    char labels[256];
    uint64_t total = 0;
    snprintf(labels, sizeof labels, "protocol=\"%s\",method=\"%s\"", protocol_names[s->protocol],
             s->methods[m]);
    for (size_t b = 0; b <= LB_METRICS_BUCKETS; b++) {
        size_t at =
            cell_at(offsetof(struct lb_metrics_shard, durations), m, LB_METRICS_BUCKETS + 1, b);
        total += sum(w->metrics, s->protocol, at);
        if (b == LB_METRICS_BUCKETS)
            fprintf(w->out, "%s_bucket{%s,le=\"+Inf\"} %llu\n", name, labels,
                    (unsigned long long)total);
        else
            fprintf(w->out, "%s_bucket{%s,le=\"%g\"} %llu\n", name, labels,
                    (double)lb_metrics_bounds_ns[b] / LB_NS_PER_S, (unsigned long long)total);
    }
    uint64_t ns = sum(w->metrics, s->protocol,
                      cell_at(offsetof(struct lb_metrics_shard, duration_ns), 0, 0, m));
    fprintf(w->out, "%s_sum{%s} %.9f\n%s_count{%s} %llu\n", name, labels, (double)ns / LB_NS_PER_S,
            name, labels, (unsigned long long)total);
}

/* Of methods that have been called. */
static void put_durations(const struct writer *w)
{
    family(w, "lbdemo_request_duration_seconds", "histogram",
           "Time from a request's arrival to its response being ready to be sent.");
    for (int p = 0; p < LB_METRICS_PROTOCOLS; p++) {
        const struct lb_metrics_shard *s = labels_of(w->metrics, (enum lb_metrics_protocol)p);
        for (size_t m = 0; s && m < s->method_count; m++) {
            uint64_t total = 0;
            for (size_t b = 0; b <= LB_METRICS_BUCKETS; b++)
                total += sum(w->metrics, s->protocol,
                             cell_at(offsetof(struct lb_metrics_shard, durations), m,
                                     LB_METRICS_BUCKETS + 1, b));
            if (total > 0)
                put_histogram(w, s, m);
        }
    }
}

/* One value a protocol. */
static void put_simple(const struct writer *w, const char *name, const char *type, const char *help,
                       uint64_t (*value)(const struct lb_metrics *, enum lb_metrics_protocol))
{
    family(w, name, type, help);
    for (int p = 0; p < LB_METRICS_PROTOCOLS; p++) {
        if (labels_of(w->metrics, (enum lb_metrics_protocol)p))
            fprintf(w->out, "%s%s{protocol=\"%s\"} %llu\n", name,
                    strcmp(type, "counter") == 0 ? "_total" : "", protocol_names[p],
                    (unsigned long long)value(w->metrics, (enum lb_metrics_protocol)p));
    }
}

static uint64_t in_flight(const struct lb_metrics *m, enum lb_metrics_protocol p)
{
    uint64_t ended = SUM(m, p, ended), begun = SUM(m, p, begun);
    return begun > ended ? begun - ended : 0;
}

static uint64_t accepted(const struct lb_metrics *m, enum lb_metrics_protocol p)
{
    return SUM(m, p, accepted);
}

static uint64_t received(const struct lb_metrics *m, enum lb_metrics_protocol p)
{
    return SUM(m, p, received);
}

static uint64_t sent(const struct lb_metrics *m, enum lb_metrics_protocol p)
{
    return SUM(m, p, sent);
}

/* A counter with one more label, whose values are all written. */
static void put_labelled(const struct writer *w, const char *name, const char *help,
                         const char *label, const char *const *values, size_t count, size_t base)
{
    family(w, name, "counter", help);
    for (int p = 0; p < LB_METRICS_PROTOCOLS; p++) {
        if (!labels_of(w->metrics, (enum lb_metrics_protocol)p))
            continue;
        for (size_t i = 0; i < count; i++)
            fprintf(w->out, "%s_total{protocol=\"%s\",%s=\"%s\"} %llu\n", name, protocol_names[p],
                    label, values[i],
                    (unsigned long long)sum(w->metrics, (enum lb_metrics_protocol)p,
                                            base + i * sizeof(lb_metrics_cell)));
    }
}

static void put_traffic(const struct writer *w)
{
    put_requests(w);
    put_durations(w);
    put_simple(w, "lbdemo_requests_in_flight", "gauge", "Requests being served now.", in_flight);
    put_simple(w, "lbdemo_connections_open", "gauge", "Connections open now.", lb_metrics_open);
    put_simple(w, "lbdemo_connections_accepted", "counter", "Connections accepted.", accepted);
    put_labelled(w, "lbdemo_connections_closed", "Connections closed, by reason.", "reason",
                 reason_names, LB_CLOSE_REASONS, offsetof(struct lb_metrics_shard, closed));
    put_simple(w, "lbdemo_received_bytes", "counter", "Bytes of requests received.", received);
    put_simple(w, "lbdemo_sent_bytes", "counter", "Bytes of responses sent.", sent);
    put_labelled(w, "lbdemo_faults_injected", "Faults injected, by kind.", "kind", fault_names,
                 LB_METRICS_FAULTS, offsetof(struct lb_metrics_shard, faults));
}

static void put_facts(const struct writer *w, const struct lb_metrics_facts *facts)
{
    family(w, "lbdemo_ready", "gauge", "1 while the server wants traffic, else 0.");
    fprintf(w->out, "lbdemo_ready %d\n", facts->ready);
    family(w, "lbdemo_build_info", "gauge", "1; what this server is built from, as labels.");
    fprintf(w->out, "lbdemo_build_info{version=\"%s\",libevent=\"%s\",grpc_core=\"%s\"} 1\n",
            facts->version, facts->libevent, facts->grpc);
    family(w, "lbdemo_pod_info", "gauge", "1; which pod this is, as labels.");
    fputs("lbdemo_pod_info{pod=\"", w->out);
    put_label(w->out, facts->pod);
    fputs("\",version=\"", w->out);
    put_label(w->out, facts->pod_version);
    fputs("\"} 1\n", w->out);
}

static unsigned long count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned long count = 0;
    if (!dir)
        return 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the folder's own */
}

/* The names and meanings every Prometheus client library uses. */
static void put_process(const struct writer *w, const struct lb_metrics_facts *facts)
{
    struct rusage usage = {0};
    struct rlimit files = {0};
    unsigned long pages = 0, resident = 0;
    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &files);
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm) {
        if (fscanf(statm, "%lu %lu", &pages, &resident) != 2)
            pages = resident = 0;
        fclose(statm);
    }
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
    family(w, "process_cpu_seconds", "counter", "Total user and system CPU time spent in seconds.");
    fprintf(w->out, "process_cpu_seconds_total %.6f\n", cpu);
    family(w, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
    fprintf(w->out, "process_resident_memory_bytes %lu\n", resident * page);
    family(w, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.");
    fprintf(w->out, "process_virtual_memory_bytes %lu\n", pages * page);
    family(w, "process_open_fds", "gauge", "Number of open file descriptors.");
    fprintf(w->out, "process_open_fds %lu\n", count_descriptors());
    family(w, "process_max_fds", "gauge", "Maximum number of open file descriptors.");
    fprintf(w->out, "process_max_fds %llu\n", (unsigned long long)files.rlim_cur);
    family(w, "process_start_time_seconds", "gauge",
           "Start time of the process since unix epoch in seconds.");
    fprintf(w->out, "process_start_time_seconds %.3f\n", (double)facts->start_time_unix_ms / 1000);
}

char *lb_metrics_format(const struct lb_metrics *m, const struct lb_metrics_facts *facts,
                        bool openmetrics, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out)
        return NULL;
    struct writer w = {out, openmetrics, m};
    put_traffic(&w);
    put_facts(&w, facts);
    put_process(&w, facts);
    if (openmetrics)
        fputs("# EOF\n", out);
    bool failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

bool lb_metrics_wants_openmetrics(const char *accept, size_t len)
{
    static const char type[] = "application/openmetrics-text";
    for (size_t i = 0; i + sizeof type - 1 <= len; i++) {
        if (strncasecmp(accept + i, type, sizeof type - 1) == 0)
            return true;
    }
    return false;
}
