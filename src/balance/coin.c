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

static void weigh(const struct lb_toss *toss, int64_t follow[LB_COIN_MIX],
                  int64_t half[LB_COIN_MIX])
{
    double p = (double)toss->weight / toss->total;
    for (unsigned i = 0; i < LB_COIN_MIX; i++) {
        double e = epsilon[i], a = half_own(i, toss->groups);
        follow[i] = toss->own ? fixed_log((1 - e) / p + e) : toss->weight ? fixed_log(e) : 0;
        half[i] = fixed_log(toss->own ? a : (2 - a * (1 + p)) / (1 - p));
    }
}

static void count(struct lb_coin *coin, const struct lb_toss *toss,
                  const int64_t follow[LB_COIN_MIX], const int64_t half[LB_COIN_MIX])
{
    coin->tosses++;
    coin->own += toss->own;
    coin->other += !toss->own && toss->weight > 0;
    for (unsigned i = 0; i < LB_COIN_MIX; i++) {
        coin->log_follow[i] += follow[i];
        coin->log_half[i] += half[i];
    }
}

void lb_coin_add(struct lb_coin *coin, const struct lb_toss *toss)
{
    int64_t follow[LB_COIN_MIX], half[LB_COIN_MIX];
    if (!makes_sense(toss))
        return;
    weigh(toss, follow, half);
    count(coin, toss, follow, half);
}

void lb_coin_add_with(struct lb_coin *coin, const struct lb_toss *toss, struct lb_coin_memo *memo)
{
    if (!makes_sense(toss))
        return;
    uint32_t at =
        (toss->total * 31 + toss->weight * 7 + toss->groups * 3 + toss->own) % LB_COIN_MEMO;
    if (!memo->slot[at].used || memo->slot[at].total != toss->total ||
        memo->slot[at].weight != toss->weight || memo->slot[at].groups != toss->groups ||
        memo->slot[at].own != toss->own) {
        memo->slot[at].used = true;
        memo->slot[at].total = toss->total;
        memo->slot[at].weight = toss->weight;
        memo->slot[at].groups = toss->groups;
        memo->slot[at].own = toss->own;
        weigh(toss, memo->slot[at].log_follow, memo->slot[at].log_half);
    }
    count(coin, toss, memo->slot[at].log_follow, memo->slot[at].log_half);
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
