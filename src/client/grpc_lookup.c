/* How many addresses a target's name stands for, and which. */
#include "client/grpc_lookup.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "client/resolver.h"

static const struct timeval patience = {.tv_sec = 2};

struct lookup {
    struct event_base *events;
    struct lb_grpc_target *target;
    bool done;
};

static bool known(const struct lb_grpc_target *target, const struct lb_address *address)
{
    for (unsigned i = 0; i < target->count; i++) {
        if (target->addresses[i].len == address->len &&
            memcmp(&target->addresses[i].sa, &address->sa, address->len) == 0)
            return true;
    }
    return false;
}

static void on_found(int result, struct evutil_addrinfo *found, void *arg)
{
    struct lookup *lookup = arg;
    struct lb_grpc_target *target = lookup->target;
    lookup->done = true;
    event_base_loopbreak(lookup->events);
    if (result != 0)
        return;
    for (const struct evutil_addrinfo *a = found; a && target->count < LB_GRPC_LOOKUP_MAX;
         a = a->ai_next) {
        struct lb_address address;
        memset(&address, 0, sizeof address);
        memcpy(&address.sa, a->ai_addr, a->ai_addrlen);
        address.len = (socklen_t)a->ai_addrlen;
        if (!known(target, &address) && lb_grpc_target_add(target, &address) < 0)
            break;
    }
    evutil_freeaddrinfo(found);
}

static void ask(struct lookup *lookup, struct evdns_base *dns)
{
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct lb_grpc_target *target = lookup->target;
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(dns, target->host, target->port, &hints, on_found, lookup);
    if (lookup->done) /* a name in the hosts file, or no name at all */
        return;
    event_base_loopexit(lookup->events, &patience);
    event_base_dispatch(lookup->events);
    if (lookup->done)
        return;
    evdns_getaddrinfo_cancel(request); /* on_found is still called, from the loop */
    event_base_loop(lookup->events, EVLOOP_NONBLOCK);
}

void lb_grpc_lookup(struct lb_grpc_target *target)
{
    struct lookup lookup = {.target = target};
    if (!target->host[0] || !(lookup.events = event_base_new()))
        return;
    struct evdns_base *dns =
        lb_resolver_new(lookup.events, *target->server ? target->server : NULL);
    if (dns) {
        ask(&lookup, dns);
        evdns_base_free(dns, 1);
    }
    event_base_free(lookup.events);
}
