/* Stitches two touching segments of a run into what one feeding of both would have counted. */
#include "balance/name_index.h"
#include "balance/segment_private.h"

#include <stdlib.h>
#include <string.h>

struct stitch {
    struct lb_segment *a;
    const struct lb_segment *b;
    uint32_t *backend; /* b's index -> a's, LB_NONE when a is full */
    uint32_t address[LB_MAX_KEY_VALUES];
};

static uint32_t backend_in_a(const struct stitch *st, uint32_t b)
{
    return b == LB_NONE ? LB_NONE : st->backend[b];
}

static int set_missing(char **kept, const char *value)
{
    if (**kept || !*value)
        return 0;
    char *text = lb_keep_text(value);
    if (!text)
        return -1;
    free(*kept);
    *kept = text;
    return 0;
}

/* Adds b's counts of a backend; a's leaves of it are settled if it answered in b. */
static int join_backend(struct lb_backend *a, const struct lb_backend *b, unsigned narrower)
{
    for (unsigned k = 0; k < LB_PAIRS; k++) {
        if (b->answers > 0) {
            a->pairs[k].leaves += a->pairs[k].pending;
            a->pairs[k].pending = 0;
        }
        a->pairs[k].stays += b->pairs[k].stays;
        a->pairs[k].leaves += b->pairs[k].leaves;
        a->pairs[k].pending += b->pairs[k].pending;
    }
    if (b->answers > 0) {
        if (a->answers == 0 || b->first_request < a->first_request) {
            a->first_request = b->first_request;
            a->first_ns = b->first_ns;
        }
        if (a->answers == 0 || b->last_request > a->last_request) {
            a->last_request = b->last_request;
            a->last_ns = b->last_ns;
        }
    }
    a->answers += b->answers;
    a->errors += b->errors;
    a->starts += b->starts;
    a->aside += b->aside;
    a->aside_starts += b->aside_starts;
    for (unsigned i = 0; i < LB_SLOTS; i++)
        a->slots[i >> narrower] += b->slots[i];
    if (set_missing(&a->version, b->version) < 0 || set_missing(&a->zone, b->zone) < 0 ||
        set_missing(&a->node, b->node) < 0)
        return -1;
    return lb_histogram_merge(&a->latency, &b->latency);
}

static int join_backends(struct stitch *st)
{
    struct lb_name_index names = {0};
    int rc = lb_name_index_build(&names, st->a);
    /* a's slots become as wide as the wider ones; b's are then added at that width. */
    while (rc == 0 && st->a->slot_shift < st->b->slot_shift)
        lb_segment__cover_time(st->a, (LB_SLOT_MIN_NS * LB_SLOTS) << st->a->slot_shift);
    for (size_t i = 0; rc == 0 && i < st->b->n_backends; i++) {
        const struct lb_backend *b = &st->b->backends[i];
        uint32_t at = lb_name_index_add(&names, st->a, b->name, b->boot);
        st->backend[i] = at;
        if (at == LB_NONE && st->a->n_backends < LB_MAX_BACKENDS)
            rc = -1;
        else if (at == LB_NONE)
            st->a->dropped_names += b->answers;
        else
            rc = join_backend(&st->a->backends[at], b, st->a->slot_shift - st->b->slot_shift);
    }
    lb_name_index_clear(&names);
    return rc;
}

/* A pair across the seam: `to` answered request `request` of b. Its leave counts if the backend
 * that was left answered again after that. */
static void join_pair(struct stitch *st, enum lb_pair_kind kind, uint32_t from, uint32_t to,
                      uint64_t request)
{
    if (from == LB_NONE || to == LB_NONE)
        return;
    struct lb_backend *left = &st->a->backends[from];
    if (from == to)
        left->pairs[kind].stays++;
    else if (left->last_request > request)
        left->pairs[kind].leaves++;
    else
        left->pairs[kind].pending++;
}

static void join_seam_in_time(struct stitch *st)
{
    const struct lb_lags *a = &st->a->order, *b = &st->b->order;
    if (a->n_tail == 0 || b->n_head == 0)
        return;
    const struct lb_edge *before = &a->tail[a->n_tail - 1], *after = &b->head[0];
    if (before->start == after->start)
        join_pair(st, before->start ? LB_PAIR_STARTS : LB_PAIR_TIME, before->backend,
                  backend_in_a(st, after->backend), after->request);
}

static void join_lags(const struct stitch *st, struct lb_lags *a, const struct lb_lags *b)
{
    struct lb_edge head[LB_LAGS], tail[LB_LAGS];
    for (uint32_t i = 0; i < b->n_head; i++) {
        head[i] = b->head[i];
        head[i].backend = backend_in_a(st, head[i].backend);
    }
    for (uint32_t i = 0; i < b->n_tail; i++) {
        tail[i] = b->tail[i];
        tail[i].backend = backend_in_a(st, tail[i].backend);
    }
    for (uint32_t i = 0; i < LB_LAGS; i++) {
        a->pairs[i] += b->pairs[i];
        a->matches[i] += b->matches[i];
    }
    for (uint32_t i = 0; i < a->n_tail; i++) {
        for (uint32_t j = 0; j < b->n_head; j++) {
            uint32_t lag = a->n_tail - i + j;
            if (lag > LB_LAGS)
                break;
            a->pairs[lag - 1]++;
            a->matches[lag - 1] += a->tail[i].backend == head[j].backend;
        }
    }
    for (uint32_t j = 0; j < b->n_head && a->n_head < LB_LAGS; j++)
        a->head[a->n_head++] = head[j];
    uint32_t keep = a->n_tail + b->n_tail > LB_LAGS ? LB_LAGS - b->n_tail : a->n_tail;
    memmove(a->tail, a->tail + (a->n_tail - keep), keep * sizeof(tail[0]));
    memcpy(a->tail + keep, tail, b->n_tail * sizeof(tail[0]));
    a->n_tail = keep + b->n_tail;
}

static void join_counts_on(struct stitch *st, struct lb_connection *to,
                           const struct lb_connection *from)
{
    for (uint32_t i = 0; from->n_backends <= LB_CONNECTION_BACKENDS && i < from->n_backends; i++)
        lb_connection__count(to, backend_in_a(st, from->backends[i].backend),
                             from->backends[i].count);
    if (from->n_backends > LB_CONNECTION_BACKENDS) {
        memset(to->backends, 0, sizeof(to->backends));
        to->n_backends = LB_CONNECTION_BACKENDS + 1;
    }
}

static void join_connection(struct stitch *st, struct lb_connection *to,
                            const struct lb_connection *from)
{
    uint32_t first = backend_in_a(st, from->first_backend);
    to->requests += from->requests;
    if (from->answers == 0)
        return;
    if (to->answers == 0) {
        to->first_request = from->first_request;
        to->first_backend = first;
        to->first_ordinal = from->first_ordinal;
        to->first_server = from->first_server;
        to->first_server_ordinal = from->first_server_ordinal;
    } else {
        if (to->last_ordinal >= 2) {
            join_pair(st, LB_PAIR_CONNECTION, to->last_backend, first, from->first_request);
            if (from->first_server_ordinal > 1)
                join_pair(st, LB_PAIR_KEPT, to->last_backend, first, from->first_request);
        }
        to->leaves += to->last_backend != first;
        if (!to->first_server)
            to->first_server = from->first_server;
    }
    to->answers += from->answers;
    to->leaves += from->leaves;
    to->last_request = from->last_request;
    to->last_backend = backend_in_a(st, from->last_backend);
    to->last_ordinal = from->last_ordinal;
    if (from->last_server)
        to->last_server = from->last_server;
    join_counts_on(st, to, from);
}

static int join_connections(struct stitch *st)
{
    struct lb_connection_index index = {0};
    int rc = lb_connection_index__build(&index, st->a);
    for (size_t i = 0; rc == 0 && i < st->b->n_connections; i++) {
        const struct lb_connection *from = &st->b->connections[i];
        struct lb_connection *to = lb_connection_index__find(&index, st->a, from->id);
        if (!to) {
            to = lb_segment__add_connection(st->a, &index, from->id);
            if (!to) {
                rc = -1;
                break;
            }
            to->address = from->address == LB_NONE ? LB_NONE : st->address[from->address];
            to->channel = from->channel;
            memcpy(to->key, from->key, sizeof(to->key));
        }
        join_connection(st, to, from);
    }
    free(index.slot);
    return rc;
}

static struct lb_key *find_key(struct lb_segment *s, enum lb_level level, uint32_t value)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        if (s->keys[i].level == level && s->keys[i].value == value)
            return &s->keys[i];
    }
    return NULL;
}

static int join_keys(struct stitch *st)
{
    for (size_t i = 0; i < st->b->n_keys; i++) {
        const struct lb_key *from = &st->b->keys[i];
        uint32_t value = from->level == LB_LEVEL_ADDRESS ? st->address[from->value] : from->value;
        if (value == LB_NONE)
            continue;
        struct lb_key *to = find_key(st->a, from->level, value);
        uint32_t first = backend_in_a(st, from->first_backend);
        if (!to) {
            to = lb_segment__add_key(st->a, from->level, value);
            if (!to)
                return -1;
            to->first_request = from->first_request;
            to->first_backend = first;
        } else {
            join_pair(st, lb_pair_kind__of(from->level), to->last_backend, first,
                      from->first_request);
        }
        to->starts += from->starts;
        to->last_request = from->last_request;
        to->last_backend = backend_in_a(st, from->last_backend);
    }
    return 0;
}

static int join_raw(struct stitch *st, uint64_t last)
{
    struct lb_segment *a = st->a;
    const struct lb_segment *b = st->b;
    if (a->n_raw < lb_segment__raw_due(a) || b->n_raw < lb_segment__raw_due(b)) {
        a->n_raw = 0;
    } else if (b->n_raw > 0) {
        struct lb_raw *grown = realloc(a->raw, (a->n_raw + b->n_raw) * sizeof(*grown));
        if (!grown)
            return -1;
        a->raw = grown;
        for (size_t i = 0; i < b->n_raw; i++) {
            a->raw[a->n_raw] = b->raw[i];
            a->raw[a->n_raw++].backend = backend_in_a(st, b->raw[i].backend);
        }
    }
    a->last = last;
    return 0;
}

static int join_totals(struct stitch *st)
{
    struct lb_segment *a = st->a;
    const struct lb_segment *b = st->b;
    a->requests += b->requests;
    a->answers += b->answers;
    a->errors += b->errors;
    a->starts += b->starts;
    a->start_errors += b->start_errors;
    a->aside_errors += b->aside_errors;
    a->aside_start_errors += b->aside_start_errors;
    a->unnamed_answers += b->unnamed_answers;
    a->dropped_names += b->dropped_names;
    a->late += b->late;
    a->with_server_id += b->with_server_id;
    a->with_new_server += b->with_new_server;
    a->with_proxy += b->with_proxy;
    a->pooled += b->pooled;
    a->other_errors += b->other_errors;
    a->folded.connections += b->folded.connections;
    a->folded.answers += b->folded.answers;
    a->folded.single += b->folded.single;
    a->folded.several += b->folded.several;
    a->folded.pairs += b->folded.pairs;
    a->folded.same_pairs += b->folded.same_pairs;
    a->folded.squares += b->folded.squares;
    for (unsigned i = 0; i < LB_LEVELS; i++)
        lb_coin_merge(&a->coins[i], &b->coins[i]);
    for (size_t i = 0; i < b->n_statuses; i++) {
        const struct lb_status *s = &b->statuses[i];
        if (lb_segment__add_status(a, s->text, s->replied, s->count) < 0)
            return -1;
    }
    return 0;
}

int lb_segment_stitch(struct lb_segment *a, const struct lb_segment *b)
{
    struct stitch st = {.a = a, .b = b};
    st.backend = malloc((b->n_backends + 1) * sizeof(*st.backend));
    if (!st.backend)
        return -1;
    int rc = -1;
    int64_t end_ns = a->end_ns > b->end_ns ? a->end_ns : b->end_ns;
    for (size_t i = 0; i < b->n_addresses; i++)
        st.address[i] = lb_segment_add_address(a, b->addresses[i]);
    if (join_backends(&st) < 0)
        goto out;
    join_seam_in_time(&st);
    join_lags(&st, &a->order, &b->order);
    join_lags(&st, &a->opened, &b->opened);
    if (join_connections(&st) < 0 || join_keys(&st) < 0 || join_totals(&st) < 0)
        goto out;
    a->end_ns = end_ns;
    lb_segment__cover_time(a, end_ns);
    rc = join_raw(&st, b->last);
out:
    free(st.backend);
    return rc;
}
