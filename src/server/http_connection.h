/* One connection of the HTTP server: a libevent socket (bufferevent), and what is read from it.
 *
 * libevent's own HTTP (evhttp) is too lenient with what two servers could read differently, bounds
 * no head in time and answers on its own, so requests are read here, with bounds on size and time,
 * and refused when they are wrong (400, 408, 413, 414, 417, 431, 501, 505). A request stays in the
 * input until it is answered.
 *
 * http_connection.c: life, time limits, reading heads. http_body.c: bodies. http_inject.c: faults.
 * http_respond.c: responses. Everything here runs on the worker's thread. */
#ifndef LB_SERVER_HTTP_CONNECTION_H
#define LB_SERVER_HTTP_CONNECTION_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/address.h"
#include "server/access_log.h"
#include "server/faults.h"
#include "server/http_chunked.h"
#include "server/http_head.h"
#include "server/http_service.h"
#include "server/http_worker.h"
#include "server/metrics.h"

/* Largest body of a request; more is 413. */
#define LB_HTTP_BODY_MAX 65536

#define LB_HTTP_NEVER INT64_MAX

enum lb_http_state {
    LB_HTTP_SHAKING,   /* TLS hands are being shaken */
    LB_HTTP_IDLE,      /* nothing of a request has come */
    LB_HTTP_IN_HEAD,   /* a part of a head has come */
    LB_HTTP_IN_BODY,   /* its head, and a part of its body */
    LB_HTTP_DELAYING,  /* an injected delay */
    LB_HTTP_ANSWERING, /* the socket takes no more of the response for now */
    LB_HTTP_LINGERING, /* all is said; waiting for the client to close */
};

struct lb_http_connection {
    LIST_ENTRY(lb_http_connection) entry;
    struct lb_http_worker *worker;
    struct bufferevent *bev;
    int fd;
    enum lb_http_state state;
    bool tls;
    bool close;                  /* after the response */
    bool blank;                  /* the one empty line before a request has come */
    bool eof;                    /* the client sends no more */
    enum lb_close_reason reason; /* should it end now */

    struct event timer;
    int64_t deadline_ns; /* of the state */
    int64_t armed_ns;    /* when the timer fires: never after the deadline */
    int64_t expires_ns;  /* its age ends: the next response is its last */

    uint64_t id, ordinal;
    size_t scanned;                 /* by lb_http_head_scan */
    struct lb_http_chunked chunked; /* the body's decoding */
    size_t request_len;             /* of what is answered: in the input until the reply is made */
    size_t lingered_bytes;

    /* The request that is being served. */
    bool in_flight;
    bool fault_drawn;
    struct lb_fault fault;
    int64_t delayed_until_ns;
    int64_t begun_ns;
    enum lb_http_method method;
    const struct lb_http_route *route;

    char peer[LB_ADDRESS_TEXT];
};

/* --- for the server -------------------------------------------------------------------------- */

/* Serves the connection that was accepted as `fd`, which it takes. */
void lb_http_connection_begin(struct lb_http_worker *w, int fd, const struct sockaddr *peer,
                              socklen_t peer_len);

/* The server drains: an idle connection gets half a second to ask once more, the others close after
 * their response. */
void lb_http_connection_drain(struct lb_http_connection *c);

/* Closes it now, whatever it is doing. `c` is gone afterwards. */
void lb_http_connection_abort(struct lb_http_connection *c, enum lb_close_reason reason);

/* --- between its files ----------------------------------------------------------------------- */

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
bool lb_http_answer(struct lb_http_connection *c, const struct lb_http_head *head, const char *body,
                    size_t body_len);
bool lb_http_refuse(struct lb_http_connection *c, int status, const char *why, bool with_body,
                    enum lb_close_reason reason);

/* All of the rest of a response has been sent: as above. */
bool lb_http_after_response(struct lb_http_connection *c, int64_t now_ns);

/* Draws the fault of a request, unless that was done before its delay. `asked` is what its header
 * asks for, or NULL. Returns 0; 400 with *err for one that cannot be read; or -1: `c` is gone, or
 * waits, and the request is read once more after its delay. */
int lb_http_inject(struct lb_http_connection *c, const char *asked, size_t asked_len,
                   const char *query, size_t query_len, struct lb_error *err);

/* The reply to a request that was drawn a status, or whose wish for a fault cannot be read. */
void lb_http_fault_reply(struct lb_http_reply *reply, int status, const char *text);

/* A request whose head of `head_len` bytes is in the input has a body: answers it, or waits for the
 * rest. Returns as the above. */
bool lb_http_take_body(struct lb_http_connection *c, const struct lb_http_head *head,
                       size_t head_len);

/* Writes at once what the socket takes, the rest by and by. Returns whether all was written. */
bool lb_http_write(struct lb_http_connection *c, const char *data, size_t len);

#endif
