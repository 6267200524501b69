/* coin.h - test A: do the answers follow the unit the client tossed for?
 *
 * Keep units (connections; for a coarser level, key values with a new connection each) whose last
 * backends form G >= 2 groups, draw one at random, send one request. Whatever the balancer does, if
 * its choice ignores the unit, the answer falls into the drawn group with the known chance p of
 * that draw. The factor per toss
 *
 *     own group (1-e)/p + e      another unit's group e      none of them 1
 *
 * has mean 1 then, so the product is a martingale and, by Ville's inequality, ever reaches x with
 * chance <= 1/x. E_A mixes e = .02, .2, .5 with weights .6, .2, .2.
 *
 * The half rule tests "the unit's last backend is kept with chance >= 1/2, else the choice ignores
 * the unit": own a, another (2 - a(1+p))/(1-p), none 2 - a; mean over a = 2/(G+1), 1/(G+1), .1.
 *
 * Logarithms are kept as integers (2^-32 nat) so that tallies add up exactly in any order. */
#ifndef LB_BALANCE_COIN_H
#define LB_BALANCE_COIN_H

#include "balance/observation.h"

#define LB_COIN_MIX 3
#define LB_COIN_ONE_NAT 4294967296.0 /* fixed-point unit of the sums below */

/* Zero-initialised it is empty. Open so that a report can hold it. */
struct lb_coin {
    uint64_t tosses;                 /* all */
    uint64_t own;                    /* answers from the drawn unit's last backend */
    uint64_t other;                  /* from the last backend of another unit */
    int64_t log_follow[LB_COIN_MIX]; /* sum of log factors per e */
    int64_t log_half[LB_COIN_MIX];   /* sum of log factors per a */
};

/* Counts a toss; one that was not tossed or makes no sense (groups < 2, weight > total, ...) is
 * ignored. */
void lb_coin_add(struct lb_coin *coin, const struct lb_toss *toss);

/* Remembers the factors of tosses seen lately: a run has few kinds of them. Zero-initialised it is
 * empty. lb_coin_add_with gives the same sums as lb_coin_add. */
#define LB_COIN_MEMO 256
struct lb_coin_memo {
    struct {
        uint32_t groups, weight, total;
        bool own, used;
        int64_t log_follow[LB_COIN_MIX];
        int64_t log_half[LB_COIN_MIX];
    } slot[LB_COIN_MEMO];
};
void lb_coin_add_with(struct lb_coin *coin, const struct lb_toss *toss, struct lb_coin_memo *memo);

/* Adds from to into. */
void lb_coin_merge(struct lb_coin *into, const struct lb_coin *from);

/* log E_A: evidence against "the choice ignores the unit". 0 when empty. */
double lb_coin_log_follow(const struct lb_coin *coin);

/* log E of the half rule: evidence against "the last backend is kept with chance >= 1/2". */
double lb_coin_log_half(const struct lb_coin *coin);

/* Smallest number of own answers in a row, each at chance 1/groups, that takes E_A from where it is
 * to threshold (as log). For "how much more data". */
unsigned lb_coin_needed(const struct lb_coin *coin, double log_threshold, unsigned groups);

#endif
