/* What a probe varies besides the connection: the values behind the schedule's key numbers. */
#include "client/vary.h"

#include <stdio.h>
#include <string.h>

/* Loopback addresses spread over the octets and in no arithmetic progression, as a hash over few
 * bits or the sum of octets must not see a pattern: steps of the golden ratio of 2^24. */
static void loopback_source(unsigned value, char *text, size_t size)
{
    uint32_t spread = (value * UINT32_C(0x9e3779)) & 0xffffff;
    unsigned last = spread & 0xff;
    if (last == 0 || last == 255)
        last = 77;
    snprintf(text, size, "127.%u.%u.%u", spread >> 16, (spread >> 8) & 0xff, last);
}

void lb_vary_key(const struct lb_vary *vary, const uint16_t key[LB_LEVELS], int address,
                 struct lb_varied_key *out)
{
    memset(out, 0, sizeof *out);
    out->key.address = address;
    if (!vary)
        return;
    if (vary->values[LB_LEVEL_COOKIE])
        out->key.cookie_jar = key[LB_LEVEL_COOKIE] + 1u;
    if (key[LB_LEVEL_SOURCE]) {
        loopback_source(key[LB_LEVEL_SOURCE], out->source, sizeof out->source);
        out->key.source = out->source;
    }
    if (vary->header_name) {
        snprintf(out->header_value, sizeof out->header_value, "lbdemo-%u", key[LB_LEVEL_HEADER]);
        out->key.header_name = vary->header_name;
        out->key.header_value = out->header_value;
    }
    if (vary->path && key[LB_LEVEL_PATH]) {
        snprintf(out->path, sizeof out->path, "%s%clbdemo=%u", vary->path,
                 strchr(vary->path, '?') ? '&' : '?', key[LB_LEVEL_PATH]);
        out->key.path = out->path;
    }
}
