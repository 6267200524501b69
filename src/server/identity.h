/* Who this server is: what every answer names. */
#ifndef LB_SERVER_IDENTITY_H
#define LB_SERVER_IDENTITY_H

#include <stdint.h>

#include "common/address.h"
#include "common/error.h"

/* Longest text of a field: a DNS name's, as Kubernetes' own names. */
#define LB_IDENTITY_TEXT_MAX 253

/* Bits of chance in a boot id, as hexadecimal digits. */
#define LB_BOOT_ID_DIGITS 16

struct lb_identity {
    /* UTF-8 without control characters; "" where unknown, `name` never. Before completion NULL or
     * "" asks for what the host says. The texts are the caller's (argv, environ) or the struct's.
     */
    const char *name;
    const char *namespace;
    const char *pod_ip;
    const char *node;
    const char *zone;
    const char *version;

    /* Set by completion. */
    char boot_id[LB_BOOT_ID_DIGITS + 1]; /* tells restarts of one name apart */
    int64_t start_time_unix_ms;

    char host_name[LB_IDENTITY_TEXT_MAX + 1]; /* what `name` points to when nothing else named it */
    char host_ip[LB_ADDRESS_TEXT];
};

/* Checks what is set and fills in the rest: `name` from the host name, `pod_ip` from the first
 * address of the host that others can reach (global IPv4 before global IPv6; "" without one),
 * a random boot id and the time. `id` must not be copied or moved afterwards. */
int lb_identity_complete(struct lb_identity *id, struct lb_error *err) LB_MUST_CHECK;

/* For option tables: refuses a text that cannot be a field of the identity. */
int lb_identity_check_text(const char *text, struct lb_error *err);

#endif
