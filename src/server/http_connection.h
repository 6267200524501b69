/* One connection of the HTTP server: the guard between the socket and evhttp.
 *
 * It reads heads itself, with bounds on size and time, and refuses what is wrong (400, 408, 413,
 * 414, 417, 431, 501, 505). A request without a body it answers itself; one with a body it hands,
 * checked, to evhttp, which reads and decodes the body and sends the response. Between two requests
 * the connection is always the guard's again, so evhttp never sees a byte that was not checked.
 *
 * http_connection.c: life, time limits, reading. http_respond.c: responses of our own. http_body.c:
 * requests with a body, through evhttp. Everything here runs on the worker's thread. */
#ifndef LB_SERVER_HTTP_CONNECTION_H
#define LB_SERVER_HTTP_CONNECTION_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>

#include "common/address.h"
#include "server/access_log.h"
#include "server/faults.h"
#include "server/http_head.h"
#include "server/http_service.h"
#include "server/http_worker.h"
#include "server/metrics.h"

/* Largest body of a request; more is 413. */
#define LB_HTTP_BODY_MAX 65536

#define LB_HTTP_NEVER INT64_MAX

enum lb_http_state {
    LB_HTTP_ATTACHING, /* evhttp has not finished making it */
    LB_HTTP_SHAKING,   /* TLS hands are being shaken */
    LB_HTTP_IDLE,      /* nothing of a request has come */
    LB_HTTP_IN_HEAD,   /* a part of a head has come */
    LB_HTTP_IN_BODY,   /* evhttp reads a body */
    LB_HTTP_DELAYING,  /* an injected delay */
    LB_HTTP_ANSWERING, /* evhttp writes the response, or the socket takes no more of ours */
    LB_HTTP_LINGERING, /* all is said; waiting for the client to close */
};

struct lb_http_connection {
    LIST_ENTRY(lb_http_connection) entry;
    struct lb_http_worker *worker;
    struct bufferevent *bev;
    struct evhttp_connection *evcon;
    int fd;
    enum lb_http_state state;
    bool tls;
    bool excess;                 /* more connections than allowed: refused as soon as it stands */
    bool close;                  /* after the response */
    bool blank;                  /* the one empty line before a request has come */
    bool eof;                    /* the client sends no more */
    enum lb_close_reason reason; /* should it end now */

    /* evhttp's own callbacks, while they are replaced by ours. */
    bufferevent_data_cb evhttp_read, evhttp_write;
    bufferevent_event_cb evhttp_event;

    struct event timer;
    int64_t deadline_ns;    /* of the state */
    int64_t armed_ns;       /* when the timer fires: never after the deadline */
    int64_t expires_ns;     /* its age ends: the next response is its last */
    struct event resume;    /* runs what may not run inside evhttp's callbacks */
    struct evbuffer *stash; /* pipelined bytes that evhttp must not see; or NULL */

    uint64_t id, ordinal;
    size_t scanned;  /* by lb_http_head_scan */
    size_t head_len; /* of the request being answered: in the input until the reply is made */
    size_t lingered_bytes;

    /* The request that is being served. */
    bool in_flight;
    bool fault_drawn;
    struct lb_fault fault;
    int64_t delayed_until_ns;
    struct evhttp_request *delayed; /* evhttp's, if it has a body; or NULL */
    int64_t begun_ns;
    enum lb_http_method method;
    const struct lb_http_route *route;

    char peer[LB_ADDRESS_TEXT];
};

/* --- for the server -------------------------------------------------------------------------- */

/* evhttp's bevcb: makes the socket layer of a connection that is being accepted. */
struct bufferevent *lb_http_connection_accept(struct event_base *base, void *worker);

/* evhttp's general callback: a request with a body has arrived in whole. */
void lb_http_connection_request(struct evhttp_request *req, void *worker);

/* The server drains: an idle connection gets half a second to ask once more, the others close after
 * their response. */
void lb_http_connection_drain(struct lb_http_connection *c);

/* Closes it now, whatever it is doing. `c` is gone afterwards. */
void lb_http_connection_abort(struct lb_http_connection *c, enum lb_close_reason reason);

/* --- between the three files ----------------------------------------------------------------- */

/* The state's deadline; LB_HTTP_NEVER for none. */
void lb_http_connection_set_deadline(struct lb_http_connection *c, int64_t at_ns);

/* The same while a request is served: at most until its connection's age and grace are over. */
void lb_http_connection_busy_until(struct lb_http_connection *c, int64_t at_ns);

/* Waits for a request. */
void lb_http_connection_become_idle(struct lb_http_connection *c, int64_t now_ns);

/* Closes so that the last response arrives. `c` may be gone afterwards. */
void lb_http_connection_linger(struct lb_http_connection *c);

/* Reads on after a response that could not be sent at once. `c` may be gone afterwards. */
void lb_http_connection_process(struct lb_http_connection *c);

/* Makes the guard's callbacks the connection's. */
void lb_http_connection_take(struct lb_http_connection *c);

/* A request of `read_bytes` is being served from now on. */
void lb_http_request_begin(struct lb_http_connection *c, const struct lb_http_head *head,
                           size_t read_bytes, int64_t now_ns);

/* It was answered with `status`; `path` is what the log says. Returns the time. */
int64_t lb_http_request_end(struct lb_http_connection *c, int status, size_t sent_bytes,
                            const char *path, size_t path_len);

/* Decides, as the response is made, whether it is the connection's last. */
void lb_http_decide_close(struct lb_http_connection *c, bool asked, int64_t now_ns);

/* These answer a request and return whether `c` can take another one at once; if not, it may be
 * gone. `refuse` closes the connection afterwards. */
bool lb_http_answer(struct lb_http_connection *c, const struct lb_http_head *head);
bool lb_http_refuse(struct lb_http_connection *c, int status, const char *why, bool with_body,
                    enum lb_close_reason reason);

/* All of the rest of a response has been sent: as above. */
bool lb_http_after_response(struct lb_http_connection *c, int64_t now_ns);

/* Draws the fault of a request, unless that was done before its delay. `asked` is what its header
 * asks for, or NULL. Returns 0; 400 with *err for one that cannot be read; or -1: `c` is gone, or
 * waits and goes on with lb_http_connection_process or lb_http_resume. */
int lb_http_inject(struct lb_http_connection *c, const char *asked, size_t asked_len,
                   const char *query, size_t query_len, struct lb_error *err);

/* The reply to a request that was drawn a status, or whose wish for a fault cannot be read. */
void lb_http_fault_reply(struct lb_http_reply *reply, int status, const char *text);

/* Goes on with a request with a body after its delay. */
void lb_http_resume(struct lb_http_connection *c);

/* Gives the connection to evhttp until the response to this request is sent. `c` may be gone
 * afterwards. */
void lb_http_hand_over(struct lb_http_connection *c, const struct lb_http_head *head);

/* Takes it back. */
void lb_http_take_back(struct lb_http_connection *c);

#endif
