/* leaves.h - test B: is a backend left more often than once in ten?
 *
 * Against "stays, leaving a backend with chance at most 1/10 a step", for a backend with L leaves
 * and S stays
 *
 *     e(L,S) = int_.1^1 s^L (1-s)^S ds / (.9 * .1^L * .9^S)
 *
 * (a uniform mixture over the leaving rate s; the integral is B(L+1,S+1) (1 - I_.1(L+1,S+1)).) Per
 * backend, since under unequal shares the rare one is left at once:
 * E_B = 1/2 prod_b e(L_b,S_b) + 1/2 e(sum L, sum S). An e-process: ever reaches x with chance <=
 * 1/x.
 */
#ifndef LB_BALANCE_LEAVES_H
#define LB_BALANCE_LEAVES_H

#include <stdint.h>

/* Stays and leaves of one backend in one kind of sequence. A leave counts once the backend that was
 * left has answered again later; until then it is pending (a dead backend explains one switch). */
struct lb_pairs {
    uint64_t stays;
    uint64_t leaves;
    uint64_t pending;
};

/* log e(leaves, stays). */
double lb_leaves_log_e(uint64_t leaves, uint64_t stays);

/* Collects E_B over backends: start zeroed, add each, ask. */
struct lb_leaves {
    double log_product;
    uint64_t leaves;
    uint64_t stays;
};

void lb_leaves_add(struct lb_leaves *sum, uint64_t leaves, uint64_t stays);
double lb_leaves_log_total(const struct lb_leaves *sum);

/* log(exp(a) + exp(b)) without overflow; -INFINITY is log 0. */
double lb_log_add(double a, double b);

#endif
