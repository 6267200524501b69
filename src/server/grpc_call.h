/* A call from its arrival to its end. Each worker (one completion queue, one thread) keeps some
 * requests for every method waiting in the core; what arrives is handled, answered and released in
 * that worker's thread only. Objects are reused. */
#ifndef LB_SERVER_GRPC_CALL_H
#define LB_SERVER_GRPC_CALL_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "common/grpc_queue.h"
#include "server/faults.h"
#include "server/grpc_connections.h"
#include "server/grpc_headers.h"
#include "server/grpc_timers.h"

struct lb_grpc_worker;
struct lb_grpc_call;

/* A method of a service, as written in that service's file. */
struct lb_grpc_method {
    const char *path; /* "/package.Service/Method"; NULL: whatever no other method takes */
    /* Answers `call` or makes it a stream, now or later. */
    void (*handle)(struct lb_grpc_call *call);
    unsigned waiting; /* requests a worker keeps in the core: about as many as may come at once */
    bool faults;      /* calls to it may be made to fail on demand */
    bool probe;       /* unary, and what balancers ask all the time: no work that delays a stop */
};

/* A method as one server registered it. */
struct lb_grpc_endpoint {
    const struct lb_grpc_method *method;
    void *registered; /* NULL for the one without a path */
    size_t index;     /* among the server's, for metrics */
};

struct lb_grpc_call {
    struct lb_grpc_tag arrived;
    struct lb_grpc_tag finished;
    struct lb_grpc_worker *worker;
    const struct lb_grpc_endpoint *endpoint;
    grpc_call *call;
    grpc_call_details details; /* of a method that is not registered */
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_byte_buffer *request; /* NULL when the client sent none, or went */
    struct lb_grpc_call_origin origin;
    struct lb_grpc_headers headers; /* of the reply */
    grpc_byte_buffer *reply;
    bool is_stream;
    grpc_status_code status; /* that it was answered with */
    int64_t begun_ns;
    uint64_t sent_bytes;        /* of messages */
    int cancelled;              /* by the client, its deadline or a lost connection */
    struct lb_fault fault;      /* that happens to it */
    int fault_code;             /* gRPC's status that it was asked to end with; 0: none */
    struct lb_grpc_timer delay; /* the fault's */
    struct lb_grpc_call **delayed_link;
    struct lb_grpc_call *next; /* in the worker's list of unused or of delayed ones */
};

/* Waits for one more call to `endpoint`. */
void lb_grpc_call_await(struct lb_grpc_worker *w, const struct lb_grpc_endpoint *endpoint);

/* What `buffer` holds as a message of that type, for the caller to free; NULL when it is none. */
ProtobufCMessage *lb_grpc_unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *type);

/* The request as a message of that type, for the caller to free; NULL when it is none: then the
 * call has been answered. */
ProtobufCMessage *lb_grpc_call_unpack(struct lb_grpc_call *call,
                                      const ProtobufCMessageDescriptor *type);

/* Checks that the request is a message of a type without fields; else answers the call and returns
 * false. Costs nothing for the usual empty one. */
bool lb_grpc_call_check_empty(struct lb_grpc_call *call, const ProtobufCMessageDescriptor *type);

/* Writes `message` into a slice of its own. */
grpc_slice lb_grpc_pack(const ProtobufCMessage *message);

/* Answers a unary call with OK and one message, and releases it. Takes over the caller's reference
 * to `message`. */
void lb_grpc_call_reply(struct lb_grpc_call *call, grpc_slice message);

/* Answers a unary call with a failure and releases it. `text` is copied; the core percent-encodes
 * it. */
void lb_grpc_call_fail(struct lb_grpc_call *call, grpc_status_code status, const char *text);

/* The operation that begins a reply, with the headers that name the server. Once a call. */
grpc_op lb_grpc_call_begin(struct lb_grpc_call *call);

/* Gives the call back; no batch of it may be outstanding. The functions above do it themselves. */
void lb_grpc_call_release(struct lb_grpc_call *call);

/* Releases the worker's unused objects. */
void lb_grpc_calls_free(struct lb_grpc_worker *w);

#endif
