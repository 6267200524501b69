/* The words of a client's verdict, beside the truth. */
#include "config.h"

#include "lab/words.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "lab/client.h"

#define PROBE_LIMIT_NS (60 * LB_NS_PER_S)

static const char *const connection_args[LB_TRAFFIC_COUNT] = {
    [LB_TRAFFIC_HTTP_NEW] = "--new-connection",
    [LB_TRAFFIC_HTTP_REUSED] = "--reuse-connection",
};
static const char *const traffic_files[LB_TRAFFIC_COUNT] = {"http-new", "http-reused", "grpc"};

static int copy_word(char word[LB_WORD], const json_t *verdict, const char *name)
{
    const char *text = json_string_value(json_object_get(verdict, name));
    int n = text ? snprintf(word, LB_WORD, "%s", text) : -1;
    return n > 0 && n < LB_WORD ? 0 : -1;
}

static int read_words(const json_t *document, struct lb_words *words)
{
    const json_t *verdict = json_object_get(document, "verdict");
    words->requests = (uint64_t)json_integer_value(json_object_get(verdict, "requests"));
    return copy_word(words->layer, verdict, "layer") < 0 ||
                   copy_word(words->outcome, verdict, "outcome") < 0
               ? -1
               : 0;
}

char *lb_words_report(const struct lb_lab *lab, const struct lb_lab_path *path,
                      enum lb_traffic traffic)
{
    char name[96];
    snprintf(name, sizeof name, "%s-%s-diagnose.json", path->topology->name,
             traffic_files[traffic]);
    return lb_lab_file(lab, name);
}

static void choose_args(const struct lb_lab_path *path, enum lb_traffic traffic, const char *report,
                        const char *label, const char *args[LB_CLIENT_MAX_ARGS])
{
    const char *const always[] = {"--diagnose", "--output", "json", "--report",
                                  report,       "--label",  label};
    size_t n = sizeof always / sizeof always[0];
    memcpy(args, always, sizeof always);
    if (connection_args[traffic])
        args[n++] = connection_args[traffic];
    if (path->topology->weights) {
        args[n++] = "--group-by";
        args[n++] = "version";
        args[n++] = "--expect-weights";
        args[n++] = path->topology->weights;
    }
    args[n] = NULL;
}

int lb_words_probe(struct lb_lab *lab, const struct lb_lab_path *path, enum lb_traffic traffic,
                   struct lb_words *words, struct lb_error *err)
{
    char log[96], label[16];
    const char *args[LB_CLIENT_MAX_ARGS];
    struct lb_client_result result;
    char *report = lb_words_report(lab, path, traffic);
    *words = (struct lb_words){0};
    if (!report)
        return lb_error_set(err, "out of memory");
    snprintf(log, sizeof log, "%s-%s-diagnose.log", path->topology->name, traffic_files[traffic]);
    snprintf(label, sizeof label, "path=%s", path->topology->path);
    choose_args(path, traffic, report, label, args);
    const struct lb_client_call call = {.path = path,
                                        .grpc = traffic == LB_TRAFFIC_GRPC,
                                        .args = args,
                                        .log = log,
                                        .json = true,
                                        .limit_ns = PROBE_LIMIT_NS};
    int failed = lb_client_run(lab, &call, &result, err);
    free(report);
    if (failed)
        return -1;
    failed = read_words(result.document, words);
    if (failed)
        lb_error_set(err,
                     "%s --diagnose through %s ended with status %d and no verdict; its log is "
                     "'%s/%s'",
                     call.grpc ? "lbdemo-grpc-client" : "lbdemo-http-client", path->topology->name,
                     result.status, lab->dir, log);
    lb_client_result_clear(&result);
    return failed;
}

static bool says_nothing(const char *word)
{
    return !*word || strcmp(word, "inconclusive") == 0 || strcmp(word, "no-data") == 0;
}

bool lb_words_tell(const struct lb_words *words)
{
    return !says_nothing(words->layer) && !says_nothing(words->outcome);
}

bool lb_words_wrong_layer(const struct lb_truth *truth, const struct lb_words *words)
{
    return !says_nothing(words->layer) && strcmp(words->layer, truth->layer) != 0;
}

bool lb_words_wrong_outcome(const struct lb_truth *truth, const struct lb_words *words)
{
    return truth->outcome && !says_nothing(words->outcome) &&
           strcmp(words->outcome, truth->outcome) != 0;
}

char *lb_words_spell(const char *layer, char buf[LB_WORD])
{
    snprintf(buf, LB_WORD, "%s", says_nothing(layer) ? "layer unknown" : layer);
    if (strncmp(buf, "per-", 4) == 0)
        buf[3] = ' ';
    return buf;
}
