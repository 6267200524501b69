/* spread.h - did the client's own channels choose among several remote addresses?
 *
 * A channel whose requests went to several addresses in turns chose the address itself, by its
 * policy: whoever tells it the addresses (DNS, an xDS server), the choice is made in the client. It
 * is the whole choice when new connections to an address always reached the backend that it had
 * before. Internal to this folder. */
#ifndef LB_BALANCE_SPREAD_H
#define LB_BALANCE_SPREAD_H

#include "balance/roster.h"

struct lb_spread {
    bool several;    /* requests of one channel went to several addresses in turns */
    bool faithful;   /* and each address stayed with one backend, all its connections counted */
    uint64_t stays;  /* connections that found the backend their address had before */
    uint64_t groups; /* backends behind the addresses */
};

/* Looks at the connections of a tally. 0, -1 without memory. */
int lb_spread_find(const struct lb_tally *t, const struct lb_roster *r, struct lb_spread *out);

/* Natural log of one over the chance that new connections, were their backend chosen whatever the
 * address, had found the backend of their address each time. */
double lb_spread_log_e(const struct lb_spread *s);

#endif
