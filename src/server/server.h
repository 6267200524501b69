/* lbdemo-server as a whole: its parts, wired together. */
#ifndef LB_SERVER_SERVER_H
#define LB_SERVER_SERVER_H

#include "common/error.h"

struct lb_server;
struct lb_server_options;

/* Opens every address, then starts to serve and writes the port file. `options` (its identity is
 * completed) outlives the server. NULL after failure, with nothing left open. */
struct lb_server *lb_server_start(struct lb_server_options *options,
                                  struct lb_error *err) LB_MUST_CHECK;

/* Serves until it is told to stop and all is done. */
void lb_server_run(struct lb_server *s);

/* NULL is fine. */
void lb_server_free(struct lb_server *s);

#endif
