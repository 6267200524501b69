/* One transport connection of the HTTP client: connects to one address, carries requests one after
 * the other, and is never used again once it is lost. Thread: that of its event base. */
#ifndef LB_CLIENT_HTTP_WIRE_H
#define LB_CLIENT_HTTP_WIRE_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>

#include "client/http_tls.h"
#include "common/address.h"

#define LB_WIRE_MAX_BODY (1024 * 1024)
#define LB_WIRE_MAX_HEADERS (64 * 1024)

struct lb_wire;

/* Called from the event loop, or from within lb_wire_get. After failed and closed the wire is of no
 * more use. None may free the wire: that is to wait until the loop has returned. */
struct lb_wire_events {
    void (*connected)(void *arg);
    void (*response)(void *arg, struct evhttp_request *response);
    void (*failed)(void *arg, const char *error); /* the request in flight: "connect …: …" */
    void (*closed)(void *arg);                    /* no request was in flight, or it has ended */
};

/* An event loop that is precise to the microsecond: planned send times are. NULL after failure. */
struct event_base *lb_wire_loop_new(void);

/* `address` and `events` are copied, `source` (a local address, or NULL) as well. With `tls`, which
 * may be NULL and must outlive the wire, connected comes after the handshake. NULL without memory.
 */
struct lb_wire *lb_wire_new(struct event_base *base, const struct lb_address *address,
                            const char *source, const struct lb_http_tls *tls,
                            const struct lb_wire_events *events, void *arg);

/* Sends GET `path`; connects first if that was not done yet. `request` was made by
 * lb_wire_request and is taken over. */
void lb_wire_get(struct lb_wire *wire, struct evhttp_request *request, const char *path);

/* A request whose headers the caller then adds. NULL without memory. */
struct evhttp_request *lb_wire_request(struct lb_wire *wire);

/* The ends of the connection; "" before it stands. */
const char *lb_wire_remote(const struct lb_wire *wire);
const char *lb_wire_local(const struct lb_wire *wire);

/* Whether it can carry no more requests: the reply being handed on was its last. */
bool lb_wire_is_closed(const struct lb_wire *wire);

/* Closes it; no event comes any more. NULL is allowed. */
void lb_wire_free(struct lb_wire *wire);

#endif
