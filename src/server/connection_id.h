/* Numbers for the server's connections, HTTP and gRPC alike: unique in a boot. */
#ifndef LB_SERVER_CONNECTION_ID_H
#define LB_SERVER_CONNECTION_ID_H

#include <stdint.h>

/* From 1. Any thread. */
uint64_t lb_connection_id_next(void);

#endif
