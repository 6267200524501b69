/* Channels, and which transport connection of a channel carried a call. Each link is a channel with
 * its own connections: the core would otherwise share them between channels to the same target. */
#ifndef LB_CLIENT_GRPC_LINK_H
#define LB_CLIENT_GRPC_LINK_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/grpc_settings.h"

/* What all links of a transport share. */
struct lb_grpc_links {
    const struct lb_grpc_settings *settings;
    grpc_channel_credentials *credentials;
    uint64_t connections; /* numbered so far */
};

/* `settings` must outlive `links`, and all links be gone when they are closed. */
void lb_grpc_links_open(struct lb_grpc_links *links, const struct lb_grpc_settings *settings);
void lb_grpc_links_close(struct lb_grpc_links *links);

/* Counted references: the slot's, and one for each call in flight. */
struct lb_grpc_link {
    struct lb_grpc_links *links;
    grpc_channel *channel;
    unsigned references;
    /* One connection made by ourselves from a chosen source address. The core knows only its
     * descriptor, so number and addresses are kept here, and it is never remade: once lost, another
     * link must take over. */
    bool by_descriptor;
    bool lost;
    uint64_t number; /* once something was heard over it */
    uint32_t ordinal;
    char source[LB_ADDRESS_TEXT], remote[LB_ADDRESS_TEXT], local[LB_ADDRESS_TEXT];
};

/* Which connection carried a call. */
struct lb_grpc_connection {
    uint64_t number;  /* 0: none was picked */
    uint32_t ordinal; /* of the call on it, from 1 */
    char remote[LB_ADDRESS_TEXT], local[LB_ADDRESS_TEXT];
};

/* A channel to `address`, or, with NULL, to the whole target. Connects with the first call. Has one
 * reference, the caller's. Never fails: of a target that cannot be right the calls fail. */
struct lb_grpc_link *lb_grpc_link_open(struct lb_grpc_links *links,
                                       const struct lb_address *address);

/* One connection from `source` (port 0) to `address`, both of one family; begins to connect at
 * once. NULL after failure. */
struct lb_grpc_link *lb_grpc_link_open_from(struct lb_grpc_links *links,
                                            const struct lb_address *source,
                                            const struct lb_address *address,
                                            struct lb_error *err) LB_MUST_CHECK;

void lb_grpc_link_ref(struct lb_grpc_link *link);

/* Closes the channel with the last reference. */
void lb_grpc_link_unref(struct lb_grpc_link *link);

/* Tells the connection of a call of this link whose status has been received, and counts the call
 * on it; once a call. A new connection gets the next number. `heard`: the status came over a
 * connection; `broken`: the core made it because there was none or it broke. Neither: the deadline
 * passed. */
void lb_grpc_link_identify(struct lb_grpc_link *link, grpc_call *call, bool heard, bool broken,
                           struct lb_grpc_connection *out);

/* Whether the core takes target, policy and service config: the settings are checked before, but
 * the core has the last word, which it only logs. */
int lb_grpc_links_check(struct lb_grpc_links *links, struct lb_error *err) LB_MUST_CHECK;

#endif
