/* Has a channel reached all the addresses it chooses among? Until then a policy such as round_robin
 * gives the addresses that were ready first more than their share: that start is left aside. */
#ifndef LB_CLIENT_SETTLE_H
#define LB_CLIENT_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

/* Longest start: an address that refuses all would make it endless. Whichever is first. */
#define LB_SETTLE_MAX_NS LB_NS_PER_S
#define LB_SETTLE_MAX_ANSWERS 100 /* an address */
#define LB_SETTLE_PACE_NS \
    (25 * LB_NS_PER_MS) /* a probe has few requests: between those of a start */
#define LB_SETTLE_MAX_ADDRESSES 64

struct lb_settle {
    unsigned addresses; /* that have to be reached; 0: nothing to wait for */
    unsigned seen;
    unsigned answers;
    int64_t since_ns;
    uint64_t remotes[LB_SETTLE_MAX_ADDRESSES]; /* hashes of those seen */
};

/* For a channel with this many addresses that sends its first request now. NULL without memory. The
 * caller frees it. */
struct lb_settle *lb_settle_new(unsigned addresses, int64_t now_ns);

/* A request was carried to this address, "ip:port" (or failed: ""). */
void lb_settle_note(struct lb_settle *s, const char *remote);

/* Does a request that is sent now count? */
bool lb_settle_over(const struct lb_settle *s, int64_t now_ns);

#endif
