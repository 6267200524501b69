/* verdict.h - tallies in, conclusion out: layer, outcome, the facts they rest on, what to change.
 *
 * Pure: the same tally and options give the same verdict. Every number can be recomputed from the
 * tally. */
#ifndef LB_BALANCE_VERDICT_H
#define LB_BALANCE_VERDICT_H

#include "balance/evenness.h"
#include "balance/layers.h"
#include "balance/pattern.h"
#include "balance/timeline.h"
#include "balance/translate.h"

enum lb_outcome {
    LB_OUTCOME_BALANCED,
    LB_OUTCOME_UNEVEN,
    LB_OUTCOME_PINNED, /* one backend though others exist */
    LB_OUTCOME_SINGLE, /* there is only one */
    LB_OUTCOME_INCONCLUSIVE,
    LB_OUTCOME_NO_DATA
};

/* "balanced", "uneven", "pinned", "single", "inconclusive", "no-data". */
const char *lb_outcome_name(enum lb_outcome outcome);

/* What was chosen for, hence what is counted for evenness. */
enum lb_unit { LB_UNIT_REQUEST, LB_UNIT_CONNECTION, LB_UNIT_KEY };
const char *lb_unit_name(enum lb_unit unit, bool plural);

/* What backends are put together by, of the labels they gave. */
enum lb_group_by {
    LB_GROUP_NONE, /* each backend by itself, told from another by name and boot id */
    LB_GROUP_VERSION,
    LB_GROUP_ZONE,
    LB_GROUP_NODE,
    LB_GROUP_BACKEND /* each name by itself, which weights can be given for */
};

/* "", "version", "zone", "node", "backend". */
const char *lb_group_by_name(enum lb_group_by by);

/* The other way; -1 for anything else. */
int lb_group_by_parse(const char *name);

struct lb_weight {
    const char *name; /* backend, or group with group_by */
    double weight;    /* >= 0 */
};

struct lb_verdict_options {
    double alpha_layer;              /* 0: LB_ALPHA_LAYER */
    double alpha_evenness;           /* 0: LB_ALPHA_EVENNESS */
    unsigned expected_backends;      /* 0: not told */
    const struct lb_weight *weights; /* expected shares; NULL: equal */
    size_t n_weights;
    enum lb_group_by group_by; /* whose shares are judged */
    bool live;                 /* leave out what costs: pattern, timeline, intervals, advice */
    const struct lb_target_facts *target; /* NULL: not known */
    const struct lb_layers *known;   /* of a probe of the same target: its layer counts where this
                                        tally cannot tell; NULL: none */
    struct lb_evenness_cache *cache; /* NULL: none */
    lb_translator *translate; /* for lb_verdict_text; NULL: English. Must outlive the verdict */
};

/* One line of the table: a backend (restarts under one name joined) or a group. */
struct lb_share {
    char *name;
    char *version, *zone, *node; /* of a backend; "" unknown or differing */
    uint64_t answers, errors;
    uint64_t connections; /* whose first request it answered */
    uint64_t units;       /* in the verdict's unit */
    double share;         /* of units */
    double of_answers;    /* share of all answers */
    double low, high;     /* Wilson interval at 1 - alpha_evenness */
    double expected;      /* 0..1; < 0 when nothing can be expected */
    bool not_expected;    /* seen though its expected share is 0 */
    bool not_seen;        /* expected by name, not seen */
    unsigned restarts;    /* new boot ids under the name */
    int64_t first_ns, last_ns;
    double p50_us, p90_us, p99_us, max_us; /* latency */
};

/* Facts, each a sentence with a stable id. */
enum lb_fact_id {
    LB_FACT_CONNECTIONS, /* n connections reached m backends, each stayed on one */
    LB_FACT_FOLLOWED,    /* chance of following so well */
    LB_FACT_LEFT,        /* backends were left inside connections */
    LB_FACT_BOUND,       /* no second backend above a share of */
    LB_FACT_LAYER_LEFT,  /* the explanations left */
    LB_FACT_EVENNESS,    /* p-value, unit */
    LB_FACT_COULD_MISS,  /* even as far as n can tell */
    LB_FACT_MISSING,     /* expected backends not seen, chance by luck */
    LB_FACT_ERRORS,
    LB_FACT_FAILING, /* the failing backend */
    LB_FACT_PATTERN,
    LB_FACT_CLIENTS, /* each of n clients pinned */
    LB_FACT_POOL,
    LB_FACT_UPSTREAM, /* an upstream connection for each request */
    LB_FACT_PROXY,    /* proxy headers seen */
    LB_FACT_TWO_HOPS,
    LB_FACT_ADDRESSES,   /* target resolved to n addresses, policy in force */
    LB_FACT_IDENTITY,    /* names that are no identity */
    LB_FACT_EVENT,       /* timeline */
    LB_FACT_ONE_CHANNEL, /* one channel carried all */
    LB_FACT_CHANGES,     /* changes below the client's sight */
    LB_FACT_ASIDE,       /* units left out under client-side */
    LB_FACTS
};

const char *lb_fact_name(enum lb_fact_id id);

struct lb_fact {
    enum lb_fact_id id;
    char *text;      /* a sentence without a full stop; names escaped */
    char *local;     /* the same in the reader's language; NULL: text */
    double value[3]; /* its numbers, in the order of the sentence; NAN unused */
};

/* Releases its texts. */
void lb_fact_clear(struct lb_fact *fact);

/* Why nothing firmer can be said; set with LB_OUTCOME_INCONCLUSIVE. */
enum lb_doubt {
    LB_DOUBT_NONE,
    LB_DOUBT_FEW,         /* more units needed: see needed_units */
    LB_DOUBT_LAYER,       /* unit unknown: the choice may follow the clock */
    LB_DOUBT_ONE_BACKEND, /* alone, or pinned to it */
    LB_DOUBT_IDENTITY,    /* names are no identity */
    LB_DOUBT_ERRORS,      /* too many requests failed */
    LB_DOUBT_NOT_SEEN,    /* backends expected were not seen, as luck or resolving allows */
    LB_DOUBT_NO_UNIT      /* several layers choose: neither requests nor connections are choices */
};

struct lb_verdict {
    enum lb_outcome outcome;
    enum lb_doubt doubt;
    struct lb_layers layers; /* layers.layer is the layer */
    bool layer_told;         /* by options.known */

    uint64_t requests, answers, errors;
    uint64_t connections;         /* client connections that were answered */
    uint64_t single_connections;  /* with >= 2 answers, all from one backend */
    uint64_t several_connections; /* with answers from several */
    uint64_t clients, pinned_clients;
    uint64_t runs;

    bool by_group; /* shares are those of groups */
    enum lb_unit unit;
    uint64_t units; /* judged */
    uint64_t aside; /* client-side: units left out, their address was not the client's own choice */
    uint64_t seen;  /* backends (or groups) seen */
    uint64_t expected;  /* N it was judged over */
    bool expected_told; /* by options: otherwise more than were seen may exist */
    struct lb_evenness evenness;
    double dispersion, jain;
    double could_miss;      /* shift of a share that would have shown; 0: nothing to say */
    uint64_t needed_units;  /* in all, for a conclusion; 0: none needed, or none would help */
    double missing_by_luck; /* chance that the unseen were missed by luck; < 0: none missing */
    uint64_t once;          /* backends seen once */

    struct lb_share *shares; /* by falling units, then name */
    size_t n_shares;
    int failing; /* index into shares of the backend whose errors explain it, or -1 */
    char *cause; /* no-data, or errors: the most frequent error; "" none */
    uint64_t cause_count;

    struct lb_pattern pattern; /* cycle is by index into shares here */
    struct lb_event *events;
    char **event_names;
    size_t n_events;
    struct lb_fact *facts;
    size_t n_facts;
    lb_translator *translate;
    const char *advice[3]; /* lines, static text; NULL: none */
    unsigned n_advice;
    double alpha_layer, alpha_evenness;
};

/* Makes the verdict of a tally (flush it first). 0 and *out owned by the caller; -1 without memory,
 * *out NULL. */
int lb_verdict_make(const struct lb_tally *t, const struct lb_verdict_options *options,
                    struct lb_verdict **out);
void lb_verdict_free(struct lb_verdict *v);

/* Does anything follow from the p-value? Not from one above alpha of fewer units than evenness can
 * be concluded from (lb_evenness_units): two keys on two backends are neither even nor uneven. */
bool lb_verdict_tells_evenness(const struct lb_verdict *v);

#define LB_P_VALUE_TEXT 16

/* Writes "= 0.998", or "< 1e-15" where digits say nothing, and returns the text. */
char *lb_p_value_format(char text[LB_P_VALUE_TEXT], double p);

#endif
