/* Counts observations into a segment. What does not depend on the order (answers, errors, latency,
 * coins) is counted at once; the rest in the order of sending, from a window of those that came
 * before an earlier one had ended. */
#include "balance/feed.h"
#include "balance/name_index.h"
#include "balance/segment_private.h"
#include "balance/tally.h"

#include <stdlib.h>
#include <string.h>

#define KEYED (LB_LEVEL_PATH - LB_LEVEL_ADDRESS + 1)

/* What is kept of an observation until its turn. */
struct item {
    uint64_t request; /* 0: nothing held here */
    uint64_t connection, channel;
    uint64_t server; /* hash, 0 unknown */
    uint64_t server_ordinal;
    int64_t sent_ns, finish_ns;
    uint32_t ordinal;
    uint32_t backend; /* LB_NONE: error or unnamed */
    uint32_t address;
    uint16_t key[LB_LEVELS];
    bool error, aside;
};

struct lb_feed {
    struct lb_segment *s;
    struct lb_name_index names;
    struct lb_connection_index connections;
    struct lb_coin_memo tosses;
    uint16_t key_at[KEYED][LB_MAX_KEY_VALUES]; /* index + 1 into s->keys */
    uint16_t *pending;   /* by backend: bit per pair kind with pending leaves */
    uint8_t *labelled;   /* by backend: bit per label that is known */
    size_t cap_pending;  /* of both */
    struct item *window; /* by request number modulo LB_TALLY_WINDOW */
    size_t held;
    uint64_t next;
};

struct lb_feed *lb_feed_new(struct lb_segment *s)
{
    struct lb_feed *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->s = s;
    f->next = s->first;
    return f;
}

void lb_feed_free(struct lb_feed *f)
{
    if (!f)
        return;
    lb_name_index_clear(&f->names);
    free(f->connections.slot);
    free(f->pending);
    free(f->labelled);
    free(f->window);
    free(f);
}

/* Makes room for what is kept beside the backends. */
static int grow_sides(struct lb_feed *f)
{
    size_t cap = f->s->cap_backends, old = f->cap_pending;
    uint16_t *pending = realloc(f->pending, cap * sizeof(*pending));
    if (!pending)
        return -1;
    f->pending = pending;
    uint8_t *labelled = realloc(f->labelled, cap * sizeof(*labelled));
    if (!labelled)
        return -1;
    f->labelled = labelled;
    memset(pending + old, 0, (cap - old) * sizeof(*pending));
    memset(labelled + old, 0, (cap - old) * sizeof(*labelled));
    f->cap_pending = cap;
    return 0;
}

uint32_t lb_feed_backend(struct lb_feed *f, const char *name, const char *boot)
{
    if (!name || !*name)
        return LB_NONE;
    uint32_t b = lb_name_index_add(&f->names, f->s, name, boot);
    if (b == LB_NONE || b < f->cap_pending)
        return b;
    return grow_sides(f) < 0 ? LB_NONE : b;
}

static void count_pair(struct lb_feed *f, enum lb_pair_kind kind, uint32_t from, uint32_t to)
{
    struct lb_pairs *pairs = &f->s->backends[from].pairs[kind];
    if (from == to) {
        pairs->stays++;
        return;
    }
    pairs->pending++;
    f->pending[from] |= (uint16_t)(1u << kind);
}

/* The backend answers again: its leaves were not its end. */
static void settle_pending(struct lb_feed *f, uint32_t backend)
{
    if (!f->pending[backend])
        return;
    for (unsigned k = 0; k < LB_PAIRS; k++) {
        struct lb_pairs *pairs = &f->s->backends[backend].pairs[k];
        pairs->leaves += pairs->pending;
        pairs->pending = 0;
    }
    f->pending[backend] = 0;
}

static int count_key(struct lb_feed *f, enum lb_level level, uint32_t value, const struct item *i)
{
    if (value >= LB_MAX_KEY_VALUES)
        return 0;
    uint16_t *at = &f->key_at[level - LB_LEVEL_ADDRESS][value];
    struct lb_key *key;
    if (*at == 0) {
        key = lb_segment__add_key(f->s, level, value);
        if (!key)
            return -1;
        *at = (uint16_t)f->s->n_keys;
        key->first_request = i->request;
        key->first_backend = i->backend;
    } else {
        key = &f->s->keys[*at - 1];
        count_pair(f, lb_pair_kind__of(level), key->last_backend, i->backend);
    }
    key->starts++;
    key->last_request = i->request;
    key->last_backend = i->backend;
    return 0;
}

static int count_start(struct lb_feed *f, const struct item *i)
{
    f->s->backends[i->backend].starts++;
    f->s->backends[i->backend].aside_starts += i->aside;
    lb_lags__push(&f->s->opened, (struct lb_edge){i->request, i->backend, true});
    if (i->address != LB_NONE && count_key(f, LB_LEVEL_ADDRESS, i->address, i) < 0)
        return -1;
    for (enum lb_level l = LB_LEVEL_SOURCE; l <= LB_LEVEL_PATH; l++) {
        if (count_key(f, l, i->key[l], i) < 0)
            return -1;
    }
    return 0;
}

static void count_on_connection(struct lb_feed *f, struct lb_connection *c, const struct item *i,
                                uint32_t ordinal)
{
    if (c->answers > 0) {
        if (c->last_ordinal >= 2) {
            count_pair(f, LB_PAIR_CONNECTION, c->last_backend, i->backend);
            if (i->server_ordinal > 1)
                count_pair(f, LB_PAIR_KEPT, c->last_backend, i->backend);
        }
        c->leaves += c->last_backend != i->backend;
    } else {
        c->first_request = i->request;
        c->first_backend = i->backend;
        c->first_ordinal = ordinal;
        c->first_server_ordinal = i->server_ordinal;
    }
    c->answers++;
    c->last_request = i->request;
    c->last_backend = i->backend;
    c->last_ordinal = ordinal;
    if (i->server) {
        c->last_server = i->server;
        if (!c->first_server)
            c->first_server = i->server;
    }
    lb_connection__count(c, i->backend, 1);
}

static int count_raw(struct lb_feed *f, const struct item *i)
{
    struct lb_segment *s = f->s;
    if (i->request > LB_RAW_REQUESTS)
        return 0;
    if (!s->raw) {
        s->raw = malloc(LB_RAW_REQUESTS * sizeof(*s->raw));
        if (!s->raw)
            return -1;
    }
    while (s->first + s->n_raw < i->request) /* never came */
        s->raw[s->n_raw++] = (struct lb_raw){.backend = LB_NONE};
    int64_t us = (i->finish_ns - i->sent_ns) / 1000;
    s->raw[s->n_raw++] = (struct lb_raw){
        .sent_ns = i->sent_ns,
        .connection = i->connection,
        .latency_us = us < 0            ? 0
                      : us > UINT32_MAX ? UINT32_MAX
                                        : (uint32_t)us,
        .backend = i->backend,
    };
    return 0;
}

static struct lb_connection *connection_of(struct lb_feed *f, const struct item *i)
{
    struct lb_connection *c = lb_connection_index__find(&f->connections, f->s, i->connection);
    if (c)
        return c;
    c = lb_segment__add_connection(f->s, &f->connections, i->connection);
    if (!c)
        return NULL;
    c->address = i->address;
    c->channel = i->channel;
    memcpy(c->key, i->key, sizeof(c->key));
    return c;
}

/* Counts the item whose turn it is. */
static int count_in_order(struct lb_feed *f, const struct item *i)
{
    struct lb_segment *s = f->s;
    s->last = i->request;
    f->next = i->request + 1;
    struct lb_connection *c = NULL;
    uint32_t ordinal = i->ordinal;
    if (i->connection) {
        c = connection_of(f, i);
        if (!c)
            return -1;
        c->requests++;
        if (ordinal == 0)
            ordinal = c->requests < UINT32_MAX ? (uint32_t)c->requests : UINT32_MAX;
    }
    bool start = !c || ordinal == 1;
    s->starts += start;
    s->start_errors += start && i->error;
    s->aside_start_errors += start && i->error && i->aside;
    if (count_raw(f, i) < 0)
        return -1;
    if (i->backend == LB_NONE)
        return 0;

    settle_pending(f, i->backend);
    if (s->order.n_tail > 0) {
        const struct lb_edge *before = &s->order.tail[s->order.n_tail - 1];
        if (before->start == start)
            count_pair(f, start ? LB_PAIR_STARTS : LB_PAIR_TIME, before->backend, i->backend);
    }
    lb_lags__push(&s->order, (struct lb_edge){i->request, i->backend, start});
    if (c)
        count_on_connection(f, c, i, ordinal);
    return start ? count_start(f, i) : 0;
}

static int drain_window(struct lb_feed *f)
{
    int failed = 0;
    while (f->held > 0) {
        struct item *i = &f->window[f->next % LB_TALLY_WINDOW];
        if (i->request != f->next)
            break;
        struct item taken = *i;
        i->request = 0;
        f->held--;
        failed |= count_in_order(f, &taken);
    }
    return failed;
}

void lb_feed_flush(struct lb_feed *f)
{
    while (f->held > 0) {
        if (f->window[f->next % LB_TALLY_WINDOW].request != f->next)
            f->next++; /* never came */
        else if (drain_window(f) < 0)
            continue; /* lost for want of memory; the rest still counts */
    }
}

/* Gives up waiting for requests so that one this far ahead fits. */
static int hold(struct lb_feed *f, const struct item *i)
{
    if (!f->window) {
        f->window = calloc(LB_TALLY_WINDOW, sizeof(*f->window));
        if (!f->window)
            return -1;
    }
    int failed = 0;
    while (i->request - f->next >= LB_TALLY_WINDOW) {
        if (f->held == 0) {
            f->next = i->request;
            break;
        }
        if (f->window[f->next % LB_TALLY_WINDOW].request != f->next)
            f->next++;
        failed |= drain_window(f);
    }
    struct item *at = &f->window[i->request % LB_TALLY_WINDOW];
    if (at->request == i->request) {
        f->s->late++; /* the same number twice */
        return failed;
    }
    *at = *i;
    f->held++;
    return drain_window(f) | failed;
}

/* Labels are those of the first reply that has them. */
static int set_labels(struct lb_feed *f, uint32_t at, const struct lb_observation *o)
{
    struct lb_backend *b = &f->s->backends[at];
    const char *values[] = {o->version, o->zone, o->node};
    char **kept[] = {&b->version, &b->zone, &b->node};
    for (unsigned i = 0; i < 3; i++) {
        if (!values[i] || !*values[i] || f->labelled[at] & 1u << i)
            continue;
        char *text = lb_keep_text(values[i]);
        if (!text)
            return -1;
        free(*kept[i]);
        *kept[i] = text;
        f->labelled[at] |= (uint8_t)(1u << i);
    }
    return 0;
}

static uint64_t latency_us(const struct lb_observation *o)
{
    return o->finish_ns > o->planned_ns ? (uint64_t)(o->finish_ns - o->planned_ns) / 1000 : 0;
}

static int64_t time_slot(const struct lb_segment *s, const struct lb_observation *o)
{
    return (o->finish_ns < 0 ? 0 : o->finish_ns) / LB_SLOT_MIN_NS >> s->slot_shift;
}

static int count_answer(struct lb_feed *f, const struct lb_observation *o, uint32_t at)
{
    struct lb_segment *s = f->s;
    s->answers++;
    s->with_proxy += o->proxy_headers;
    if (o->server_connection && *o->server_connection && o->server_ordinal) {
        s->with_server_id++;
        s->with_new_server += o->server_ordinal == 1;
    }
    if (at == LB_NONE) {
        s->unnamed_answers++;
        s->dropped_names += o->backend && *o->backend;
        return 0;
    }
    struct lb_backend *b = &s->backends[at];
    if (b->answers == 0 || o->request < b->first_request) {
        b->first_request = o->request;
        b->first_ns = o->finish_ns;
    }
    if (o->request > b->last_request) {
        b->last_request = o->request;
        b->last_ns = o->finish_ns;
    }
    b->answers++;
    b->aside += o->aside;
    lb_segment__cover_time(s, o->finish_ns);
    b->slots[time_slot(s, o)]++;
    if (set_labels(f, at, o) < 0)
        return -1;
    return lb_histogram_add(&b->latency, latency_us(o), 1);
}

static int count_now(struct lb_feed *f, const struct lb_observation *o, uint32_t at)
{
    struct lb_segment *s = f->s;
    s->requests++;
    for (unsigned i = 0; i < LB_MAX_TOSSES; i++) {
        if (o->toss[i].tossed && o->toss[i].level < LB_LEVELS && at != LB_NONE &&
            o->result == LB_RESULT_ANSWER)
            lb_coin_add_with(&s->coins[o->toss[i].level], &o->toss[i], &f->tosses);
    }
    if (o->result == LB_RESULT_ANSWER)
        return count_answer(f, o, at);
    s->errors++;
    s->aside_errors += o->aside;
    lb_segment__cover_time(s, o->finish_ns);
    if (at != LB_NONE)
        s->backends[at].errors++;
    return lb_segment__add_status(s, o->status, o->result == LB_RESULT_STATUS, 1);
}

static uint64_t hash_server(const struct lb_observation *o)
{
    if (!o->server_connection || !*o->server_connection || !o->backend)
        return 0;
    uint64_t hash = lb_hash_text(o->backend, LB_HASH_START);
    hash = lb_hash_text(o->boot ? o->boot : "", hash);
    hash = lb_hash_text(o->server_connection, hash);
    return hash ? hash : 1;
}

/* Thousands of connections and backends do not fit the nearest caches: what will be touched is
 * fetched while the toss is weighed. */
static void fetch_ahead(const struct lb_feed *f, const struct lb_observation *o, uint32_t backend)
{
    const struct lb_segment *s = f->s;
    const struct lb_connection *c = lb_connection_index__find(&f->connections, s, o->connection);
    if (c && c->last_backend != LB_NONE)
        __builtin_prefetch(&s->backends[c->last_backend].pairs[LB_PAIR_CONNECTION], 1);
    if (backend == LB_NONE)
        return;
    const struct lb_backend *b = &s->backends[backend];
    int64_t slot = time_slot(s, o);
    __builtin_prefetch(&b->answers, 1);
    __builtin_prefetch(&b->pairs[LB_PAIR_TIME], 1);
    __builtin_prefetch(&b->slots[slot < LB_SLOTS ? slot : 0], 1);
    lb_histogram_fetch(&b->latency, latency_us(o));
}

int lb_feed_add(struct lb_feed *f, const struct lb_observation *o)
{
    lb_connection_index__fetch(&f->connections, f->s, o->connection);
    uint32_t backend = lb_feed_backend(f, o->backend, o->boot);
    fetch_ahead(f, o, backend);
    if (count_now(f, o, backend) < 0)
        return -1;
    if (o->request < f->next) {
        f->s->late++;
        return 0;
    }
    struct item i = {
        .request = o->request,
        .connection = o->connection,
        .channel = o->channel,
        .server = hash_server(o),
        .server_ordinal = o->server_ordinal,
        .sent_ns = o->sent_ns,
        .finish_ns = o->finish_ns,
        .ordinal = o->ordinal,
        .backend = o->result == LB_RESULT_ANSWER ? backend : LB_NONE,
        .address = o->ordinal <= 1 ? lb_segment_add_address(f->s, o->remote) : LB_NONE,
        .error = o->result != LB_RESULT_ANSWER,
        .aside = o->aside,
    };
    memcpy(i.key, o->key, sizeof(i.key));
    if (i.request == f->next && f->held == 0)
        return count_in_order(f, &i);
    return hold(f, &i);
}
