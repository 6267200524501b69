/* The gRPC C core's own messages, sent through our log. */
#ifndef LB_COMMON_GRPC_LOG_H
#define LB_COMMON_GRPC_LOG_H

/* From now on the core's errors are logged as warnings: they tell of single connections and calls,
 * never of the program's failure. What the core's GRPC_VERBOSITY and GRPC_TRACE add is logged as
 * debugging messages. Call after lb_log_open and before grpc_init. */
void lb_grpc_log_open(void);

/* Calls `failed`, on one of the core's threads, whenever a listener of the core's own could not
 * accept for lack of descriptors or memory, and has ended by that: a line in its log is all that it
 * leaves of it. After lb_grpc_log_open; one at a time; NULL: no more. */
void lb_grpc_log_watch_accept(void (*failed)(void *arg), void *arg);

#endif
