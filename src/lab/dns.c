/* A DNS server for one name. */
#include "config.h"

#include "lab/dns.h"

#include <arpa/inet.h>
#include <strings.h>

#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/util.h>

#define TTL_S 5
#define MAX_ADDRESSES 64

struct records {
    size_t count;
    struct in_addr addresses[MAX_ADDRESSES];
};

static void answer(struct evdns_server_request *request, void *arg)
{
    const struct records *records = arg;
    int code = DNS_ERR_NOTEXIST;
    for (int i = 0; i < request->nquestions; i++) {
        const struct evdns_server_question *q = request->questions[i];
        if (strcasecmp(q->name, LB_DNS_NAME) != 0)
            continue;
        code = DNS_ERR_NONE; /* of other types the name has no records */
        /* One call a record: several addresses in one call become one record, and a broken one. */
        for (size_t a = 0; q->type == EVDNS_TYPE_A && a < records->count; a++)
            evdns_server_request_add_a_reply(request, q->name, 1, &records->addresses[a], TTL_S);
    }
    evdns_server_request_respond(request, code);
}

int lb_dns_serve(int fd, char *const *addresses, size_t count, struct lb_error *err)
{
    struct records records = {0};
    for (; records.count < count && records.count < MAX_ADDRESSES; records.count++) {
        const char *text = addresses[records.count];
        if (inet_pton(AF_INET, text, &records.addresses[records.count]) != 1)
            return lb_error_set(err, "'%s' is no IPv4 address", text);
    }
    struct event_base *base = event_base_new();
    evutil_make_socket_nonblocking(fd);
    struct evdns_server_port *port =
        base ? evdns_add_server_port_with_base(base, fd, 0, answer, &records) : NULL;
    if (!port || event_base_dispatch(base) < 0)
        lb_error_set(err, "cannot serve DNS on descriptor %d", fd);
    else
        lb_error_set(err, "the DNS server has nothing left to do");
    if (port)
        evdns_close_server_port(port);
    if (base)
        event_base_free(base);
    return -1;
}
