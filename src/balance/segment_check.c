/* Checks a segment that was restored from outside before anything is computed from it. */
#include "balance/segment_private.h"

#include <string.h>

/* No count is larger than this, so that sums of many reports cannot overflow. */
#define COUNT_MAX (UINT64_C(1) << 48)
#define TIME_MAX_NS (INT64_C(1) << 60)
#define LOG_MAX (INT64_C(1) << 60)

static bool text_ok(const char *text)
{
    return text && strnlen(text, LB_MAX_NAME + 1) <= LB_MAX_NAME;
}

static bool backend_ok(const struct lb_segment *s, uint32_t backend)
{
    return backend < s->n_backends;
}

static const char *check_backend(const struct lb_segment *s, const struct lb_backend *b)
{
    if (!text_ok(b->name) || !*b->name || !text_ok(b->boot) || !text_ok(b->version) ||
        !text_ok(b->zone) || !text_ok(b->node))
        return "a backend's name is missing or too long";
    if (b->answers > s->answers || b->errors > s->errors || b->starts > b->answers ||
        b->aside > b->answers || b->aside_starts > b->starts || b->aside_starts > b->aside)
        return "a backend has more answers, errors or starts than there are";
    if (b->answers > 0 && (b->first_request < s->first || b->last_request > s->last ||
                           b->first_request > b->last_request))
        return "a backend answered outside the range of requests";
    uint64_t in_slots = 0;
    for (unsigned i = 0; i < LB_SLOTS; i++)
        in_slots += b->slots[i];
    if (in_slots != b->answers || b->latency.count != b->answers)
        return "a backend's answers differ from its time slots or latencies";
    if (!lb_histogram_valid(&b->latency))
        return "a backend's latencies do not add up";
    for (unsigned k = 0; k < LB_PAIRS; k++) {
        const struct lb_pairs *p = &b->pairs[k];
        if (p->stays > COUNT_MAX || p->leaves > COUNT_MAX || p->pending > COUNT_MAX ||
            p->stays + p->leaves + p->pending > b->answers)
            return "a backend was left and kept more often than it answered";
    }
    return NULL;
}

static const char *check_connection(const struct lb_segment *s, const struct lb_connection *c)
{
    if (c->id == 0 || c->requests < c->answers || c->requests > s->requests)
        return "a connection's requests do not add up";
    if (c->address != LB_NONE && c->address >= s->n_addresses)
        return "a connection's address is not in the list";
    if (c->answers == 0)
        return c->n_backends ? "a connection without answers has backends" : NULL;
    if (!backend_ok(s, c->first_backend) || !backend_ok(s, c->last_backend))
        return "a connection's backend is not in the list";
    if (c->leaves >= c->answers || c->first_request > c->last_request ||
        c->first_request < s->first || c->last_request > s->last)
        return "a connection's answers do not add up";
    if (c->n_backends == 0 || c->n_backends > LB_CONNECTION_BACKENDS + 1)
        return "a connection has no backends, or too many";
    uint64_t sum = 0;
    for (uint32_t i = 0; c->n_backends <= LB_CONNECTION_BACKENDS && i < c->n_backends; i++) {
        if (!backend_ok(s, c->backends[i].backend) || c->backends[i].count == 0)
            return "a connection's backend is not in the list";
        sum += c->backends[i].count;
    }
    if (c->n_backends <= LB_CONNECTION_BACKENDS && sum != c->answers)
        return "a connection's answers differ from those of its backends";
    return NULL;
}

static const char *check_lags(const struct lb_segment *s, const struct lb_lags *l)
{
    if (l->n_head > LB_LAGS || l->n_tail > LB_LAGS)
        return "too many requests at an end of the order";
    for (uint32_t i = 0; i < l->n_head; i++) {
        if (!backend_ok(s, l->head[i].backend))
            return "the order names a backend that is not in the list";
    }
    for (uint32_t i = 0; i < l->n_tail; i++) {
        if (!backend_ok(s, l->tail[i].backend))
            return "the order names a backend that is not in the list";
    }
    for (unsigned i = 0; i < LB_LAGS; i++) {
        if (l->matches[i] > l->pairs[i] || l->pairs[i] > s->answers)
            return "the order has more matches than pairs";
    }
    return NULL;
}

static const char *check_key(const struct lb_segment *s, const struct lb_key *k)
{
    if (k->level < LB_LEVEL_ADDRESS || k->level > LB_LEVEL_PATH)
        return "a key has no known level";
    if (k->value >= (k->level == LB_LEVEL_ADDRESS ? s->n_addresses : LB_MAX_KEY_VALUES))
        return "a key's value is out of range";
    if (!backend_ok(s, k->first_backend) || !backend_ok(s, k->last_backend) ||
        k->starts > s->answers)
        return "a key's backend is not in the list";
    return NULL;
}

static const char *check_coin(const struct lb_segment *s, const struct lb_coin *c)
{
    if (c->tosses > s->answers || c->own > c->tosses || c->other > c->tosses - c->own)
        return "a coin has more tosses than there were answers";
    for (unsigned i = 0; i < LB_COIN_MIX; i++) {
        if (c->log_follow[i] > LOG_MAX || c->log_follow[i] < -LOG_MAX || c->log_half[i] > LOG_MAX ||
            c->log_half[i] < -LOG_MAX)
            return "a coin's evidence is out of range";
    }
    return NULL;
}

static const char *check_totals(const struct lb_segment *s)
{
    uint64_t answers = s->unnamed_answers, errors = s->other_errors;
    if (s->first == 0 || s->last >= COUNT_MAX || s->requests > COUNT_MAX)
        return "the range of requests is out of bounds";
    if (s->answers > s->requests || s->errors != s->requests - s->answers)
        return "answers and errors do not add up to the requests";
    if (s->starts > s->requests || s->start_errors > s->starts || s->aside_errors > s->errors ||
        s->aside_start_errors > s->aside_errors || s->aside_start_errors > s->start_errors ||
        s->unnamed_answers > s->answers || s->dropped_names > s->unnamed_answers ||
        s->with_server_id > s->answers || s->with_new_server > s->with_server_id ||
        s->with_proxy > s->answers || s->other_errors > s->errors)
        return "a part is larger than the whole";
    for (size_t i = 0; i < s->n_backends; i++)
        answers += s->backends[i].answers;
    for (size_t i = 0; i < s->n_statuses; i++) {
        if (!text_ok(s->statuses[i].text) || s->statuses[i].count > s->errors)
            return "an error's text or count is out of bounds";
        errors += s->statuses[i].count;
    }
    if (answers != s->answers || errors != s->errors)
        return "the answers of the backends or the errors by text do not add up";
    if (s->end_ns < 0 || s->end_ns > TIME_MAX_NS || s->slot_shift > 40)
        return "the end of the run is out of bounds";
    return s->first <= s->last && s->last - s->first + 1 < s->requests - s->late
               ? "more requests than the range holds"
               : NULL;
}

static const char *check_lists(const struct lb_segment *s)
{
    const char *wrong = NULL;
    for (size_t i = 0; i < s->n_backends && !wrong; i++)
        wrong = check_backend(s, &s->backends[i]);
    for (size_t i = 0; i < s->n_addresses && !wrong; i++)
        wrong = text_ok(s->addresses[i]) ? NULL : "an address is missing or too long";
    for (size_t i = 0; i < s->n_connections && !wrong; i++)
        wrong = check_connection(s, &s->connections[i]);
    for (size_t i = 0; i < s->n_keys && !wrong; i++)
        wrong = check_key(s, &s->keys[i]);
    for (unsigned i = 0; i < LB_LEVELS && !wrong; i++)
        wrong = check_coin(s, &s->coins[i]);
    for (size_t i = 0; i < s->n_raw && !wrong; i++) {
        if (s->raw[i].backend != LB_NONE && !backend_ok(s, s->raw[i].backend))
            wrong = "the raw order names a backend that is not in the list";
    }
    return wrong;
}

const char *lb_segment_check(const struct lb_segment *s)
{
    if (!text_ok(s->run) || !*s->run || !text_ok(s->client))
        return "the run has no id, or one too long";
    if (s->n_backends > LB_MAX_BACKENDS || s->n_addresses > LB_MAX_KEY_VALUES ||
        s->n_connections > LB_MAX_CONNECTIONS || s->n_statuses > LB_MAX_STATUSES ||
        s->n_keys > (size_t)LB_LEVELS * LB_MAX_KEY_VALUES || s->n_raw > lb_segment__raw_due(s))
        return "a list is longer than it can be";
    if (s->late > s->requests)
        return "more late requests than requests";
    const char *wrong = check_totals(s);
    if (!wrong)
        wrong = check_lists(s);
    if (!wrong)
        wrong = check_lags(s, &s->order);
    if (!wrong)
        wrong = check_lags(s, &s->opened);
    const struct lb_folded *f = &s->folded;
    if (!wrong &&
        (f->answers > s->answers || f->connections > f->answers || f->single > f->connections ||
         f->several > f->connections || f->same_pairs > f->pairs))
        wrong = "the folded connections do not add up";
    return wrong;
}
