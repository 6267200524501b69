/* Expected shares as they are given on the command line. See weights.h. */
#include "report/weights.h"

#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "report/report.h"

static int add_weight(struct lb_weights *w, char *item, const char *text, struct lb_error *err)
{
    struct lb_error why;
    char *equals = strrchr(item, '=');
    double weight;
    if (!equals || equals == item || w->count == LB_REPORT_MAX_WEIGHTS)
        return lb_error_set(err, "option --expect-weights: '%s' is not like v1=90,v2=10", text);
    *equals = '\0';
    if (lb_parse_double(equals + 1, 0, 1e9, &weight, &why) < 0)
        return lb_error_set(err, "option --expect-weights: %.300s", why.text);
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->list[i].name, item) == 0)
            return lb_error_set(err, "option --expect-weights: '%s' is there twice", item);
    }
    w->list[w->count++] = (struct lb_weight){item, weight};
    return 0;
}

int lb_weights_parse(const char *text, struct lb_weights *weights, struct lb_error *err)
{
    *weights = (struct lb_weights){0};
    if (!text)
        return 0;
    weights->text = strdup(text);
    weights->list = calloc(LB_REPORT_MAX_WEIGHTS, sizeof *weights->list);
    if (!weights->text || !weights->list)
        return lb_error_set(err, "out of memory");
    double sum = 0;
    char *rest = weights->text, *item;
    while ((item = strsep(&rest, ","))) {
        if (add_weight(weights, item, text, err) < 0)
            return -1;
        sum += weights->list[weights->count - 1].weight;
    }
    return sum > 0 ? 0 : lb_error_set(err, "option --expect-weights: all weights are 0");
}

void lb_weights_clear(struct lb_weights *weights)
{
    free(weights->list);
    free(weights->text);
    *weights = (struct lb_weights){0};
}
