/* Is the verdict the expected one? See expect.h. */
#include "balance/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {
    [LB_EXPECT_NOTHING] = "",
    [LB_EXPECT_BALANCED] = "balanced",
    [LB_EXPECT_PER_REQUEST] = "per-request",
    [LB_EXPECT_PER_CONNECTION] = "per-connection",
    [LB_EXPECT_CLIENT_SIDE] = "client-side",
    [LB_EXPECT_STICKY] = "sticky",
    [LB_EXPECT_PINNED] = "pinned",
};

enum lb_expect_word lb_expect_parse(const char *word)
{
    for (unsigned i = LB_EXPECT_BALANCED; i <= LB_EXPECT_PINNED; i++) {
        if (strcmp(words[i], word) == 0)
            return (enum lb_expect_word)i;
    }
    return LB_EXPECT_NOTHING;
}

const char *lb_expect_name(enum lb_expect_word word)
{
    return words[word];
}

/* Collects the worst result with its reason. */
struct judge {
    lb_translator *translate;
    enum lb_expect_result result;
    char *reason;
    size_t size;
};

static void find(struct judge *j, enum lb_expect_result result, const char *reason)
{
    bool worse = result == LB_EXPECT_NOT_MET
                     ? j->result != LB_EXPECT_NOT_MET
                     : result != LB_EXPECT_MET && j->result == LB_EXPECT_MET;
    if (!worse)
        return;
    j->result = result;
    snprintf(j->reason, j->size, "%s", reason);
}

static void check_outcome(struct judge *j, enum lb_outcome wanted, const struct lb_verdict *v)
{
    char reason[192];
    bool open = v->outcome == LB_OUTCOME_INCONCLUSIVE || v->outcome == LB_OUTCOME_NO_DATA;
    if (v->outcome == wanted)
        return;
    if (open && v->needed_units)
        snprintf(reason, sizeof(reason),
                 lb_tr(j->translate, "expected %s, cannot be judged yet: %" PRIu64
                                     " %s, about %" PRIu64 " needed"),
                 lb_outcome_name(wanted), v->units,
                 lb_tr(j->translate, lb_unit_name(v->unit, v->units != 1)), v->needed_units);
    else
        snprintf(reason, sizeof(reason), lb_tr(j->translate, "expected %s, but it is %s"),
                 lb_outcome_name(wanted), lb_outcome_name(v->outcome));
    find(j, open ? LB_EXPECT_CANNOT_JUDGE : LB_EXPECT_NOT_MET, reason);
}

static void check_layer(struct judge *j, enum lb_layer wanted, enum lb_explanation_id first,
                        enum lb_explanation_id last, const struct lb_verdict *v)
{
    const struct lb_layers *l = &v->layers;
    char reason[192];
    if (l->layer == wanted || (l->behind == wanted && l->behind != LB_LAYER_UNKNOWN))
        return;
    bool possible = false;
    for (enum lb_explanation_id id = first; id <= last; id++)
        possible |= l->explanations[id].left;
    bool open = l->layer == LB_LAYER_UNKNOWN && (possible || l->identity_broken);
    snprintf(reason, sizeof(reason),
             open ? lb_tr(j->translate,
                          "expected %s balancing, the layer is not known yet: --diagnose tells")
                  : lb_tr(j->translate, "expected %s balancing, but that is excluded"),
             lb_layer_name(wanted));
    find(j, open ? LB_EXPECT_CANNOT_JUDGE : LB_EXPECT_NOT_MET, reason);
}

static void check_word(struct judge *j, enum lb_expect_word word, const struct lb_verdict *v)
{
    switch (word) {
    case LB_EXPECT_NOTHING:
        break;
    case LB_EXPECT_BALANCED:
        check_outcome(j, LB_OUTCOME_BALANCED, v);
        break;
    case LB_EXPECT_PINNED:
        check_outcome(j, LB_OUTCOME_PINNED, v);
        break;
    case LB_EXPECT_PER_REQUEST:
        check_layer(j, LB_LAYER_PER_REQUEST, LB_BY_REQUEST, LB_BY_REQUEST, v);
        break;
    case LB_EXPECT_PER_CONNECTION:
        check_layer(j, LB_LAYER_PER_CONNECTION, LB_BY_CONNECTION, LB_BY_CONNECTION, v);
        break;
    case LB_EXPECT_CLIENT_SIDE:
        check_layer(j, LB_LAYER_CLIENT_SIDE, LB_BY_ADDRESS, LB_BY_ADDRESS, v);
        break;
    case LB_EXPECT_STICKY:
        check_layer(j, LB_LAYER_STICKY, LB_BY_SOURCE, LB_BY_PATH, v);
        break;
    }
}

/* Fewer than expected is only wrong when luck is excluded; more is always. */
static void check_backends(struct judge *j, unsigned wanted, const struct lb_verdict *v)
{
    char reason[192];
    uint64_t seen = v->layers.backends;
    if (seen == wanted)
        return;
    double luck = lb_missed_by_luck(1.0 / wanted, v->units);
    bool sure = seen > wanted || luck <= v->alpha_evenness || v->outcome == LB_OUTCOME_PINNED;
    snprintf(reason, sizeof(reason), lb_tr(j->translate, "expected %u %s, saw %" PRIu64 "%s"),
             wanted, lb_tr(j->translate, wanted == 1 ? N_("backend") : N_("backends")), seen,
             sure ? "" : lb_tr(j->translate, ", which may be luck: more requests would tell"));
    find(j, sure ? LB_EXPECT_NOT_MET : LB_EXPECT_CANNOT_JUDGE, reason);
}

enum lb_expect_result lb_expect_check(const struct lb_expectation *e, const struct lb_verdict *v,
                                      lb_translator *translate, char *reason, size_t size)
{
    struct judge j = {
        .translate = translate, .result = LB_EXPECT_MET, .reason = reason, .size = size};
    char text[192];
    if (size > 0)
        reason[0] = '\0';
    if (e->limit_errors && v->errors > e->max_errors) {
        snprintf(text, sizeof(text),
                 lb_tr(translate, "%" PRIu64 " requests failed, at most %" PRIu64 " may"),
                 v->errors, e->max_errors);
        find(&j, LB_EXPECT_NOT_MET, text);
    }
    if (v->answers == 0) {
        find(&j, LB_EXPECT_CANNOT_JUDGE,
             lb_tr(translate,
                   v->requests ? N_("no request was answered") : N_("no request was sent")));
        return j.result;
    }
    check_word(&j, e->word, v);
    if (e->backends > 0)
        check_backends(&j, e->backends, v);
    if (e->weights && e->word != LB_EXPECT_BALANCED)
        check_outcome(&j, LB_OUTCOME_BALANCED, v);
    return j.result;
}
