/* How clients look names up: as the host does, or by a server of their own choice. */
#ifndef LB_CLIENT_RESOLVER_H
#define LB_CLIENT_RESOLVER_H

struct event_base;
struct evdns_base;

/* A resolver for `events`. `server` is a numeric address with or without a port, or NULL: the
 * host's own files and servers; where it has no server, addresses and names of the hosts file still
 * work. The resolver does not keep the loop running. NULL after failure; to be freed before
 * `events`. */
struct evdns_base *lb_resolver_new(struct event_base *events, const char *server);

#endif
