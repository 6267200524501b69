/* Test A, the coin: see coin.h. */
#include "balance/coin.h"
#include "balance/leaves.h"

#include <math.h>

static const double epsilon[LB_COIN_MIX] = {0.02, 0.2, 0.5};
static const double epsilon_weight[LB_COIN_MIX] = {0.6, 0.2, 0.2};

/* Towards less evidence, so that rounding can never make a false claim. */
static int64_t fixed_log(double factor)
{
    return (int64_t)floor(log(factor) * LB_COIN_ONE_NAT);
}

static bool makes_sense(const struct lb_toss *toss)
{
    if (!toss->tossed || toss->groups < 2 || toss->total < toss->groups ||
        toss->weight > toss->total)
        return false;
    return toss->own ? toss->weight > 0 : toss->weight < toss->total;
}

/* The values of a that the half rule averages over, for G groups. */
static double half_own(unsigned i, uint32_t groups)
{
    switch (i) {
    case 0:
        return 2.0 / (groups + 1.0);
    case 1:
        return 1.0 / (groups + 1.0);
    default:
        return 0.1;
    }
}

void lb_coin_add(struct lb_coin *coin, const struct lb_toss *toss)
{
    if (!makes_sense(toss))
        return;
    double p = (double)toss->weight / toss->total;
    bool other = !toss->own && toss->weight > 0;
    coin->tosses++;
    coin->own += toss->own;
    coin->other += other;
    for (unsigned i = 0; i < LB_COIN_MIX; i++) {
        double e = epsilon[i];
        if (toss->own)
            coin->log_follow[i] += fixed_log((1 - e) / p + e);
        else if (other)
            coin->log_follow[i] += fixed_log(e);
        double a = half_own(i, toss->groups);
        coin->log_half[i] += fixed_log(toss->own ? a : (2 - a * (1 + p)) / (1 - p));
    }
}

void lb_coin_merge(struct lb_coin *into, const struct lb_coin *from)
{
    into->tosses += from->tosses;
    into->own += from->own;
    into->other += from->other;
    for (unsigned i = 0; i < LB_COIN_MIX; i++) {
        into->log_follow[i] += from->log_follow[i];
        into->log_half[i] += from->log_half[i];
    }
}

double lb_coin_log_follow(const struct lb_coin *coin)
{
    double sum = -INFINITY;
    for (unsigned i = 0; i < LB_COIN_MIX; i++) {
        double log_e = (double)coin->log_follow[i] / LB_COIN_ONE_NAT;
        sum = lb_log_add(sum, log(epsilon_weight[i]) + log_e);
    }
    return sum;
}

double lb_coin_log_half(const struct lb_coin *coin)
{
    double sum = -INFINITY;
    for (unsigned i = 0; i < LB_COIN_MIX; i++)
        sum = lb_log_add(sum, (double)coin->log_half[i] / LB_COIN_ONE_NAT - log(LB_COIN_MIX));
    return sum;
}

unsigned lb_coin_needed(const struct lb_coin *coin, double log_threshold, unsigned groups)
{
    struct lb_coin grown = *coin;
    struct lb_toss toss = {.tossed = true, .own = true, .groups = groups < 2 ? 2 : groups};
    toss.weight = 1;
    toss.total = toss.groups;
    unsigned n = 0;
    while (n < 100000 && lb_coin_log_follow(&grown) < log_threshold) {
        lb_coin_add(&grown, &toss);
        n++;
    }
    return n;
}
