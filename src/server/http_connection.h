/* One connection of the HTTP server: the guard between the socket and evhttp.
 *
 * It reads heads itself, with bounds on size and time, and refuses what is wrong (400, 408, 413,
 * 414, 417, 431, 501, 505). A request without a body it answers itself; one with a body it hands,
 * checked, to evhttp, which reads and decodes the body and sends the response. Between two requests
 * the connection is always the guard's again, so evhttp never sees a byte that was not checked.
 *
 * Everything here runs on the worker's thread. */
#ifndef LB_SERVER_HTTP_CONNECTION_H
#define LB_SERVER_HTTP_CONNECTION_H

#include <event2/event.h>
#include <event2/http.h>

#include "server/http_worker.h"

/* Largest body of a request; more is 413. */
#define LB_HTTP_BODY_MAX 65536

/* evhttp's bevcb: makes the socket layer of a connection that is being accepted. NULL: out of
 * memory or descriptors' table. */
struct bufferevent *lb_http_connection_accept(struct event_base *base, void *worker);

/* evhttp's general callback: a request with a body has arrived in whole. */
void lb_http_connection_request(struct evhttp_request *req, void *worker);

/* The server drains: an idle connection gets half a second to ask once more, the others close after
 * their response. */
void lb_http_connection_drain(struct lb_http_connection *c);

/* Closes it now, whatever it is doing. `c` is gone afterwards. */
void lb_http_connection_abort(struct lb_http_connection *c);

/* The next in the worker's list. */
struct lb_http_connection *lb_http_connection_next(struct lb_http_connection *c);

#endif
