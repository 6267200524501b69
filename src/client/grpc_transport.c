/* Unary gRPC calls over the C core: slots, and the operations of a transport. A kept slot is one
 * channel. Connections are the core's to make and remake. */
#include "client/grpc_transport.h"

#include <arpa/inet.h>
#include <grpc/support/alloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/grpc_lookup.h"
#include "client/grpc_reflection.h"
#include "client/grpc_unary.h"
#include "common/grpc_log.h"

/* Replies handed on in one poll before the caller is asked what to send. */
enum { MAX_REPLIES_A_POLL = 256, MAX_STREAMS = 1000 };

#define CORE_PRECISION_NS (2 * LB_NS_PER_MS)
#define NAP_NS (50 * LB_NS_PER_US)

struct grpc_transport {
    struct lb_transport base;
    struct lb_grpc_settings settings;
    struct lb_grpc_links links;
    grpc_completion_queue *queue;
    struct lb_slot *slots;
    struct failure *failures;
    bool replied;
    uint64_t in_flight;
    char remote[LB_ADDRESS_TEXT]; /* far end of the connection that answered last */
};

struct lb_slot {
    struct grpc_transport *transport;
    struct lb_slot *next, **at;
    bool keep;
    struct lb_grpc_link *link; /* of a kept slot, from its first request on */
    struct lb_grpc_unary *calls;
    struct lb_grpc_metadata header; /* of its key; name is NULL without one */
    struct lb_address source;       /* of its key; len is 0 without one */
    int address;                    /* of its key */
};

/* A request that could not be sent; the next poll tells it. */
struct failure {
    struct failure *next;
    struct lb_slot *slot;
    uint64_t tag;
    char text[sizeof(struct lb_error) + sizeof "UNAVAILABLE: "];
};

static struct grpc_transport *of(struct lb_transport *transport)
{
    return (struct grpc_transport *)transport;
}

static int64_t now_ns(struct lb_transport *transport)
{
    (void)transport;
    return lb_clock_monotonic_ns();
}

/* --- replies --- */

static void deliver(struct grpc_transport *t, struct lb_reply *reply, uint64_t tag)
{
    reply->tag = tag;
    t->replied = true;
    t->base.on_reply(t->base.arg, reply); /* may close the slot */
}

/* The names in --id-field are looked up once a server has answered: before, there may be none. */
static void look_up_field(struct grpc_transport *t)
{
    struct lb_grpc_settings *s = &t->settings;
    struct lb_error err;
    if (!s->id_names || s->id_field.depth || s->id_problem[0])
        return;
    if (lb_grpc_reflect(&t->links, s->id_names, &s->id_field, &err) == 0)
        return;
    s->id_field.depth = 0;
    snprintf(s->id_problem, sizeof s->id_problem, "%s", err.text);
}

static void call_ended(struct lb_grpc_unary *call, void *arg)
{
    struct lb_slot *slot = arg;
    struct grpc_transport *t = slot->transport;
    struct lb_grpc_result result;
    struct lb_reply reply = {.finish_ns = lb_clock_monotonic_ns()};
    t->in_flight--;
    if (call->status == GRPC_STATUS_OK)
        look_up_field(t);
    lb_grpc_unary_result(call, reply.finish_ns, &result, &reply);
    if (*reply.remote)
        snprintf(t->remote, sizeof t->remote, "%s", reply.remote);
    deliver(t, &reply, call->request.number);
}

/* Those that are there; what the callback adds waits for the next poll. */
static void deliver_failures(struct grpc_transport *t)
{
    size_t count = 0;
    for (struct failure *f = t->failures; f; f = f->next)
        count++;
    for (; count > 0 && t->failures; count--) {
        struct failure *f = t->failures;
        struct lb_reply reply = {.outcome = LB_REPLY_ERROR,
                                 .status = GRPC_STATUS_UNAVAILABLE,
                                 .error = f->text,
                                 .finish_ns = lb_clock_monotonic_ns(),
                                 .remote = "",
                                 .local = "",
                                 .backend = "",
                                 .boot_id = "",
                                 .version = "",
                                 .zone = "",
                                 .node = "",
                                 .server_peer = "",
                                 .proxy_headers = ""};
        t->failures = f->next;
        deliver(t, &reply, f->tag);
        gpr_free(f);
    }
}

static void sleep_until(int64_t when_ns)
{
    struct timespec when = {.tv_sec = when_ns / LB_NS_PER_S, .tv_nsec = when_ns % LB_NS_PER_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

/* Waits for a reply until `limit_ns`. The core counts in milliseconds and rounds up, which would
 * add up to two to each latency counted from a planned send; so the last ones are waited for here,
 * with a look at the queue every now and then while calls are in flight. */
static void wait_for_reply(struct grpc_transport *t, int64_t limit_ns)
{
    int64_t now = lb_clock_monotonic_ns();
    if (limit_ns - now > CORE_PRECISION_NS)
        lb_grpc_queue_run(t->queue, limit_ns - CORE_PRECISION_NS);
    while (!t->replied && (now = lb_clock_monotonic_ns()) < limit_ns) {
        int64_t nap_ns = t->in_flight ? NAP_NS : CORE_PRECISION_NS;
        sleep_until(now + nap_ns < limit_ns ? now + nap_ns : limit_ns);
        lb_grpc_queue_run(t->queue, 0);
    }
}

/* Takes what is in the queue. A completion leaves a wake-up behind, which the core's next wait
 * takes instead of looking at its sockets; so only the second empty-handed look is one at them.
 * Without it, calls that fail at once would keep the core from ever connecting again. */
static void drain(struct grpc_transport *t)
{
    int taken = 0, empty = 0;
    while (taken < MAX_REPLIES_A_POLL && empty < 2) {
        if (lb_grpc_queue_run(t->queue, 0) == LB_GRPC_QUEUE_RAN)
            taken++;
        else
            empty++;
    }
}

static void poll_queue(struct lb_transport *transport, int64_t until_ns)
{
    struct grpc_transport *t = of(transport);
    int64_t limit_ns = lb_clock_monotonic_ns() + LB_POLL_MAX_NS;
    t->replied = false;
    deliver_failures(t);
    if (!t->replied)
        wait_for_reply(t, until_ns < limit_ns ? until_ns : limit_ns);
    drain(t);
}

/* --- slots --- */

/* A numeric address without a port, to connect from. */
static int parse_source(const char *text, struct lb_address *source, struct lb_error *err)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&source->sa;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&source->sa;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        source->len = sizeof *in;
    } else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        source->len = sizeof *in6;
    } else {
        return lb_error_set(err, "source '%.100s' is no numeric address", text);
    }
    return 0;
}

static int copy_header(const struct lb_slot_key *key, struct lb_grpc_metadata *header,
                       struct lb_error *err)
{
    char text[LB_GRPC_METADATA_TEXT + 1];
    if (!key->header_name)
        return 0;
    snprintf(text, sizeof text, "%s: %s", key->header_name, key->header_value);
    return lb_grpc_metadata_parse(text, header, err);
}

static struct lb_slot *open_slot(struct lb_transport *transport, const struct lb_slot_key *key,
                                 bool keep, struct lb_error *err)
{
    struct grpc_transport *t = of(transport);
    struct lb_slot *slot = gpr_zalloc(sizeof *slot);
    slot->transport = t;
    slot->keep = keep;
    slot->address = key->address;
    if ((key->source && parse_source(key->source, &slot->source, err) < 0) ||
        copy_header(key, &slot->header, err) < 0) {
        gpr_free(slot);
        return NULL;
    }
    slot->next = t->slots;
    slot->at = &t->slots;
    if (t->slots)
        t->slots->at = &slot->next;
    t->slots = slot;
    return slot;
}

/* Where a connection of ours goes that is pointed at no address: where the core went last. */
static const struct lb_address *usual_address(const struct grpc_transport *t)
{
    const struct lb_grpc_target *target = &t->settings.target;
    char text[LB_ADDRESS_TEXT];
    for (unsigned i = 0; i < target->count; i++) {
        const struct lb_address *a = &target->addresses[i];
        if (strcmp(lb_address_format(text, (const struct sockaddr *)&a->sa, a->len), t->remote) ==
            0)
            return a;
    }
    return target->count ? &target->addresses[0] : NULL;
}

/* The address that the slot's key asks for; NULL leaves it to the core. */
static const struct lb_address *slot_address(const struct lb_slot *slot)
{
    const struct lb_grpc_target *target = &slot->transport->settings.target;
    if (slot->address >= 0 && target->count)
        return &target->addresses[(unsigned)slot->address % target->count];
    return slot->source.len ? usual_address(slot->transport) : NULL;
}

static struct lb_grpc_link *open_link(struct lb_slot *slot, struct lb_error *err)
{
    struct lb_grpc_links *links = &slot->transport->links;
    const struct lb_address *address = slot_address(slot);
    if (slot->source.len == 0)
        return lb_grpc_link_open(links, address);
    if (!address) {
        lb_error_set(err, "a source address needs the target's numeric address");
        return NULL;
    }
    return lb_grpc_link_open_from(links, &slot->source, address, err);
}

/* The link for the slot's next request, one reference of it. */
static struct lb_grpc_link *take_link(struct lb_slot *slot, struct lb_error *err)
{
    if (slot->link && slot->link->by_descriptor && slot->link->lost) {
        lb_grpc_link_unref(slot->link);
        slot->link = NULL;
    }
    struct lb_grpc_link *link = slot->link ? slot->link : open_link(slot, err);
    if (link && slot->keep) {
        slot->link = link;
        lb_grpc_link_ref(link);
    }
    return link;
}

static void fail_later(struct lb_slot *slot, uint64_t tag, const struct lb_error *err)
{
    struct failure *f = gpr_zalloc(sizeof *f);
    f->slot = slot;
    f->tag = tag;
    snprintf(f->text, sizeof f->text, "UNAVAILABLE: %s", err->text);
    f->next = slot->transport->failures;
    slot->transport->failures = f;
}

static void send_request(struct lb_slot *slot, uint64_t tag, int64_t deadline_ns)
{
    struct grpc_transport *t = slot->transport;
    struct lb_error err;
    struct lb_grpc_link *link = take_link(slot, &err);
    if (!link) {
        fail_later(slot, tag, &err);
        return;
    }
    struct lb_grpc_unary_request request = {.link = link,
                                            .extra = slot->header.name ? &slot->header : NULL,
                                            .deadline_ns = deadline_ns,
                                            .number = tag};
    lb_grpc_unary_start(&request, t->queue, &slot->calls, call_ended, slot);
    t->in_flight++;
    lb_grpc_link_unref(link);
}

static void close_slot(struct lb_slot *slot)
{
    struct failure **f = &slot->transport->failures;
    while (*f) {
        struct failure *gone = *f;
        if (gone->slot != slot) {
            f = &gone->next;
            continue;
        }
        *f = gone->next;
        gpr_free(gone);
    }
    slot->transport->in_flight -= lb_grpc_unary_abandon(&slot->calls);
    if (slot->link)
        lb_grpc_link_unref(slot->link);
    *slot->at = slot->next;
    if (slot->next)
        slot->next->at = slot->at;
    free(slot->header.name);
    free(slot->header.value);
    gpr_free(slot);
}

/* --- the transport --- */

/* Connections from a chosen source are made by ourselves, hence without the core's policy. */
static bool can_choose_source(const struct lb_grpc_settings *s)
{
    return !s->tls.on && s->target.count > 0 && s->target.addresses[0].sa.ss_family != AF_UNIX &&
           (s->target.count == 1 || strcmp(s->lb_policy, "pick_first") == 0);
}

static void tell_facts(struct lb_transport *transport, struct lb_transport_facts *facts)
{
    const struct lb_grpc_settings *s = &of(transport)->settings;
    *facts = (struct lb_transport_facts){.addresses = s->target.count,
                                         .choose_address = s->target.count > 1,
                                         .choose_source = can_choose_source(s),
                                         .lb_policy = s->lb_policy,
                                         .tls = s->tls.on};
    if (s->target.count)
        facts->first = s->target.addresses[0].sa;
}

static void free_transport(struct lb_transport *transport)
{
    struct grpc_transport *t = of(transport);
    while (t->slots)
        close_slot(t->slots);
    if (t->queue) {
        grpc_completion_queue_shutdown(t->queue); /* cancelled calls still come out of it */
        while (lb_grpc_queue_run(t->queue, LB_GRPC_NO_DEADLINE) != LB_GRPC_QUEUE_SHUTDOWN)
            continue;
        grpc_completion_queue_destroy(t->queue);
    }
    lb_grpc_links_close(&t->links);
    lb_grpc_settings_clear(&t->settings);
    gpr_free(t);
    grpc_shutdown();
}

static const struct lb_transport_ops grpc_ops = {
    .protocol = "grpc",
    .max_streams = MAX_STREAMS,
    .now = now_ns,
    .poll = poll_queue,
    .open = open_slot,
    .send = send_request,
    .close = close_slot,
    .facts = tell_facts,
    .free = free_transport,
};

struct lb_transport *lb_grpc_transport_new(struct lb_grpc_settings *settings, struct lb_error *err)
{
    lb_grpc_log_open();
    grpc_init();
    struct grpc_transport *t = gpr_zalloc(sizeof *t);
    t->base.ops = &grpc_ops;
    t->settings = *settings;
    memset(settings, 0, sizeof *settings);
    lb_grpc_links_open(&t->links, &t->settings);
    t->queue = grpc_completion_queue_create_for_next(NULL);
    if (lb_grpc_links_check(&t->links, err) == 0) {
        lb_grpc_lookup(&t->settings.target);
        return &t->base;
    }
    free_transport(&t->base);
    return NULL;
}
