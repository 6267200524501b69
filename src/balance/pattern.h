/* pattern.h - in what order did the backends take turns?
 *
 * From the raw order of one run. Rules, in this order: a period P <= n/3 (>= 95 % matches, and a
 * binomial chance <= .001 against chance and shorter lags, times the tries); the same inside
 * connections (a turn per worker); a constant successor in >= 80 % (round robin with slips); too
 * little dispersion in windows (several turns); in flight together, the backend with less to do
 * (Z < -3.29, least-request-like, >= 4 in flight and no turns); neither runs nor lags nor windows
 * odd: no order seen. "Random" is never a finding. */
#ifndef LB_BALANCE_PATTERN_H
#define LB_BALANCE_PATTERN_H

#include "balance/segment.h"

enum lb_pattern_kind {
    LB_PATTERN_TOO_SHORT, /* under LB_PATTERN_MIN answers */
    LB_PATTERN_ROUND_ROBIN,
    LB_PATTERN_WEIGHTED_ROUND_ROBIN,
    LB_PATTERN_SEVERAL_TURNS, /* round robin in several turns: workers, instances */
    LB_PATTERN_LEAST_REQUEST,
    LB_PATTERN_NO_ORDER, /* as random choice would give */
    LB_PATTERN_ONE_BACKEND,
    LB_PATTERN_UNKNOWN
};

#define LB_PATTERN_MIN 12

struct lb_pattern {
    enum lb_pattern_kind kind;
    uint32_t period;     /* of a (weighted) round robin */
    double match;        /* share of answers that fit */
    bool slips;          /* round robin with slips */
    bool per_connection; /* a turn per connection */
    uint64_t answers;    /* it was judged on */
    uint64_t *cycle;     /* per backend index: turns in a certified period; NULL otherwise */
    size_t n_cycle;
};

/* units: false: all answers in order; true: only the first answer of each connection. 0, or -1
 * without memory. lb_pattern_clear frees what out holds. */
int lb_pattern_find(const struct lb_segment *s, bool units, struct lb_pattern *out);
void lb_pattern_clear(struct lb_pattern *p);

/* "round robin", "no order seen, as random choice would give", ... */
const char *lb_pattern_name(enum lb_pattern_kind kind);

#endif
