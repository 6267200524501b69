/* The addresses a name stands for. */
#ifndef LB_CLIENT_HTTP_ADDRESSES_H
#define LB_CLIENT_HTTP_ADDRESSES_H

#include <event2/util.h>

#include "common/address.h"

#define LB_HTTP_MAX_ADDRESSES 64 /* more are left out */

/* Copies what a lookup found in its order, each address once. Returns how many. */
unsigned lb_http_addresses_copy(const struct evutil_addrinfo *found,
                                struct lb_address list[LB_HTTP_MAX_ADDRESSES]);

#endif
