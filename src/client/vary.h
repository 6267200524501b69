/* What a probe varies besides the connection: the values behind the schedule's key numbers. Value 0
 * is the run's default; value i > 0 is the i-th other one. */
#ifndef LB_CLIENT_VARY_H
#define LB_CLIENT_VARY_H

#include "balance/schedule.h"
#include "client/http_url.h"
#include "client/transport.h"
#include "common/address.h"
#include "common/options.h"

struct lb_vary {
    uint16_t values[LB_LEVELS]; /* how many there are of each level; 0: it is not varied */
    const char *header_name;    /* of LB_LEVEL_HEADER */
    const char *path;           /* of LB_LEVEL_PATH: "?lbdemo=I" is appended */
    char sources[LB_DIAGNOSE_KEY_VALUES][LB_ADDRESS_TEXT]; /* of LB_LEVEL_SOURCE */
};

/* Plans what a probe varies: by itself what is free of side effects (the source address where the
 * host has several towards the target, a cookie jar), and what `wanted` asks for: "source",
 * "cookie", "path", "header:NAME" (checked before). Refuses what the transport cannot do. The
 * strings of `wanted` and `facts` are borrowed. */
int lb_vary_plan(const struct lb_option_list *wanted, const struct lb_transport_facts *facts,
                 struct lb_vary *vary, struct lb_error *err) LB_MUST_CHECK;

/* A slot key and the room for its texts. */
struct lb_varied_key {
    struct lb_slot_key key;
    char header_value[32], path[LB_URL_PATH_MAX + 32];
};

/* Fills `out` for the schedule's numbers `key` and address index (-1: none). `vary` may be NULL:
 * nothing is varied. */
void lb_vary_key(const struct lb_vary *vary, const uint16_t key[LB_LEVELS], int address,
                 struct lb_varied_key *out);

#endif
