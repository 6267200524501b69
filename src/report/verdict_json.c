/* A verdict as JSON. See verdict_json.h; the meaning of each number is in balance/verdict.h. */
#include "report/verdict_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balance/verdict_text.h"
#include "report/fields.h"
#include "report/report.h"
#include "report/segment_fields.h"

#define MAX_SHARES 65536 /* backends, groups and expected names */
#define MAX_FACTS 256
#define MAX_SENTENCE 4096

#define VERDICT(type, name, ...)                                               \
    {                                                                          \
#name, LB_FIELD_##type, offsetof(struct lb_verdict, name), __VA_ARGS__ \
    }
#define SHARE(type, name, ...)                                               \
    {                                                                        \
#name, LB_FIELD_##type, offsetof(struct lb_share, name), __VA_ARGS__ \
    }

static const struct lb_field verdict_fields[] = {
    VERDICT(U64, requests, false),
    VERDICT(U64, answers, false),
    VERDICT(U64, errors, false),
    VERDICT(U64, runs, false),
    VERDICT(U64, clients, false),
    VERDICT(U64, pinned_clients, false),
    VERDICT(U64, connections, false),
    VERDICT(U64, single_connections, false),
    VERDICT(U64, several_connections, false),
    VERDICT(U64, units, false),
    VERDICT(U64, seen, false),
    VERDICT(U64, expected, false),
    VERDICT(DOUBLE, dispersion, false),
    VERDICT(DOUBLE, jain, false, 0, 1),
    VERDICT(DOUBLE, could_miss, false),
    VERDICT(U64, needed_units, false),
    VERDICT(CHANCE, missing_by_luck, false, 0, 1),
    VERDICT(U64, once, false),
    VERDICT(INT, failing, false, 0, MAX_SHARES),
    VERDICT(TEXT, cause, true, 0, MAX_SENTENCE),
    VERDICT(U64, cause_count, true),
    VERDICT(DOUBLE, alpha_layer, false, 0, 1),
    VERDICT(DOUBLE, alpha_evenness, false, 0, 1),
};

static const struct lb_field evenness_fields[] = {
    {"x2", LB_FIELD_DOUBLE, offsetof(struct lb_evenness, x2), false},
    {"deff", LB_FIELD_DOUBLE, offsetof(struct lb_evenness, deff), false},
    {"p_value", LB_FIELD_DOUBLE, offsetof(struct lb_evenness, p_value), false, 0, 1},
};

static const struct lb_field share_fields[] = {
    SHARE(TEXT, name, false, 0, MAX_SENTENCE),
    SHARE(TEXT, version, true),
    SHARE(TEXT, zone, true),
    SHARE(TEXT, node, true),
    SHARE(U64, answers, false),
    SHARE(U64, errors, false),
    SHARE(DOUBLE, of_answers, false, 0, 1),
    SHARE(U64, connections, false),
    SHARE(U64, units, false),
    SHARE(DOUBLE, share, false, 0, 1),
    SHARE(DOUBLE, low, false, 0, 1),
    SHARE(DOUBLE, high, false, 0, 1),
    SHARE(CHANCE, expected, false, 0, 1),
    SHARE(BOOL, not_expected, true),
    SHARE(BOOL, not_seen, true),
    SHARE(UINT, restarts, true),
    SHARE(I64, first_ns, true),
    SHARE(I64, last_ns, true),
    SHARE(DOUBLE, p50_us, false),
    SHARE(DOUBLE, p90_us, false),
    SHARE(DOUBLE, p99_us, false),
    SHARE(DOUBLE, max_us, false),
};

static const struct lb_field pattern_fields[] = {
    {"period", LB_FIELD_UINT, offsetof(struct lb_pattern, period), true},
    {"match", LB_FIELD_DOUBLE, offsetof(struct lb_pattern, match), false, 0, 1},
    {"slips", LB_FIELD_BOOL, offsetof(struct lb_pattern, slips), true},
    {"per_connection", LB_FIELD_BOOL, offsetof(struct lb_pattern, per_connection), true},
    {"answers", LB_FIELD_U64, offsetof(struct lb_pattern, answers), false},
};

static const struct lb_field explanation_fields[] = {
    {"left", LB_FIELD_BOOL, offsetof(struct lb_explanation, left), false},
    {"log_e", LB_FIELD_DOUBLE, offsetof(struct lb_explanation, log_e), false},
};

static const char *const doubt_names[] = {
    [LB_DOUBT_NONE] = "none",         [LB_DOUBT_FEW] = "few",
    [LB_DOUBT_LAYER] = "layer",       [LB_DOUBT_ONE_BACKEND] = "one backend",
    [LB_DOUBT_IDENTITY] = "identity", [LB_DOUBT_ERRORS] = "errors",
    [LB_DOUBT_NOT_SEEN] = "not seen", [LB_DOUBT_NO_UNIT] = "no unit",
};

static const char *const others[] = {"outcome",   "layer",    "doubt",  "headline", "unit",
                                     "sticky_by", "evenness", "shares", "pattern",  "explanations",
                                     "facts",     "advice",   NULL};

const char *lb_expect_result_name(enum lb_expect_result result)
{
    static const char *const names[] = {
        [LB_EXPECT_MET] = "met",
        [LB_EXPECT_NOT_MET] = "not met",
        [LB_EXPECT_CANNOT_JUDGE] = "cannot judge",
    };
    return names[result];
}

json_t *lb_expectation_json(const struct lb_expectation *e, const struct lb_verdict *v)
{
    char reason[512];
    enum lb_expect_result result = lb_expect_check(e, v, NULL, reason, sizeof reason);
    return json_pack("{s: s, s: o}", "result", lb_expect_result_name(result), "reason",
                     lb_json_text(reason));
}

static json_t *write_fields(const struct lb_field *fields, size_t count, const void *from)
{
    json_t *object = json_object();
    if (object && lb_fields_write(object, fields, count, from) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_shares(const struct lb_verdict *v)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < v->n_shares; i++) {
        json_t *share = write_fields(share_fields, LB_FIELD_COUNT(share_fields), &v->shares[i]);
        if (json_array_append_new(array, share) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_explanations(const struct lb_layers *layers)
{
    json_t *object = json_object();
    for (int id = 0; object && id < LB_EXPLANATIONS; id++) {
        json_t *one = write_fields(explanation_fields, LB_FIELD_COUNT(explanation_fields),
                                   &layers->explanations[id]);
        if (json_object_set_new(object, lb_explanation_name((enum lb_explanation_id)id), one) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *write_facts(const struct lb_verdict *v)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < v->n_facts; i++) {
        const struct lb_fact *f = &v->facts[i];
        json_t *values = json_array();
        for (size_t k = 0; values && k < 3 && isfinite(f->value[k]); k++)
            json_array_append_new(values, json_real(f->value[k]));
        json_t *fact = json_pack("{s: s, s: o, s: o}", "id", lb_fact_name(f->id), "text",
                                 lb_json_text(f->text), "values", values);
        if (json_array_append_new(array, fact) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_advice(const struct lb_verdict *v)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < v->n_advice; i++) {
        if (json_array_append_new(array, json_string(v->advice[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_pattern(const struct lb_pattern *p)
{
    json_t *object = write_fields(pattern_fields, LB_FIELD_COUNT(pattern_fields), p);
    if (object && json_object_set_new(object, "name", json_string(lb_pattern_name(p->kind))) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_evenness(const struct lb_evenness *e)
{
    json_t *object = write_fields(evenness_fields, LB_FIELD_COUNT(evenness_fields), e);
    json_t *method = json_string(lb_evenness_method_name(e->method));
    if (object && json_object_set_new(object, "method", method) == 0)
        return object;
    json_decref(object);
    return NULL;
}

json_t *lb_verdict_json(const struct lb_verdict *v)
{
    char *headline = lb_verdict_headline(v);
    json_t *object = json_object();
    bool sticky = v->layers.layer == LB_LAYER_STICKY;
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"outcome", json_string(lb_outcome_name(v->outcome))},
        {"layer", json_string(lb_layer_name(v->layers.layer))},
        {"doubt", json_string(doubt_names[v->doubt])},
        {"headline", headline ? lb_json_text(headline) : NULL},
        {"unit", json_string(lb_unit_name(v->unit, false))},
        {"sticky_by", sticky ? json_string(lb_level_names[v->layers.sticky_level]) : json_null()},
        {"evenness", write_evenness(&v->evenness)},
        {"shares", write_shares(v)},
        {"pattern", write_pattern(&v->pattern)},
        {"explanations", write_explanations(&v->layers)},
        {"facts", write_facts(v)},
        {"advice", write_advice(v)},
    };
    int failed = !object;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        failed |= json_object_set_new(object, members[i].name, members[i].value) < 0;
    free(headline);
    if (!failed && lb_fields_write(object, verdict_fields, LB_FIELD_COUNT(verdict_fields), v) == 0)
        return object;
    json_decref(object);
    return NULL;
}

/* Whether the member is one of the names that `name_of` gives the numbers 0 .. n - 1. */
static int check_word(const struct lb_place *at, json_t *object, const char *member,
                      const char *(*name_of)(int), int n)
{
    struct lb_place here = lb_place_member(at, member);
    const char *word = json_string_value(json_object_get(object, member));
    for (int i = 0; word && i < n; i++) {
        if (strcmp(word, name_of(i)) == 0)
            return 0;
    }
    return lb_place_fail(&here, "is not a word this version knows");
}

static const char *outcome_at(int i)
{
    return lb_outcome_name((enum lb_outcome)i);
}

static const char *layer_at(int i)
{
    return lb_layer_name((enum lb_layer)i);
}

static const char *doubt_at(int i)
{
    return doubt_names[i];
}

static const char *unit_at(int i)
{
    return lb_unit_name((enum lb_unit)i, false);
}

static const char *method_at(int i)
{
    return lb_evenness_method_name((enum lb_evenness_method)i);
}

static const char *pattern_name_at(int i)
{
    return lb_pattern_name((enum lb_pattern_kind)i);
}

static const char *fact_at(int i)
{
    return lb_fact_name((enum lb_fact_id)i);
}

static int check_text(const struct lb_place *at, json_t *object, const char *member)
{
    struct lb_place here = lb_place_member(at, member);
    char *text;
    if (lb_place_text(&here, json_object_get(object, member), MAX_SENTENCE, &text) < 0)
        return -1;
    free(text);
    return 0;
}

static int check_share(const struct lb_place *at, json_t *object)
{
    struct lb_share s = {0};
    int failed =
        lb_fields_read(at, object, share_fields, LB_FIELD_COUNT(share_fields), NULL, &s) < 0;
    free(s.name);
    free(s.version);
    free(s.zone);
    free(s.node);
    return failed ? -1 : 0;
}

static int check_fact(const struct lb_place *at, json_t *object)
{
    static const char *const members[] = {"id", "text", "values", NULL};
    if (lb_fields_read(at, object, NULL, 0, members, NULL) < 0 ||
        check_word(at, object, "id", fact_at, LB_FACTS) < 0 || check_text(at, object, "text") < 0)
        return -1;
    json_t *values = lb_place_array(at, object, "values", 0, 3);
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (!json_is_number(json_array_get(values, i)))
            return lb_place_fail(at, "has a value that is not a number");
    }
    return values ? 0 : -1;
}

static int check_advice(const struct lb_place *at, json_t *value)
{
    char *text;
    if (lb_place_text(at, value, MAX_SENTENCE, &text) < 0)
        return -1;
    free(text);
    return 0;
}

static int check_each(const struct lb_place *at, json_t *object, const char *member, size_t max,
                      int (*check)(const struct lb_place *at, json_t *value))
{
    json_t *array = lb_place_array(at, object, member, 0, max);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, member);
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        if (check(&here, json_array_get(array, i)) < 0)
            return -1;
    }
    return 0;
}

static int check_explanations(const struct lb_place *at, json_t *object)
{
    json_t *explanations = lb_place_object(at, object, "explanations");
    if (!explanations)
        return -1;
    struct lb_place explanations_at = lb_place_member(at, "explanations");
    for (int id = 0; id < LB_EXPLANATIONS; id++) {
        struct lb_explanation e = {0};
        const char *name = lb_explanation_name((enum lb_explanation_id)id);
        struct lb_place here = lb_place_member(&explanations_at, name);
        json_t *one = lb_place_object(&explanations_at, explanations, name);
        if (!one || lb_fields_read(&here, one, explanation_fields,
                                   LB_FIELD_COUNT(explanation_fields), NULL, &e) < 0)
            return -1;
    }
    if (json_object_size(explanations) != LB_EXPLANATIONS)
        return lb_place_fail(&explanations_at, "has one this version does not know");
    return 0;
}

static int check_pattern_and_evenness(const struct lb_place *at, json_t *object)
{
    static const char *const pattern_others[] = {"name", NULL}, *const even_others[] = {"method",
                                                                                        NULL};
    struct lb_place pattern_at = lb_place_member(at, "pattern");
    struct lb_place evenness_at = lb_place_member(at, "evenness");
    struct lb_pattern p = {0};
    struct lb_evenness e = {0};
    json_t *pattern = lb_place_object(at, object, "pattern");
    json_t *evenness = pattern ? lb_place_object(at, object, "evenness") : NULL;
    if (!evenness ||
        lb_fields_read(&pattern_at, pattern, pattern_fields, LB_FIELD_COUNT(pattern_fields),
                       pattern_others, &p) < 0 ||
        check_word(&pattern_at, pattern, "name", pattern_name_at, LB_PATTERN_UNKNOWN + 1) < 0 ||
        lb_fields_read(&evenness_at, evenness, evenness_fields, LB_FIELD_COUNT(evenness_fields),
                       even_others, &e) < 0)
        return -1;
    return check_word(&evenness_at, evenness, "method", method_at, LB_EVENNESS_CHI_SQUARED + 1);
}

static int check_sticky(const struct lb_place *at, json_t *object)
{
    struct lb_place here = lb_place_member(at, "sticky_by");
    json_t *value = json_object_get(object, "sticky_by");
    const char *word = json_string_value(value);
    bool known = value && json_is_null(value);
    for (int i = 0; word && i < LB_LEVELS; i++)
        known |= strcmp(word, lb_level_names[i]) == 0;
    return known ? 0 : lb_place_fail(&here, "is neither null nor the name of a level");
}

int lb_verdict_check_json(const struct lb_place *at, json_t *object)
{
    struct lb_verdict v = {0};
    int failed =
        lb_fields_read(at, object, verdict_fields, LB_FIELD_COUNT(verdict_fields), others, &v) < 0;
    free(v.cause);
    if (failed || check_word(at, object, "outcome", outcome_at, LB_OUTCOME_NO_DATA + 1) < 0 ||
        check_word(at, object, "layer", layer_at, LB_LAYER_SINGLE_BACKEND + 1) < 0 ||
        check_word(at, object, "doubt", doubt_at, LB_DOUBT_NO_UNIT + 1) < 0 ||
        check_word(at, object, "unit", unit_at, LB_UNIT_KEY + 1) < 0 ||
        check_text(at, object, "headline") < 0 || check_sticky(at, object) < 0 ||
        check_pattern_and_evenness(at, object) < 0 ||
        check_each(at, object, "shares", MAX_SHARES, check_share) < 0 ||
        check_explanations(at, object) < 0 ||
        check_each(at, object, "facts", MAX_FACTS, check_fact) < 0)
        return -1;
    return check_each(at, object, "advice", 3, check_advice);
}
