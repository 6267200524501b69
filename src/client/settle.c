/* The start of a channel: see settle.h. */
#include "client/settle.h"

#include <stdlib.h>

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

struct lb_settle *lb_settle_new(unsigned addresses, int64_t now_ns)
{
    struct lb_settle *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->addresses = addresses < LB_SETTLE_MAX_ADDRESSES ? addresses : LB_SETTLE_MAX_ADDRESSES;
    s->since_ns = now_ns;
    return s;
}

void lb_settle_note(struct lb_settle *s, const char *remote)
{
    uint64_t h = hash(remote);
    s->answers++;
    if (!*remote)
        return;
    for (unsigned i = 0; i < s->seen; i++) {
        if (s->remotes[i] == h)
            return;
    }
    if (s->seen < LB_SETTLE_MAX_ADDRESSES)
        s->remotes[s->seen++] = h;
}

bool lb_settle_over(const struct lb_settle *s, int64_t now_ns)
{
    return s->seen >= s->addresses || s->answers >= LB_SETTLE_MAX_ANSWERS * s->addresses ||
           now_ns - s->since_ns >= LB_SETTLE_MAX_NS;
}
