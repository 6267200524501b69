/* What the gRPC client is pointed at. The core looks up what it does not understand in DNS, cuts
 * ports to 16 bits, and takes 443 or 0 for a missing one; so targets are checked here and written
 * anew, with a scheme. */
#ifndef LB_CLIENT_GRPC_TARGET_H
#define LB_CLIENT_GRPC_TARGET_H

#include <stdbool.h>

#include "common/address.h"
#include "common/error.h"

enum lb_grpc_scheme {
    LB_GRPC_DNS,           /* dns:///HOST:PORT, dns://SERVER/HOST:PORT, HOST:PORT */
    LB_GRPC_IPV4,          /* ipv4:A:PORT,B:PORT, A:PORT */
    LB_GRPC_IPV6,          /* ipv6:[A]:PORT,[B]:PORT, [A]:PORT */
    LB_GRPC_UNIX,          /* unix:PATH */
    LB_GRPC_UNIX_ABSTRACT, /* unix-abstract:NAME */
    LB_GRPC_XDS,           /* xds:///NAME */
};

enum { LB_GRPC_TARGET_MAX = 4096, LB_GRPC_NAME_MAX = 253 };

struct lb_grpc_target {
    enum lb_grpc_scheme scheme;
    char uri[LB_GRPC_TARGET_MAX]; /* for the core */
    struct lb_address
        *addresses; /* written in the target, or what its name stands for, once known */
    unsigned count; /* of addresses */
    char host[LB_GRPC_NAME_MAX + 1], port[8]; /* of a name that is looked up in DNS, else "" */
    char server[LB_ADDRESS_TEXT];             /* the DNS server to ask, or "": the host's own */
};

/* Parses `text`. The error names it and the forms that are allowed. After success the caller
 * releases `target` with lb_grpc_target_clear; after failure it may. */
int lb_grpc_target_parse(const char *text, struct lb_grpc_target *target,
                         struct lb_error *err) LB_MUST_CHECK;
void lb_grpc_target_clear(struct lb_grpc_target *target);

/* Adds a copy of an address. -1 without memory. */
int lb_grpc_target_add(struct lb_grpc_target *target,
                       const struct lb_address *address) LB_MUST_CHECK;

/* Writes the core's target for one address of a target, "ipv6:[::1]:80", into `uri` and returns it.
 */
#define LB_GRPC_ADDRESS_URI (3 * LB_ADDRESS_TEXT)
char *lb_grpc_address_uri(const struct lb_address *address, char uri[LB_GRPC_ADDRESS_URI]);

/* Writes the address in what grpc_call_get_peer returns ("ipv6:%5B::1%5D:80", "ipv4:…", "unix:…")
 * as
 * "[::1]:80"; "" when it names none, as before a connection was picked. Returns `out`. */
char *lb_grpc_peer_format(const char *peer, char out[LB_ADDRESS_TEXT]);

#endif
