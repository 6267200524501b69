/* segment.h - the counts of an unbroken range of requests of one run.
 *
 * Everything a verdict rests on, as open data, so that a report can write and restore every count.
 * Memory grows with backends and connections (both bounded), never with requests. Two segments of
 * a run that touch are stitched into what one tally of both ranges would have counted. Requests are
 * always counted in the order they were sent.
 *
 * Ownership: a segment owns its strings and arrays; lb_segment_free frees all. Not thread-safe. */
#ifndef LB_BALANCE_SEGMENT_H
#define LB_BALANCE_SEGMENT_H

#include "balance/coin.h"
#include "balance/histogram.h"
#include "balance/leaves.h"
#include "balance/observation.h"

#include <stddef.h>

#define LB_MAX_BACKENDS 16384    /* distinct (name, boot); more are counted in unnamed_answers */
#define LB_MAX_NAME 255          /* bytes of a kept string; longer ones end in a hash of the rest */
#define LB_MAX_CONNECTIONS 65536 /* records kept; older ones are folded into sums */
#define LB_MAX_KEY_VALUES 256    /* values a varied level; more are not followed */
#define LB_MAX_STATUSES 16       /* distinct error texts; more are counted in other_errors */
#define LB_CONNECTION_BACKENDS 8 /* backends followed a connection, then "more" */
#define LB_RAW_REQUESTS 4096     /* requests of a run whose raw order is kept */
#define LB_LAGS 6
#define LB_SLOTS 64                     /* time slots */
#define LB_SLOT_MIN_NS INT64_C(1000000) /* width of a slot at slot_shift 0: 1 ms */
#define LB_NONE UINT32_MAX              /* no backend, no address */

/* The sequences in which stays and leaves are counted. */
enum lb_pair_kind {
    LB_PAIR_CONNECTION, /* successive answers on a connection, from its second request on */
    LB_PAIR_KEPT,       /* of those, the ones on a server-side connection known not to be new */
    LB_PAIR_TIME,       /* answers adjacent in time, neither the first of its connection */
    LB_PAIR_STARTS,     /* answers adjacent in time, both the first of their connections */
    LB_PAIR_ADDRESS,    /* first answers of successive connections to the same remote address */
    LB_PAIR_SOURCE,     /* ... with the same source address */
    LB_PAIR_COOKIE,     /* ... cookie jar */
    LB_PAIR_HEADER,     /* ... header value */
    LB_PAIR_PATH,       /* ... path */
    LB_PAIRS
};

struct lb_backend {
    char *name;
    char *boot; /* "" where not known */
    char *version;
    char *zone;
    char *node;
    uint64_t answers;
    uint64_t errors;                      /* error statuses that named this backend */
    uint64_t starts;                      /* connections whose first request it answered */
    uint64_t aside, aside_starts;         /* of answers and starts: observation.aside */
    uint64_t first_request, last_request; /* its first and last answer */
    int64_t first_ns, last_ns;            /* when those ended, since the start of the run */
    struct lb_pairs pairs[LB_PAIRS];
    uint32_t slots[LB_SLOTS]; /* answers by finish_ns / (LB_SLOT_MIN_NS << slot_shift) */
    struct lb_histogram latency;
};

struct lb_connection_backend {
    uint32_t backend;
    uint32_t count;
};

struct lb_connection {
    uint64_t id;
    uint64_t channel;                     /* observation.channel; 0 unknown */
    uint64_t requests;                    /* all, also errors and unnamed answers */
    uint64_t answers;                     /* that named a backend; the rest is about these */
    uint64_t first_request, last_request; /* numbers of the first and last */
    uint64_t leaves;                      /* answers from another backend than the one before */
    uint32_t first_backend, last_backend; /* LB_NONE without answers */
    uint32_t first_ordinal, last_ordinal; /* observation.ordinal of those; 0 not known */
    uint64_t first_server, last_server;   /* hash of (backend, server-side connection), 0 unknown */
    uint64_t first_server_ordinal;        /* observation.server_ordinal of the first; 0 unknown */
    uint32_t address;                     /* index into addresses or LB_NONE */
    uint16_t key[LB_LEVELS];
    uint32_t n_backends; /* entries used; LB_CONNECTION_BACKENDS + 1: more, and
                            then all entries are zero */
    struct lb_connection_backend backends[LB_CONNECTION_BACKENDS]; /* by index into backends */
};

/* Connections no longer kept one by one. */
struct lb_folded {
    uint64_t connections;
    uint64_t answers;
    uint64_t single;     /* of those connections, with >= 2 answers all from one backend */
    uint64_t several;    /* with answers from >= 2 backends */
    uint64_t pairs;      /* sum of n (n - 1) */
    uint64_t same_pairs; /* sum over backends of n_b (n_b - 1) */
    uint64_t squares;    /* sum of n n */
};

/* A value of a varied key (or a remote address), by the connections opened with it. */
struct lb_key {
    enum lb_level level;
    uint32_t value; /* index into addresses for LB_LEVEL_ADDRESS */
    uint64_t starts;
    uint64_t first_request, last_request; /* first answers of its first and last connection */
    uint32_t first_backend, last_backend;
};

struct lb_edge {
    uint64_t request;
    uint32_t backend;
    bool start; /* first request of its connection */
};

/* Matches at lags 1..LB_LAGS of a sequence of answers, with both ends kept for stitching. */
struct lb_lags {
    uint64_t pairs[LB_LAGS];
    uint64_t matches[LB_LAGS];
    uint32_t n_head, n_tail;
    struct lb_edge head[LB_LAGS];
    struct lb_edge tail[LB_LAGS]; /* oldest first */
};

struct lb_status {
    char *text;
    uint64_t count;
    bool replied; /* LB_RESULT_STATUS, else LB_RESULT_FAILED */
};

struct lb_raw {
    int64_t sent_ns;
    uint64_t connection;
    uint32_t latency_us; /* from sent to finish */
    uint32_t backend;    /* LB_NONE: error */
};

struct lb_segment {
    char *run;            /* id of the run, unique */
    char *client;         /* who ran it; "" unknown */
    uint64_t first, last; /* request numbers covered, both included; first > last: empty */

    uint64_t requests, answers, errors;
    uint64_t starts;       /* requests that were the first of a connection, or had none */
    uint64_t start_errors; /* of those, errors */
    uint64_t aside_errors, aside_start_errors; /* of errors and start_errors: observation.aside */
    uint64_t unnamed_answers; /* answers that named no backend, or one too many to follow */
    uint64_t dropped_names;   /* of those, names beyond LB_MAX_BACKENDS */
    uint64_t late;            /* came too late to be counted in order */
    uint64_t with_server_id;  /* answers with a server-side connection id and ordinal */
    uint64_t with_new_server; /* of those, the first on their server-side connection */
    uint64_t with_proxy;      /* answers whose server saw proxy headers */
    uint64_t pooled;          /* folded connections known to share a server-side connection */
    int64_t end_ns;           /* latest finish */

    struct lb_backend *backends;
    size_t n_backends, cap_backends;
    char **addresses;
    size_t n_addresses;
    struct lb_connection *connections;
    size_t n_connections, cap_connections;
    struct lb_folded folded;
    struct lb_key *keys;
    size_t n_keys, cap_keys;
    struct lb_status statuses[LB_MAX_STATUSES];
    size_t n_statuses;
    uint64_t other_errors;
    struct lb_coin coins[LB_LEVELS];
    struct lb_lags order;  /* of all answers */
    struct lb_lags opened; /* of first answers of connections */
    unsigned slot_shift;   /* smallest with end_ns < LB_SLOTS * (LB_SLOT_MIN_NS << slot_shift) */
    struct lb_raw *raw;    /* requests first .. first + n_raw - 1, none above LB_RAW_REQUESTS */
    size_t n_raw;
};

/* An empty segment. NULL without memory. Strings are copied. */
struct lb_segment *lb_segment_new(const char *run, const char *client);

/* NULL is allowed. */
void lb_segment_free(struct lb_segment *s);

/* NULL without memory. */
struct lb_segment *lb_segment_copy(const struct lb_segment *s);

/* Index of the backend (name, boot), added when new. LB_NONE when name is empty, LB_MAX_BACKENDS
 * are there already (dropped_names is then counted by the caller) or without memory. Linear when
 * called on a segment alone; a tally keeps a hash beside it. */
uint32_t lb_segment_add_backend(struct lb_segment *s, const char *name, const char *boot);

/* Same for an address; at most LB_MAX_KEY_VALUES. */
uint32_t lb_segment_add_address(struct lb_segment *s, const char *address);

/* Checks what was restored from outside: indexes in range, counts that add up, strings present.
 * Returns NULL if a verdict may be made of it, else what is wrong (static text). */
const char *lb_segment_check(const struct lb_segment *s);

/* Stitches b to the end of a (same run, a->last + 1 == b->first); b is left alone. 0, or -1 without
 * memory (a is then only fit for lb_segment_free). */
int lb_segment_stitch(struct lb_segment *a, const struct lb_segment *b);

/* True when both hold the same counts, whatever the order of their tables. */
bool lb_segment_equal(const struct lb_segment *a, const struct lb_segment *b);

#endif
