/* What a probe varies besides the connection: the values behind the schedule's key numbers. Value 0
 * is the run's default; value i > 0 is the i-th other one. */
#ifndef LB_CLIENT_VARY_H
#define LB_CLIENT_VARY_H

#include "balance/observation.h"
#include "client/transport.h"

#define LB_VARY_TEXT 64

struct lb_vary {
    uint16_t values[LB_LEVELS]; /* how many there are of each level; 0: it is not varied */
    const char *header_name;    /* of LB_LEVEL_HEADER */
    const char *path;           /* of LB_LEVEL_PATH: "?lbdemo=I" is appended */
};

/* A slot key and the room for its texts. */
struct lb_varied_key {
    struct lb_slot_key key;
    char source[LB_VARY_TEXT], header_value[LB_VARY_TEXT], path[LB_VARY_TEXT + 4096];
};

/* Fills `out` for the schedule's numbers `key` and address index (-1: none). `vary` may be NULL:
 * nothing is varied. */
void lb_vary_key(const struct lb_vary *vary, const uint16_t key[LB_LEVELS], int address,
                 struct lb_varied_key *out);

#endif
