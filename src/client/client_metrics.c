/* A run as Prometheus reads it: text format 0.0.4. */
#include "config.h"

#include "client/client_metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "balance/verdict_text.h"

#define US_PER_S 1e6

static const double quantiles[] = {0.5, 0.9, 0.99};

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP lbdemo_client_%s %s\n# TYPE lbdemo_client_%s %s\n", name, help, name,
            type);
}

static void simple(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    family(out, name, type, help);
    fprintf(out, "lbdemo_client_%s %" PRIu64 "\n", name, value);
}

/* Escaped twice: what cannot be printed, then as a label's value. */
static int put_label(FILE *out, const char *name, const char *value)
{
    char *clean = lb_escape_name(value);
    if (!clean)
        return -1;
    fprintf(out, "%s=\"", name);
    for (const char *p = clean; *p; p++) {
        if (*p == '\\' || *p == '"')
            fputc('\\', out);
        fputc(*p, out);
    }
    fputc('"', out);
    free(clean);
    return 0;
}

/* A sample up to its last label. */
static int put_backend(FILE *out, const char *family_name, const struct lb_backend *backend)
{
    fprintf(out, "lbdemo_client_%s{", family_name);
    if (put_label(out, "backend", backend->name) < 0)
        return -1;
    fputc(',', out);
    return put_label(out, "boot", backend->boot);
}

static int put_latency(FILE *out, const struct lb_backend *backend)
{
    for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++) {
        if (put_backend(out, "latency_seconds", backend) < 0)
            return -1;
        fprintf(out, ",quantile=\"%g\"} %g\n", quantiles[q],
                lb_histogram_quantile(&backend->latency, quantiles[q]) / US_PER_S);
    }
    if (put_backend(out, "latency_seconds_sum", backend) < 0)
        return -1;
    fprintf(out, "} %g\n", (double)backend->latency.sum_us / US_PER_S);
    if (put_backend(out, "latency_seconds_count", backend) < 0)
        return -1;
    fprintf(out, "} %" PRIu64 "\n", backend->latency.count);
    return 0;
}

enum column { REPLIES, ERRORS, CONNECTIONS, LATENCY };

static int put_backends(FILE *out, const struct lb_tally *tally, enum column column,
                        const char *name)
{
    for (size_t s = 0; s < lb_tally_segments(tally); s++) {
        const struct lb_segment *segment = lb_tally_segment(tally, s);
        for (size_t i = 0; i < segment->n_backends; i++) {
            const struct lb_backend *b = &segment->backends[i];
            if (column == LATENCY ? put_latency(out, b) < 0 : put_backend(out, name, b) < 0)
                return -1;
            if (column != LATENCY)
                fprintf(out, "} %" PRIu64 "\n",
                        column == REPLIES  ? b->answers
                        : column == ERRORS ? b->errors
                                           : b->starts);
        }
    }
    return 0;
}

static void put_verdict(FILE *out, const struct lb_verdict *verdict)
{
    family(out, "outcome", "gauge", "1 for what the traffic looks like so far.");
    for (int o = LB_OUTCOME_BALANCED; o <= LB_OUTCOME_NO_DATA; o++)
        fprintf(out, "lbdemo_client_outcome{outcome=\"%s\"} %d\n",
                lb_outcome_name((enum lb_outcome)o), (int)verdict->outcome == o);
    family(out, "layer", "gauge", "1 for who balances, as far as it is known.");
    for (int l = LB_LAYER_UNKNOWN; l <= LB_LAYER_SINGLE_BACKEND; l++)
        fprintf(out, "lbdemo_client_layer{layer=\"%s\"} %d\n", lb_layer_name((enum lb_layer)l),
                (int)verdict->layers.layer == l);
}

char *lb_client_metrics(const struct lb_tally *tally, const struct lb_verdict *verdict,
                        uint64_t in_flight)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    family(out, "build_info", "gauge", "1, with the program's version.");
    fprintf(out, "lbdemo_client_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    simple(out, "requests_total", "counter", "Requests that ended.", verdict->requests);
    simple(out, "errors_total", "counter", "Requests that failed.", verdict->errors);
    simple(out, "connections", "gauge", "Connections that were answered so far.",
           verdict->connections);
    simple(out, "in_flight", "gauge", "Requests in flight.", in_flight);
    put_verdict(out, verdict);
    family(out, "replies_total", "counter", "Successful replies, by backend.");
    int bad = put_backends(out, tally, REPLIES, "replies_total");
    family(out, "backend_errors_total", "counter", "Error statuses that named their backend.");
    bad |= put_backends(out, tally, ERRORS, "backend_errors_total");
    family(out, "backend_connections_total", "counter",
           "Connections whose first request it answered, by backend.");
    bad |= put_backends(out, tally, CONNECTIONS, "backend_connections_total");
    family(out, "latency_seconds", "summary",
           "From the planned send time to the reply, by backend.");
    bad |= put_backends(out, tally, LATENCY, "latency_seconds");
    bad |= fclose(out);
    if (bad) {
        free(text);
        return NULL;
    }
    return text;
}
