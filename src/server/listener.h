/* Listening sockets: one address, one socket a thread. */
#ifndef LB_SERVER_LISTENER_H
#define LB_SERVER_LISTENER_H

#include <stddef.h>

#include "common/address.h"
#include "common/error.h"

struct lb_listener;

/* Binds `text` (lb_address_parse_listen's notation) and listens with `count` sockets, at least 1,
 * so that each thread can accept on its own: over TCP the kernel spreads connections over them
 * (SO_REUSEPORT), on a unix path they are duplicates of one. All are non-blocking and
 * close-on-exec.
 *
 * A second server on the same address fails: the first socket is bound without SO_REUSEPORT, which
 * is set only afterwards, for the others. A unix path that some process still listens on is
 * refused; a socket left behind by a dead one is replaced. ":PORT" is every IPv6 and IPv4 address,
 * or every IPv4 address on a host without IPv6.
 *
 * Returns NULL after failure, with nothing left bound. */
struct lb_listener *lb_listener_open(const char *text, size_t count,
                                     struct lb_error *err) LB_MUST_CHECK;

/* Wraps `fd`, a bound and listening stream socket that somebody else opened (socket activation),
 * as `count` duplicates. Takes `fd`, also after failure; never removes its path. */
struct lb_listener *lb_listener_adopt(int fd, size_t count, struct lb_error *err) LB_MUST_CHECK;

/* Hands out socket `index`, which the caller then closes; -1 if it was handed out before. */
int lb_listener_take(struct lb_listener *l, size_t index);

/* Where it listens, with the port the kernel chose: "127.0.0.1:41234", "[::]:8080", "unix:PATH".
 * Lives as long as the listener. */
const char *lb_listener_address(const struct lb_listener *l);

/* Removes the unix path, unless another socket has taken its place, and closes what was not handed
 * out. Call it when nothing accepts any more. NULL is fine. */
void lb_listener_free(struct lb_listener *l);

#endif
