/* How clients look names up. */
#include "client/resolver.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <stddef.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define HOSTS "/etc/hosts"

struct evdns_base *lb_resolver_new(struct event_base *events, const char *server)
{
    struct evdns_base *dns = evdns_base_new(events, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!dns)
        return NULL;
    if (!server && evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, RESOLV_CONF) != 0)
        evdns_base_load_hosts(dns, HOSTS);
    if (server && evdns_base_nameserver_ip_add(dns, server) != 0) {
        evdns_base_free(dns, 0);
        return NULL;
    }
    return dns;
}
