/* make_reports FOLDER COUNT [KEY=VALUE]...: writes COUNT reports of simulated runs into FOLDER,
 * which is there: backends=3 connections=6 requests=48
 * balancer=per-connection|per-request|round-robin mode=rounds|new|diagnose protocol=http|grpc
 * target=T path=LABEL fail=N slow=N seed=N name=N prefix=P (of the files and run ids). For
 * tests and measurements. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "report/report_write.h"
#include "sample.h"

static int word(const char *text, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
    }
    return -1;
}

/* 0, or -1: not understood. */
static int set(struct sample *s, const char **prefix, const char *argument)
{
    static const char *const balancers[] = {"per-connection", "per-request", "round-robin", NULL};
    static const char *const modes[] = {"rounds", "new", "diagnose", NULL};
    const char *value = strchr(argument, '=');
    const struct {
        const char *key;
        const char **text;
        unsigned *number;
    } settings[] = {
        {"backends=", NULL, &s->backends}, {"connections=", NULL, &s->connections},
        {"requests=", NULL, &s->requests}, {"fail=", NULL, &s->fail_every},
        {"slow=", NULL, &s->slow},         {"seed=", NULL, &s->seed},
        {"protocol=", &s->protocol, NULL}, {"target=", &s->target, NULL},
        {"path=", &s->path, NULL},         {"name=", &s->name, NULL},
        {"prefix=", prefix, NULL},         {"client=", &s->client, NULL},
    };
    if (!value)
        return -1;
    value++;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strncmp(argument, settings[i].key, strlen(settings[i].key)) != 0)
            continue;
        if (settings[i].text)
            *settings[i].text = value;
        else
            *settings[i].number = (unsigned)strtoul(value, NULL, 10);
        return 0;
    }
    int number = -1;
    if (strncmp(argument, "balancer=", 9) == 0 && (number = word(value, balancers)) >= 0)
        s->balancer = (enum sample_balancer)number;
    else if (strncmp(argument, "mode=", 5) == 0 && (number = word(value, modes)) >= 0)
        s->mode = (enum lb_schedule_mode)number;
    return number < 0 ? -1 : 0;
}

static int write_one(const struct sample *all, const char *folder, const char *prefix, unsigned i)
{
    char run[128], client[128], path[4096];
    struct sample s = *all;
    struct lb_error err = {"out of memory"};
    snprintf(run, sizeof run, "%s-%05u", prefix, i);
    snprintf(client, sizeof client, "client-%u", i);
    snprintf(path, sizeof path, "%s/%s.json", folder, run);
    s.run = run;
    if (!s.client)
        s.client = client;
    s.seed += i;
    char *text = sample_text(&s);
    int failed = !text || lb_report_write_text(path, text, &err) < 0;
    if (failed)
        fprintf(stderr, "make_reports: %s\n", err.text);
    free(text);
    return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct sample s = {.protocol = "http",
                       .target = "http://shop.example:8080/pod",
                       .backends = 3,
                       .connections = 6,
                       .requests = 48,
                       .seed = 1};
    const char *prefix = "run";
    int bad = argc < 3;
    for (int i = 3; i < argc; i++)
        bad |= set(&s, &prefix, argv[i]) < 0;
    if (bad || s.backends == 0 || s.connections == 0) {
        fprintf(stderr, "usage: make_reports FOLDER COUNT [KEY=VALUE]...\n");
        return 2;
    }
    unsigned count = (unsigned)strtoul(argv[2], NULL, 10);
    for (unsigned i = 0; i < count; i++) {
        if (write_one(&s, argv[1], prefix, i) < 0)
            return 1;
    }
    return 0;
}
