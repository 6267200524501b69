/* A segment of a tally as JSON. What is zero or unknown is left out. See segment_json.h. */
#include "report/segment_json.h"

#include "report/segment_fields.h"

/* Takes `value` (which may be NULL) over into `object`. 0, or -1 without memory. */
static int put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new_nocheck(object, name, value);
}

static int append_integer(json_t *array, json_int_t value)
{
    return json_array_append_new(array, json_integer(value));
}

static json_t *index_json(uint32_t index)
{
    return index == LB_NONE ? json_null() : json_integer(index);
}

/* {"connection": [stays, leaves, pending], ...} */
static json_t *write_pairs(const struct lb_pairs pairs[LB_PAIRS])
{
    json_t *object = json_object();
    for (int k = 0; object && k < LB_PAIRS; k++) {
        const struct lb_pairs *p = &pairs[k];
        if (p->stays == 0 && p->leaves == 0 && p->pending == 0)
            continue;
        json_t *row = json_pack("[I, I, I]", (json_int_t)p->stays, (json_int_t)p->leaves,
                                (json_int_t)p->pending);
        if (put(object, lb_pair_names[k], row) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* Without the zeros at its end. */
static json_t *write_slots(const uint32_t slots[LB_SLOTS])
{
    size_t n = LB_SLOTS;
    while (n > 0 && slots[n - 1] == 0)
        n--;
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++) {
        if (append_integer(array, slots[i]) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_latency(const struct lb_histogram *h)
{
    json_t *object = json_object(), *buckets = json_array();
    if (!object || !buckets || lb_fields_write(object, lb_latency_fields, LB_LATENCY_FIELDS, h) < 0)
        goto fail;
    for (size_t octave = 0; octave < LB_HISTOGRAM_OCTAVES; octave++) {
        for (size_t i = 0; h->octave[octave] && i < LB_HISTOGRAM_SUB; i++) {
            size_t bucket = octave * LB_HISTOGRAM_SUB + i;
            json_int_t n = (json_int_t)h->octave[octave][i];
            if (n && json_array_append_new(buckets, json_pack("[I, I]", (json_int_t)bucket, n)) < 0)
                goto fail;
        }
    }
    if (put(object, "buckets", buckets) == 0)
        return object;
    buckets = NULL;
fail:
    json_decref(buckets);
    json_decref(object);
    return NULL;
}

static json_t *write_backend(const void *element)
{
    const struct lb_backend *b = element;
    json_t *object = json_object();
    if (object && lb_fields_write(object, lb_backend_fields, LB_BACKEND_FIELDS, b) == 0 &&
        put(object, "pairs", write_pairs(b->pairs)) == 0 &&
        put(object, "slots", write_slots(b->slots)) == 0 &&
        put(object, "latency", write_latency(&b->latency)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

/* {"source": 3}: the values of varied keys. */
static json_t *write_key_values(const uint16_t key[LB_LEVELS])
{
    json_t *object = json_object();
    for (int level = 0; object && level < LB_LEVELS; level++) {
        if (key[level] && put(object, lb_level_names[level], json_integer(key[level])) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *write_connection(const void *element)
{
    const struct lb_connection *c = element;
    json_t *object = json_object(), *backends = json_array();
    json_t *keys = write_key_values(c->key);
    if (!object || !backends || !keys ||
        lb_fields_write(object, lb_connection_fields, LB_CONNECTION_FIELDS, c) < 0)
        goto fail;
    for (uint32_t i = 0; i < c->n_backends && i < LB_CONNECTION_BACKENDS; i++) {
        json_t *row = json_pack("[o, I]", index_json(c->backends[i].backend),
                                (json_int_t)c->backends[i].count);
        if (json_array_append_new(backends, row) < 0)
            goto fail;
    }
    if (json_object_size(keys) && json_object_set(object, "keys", keys) < 0)
        goto fail;
    if (json_object_set(object, "backends", backends) < 0)
        goto fail;
    json_decref(keys);
    json_decref(backends);
    return object;
fail:
    json_decref(keys);
    json_decref(backends);
    json_decref(object);
    return NULL;
}

static json_t *write_key(const void *element)
{
    const struct lb_key *k = element;
    json_t *object = json_object();
    if (object && put(object, "level", json_string(lb_level_names[k->level])) == 0 &&
        lb_fields_write(object, lb_key_fields, LB_KEY_FIELDS, k) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_status(const void *element)
{
    json_t *object = json_object();
    if (object && lb_fields_write(object, lb_status_fields, LB_STATUS_FIELDS, element) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_address(const void *element)
{
    return lb_json_text(*(char *const *)element);
}

/* An array of what `write` makes of each element. */
static json_t *write_all(const void *elements, size_t n, size_t size,
                         json_t *(*write)(const void *element))
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++) {
        if (json_array_append_new(array, write((const char *)elements + i * size)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_coins(const struct lb_coin coins[LB_LEVELS])
{
    json_t *object = json_object();
    for (int level = 0; object && level < LB_LEVELS; level++) {
        const struct lb_coin *c = &coins[level];
        if (c->tosses == 0)
            continue;
        json_t *coin = json_pack(
            "{s: [I, I, I], s: [I, I, I]}", "log_follow", (json_int_t)c->log_follow[0],
            (json_int_t)c->log_follow[1], (json_int_t)c->log_follow[2], "log_half",
            (json_int_t)c->log_half[0], (json_int_t)c->log_half[1], (json_int_t)c->log_half[2]);
        if (!coin || lb_fields_write(coin, lb_coin_fields, LB_COIN_FIELDS, c) < 0) {
            json_decref(coin);
            coin = NULL;
        }
        if (put(object, lb_level_names[level], coin) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* [[request, backend, start], ...] */
static json_t *write_edges(const struct lb_edge *edges, uint32_t n)
{
    json_t *array = json_array();
    for (uint32_t i = 0; array && i < n; i++) {
        json_t *row = json_pack("[I, o, b]", (json_int_t)edges[i].request,
                                index_json(edges[i].backend), (int)edges[i].start);
        if (json_array_append_new(array, row) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_lags(const struct lb_lags *lags)
{
    json_t *object = json_object(), *pairs = json_array(), *matches = json_array();
    int failed = !object || !pairs || !matches;
    for (int i = 0; i < LB_LAGS && !failed; i++)
        failed = append_integer(pairs, (json_int_t)lags->pairs[i]) < 0 ||
                 append_integer(matches, (json_int_t)lags->matches[i]) < 0;
    failed = failed || json_object_set(object, "pairs", pairs) < 0 ||
             json_object_set(object, "matches", matches) < 0 ||
             put(object, "head", write_edges(lags->head, lags->n_head)) < 0 ||
             put(object, "tail", write_edges(lags->tail, lags->n_tail)) < 0;
    json_decref(pairs);
    json_decref(matches);
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

/* Columns: a request is the i-th of each. */
static json_t *write_raw(const struct lb_raw *raw, size_t n)
{
    json_t *sent = json_array(), *connection = json_array(), *latency = json_array();
    json_t *backend = json_array();
    int failed = !sent || !connection || !latency || !backend;
    for (size_t i = 0; i < n && !failed; i++)
        failed = append_integer(sent, raw[i].sent_ns) < 0 ||
                 append_integer(connection, (json_int_t)raw[i].connection) < 0 ||
                 append_integer(latency, raw[i].latency_us) < 0 ||
                 json_array_append_new(backend, index_json(raw[i].backend)) < 0;
    json_t *object = failed ? NULL
                            : json_pack("{s: O, s: O, s: O, s: O}", "sent_ns", sent, "connection",
                                        connection, "latency_us", latency, "backend", backend);
    json_decref(sent);
    json_decref(connection);
    json_decref(latency);
    json_decref(backend);
    return object;
}

static json_t *write_folded(const struct lb_folded *folded)
{
    json_t *object = json_object();
    if (object && lb_fields_write(object, lb_folded_fields, LB_FOLDED_FIELDS, folded) == 0)
        return object;
    json_decref(object);
    return NULL;
}

json_t *lb_segment_write(const struct lb_segment *s)
{
    json_t *object = json_object();
    if (object && lb_fields_write(object, lb_segment_fields, LB_SEGMENT_FIELDS, s) == 0 &&
        put(object, "backends",
            write_all(s->backends, s->n_backends, sizeof *s->backends, write_backend)) == 0 &&
        put(object, "addresses",
            write_all(s->addresses, s->n_addresses, sizeof *s->addresses, write_address)) == 0 &&
        put(object, "connections",
            write_all(s->connections, s->n_connections, sizeof *s->connections,
                      write_connection)) == 0 &&
        (s->folded.connections == 0 || put(object, "folded", write_folded(&s->folded)) == 0) &&
        put(object, "keys", write_all(s->keys, s->n_keys, sizeof *s->keys, write_key)) == 0 &&
        put(object, "statuses",
            write_all(s->statuses, s->n_statuses, sizeof *s->statuses, write_status)) == 0 &&
        put(object, "coins", write_coins(s->coins)) == 0 &&
        put(object, "order", write_lags(&s->order)) == 0 &&
        put(object, "opened", write_lags(&s->opened)) == 0 &&
        put(object, "raw", write_raw(s->raw, s->n_raw)) == 0)
        return object;
    json_decref(object);
    return NULL;
}
