/* Reports of simulated runs, for the tests and for `make_reports`. */
#ifndef LB_TESTS_SAMPLE_H
#define LB_TESTS_SAMPLE_H

#include "report/report.h"

enum sample_balancer { SAMPLE_PER_CONNECTION, SAMPLE_PER_REQUEST, SAMPLE_ROUND_ROBIN };

struct sample {
    const char *run; /* its id */
    const char *client;
    const char *protocol; /* "http" or "grpc" */
    const char *target;
    const char *path; /* label; NULL: none */
    enum sample_balancer balancer;
    enum lb_schedule_mode mode;
    unsigned backends, connections, requests;
    unsigned fail_every; /* each n-th request fails; 0: none */
    unsigned slow;       /* latency of all, in multiples of about 1 ms */
    uint32_t seed;
    const char *name; /* of a backend, a number follows; NULL: like pods' */
};

/* Simulates the run. The run's strings are those of `s`. The caller frees *tally. 0, or -1. */
int sample_run(const struct sample *s, struct lb_report_run *run, struct lb_tally **tally);

/* The same as a report, judged with the defaults; NULL without memory. */
struct lb_report *sample_report(const struct sample *s);

/* Its text, as a client writes it; malloc'd. */
char *sample_text(const struct sample *s);

#endif
