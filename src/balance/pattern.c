/* The order of turns: see pattern.h. */
#include "balance/pattern.h"
#include "balance/translate.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_MIN 0.95 /* of a period */
#define CHANCE_MAX 0.001
#define SUCCESSOR_MIN 0.8 /* round robin with slips */
#define WINDOWS 4
#define WINDOW_CELL_MIN 2.0 /* least mean count of a cell for the window test */
#define RUNS_ALPHA 0.01
#define Z_LEAST -3.29 /* two-sided .001 */
#define IN_FLIGHT_MIN 4.0
#define LAGS_MAX 64

/* The sequence under judgement; backends renumbered 0 .. K - 1. */
struct order {
    uint32_t *y; /* n */
    const struct lb_raw **raw;
    size_t n;
    size_t K;
    uint32_t *original; /* K: index in the segment */
    uint64_t *count;    /* K */
    double same;        /* sum p^2 */
    double cubes;       /* sum p^3 */
};

const char *lb_pattern_name(enum lb_pattern_kind kind)
{
    static const char *const names[] = {
        [LB_PATTERN_TOO_SHORT] = "too few answers to see an order",
        [LB_PATTERN_ROUND_ROBIN] = N_("round robin"),
        [LB_PATTERN_WEIGHTED_ROUND_ROBIN] = N_("weighted round robin"),
        [LB_PATTERN_SEVERAL_TURNS] = N_("round robin in several turns"),
        [LB_PATTERN_LEAST_REQUEST] = N_("least-request-like"),
        [LB_PATTERN_NO_ORDER] = N_("no order seen, as random choice would give"),
        [LB_PATTERN_ONE_BACKEND] = "pinned",
        [LB_PATTERN_UNKNOWN] = "unknown",
    };
    return names[kind];
}

static void order_clear(struct order *o)
{
    free(o->y);
    free(o->raw);
    free(o->original);
    free(o->count);
}

static bool seen_connection(uint64_t *table, uint64_t id)
{
    size_t i = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 50) % (2 * LB_RAW_REQUESTS);
    for (; table[i]; i = (i + 1) % (2 * LB_RAW_REQUESTS)) {
        if (table[i] == id + 1)
            return true;
    }
    table[i] = id + 1;
    return false;
}

static void pick_answers(const struct lb_segment *s, uint64_t *connections, struct order *o)
{
    for (size_t i = 0; i < s->n_raw; i++) {
        const struct lb_raw *r = &s->raw[i];
        if (r->backend == LB_NONE || (connections && seen_connection(connections, r->connection)))
            continue;
        o->raw[o->n++] = r;
    }
}

static int order_make(const struct lb_segment *s, bool units, struct order *o)
{
    *o = (struct order){0};
    uint32_t *number = calloc(s->n_backends + 1, sizeof(*number)); /* + 1; 0: new */
    uint64_t *connections = units ? calloc(2 * LB_RAW_REQUESTS, sizeof(*connections)) : NULL;
    o->y = malloc((s->n_raw + 1) * sizeof(*o->y));
    o->raw = malloc((s->n_raw + 1) * sizeof(*o->raw));
    o->original = malloc((s->n_backends + 1) * sizeof(*o->original));
    o->count = calloc(s->n_backends + 1, sizeof(*o->count));
    bool ok = number && (connections || !units) && o->y && o->raw && o->original && o->count;
    if (ok)
        pick_answers(s, connections, o);
    for (size_t i = 0; ok && i < o->n; i++) {
        uint32_t b = o->raw[i]->backend;
        if (number[b] == 0) {
            o->original[o->K] = b;
            number[b] = (uint32_t)++o->K;
        }
        o->y[i] = number[b] - 1;
        o->count[o->y[i]]++;
    }
    for (size_t k = 0; ok && k < o->K; k++) {
        double p = (double)o->count[k] / (double)o->n;
        o->same += p * p;
        o->cubes += p * p * p;
    }
    free(number);
    free(connections);
    if (!ok)
        order_clear(o);
    return ok ? 0 : -1;
}

/* Chance of at least `matches` among `pairs` at rate q, times the tries. */
static bool beyond_chance(size_t matches, size_t pairs, double q, size_t tries)
{
    if (matches == 0 || q >= 1)
        return false;
    return gsl_cdf_binomial_Q((unsigned)matches - 1, q, (unsigned)pairs) * (double)tries <=
           CHANCE_MAX;
}

static size_t matches_at(const struct order *o, size_t lag)
{
    size_t matches = 0;
    for (size_t i = lag; i < o->n; i++)
        matches += o->y[i] == o->y[i - lag];
    return matches;
}

/* The shortest certified period, or 0. */
static size_t find_period(const struct order *o, double *match)
{
    double best = o->same;
    for (size_t P = 1; P <= o->n / 3; P++) {
        size_t pairs = o->n - P, matches = matches_at(o, P);
        double rate = (double)matches / (double)pairs;
        if (rate >= MATCH_MIN && P > 1 && beyond_chance(matches, pairs, best, P)) {
            *match = rate;
            return P;
        }
        best = fmax(best, fmin(rate, 0.999));
    }
    return 0;
}

static int set_cycle(const struct order *o, size_t period, struct lb_pattern *out, size_t n)
{
    out->cycle = calloc(n + 1, sizeof(*out->cycle));
    if (!out->cycle)
        return -1;
    out->n_cycle = n;
    for (size_t i = o->n - period; i < o->n; i++)
        out->cycle[o->original[o->y[i]]]++;
    bool even = true;
    for (size_t k = 1; k < o->K; k++)
        even &= out->cycle[o->original[k]] == out->cycle[o->original[0]];
    out->kind = even ? LB_PATTERN_ROUND_ROBIN : LB_PATTERN_WEIGHTED_ROUND_ROBIN;
    out->period = (uint32_t)period;
    return 0;
}

/* --- a turn per connection --- */

static int by_connection(const void *x, const void *y)
{
    const struct lb_raw *a = *(const struct lb_raw *const *)x;
    const struct lb_raw *b = *(const struct lb_raw *const *)y;
    if (a->connection != b->connection)
        return a->connection < b->connection ? -1 : 1;
    return (a > b) - (a < b);
}

static bool turns_inside(const struct order *o, struct lb_pattern *out)
{
    const struct lb_raw **sorted = malloc((o->n + 1) * sizeof(*sorted));
    if (!sorted)
        return false;
    memcpy(sorted, o->raw, o->n * sizeof(*sorted));
    qsort(sorted, o->n, sizeof(*sorted), by_connection);
    bool found = false;
    double best = o->same;
    for (size_t P = 2; P <= 2 * o->K && P <= o->n / 3 && !found; P++) {
        size_t pairs = 0, matches = 0;
        for (size_t i = P; i < o->n; i++) {
            if (sorted[i]->connection != sorted[i - P]->connection)
                continue;
            pairs++;
            matches += sorted[i]->backend == sorted[i - P]->backend;
        }
        double rate = pairs ? (double)matches / (double)pairs : 0;
        if (pairs >= LB_PATTERN_MIN && rate >= MATCH_MIN &&
            beyond_chance(matches, pairs, best, P)) {
            out->match = rate;
            out->period = (uint32_t)P;
            found = true;
        }
        best = fmax(best, fmin(rate, 0.999));
    }
    free(sorted);
    return found;
}

/* --- slips, windows, load, lags --- */

static bool constant_successor(const struct order *o, struct lb_pattern *out)
{
    if (o->K > 512)
        return false;
    uint32_t *next = calloc(o->K * o->K, sizeof(*next));
    if (!next)
        return false;
    for (size_t i = 1; i < o->n; i++)
        next[o->y[i - 1] * o->K + o->y[i]]++;
    size_t follow = 0;
    bool moves = true;
    for (size_t k = 0; k < o->K; k++) {
        size_t most = 0;
        for (size_t j = 1; j < o->K; j++) {
            if (next[k * o->K + j] > next[k * o->K + most])
                most = j;
        }
        moves &= most != k;
        follow += next[k * o->K + most];
    }
    free(next);
    out->match = (double)follow / (double)(o->n - 1);
    /* Choosing the best successor of each backend favours the fit: K tries each. */
    double q = fmin(0.999, 1.0 / (double)o->K + 0.5 / sqrt((double)o->n / (double)o->K));
    return moves && out->match >= SUCCESSOR_MIN && beyond_chance(follow, o->n - 1, q, o->K * o->K);
}

/* X^2 of backends by windows, with its degrees of freedom; 0 where cells are too small. */
static unsigned window_x2(const struct order *o, double *x2)
{
    if ((double)o->n / WINDOWS / (double)o->K < WINDOW_CELL_MIN)
        return 0;
    *x2 = 0;
    for (size_t k = 0; k < o->K; k++) {
        double p = (double)o->count[k] / (double)o->n;
        for (size_t w = 0; w < WINDOWS; w++) {
            size_t from = w * o->n / WINDOWS, until = (w + 1) * o->n / WINDOWS, seen = 0;
            for (size_t i = from; i < until; i++)
                seen += o->y[i] == k;
            double expected = p * (double)(until - from);
            *x2 += ((double)seen - expected) * ((double)seen - expected) / expected;
        }
    }
    return (unsigned)((WINDOWS - 1) * (o->K - 1));
}

/* Z of "the chosen backend had less in flight than the mean of all"; mean in flight to *mean. */
static double load_z(const struct order *o, double *mean_in_flight)
{
    uint32_t *load = calloc(o->K, sizeof(*load));
    size_t first = 0; /* oldest that may still be in flight */
    double sum = 0, var = 0, total = 0;
    for (size_t i = 0; load && i < o->n; i++) {
        memset(load, 0, o->K * sizeof(*load));
        double busy = 0, squares = 0, K = (double)o->K;
        int64_t now = o->raw[i]->sent_ns;
        while (first < i &&
               o->raw[first]->sent_ns + INT64_C(1000) * o->raw[first]->latency_us < now)
            first++;
        for (size_t j = first; j < i; j++) {
            if (o->raw[j]->sent_ns + INT64_C(1000) * o->raw[j]->latency_us >= now) {
                load[o->y[j]]++;
                busy++;
            }
        }
        for (size_t k = 0; k < o->K; k++)
            squares += (double)load[k] * load[k];
        sum += load[o->y[i]] - busy / K;
        var += squares / K - busy / K * (busy / K);
        total += busy;
    }
    free(load);
    *mean_in_flight = total / (double)o->n;
    return var > 0 ? sum / sqrt(var) : 0;
}

/* Matches at lags 1 .. 2K against chance, given the counts. */
static bool lags_are_odd(const struct order *o)
{
    size_t lags = 2 * o->K < LAGS_MAX ? 2 * o->K : LAGS_MAX;
    if (lags > o->n / 3)
        lags = o->n / 3;
    double n = (double)o->n, mean = 0;
    for (size_t k = 0; k < o->K; k++)
        mean += (double)o->count[k] * ((double)o->count[k] - 1) / (n * (n - 1));
    double each = o->same + o->same * o->same - 2 * o->cubes;
    double critical = gsl_cdf_ugaussian_Qinv(RUNS_ALPHA / 2 / (double)lags);
    for (size_t lag = 1; lag <= lags; lag++) {
        double pairs = (double)(o->n - lag), sd = sqrt(fmax(pairs * each, 1e-9));
        double off = fabs((double)matches_at(o, lag) - pairs * mean) - 0.5;
        if (off > critical * sd + 1)
            return true;
    }
    return false;
}

static int name_order(const struct lb_segment *s, const struct order *o, struct lb_pattern *out)
{
    size_t period = find_period(o, &out->match);
    if (period)
        return set_cycle(o, period, out, s->n_backends);
    if (turns_inside(o, out)) {
        out->kind = LB_PATTERN_SEVERAL_TURNS;
        out->per_connection = true;
        return 0;
    }
    if (constant_successor(o, out)) {
        out->kind = LB_PATTERN_ROUND_ROBIN;
        out->slips = true;
        out->period = (uint32_t)o->K;
        return 0;
    }
    double x2 = 0, in_flight;
    unsigned df = window_x2(o, &x2);
    if (df && gsl_cdf_chisq_P(x2, df) < CHANCE_MAX) {
        out->kind = LB_PATTERN_SEVERAL_TURNS;
        return 0;
    }
    double z = load_z(o, &in_flight);
    if (in_flight >= IN_FLIGHT_MIN && z < Z_LEAST)
        out->kind = LB_PATTERN_LEAST_REQUEST;
    else if ((df && gsl_cdf_chisq_Q(x2, df) < RUNS_ALPHA) || lags_are_odd(o))
        out->kind = LB_PATTERN_UNKNOWN;
    else
        out->kind = LB_PATTERN_NO_ORDER;
    return 0;
}

int lb_pattern_find(const struct lb_segment *s, bool units, struct lb_pattern *out)
{
    struct order o;
    *out = (struct lb_pattern){0};
    if (order_make(s, units, &o) < 0)
        return -1;
    int rc = 0;
    out->answers = o.n;
    if (o.n < LB_PATTERN_MIN)
        out->kind = LB_PATTERN_TOO_SHORT;
    else if (o.K == 1)
        out->kind = LB_PATTERN_ONE_BACKEND;
    else
        rc = name_order(s, &o, out);
    order_clear(&o);
    return rc;
}

void lb_pattern_clear(struct lb_pattern *p)
{
    free(p->cycle);
    *p = (struct lb_pattern){0};
}
