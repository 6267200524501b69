/* A segment of a tally from JSON, every member checked. See segment_json.h. */
#include "report/segment_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/segment_fields.h"

static int index_of(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

/* An index below `n`, or null. */
static int read_index(const struct lb_place *at, json_t *value, size_t n, uint32_t *out)
{
    int64_t v;
    *out = LB_NONE;
    if (json_is_null(value))
        return 0;
    if (n == 0)
        return lb_place_fail(at, "is not null, though there is nothing to point at");
    if (lb_place_integer(at, value, 0, (int64_t)n - 1, &v) < 0)
        return -1;
    *out = (uint32_t)v;
    return 0;
}

/* A row of exactly n whole numbers from min to LB_REPORT_MAX_COUNT. */
static int read_row(const struct lb_place *at, json_t *row, int64_t min, int64_t max, int64_t *out,
                    size_t n)
{
    if (lb_place_is_array(at, row, n, n) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (lb_place_integer_in(at, row, i, min, max, &out[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_pairs(const struct lb_place *at, json_t *object, struct lb_pairs pairs[LB_PAIRS])
{
    const char *name;
    json_t *row;
    json_object_foreach(object, name, row)
    {
        struct lb_place here = lb_place_member(at, name);
        int kind = index_of(lb_pair_names, LB_PAIRS, name);
        if (kind < 0)
            return lb_place_fail(&here, "is not a kind of pairs this version knows");
        int64_t v[3];
        if (read_row(&here, row, 0, LB_REPORT_MAX_COUNT, v, 3) < 0)
            return -1;
        pairs[kind] = (struct lb_pairs){(uint64_t)v[0], (uint64_t)v[1], (uint64_t)v[2]};
    }
    return 0;
}

static int read_slots(const struct lb_place *at, json_t *array, uint32_t slots[LB_SLOTS])
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        int64_t v;
        if (lb_place_integer_in(at, array, i, 0, UINT32_MAX, &v) < 0)
            return -1;
        slots[i] = (uint32_t)v;
    }
    return 0;
}

static int read_latency(const struct lb_place *at, json_t *object, struct lb_histogram *h)
{
    static const char *const others[] = {"buckets", NULL};
    if (lb_fields_read(at, object, lb_latency_fields, LB_LATENCY_FIELDS, others, h) < 0)
        return -1;
    json_t *buckets = lb_place_array(at, object, "buckets", 0, LB_HISTOGRAM_BUCKETS);
    if (!buckets)
        return -1;
    struct lb_place buckets_at = lb_place_member(at, "buckets");
    int64_t before = -1;
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        struct lb_place here = lb_place_element(&buckets_at, i);
        int64_t v[2];
        if (read_row(&here, json_array_get(buckets, i), 0, LB_REPORT_MAX_COUNT, v, 2) < 0)
            return -1;
        if (v[0] >= LB_HISTOGRAM_BUCKETS)
            return lb_place_fail(&here, "names bucket %" PRId64 "; the last is %d", v[0],
                                 LB_HISTOGRAM_BUCKETS - 1);
        if (v[0] <= before)
            return lb_place_fail(&here, "names a bucket that is not above the one before");
        before = v[0];
        if (lb_histogram_set(h, (size_t)v[0], (uint64_t)v[1]) < 0)
            return lb_place_no_memory(&here);
    }
    if (!lb_histogram_valid(h))
        return lb_place_fail(at,
                             "has buckets that do not fit its count, sum, smallest and largest");
    return 0;
}

static int read_backend(const struct lb_place *at, json_t *object, struct lb_backend *b)
{
    if (lb_fields_read(at, object, lb_backend_fields, LB_BACKEND_FIELDS, lb_backend_others, b) < 0)
        return -1;
    json_t *pairs = lb_place_object(at, object, "pairs");
    json_t *slots = pairs ? lb_place_array(at, object, "slots", 0, LB_SLOTS) : NULL;
    json_t *latency = slots ? lb_place_object(at, object, "latency") : NULL;
    if (!latency)
        return -1;
    struct lb_place pairs_at = lb_place_member(at, "pairs");
    struct lb_place slots_at = lb_place_member(at, "slots");
    struct lb_place latency_at = lb_place_member(at, "latency");
    if (read_pairs(&pairs_at, pairs, b->pairs) < 0 || read_slots(&slots_at, slots, b->slots) < 0)
        return -1;
    return read_latency(&latency_at, latency, &b->latency);
}

/* Opens the array `name` of the segment and allocates its elements, zeroed. */
static json_t *open_array(const struct lb_place *at, json_t *object, const char *name, size_t max,
                          size_t size, void **elements)
{
    json_t *array = lb_place_array(at, object, name, 0, max);
    if (!array)
        return NULL;
    size_t n = json_array_size(array);
    if (n > 0 && !(*elements = calloc(n, size))) {
        lb_place_no_memory(at);
        return NULL;
    }
    return array;
}

static int read_backends(const struct lb_place *at, json_t *object, struct lb_segment *s)
{
    void *elements = NULL;
    json_t *array =
        open_array(at, object, "backends", LB_MAX_BACKENDS, sizeof *s->backends, &elements);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, "backends");
    s->backends = elements;
    s->cap_backends = json_array_size(array);
    for (size_t i = 0; i < s->cap_backends; i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        s->n_backends++; /* before it is read, so that its texts are freed after failure */
        if (read_backend(&here, json_array_get(array, i), &s->backends[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_addresses(const struct lb_place *at, json_t *object, struct lb_segment *s)
{
    json_t *array = lb_place_array(at, object, "addresses", 0, LB_MAX_KEY_VALUES);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, "addresses");
    /* As the segment grows it: room for all it may have. */
    if (json_array_size(array) && !(s->addresses = calloc(LB_MAX_KEY_VALUES, sizeof *s->addresses)))
        return lb_place_no_memory(at);
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        if (lb_place_text(&here, json_array_get(array, i), LB_MAX_NAME, &s->addresses[i]) < 0)
            return -1;
        s->n_addresses++;
    }
    return 0;
}

static int read_key_values(const struct lb_place *at, json_t *object, uint16_t key[LB_LEVELS])
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        struct lb_place here = lb_place_member(at, name);
        int level = index_of(lb_level_names, LB_LEVELS, name);
        if (level < 0)
            return lb_place_fail(&here, "is not a key this version knows");
        int64_t v;
        if (lb_place_integer(&here, value, 0, UINT16_MAX, &v) < 0)
            return -1;
        key[level] = (uint16_t)v;
    }
    return 0;
}

/* backends: [[index, count], ...] */
static int read_connection_backends(const struct lb_place *at, json_t *object,
                                    const struct lb_segment *s, struct lb_connection *c)
{
    json_t *array = lb_place_array(at, object, "backends", 0, LB_CONNECTION_BACKENDS);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, "backends");
    size_t n = c->n_backends < LB_CONNECTION_BACKENDS ? c->n_backends : LB_CONNECTION_BACKENDS;
    if (json_array_size(array) != n)
        return lb_place_fail(&array_at, "has %zu elements where n_backends promises %zu",
                             json_array_size(array), n);
    for (size_t i = 0; i < n; i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        struct lb_place first = lb_place_element(&here, 0);
        json_t *row = json_array_get(array, i);
        int64_t count;
        if (lb_place_is_array(&here, row, 2, 2) < 0 ||
            read_index(&first, json_array_get(row, 0), s->n_backends, &c->backends[i].backend) <
                0 ||
            lb_place_integer_in(&here, row, 1, 0, UINT32_MAX, &count) < 0)
            return -1;
        c->backends[i].count = (uint32_t)count;
    }
    return 0;
}

static int read_connection(const struct lb_place *at, json_t *object, const struct lb_segment *s,
                           struct lb_connection *c)
{
    if (lb_fields_read(at, object, lb_connection_fields, LB_CONNECTION_FIELDS, lb_connection_others,
                       c) < 0 ||
        read_connection_backends(at, object, s, c) < 0)
        return -1;
    if (!json_object_get(object, "keys"))
        return 0;
    json_t *keys = lb_place_object(at, object, "keys");
    struct lb_place keys_at = lb_place_member(at, "keys");
    return keys ? read_key_values(&keys_at, keys, c->key) : -1;
}

static int read_connections(const struct lb_place *at, json_t *object, struct lb_segment *s)
{
    void *elements = NULL;
    json_t *array = open_array(at, object, "connections", LB_MAX_CONNECTIONS,
                               sizeof *s->connections, &elements);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, "connections");
    s->connections = elements;
    s->n_connections = s->cap_connections = json_array_size(array);
    for (size_t i = 0; i < s->n_connections; i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        if (read_connection(&here, json_array_get(array, i), s, &s->connections[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_key(const struct lb_place *at, json_t *object, struct lb_key *key)
{
    static const char *const others[] = {"level", NULL};
    if (lb_fields_read(at, object, lb_key_fields, LB_KEY_FIELDS, others, key) < 0)
        return -1;
    struct lb_place level_at = lb_place_member(at, "level");
    const char *name = json_string_value(json_object_get(object, "level"));
    int level = name ? index_of(lb_level_names, LB_LEVELS, name) : -1;
    if (level < 0)
        return lb_place_fail(&level_at, "is not the name of a level");
    key->level = (enum lb_level)level;
    return 0;
}

static int read_keys(const struct lb_place *at, json_t *object, struct lb_segment *s)
{
    void *elements = NULL;
    json_t *array = open_array(at, object, "keys", (size_t)LB_MAX_KEY_VALUES * LB_LEVELS,
                               sizeof *s->keys, &elements);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, "keys");
    s->keys = elements;
    s->n_keys = s->cap_keys = json_array_size(array);
    for (size_t i = 0; i < s->n_keys; i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        if (read_key(&here, json_array_get(array, i), &s->keys[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_statuses(const struct lb_place *at, json_t *object, struct lb_segment *s)
{
    json_t *array = lb_place_array(at, object, "statuses", 0, LB_MAX_STATUSES);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, "statuses");
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        s->n_statuses++;
        if (lb_fields_read(&here, json_array_get(array, i), lb_status_fields, LB_STATUS_FIELDS,
                           NULL, &s->statuses[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_coin(const struct lb_place *at, json_t *object, struct lb_coin *coin)
{
    static const char *const others[] = {"log_follow", "log_half", NULL};
    if (lb_fields_read(at, object, lb_coin_fields, LB_COIN_FIELDS, others, coin) < 0)
        return -1;
    const int64_t most = INT64_C(1) << 56; /* 2^24 nats: beyond any run's evidence */
    struct lb_place follow_at = lb_place_member(at, "log_follow");
    struct lb_place half_at = lb_place_member(at, "log_half");
    json_t *follow = json_object_get(object, "log_follow");
    json_t *half = json_object_get(object, "log_half");
    if (read_row(&follow_at, follow, -most, most, coin->log_follow, LB_COIN_MIX) < 0)
        return -1;
    return read_row(&half_at, half, -most, most, coin->log_half, LB_COIN_MIX);
}

static int read_coins(const struct lb_place *at, json_t *object, struct lb_segment *s)
{
    json_t *coins = lb_place_object(at, object, "coins");
    if (!coins)
        return -1;
    struct lb_place coins_at = lb_place_member(at, "coins");
    const char *name;
    json_t *coin;
    json_object_foreach(coins, name, coin)
    {
        struct lb_place here = lb_place_member(&coins_at, name);
        int level = index_of(lb_level_names, LB_LEVELS, name);
        if (level < 0)
            return lb_place_fail(&here, "is not a level this version knows");
        if (read_coin(&here, coin, &s->coins[level]) < 0)
            return -1;
    }
    return 0;
}

/* [[request, backend, start], ...], at most LB_LAGS. */
static int read_edges(const struct lb_place *at, json_t *object, const char *name,
                      const struct lb_segment *s, struct lb_edge edges[LB_LAGS], uint32_t *n)
{
    json_t *array = lb_place_array(at, object, name, 0, LB_LAGS);
    if (!array)
        return -1;
    struct lb_place array_at = lb_place_member(at, name);
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct lb_place here = lb_place_element(&array_at, i);
        struct lb_place backend_at = lb_place_element(&here, 1);
        json_t *row = json_array_get(array, i);
        int64_t request;
        if (lb_place_is_array(&here, row, 3, 3) < 0 ||
            lb_place_integer_in(&here, row, 0, 0, LB_REPORT_MAX_COUNT, &request) < 0 ||
            read_index(&backend_at, json_array_get(row, 1), s->n_backends, &edges[i].backend) < 0)
            return -1;
        if (!json_is_boolean(json_array_get(row, 2)))
            return lb_place_fail(&here, "ends in what is neither true nor false");
        edges[i].request = (uint64_t)request;
        edges[i].start = json_is_true(json_array_get(row, 2));
    }
    *n = (uint32_t)json_array_size(array);
    return 0;
}

static int read_lags(const struct lb_place *up, json_t *parent, const char *name,
                     const struct lb_segment *s, struct lb_lags *lags)
{
    static const char *const members[] = {"pairs", "matches", "head", "tail", NULL};
    json_t *object = lb_place_object(up, parent, name);
    struct lb_place at = lb_place_member(up, name);
    if (!object || lb_fields_read(&at, object, NULL, 0, members, lags) < 0)
        return -1;
    struct lb_place pairs_at = lb_place_member(&at, "pairs");
    struct lb_place matches_at = lb_place_member(&at, "matches");
    int64_t pairs[LB_LAGS], matches[LB_LAGS];
    if (read_row(&pairs_at, json_object_get(object, "pairs"), 0, LB_REPORT_MAX_COUNT, pairs,
                 LB_LAGS) < 0 ||
        read_row(&matches_at, json_object_get(object, "matches"), 0, LB_REPORT_MAX_COUNT, matches,
                 LB_LAGS) < 0)
        return -1;
    for (int i = 0; i < LB_LAGS; i++) {
        lags->pairs[i] = (uint64_t)pairs[i];
        lags->matches[i] = (uint64_t)matches[i];
    }
    if (read_edges(&at, object, "head", s, lags->head, &lags->n_head) < 0)
        return -1;
    return read_edges(&at, object, "tail", s, lags->tail, &lags->n_tail);
}

static int read_raw_row(const struct lb_place *at, json_t *const columns[4], size_t i,
                        const struct lb_segment *s, struct lb_raw *raw)
{
    struct lb_place sent_at = lb_place_member(at, "sent_ns");
    struct lb_place connection_at = lb_place_member(at, "connection");
    struct lb_place latency_at = lb_place_member(at, "latency_us");
    struct lb_place backends_at = lb_place_member(at, "backend");
    struct lb_place backend_at = lb_place_element(&backends_at, i);
    int64_t connection, latency;
    if (lb_place_integer_in(&sent_at, columns[0], i, 0, INT64_MAX, &raw->sent_ns) < 0 ||
        lb_place_integer_in(&connection_at, columns[1], i, 0, LB_REPORT_MAX_COUNT, &connection) <
            0 ||
        lb_place_integer_in(&latency_at, columns[2], i, 0, UINT32_MAX, &latency) < 0)
        return -1;
    raw->connection = (uint64_t)connection;
    raw->latency_us = (uint32_t)latency;
    return read_index(&backend_at, json_array_get(columns[3], i), s->n_backends, &raw->backend);
}

static int read_raw(const struct lb_place *up, json_t *parent, struct lb_segment *s)
{
    static const char *const names[] = {"sent_ns", "connection", "latency_us", "backend", NULL};
    json_t *object = lb_place_object(up, parent, "raw");
    struct lb_place at = lb_place_member(up, "raw");
    if (!object || lb_fields_read(&at, object, NULL, 0, names, s) < 0)
        return -1;
    json_t *columns[4];
    size_t n = json_array_size(json_object_get(object, names[0]));
    for (int i = 0; i < 4; i++) {
        columns[i] = i == 0 ? lb_place_array(&at, object, names[i], 0, LB_RAW_REQUESTS)
                            : lb_place_array(&at, object, names[i], n, n);
        if (!columns[i])
            return -1;
    }
    if (n && !(s->raw = calloc(n, sizeof *s->raw)))
        return lb_place_no_memory(&at);
    s->n_raw = n;
    for (size_t i = 0; i < n; i++) {
        if (read_raw_row(&at, columns, i, s, &s->raw[i]) < 0)
            return -1;
    }
    return 0;
}

static int read_folded(const struct lb_place *at, json_t *object, struct lb_segment *s)
{
    struct lb_place here = lb_place_member(at, "folded");
    json_t *folded = json_object_get(object, "folded");
    if (!folded)
        return 0;
    return lb_fields_read(&here, folded, lb_folded_fields, LB_FOLDED_FIELDS, NULL, &s->folded);
}

struct lb_segment *lb_segment_read(const struct lb_place *at, json_t *object, const char *run,
                                   const char *client)
{
    struct lb_segment *s = lb_segment_new(run, client);
    if (!s) {
        lb_place_no_memory(at);
        return NULL;
    }
    const char *wrong;
    if (lb_fields_read(at, object, lb_segment_fields, LB_SEGMENT_FIELDS, lb_segment_others, s) <
            0 ||
        read_backends(at, object, s) < 0 || read_addresses(at, object, s) < 0 ||
        read_connections(at, object, s) < 0 || read_folded(at, object, s) < 0 ||
        read_keys(at, object, s) < 0 || read_statuses(at, object, s) < 0 ||
        read_coins(at, object, s) < 0 || read_lags(at, object, "order", s, &s->order) < 0 ||
        read_lags(at, object, "opened", s, &s->opened) < 0 || read_raw(at, object, s) < 0)
        goto fail;
    wrong = lb_segment_check(s);
    if (!wrong)
        return s;
    lb_place_fail(at, "%s", wrong);
fail:
    lb_segment_free(s);
    return NULL;
}
