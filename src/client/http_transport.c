/* HTTP/1.1 requests over libevent: slots, name lookup, deadlines, replies. A slot looks the target
 * up for each connection it makes and tries its addresses in turn within the request's deadline. */
#include "config.h"

#include "client/http_transport.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/http_addresses.h"
#include "client/http_cookies.h"
#include "client/http_header.h"
#include "client/http_wire.h"
#include "client/resolver.h"

#define ERROR_TEXT 512
#define MAX_JARS 256

struct http_transport;

struct lb_slot {
    struct http_transport *transport;
    struct lb_slot *next, **link;
    bool keep, only_look_up;
    char *source, *header_name, *header_value, *path; /* NULL: none */
    struct lb_jar *jar;                               /* NULL: no cookies */
    int address;                                      /* -1: all in turn */
    uint32_t owner;

    struct lb_wire *wire;
    uint64_t connection; /* its number; 0: does not stand */
    uint32_t ordinal;    /* of the last request on it */

    /* The request in flight. */
    bool busy;
    uint64_t tag;
    int64_t deadline_ns;
    struct event *timer; /* its deadline, that of the attempt to connect, or a failure to deliver */
    bool failed;         /* `error` is to be delivered from the loop */
    char error[ERROR_TEXT];
    struct evdns_getaddrinfo_request *lookup;
    struct lb_address *addresses; /* what the name stood for */
    unsigned address_count, tried;
};

struct dead_wire {
    struct lb_wire *wire;
    struct dead_wire *next;
};

struct http_transport {
    struct lb_transport base;
    struct lb_http_settings settings;
    struct event_base *events;
    struct evdns_base *dns;
    struct event *wake; /* ends a poll */
    struct lb_http_tls *tls;
    struct lb_slot *slots;
    struct dead_wire *dead; /* freed when the loop has returned */
    uint64_t connections;
    unsigned addresses;
    struct sockaddr_storage first;
    struct lb_address *known; /* of http_look_up: DNS may turn the order, numbers must not */
    unsigned known_count;
    struct lb_jar *jars; /* MAX_JARS of them once one is used */
};

static void connect_next(struct lb_slot *slot);

static int64_t now_ns(struct lb_transport *transport)
{
    (void)transport;
    return lb_clock_monotonic_ns();
}

static struct timeval until(int64_t when_ns)
{
    int64_t left = when_ns - lb_clock_monotonic_ns();
    if (left < 0)
        left = 0;
    left += LB_NS_PER_US - 1; /* never before */
    return (struct timeval){.tv_sec = left / LB_NS_PER_S,
                            .tv_usec = left % LB_NS_PER_S / LB_NS_PER_US};
}

/* --- replies ------------------------------------------------------------------------------------
 */

/* A wire may not be freed from its own callback. */
static void drop_wire(struct lb_slot *slot)
{
    if (!slot->wire)
        return;
    struct dead_wire *dead = malloc(sizeof *dead);
    if (!dead)
        abort(); /* out of memory: nothing sensible is left to measure */
    *dead = (struct dead_wire){slot->wire, slot->transport->dead};
    slot->transport->dead = dead;
    slot->wire = NULL;
    slot->connection = 0;
    slot->ordinal = 0;
}

static void end_request(struct lb_slot *slot)
{
    slot->busy = slot->failed = false;
    event_del(slot->timer);
    if (slot->lookup)
        evdns_getaddrinfo_cancel(slot->lookup);
    slot->lookup = NULL;
    free(slot->addresses);
    slot->addresses = NULL;
}

static void deliver(struct lb_slot *slot, struct lb_reply *reply)
{
    struct http_transport *t = slot->transport;
    reply->tag = slot->tag;
    reply->finish_ns = lb_clock_monotonic_ns();
    end_request(slot);
    t->base.on_reply(t->base.arg, reply); /* may close the slot */
}

static void deliver_error(struct lb_slot *slot, enum lb_reply_outcome outcome)
{
    char remote[LB_ADDRESS_TEXT] = "", local[LB_ADDRESS_TEXT] = "";
    if (slot->wire && slot->connection) {
        snprintf(remote, sizeof remote, "%s", lb_wire_remote(slot->wire));
        snprintf(local, sizeof local, "%s", lb_wire_local(slot->wire));
    }
    struct lb_reply reply = {.outcome = outcome,
                             .error = slot->error,
                             .connection = slot->connection,
                             .ordinal = slot->ordinal,
                             .remote = remote,
                             .local = local,
                             .backend = "",
                             .boot_id = "",
                             .version = "",
                             .zone = "",
                             .node = "",
                             .server_peer = "",
                             .proxy_headers = ""};
    drop_wire(slot);
    deliver(slot, &reply);
}

/* From the loop, as failures may come from within send. */
static void fail_later(struct lb_slot *slot)
{
    slot->failed = true;
    event_active(slot->timer, EV_TIMEOUT, 0);
}

static void on_response(void *arg, struct evhttp_request *response)
{
    struct lb_slot *slot = arg;
    struct evbuffer *body = evhttp_request_get_input_buffer(response);
    size_t size = evbuffer_get_length(body);
    const char *bytes = size ? (const char *)evbuffer_pullup(body, -1) : "";
    int status = evhttp_request_get_response_code(response);
    struct lb_http_identity id;
    bool ok = status >= 200 && status < 300;
    struct lb_http_id from = slot->transport->settings.id;
    lb_http_identify(&from, evhttp_request_get_input_headers(response), bytes ? bytes : "",
                     bytes && ok ? size : 0, &id);

    if (slot->jar)
        lb_jar_take(slot->jar, evhttp_request_get_input_headers(response));
    char error[ERROR_TEXT];
    const char *reason = evhttp_request_get_response_code_line(response);
    snprintf(error, sizeof error, "HTTP status %d%s%.64s", status, reason && *reason ? " " : "",
             reason ? reason : "");
    struct lb_reply reply = {.outcome = ok ? LB_REPLY_OK : LB_REPLY_STATUS,
                             .status = status,
                             .error = ok ? "" : error,
                             .connection = slot->connection,
                             .ordinal = slot->ordinal,
                             .remote = lb_wire_remote(slot->wire),
                             .local = lb_wire_local(slot->wire),
                             .backend = id.backend,
                             .boot_id = id.boot_id,
                             .version = id.version,
                             .zone = id.zone,
                             .node = id.node,
                             .server_connection = id.connection,
                             .server_ordinal = id.ordinal,
                             .server_peer = id.peer,
                             .proxy_headers = id.proxy_headers};
    char remote[LB_ADDRESS_TEXT], local[LB_ADDRESS_TEXT];
    reply.last = lb_wire_is_closed(slot->wire);
    if (!slot->keep || reply.last) {
        reply.remote = strcpy(remote, reply.remote);
        reply.local = strcpy(local, reply.local);
        drop_wire(slot);
    }
    deliver(slot, &reply);
}

/* --- connecting ----------------------------------------------------------------------------------
 */

static void on_connected(void *arg)
{
    struct lb_slot *slot = arg;
    slot->connection = ++slot->transport->connections;
    slot->ordinal = 1;
    struct timeval left = until(slot->deadline_ns);
    event_add(slot->timer, &left);
}

static void on_failed(void *arg, const char *error)
{
    struct lb_slot *slot = arg;
    bool more = !slot->connection && slot->tried < slot->address_count;
    snprintf(slot->error, sizeof slot->error, "%s", error);
    if (!slot->connection && !more && slot->address_count > 1 && slot->address < 0) {
        size_t used = strlen(slot->error);
        snprintf(slot->error + used, sizeof slot->error - used, " (the last of %u addresses)",
                 slot->address_count);
    }
    if (!more) {
        fail_later(slot);
        return;
    }
    drop_wire(slot);
    connect_next(slot);
}

static void on_closed(void *arg)
{
    struct lb_slot *slot = arg;
    drop_wire(slot);
    if (slot->transport->base.on_closed)
        slot->transport->base.on_closed(slot->transport->base.arg, slot->owner);
}

static int add_header(struct evkeyvalq *headers, const char *text)
{
    char name[LB_HEADER_NAME_MAX + 1];
    size_t len;
    const char *value = lb_http_header_split(text, &len);
    snprintf(name, sizeof name, "%.*s", (int)len, text);
    evhttp_remove_header(headers, name); /* the user's wins */
    return evhttp_add_header(headers, name, value);
}

static void start_request(struct lb_slot *slot)
{
    const struct lb_http_settings *settings = &slot->transport->settings;
    struct evhttp_request *request = lb_wire_request(slot->wire);
    if (!request) {
        snprintf(slot->error, sizeof slot->error, "out of memory");
        fail_later(slot);
        return;
    }
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    int bad = evhttp_add_header(headers, "Host", settings->url.authority);
    bad |= evhttp_add_header(headers, "User-Agent", PACKAGE_NAME "/" PACKAGE_VERSION);
    bad |= evhttp_add_header(headers, "Accept", "*/*");
    if (!slot->keep)
        bad |= evhttp_add_header(headers, "Connection", "close");
    for (size_t i = 0; i < settings->header_count; i++)
        bad |= add_header(headers, settings->headers[i]);
    if (slot->header_name)
        bad |= evhttp_add_header(headers, slot->header_name, slot->header_value);
    char cookies[LB_JAR_HEADER];
    if (slot->jar && lb_jar_header(slot->jar, cookies) > 0)
        bad |= evhttp_add_header(headers, "Cookie", cookies);
    if (bad) {
        evhttp_request_free(request);
        snprintf(slot->error, sizeof slot->error, "the request's headers could not be set");
        fail_later(slot);
        return;
    }
    if (slot->connection)
        slot->ordinal++;
    lb_wire_get(slot->wire, request, slot->path ? slot->path : settings->url.path);
}

/* Gives each address left an equal part of the time left. */
static void connect_next(struct lb_slot *slot)
{
    static const struct lb_wire_events events = {on_connected, on_response, on_failed, on_closed};
    int64_t now = lb_clock_monotonic_ns();
    unsigned left = slot->address_count - slot->tried;
    struct timeval part = until(now + (slot->deadline_ns - now) / (int64_t)left);
    event_add(slot->timer, &part);
    const struct lb_address *address = &slot->addresses[slot->tried++];
    slot->wire = lb_wire_new(slot->transport->events, address, slot->source, slot->transport->tls,
                             &events, slot);
    if (slot->wire) {
        start_request(slot);
        return;
    }
    snprintf(slot->error, sizeof slot->error, "out of memory");
    fail_later(slot);
}

static void take_addresses(struct lb_slot *slot, const struct evutil_addrinfo *found)
{
    slot->addresses = calloc(LB_HTTP_MAX_ADDRESSES, sizeof *slot->addresses);
    slot->tried = 0;
    slot->address_count = slot->addresses ? lb_http_addresses_copy(found, slot->addresses) : 0;
    slot->transport->addresses = slot->address_count;
    if (slot->address_count > 0)
        slot->transport->first = slot->addresses[0].sa;
    if (slot->address >= 0 && slot->address_count > 0) {
        slot->addresses[0] = slot->addresses[(unsigned)slot->address % slot->address_count];
        slot->address_count = 1;
    }
}

/* A slot that is pointed at a known address asks nobody. */
static bool take_known(struct lb_slot *slot)
{
    const struct http_transport *t = slot->transport;
    if (slot->address < 0 || t->known_count == 0 ||
        !(slot->addresses = malloc(sizeof *slot->addresses)))
        return false;
    slot->addresses[0] = t->known[(unsigned)slot->address % t->known_count];
    slot->address_count = 1;
    slot->tried = 0;
    return true;
}

static void on_lookup(int result, struct evutil_addrinfo *found, void *arg)
{
    if (result == EVUTIL_EAI_CANCEL)
        return;
    struct lb_slot *slot = arg;
    slot->lookup = NULL;
    if (result == 0)
        take_addresses(slot, found);
    if (found)
        evutil_freeaddrinfo(found);
    if (slot->only_look_up)
        return;
    if (result == 0 && slot->address_count > 0) {
        connect_next(slot);
        return;
    }
    snprintf(slot->error, sizeof slot->error, "lookup of %s: %s",
             slot->transport->settings.url.host,
             result == EVUTIL_EAI_NONAME ? "no such name"
             : result                    ? evutil_gai_strerror(result)
                                         : "no address");
    fail_later(slot);
}

static void look_up(struct lb_slot *slot)
{
    const struct lb_http_url *url = &slot->transport->settings.url;
    if (take_known(slot)) {
        connect_next(slot);
        return;
    }
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    char port[8];
    snprintf(port, sizeof port, "%u", url->port);
    /* Numeric and hosts-file names are answered at once: the callback has then run. */
    struct evdns_getaddrinfo_request *lookup =
        evdns_getaddrinfo(slot->transport->dns, url->host, port, &hints, on_lookup, slot);
    if (lookup)
        slot->lookup = lookup;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lb_slot *slot = arg;
    char address[LB_ADDRESS_TEXT];
    if (!slot->busy)
        return;
    if (slot->failed) {
        deliver_error(slot, LB_REPLY_ERROR);
        return;
    }
    bool over = lb_clock_monotonic_ns() >= slot->deadline_ns;
    if (slot->lookup)
        snprintf(slot->error, sizeof slot->error, "lookup of %s: timed out",
                 slot->transport->settings.url.host);
    else if (slot->connection)
        snprintf(slot->error, sizeof slot->error, "%s did not reply in time",
                 lb_wire_remote(slot->wire));
    else
        snprintf(slot->error, sizeof slot->error, "connect %s: timed out",
                 lb_address_format(address, (struct sockaddr *)&slot->addresses[slot->tried - 1].sa,
                                   slot->addresses[slot->tried - 1].len));
    if (over || slot->connection || slot->tried >= slot->address_count) {
        deliver_error(slot, LB_REPLY_TIMEOUT);
        return;
    }
    drop_wire(slot);
    connect_next(slot);
}

/* --- the transport's operations ------------------------------------------------------------------
 */

static void http_send(struct lb_slot *slot, uint64_t tag, int64_t deadline_ns)
{
    slot->busy = true;
    slot->tag = tag;
    slot->deadline_ns = deadline_ns;
    struct timeval left = until(deadline_ns);
    event_add(slot->timer, &left);
    if (slot->wire)
        start_request(slot);
    else
        look_up(slot);
}

static void free_slot(struct lb_slot *slot)
{
    if (slot->timer)
        event_free(slot->timer);
    free(slot->source);
    free(slot->header_name);
    free(slot->header_value);
    free(slot->path);
    free(slot);
}

static int copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? -1 : 0;
}

static int choose_jar(struct lb_slot *slot, unsigned number)
{
    struct http_transport *t = slot->transport;
    if (number == 0)
        return 0;
    if (!t->jars)
        t->jars = calloc(MAX_JARS, sizeof *t->jars);
    if (t->jars)
        slot->jar = &t->jars[number % MAX_JARS];
    return t->jars ? 0 : -1;
}

static struct lb_slot *http_open(struct lb_transport *transport, const struct lb_slot_key *key,
                                 bool keep, struct lb_error *err)
{
    struct http_transport *t = (struct http_transport *)transport;
    struct lb_slot *slot = calloc(1, sizeof *slot);
    if (!slot) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    slot->transport = t;
    slot->keep = keep;
    slot->address = key->address;
    slot->owner = key->owner;
    slot->timer = event_new(t->events, -1, 0, on_timer, slot);
    if (!slot->timer || copy_text(&slot->source, key->source) < 0 ||
        copy_text(&slot->header_name, key->header_name) < 0 ||
        copy_text(&slot->header_value, key->header_value) < 0 ||
        copy_text(&slot->path, key->path) < 0 || choose_jar(slot, key->cookie_jar) < 0) {
        free_slot(slot);
        lb_error_set(err, "out of memory");
        return NULL;
    }
    slot->next = t->slots;
    slot->link = &t->slots;
    if (t->slots)
        t->slots->link = &slot->next;
    t->slots = slot;
    return slot;
}

static void http_close(struct lb_slot *slot)
{
    end_request(slot);
    drop_wire(slot);
    *slot->link = slot->next;
    if (slot->next)
        slot->next->link = slot->link;
    free_slot(slot);
}

static void free_dead(struct http_transport *t)
{
    while (t->dead) {
        struct dead_wire *dead = t->dead;
        t->dead = dead->next;
        lb_wire_free(dead->wire);
        free(dead);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static void http_poll(struct lb_transport *transport, int64_t until_ns)
{
    struct http_transport *t = (struct http_transport *)transport;
    int64_t now = lb_clock_monotonic_ns();
    bool wait = until_ns > now;
    if (wait) {
        struct timeval left =
            until(until_ns < now + LB_POLL_MAX_NS ? until_ns : now + LB_POLL_MAX_NS);
        event_add(t->wake, &left);
    }
    event_base_loop(t->events, wait ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
    free_dead(t);
}

static void http_facts(struct lb_transport *transport, struct lb_transport_facts *facts)
{
    const struct http_transport *t = (const struct http_transport *)transport;
    *facts = (struct lb_transport_facts){.addresses = t->addresses,
                                         .choose_address = true,
                                         .tls = t->settings.url.tls,
                                         .cookies = true,
                                         .path = t->settings.url.path,
                                         .choose_source = true,
                                         .first = t->first};
}

/* A slot that only looks up. */
static void http_look_up(struct lb_transport *transport, int64_t deadline_ns)
{
    struct http_transport *t = (struct http_transport *)transport;
    const struct lb_slot_key key = {.address = -1};
    struct lb_slot *slot = http_open(transport, &key, false, NULL);
    if (!slot)
        return;
    slot->only_look_up = true;
    slot->deadline_ns = deadline_ns;
    look_up(slot);
    while (slot->lookup && lb_clock_monotonic_ns() < deadline_ns)
        http_poll(transport, deadline_ns);
    free(t->known);
    t->known = slot->addresses;
    t->known_count = slot->addresses ? slot->address_count : 0;
    slot->addresses = NULL;
    http_close(slot);
}

static void http_free(struct lb_transport *transport)
{
    struct http_transport *t = (struct http_transport *)transport;
    while (t->slots)
        http_close(t->slots);
    free_dead(t);
    for (size_t i = 0; t->jars && i < MAX_JARS; i++)
        lb_jar_clear(&t->jars[i]);
    free(t->jars);
    free(t->known);
    if (t->wake)
        event_free(t->wake);
    if (t->dns)
        evdns_base_free(t->dns, 0);
    if (t->events)
        event_base_free(t->events);
    lb_http_tls_free(t->tls);
    free(t);
}

static const struct lb_transport_ops http_ops = {
    .protocol = "http",
    .max_streams = 1,
    .now = now_ns,
    .poll = http_poll,
    .open = http_open,
    .send = http_send,
    .close = http_close,
    .facts = http_facts,
    .look_up = http_look_up,
    .free = http_free,
};

struct lb_transport *lb_http_transport_new(const struct lb_http_settings *settings,
                                           struct lb_error *err)
{
    struct http_transport *t = calloc(1, sizeof *t);
    if (!t) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    t->base.ops = &http_ops;
    t->settings = *settings;
    t->events = lb_wire_loop_new();
    if (t->events) {
        t->wake = event_new(t->events, -1, 0, on_wake, t);
        t->dns = lb_resolver_new(t->events, NULL);
    }
    if (!t->wake || !t->dns)
        lb_error_set(err, "libevent's loop and resolver could not be started");
    else if (!settings->tls || (t->tls = lb_http_tls_new(settings->tls, settings->url.host, err)))
        return &t->base;
    http_free(&t->base);
    return NULL;
}
