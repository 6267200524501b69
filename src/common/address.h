/* Socket addresses as users write them and as we print them. */
#ifndef LB_COMMON_ADDRESS_H
#define LB_COMMON_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/error.h"

/* Longest text of an address: "unix:" and a sun_path, or a bracketed IPv6 address, scope and port.
 */
#define LB_ADDRESS_TEXT 128

struct lb_address {
    struct sockaddr_storage sa;
    socklen_t len;
    bool any; /* written without a host: every local address, IPv6 and IPv4 where the host has both
               */
};

/* Parses where to listen: "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (127.0.0.1), ":8080" or
 * "*:8080" (every address), "unix:PATH". Port 0 lets the kernel choose. Names are not looked up: a
 * listener belongs to an address of this host. Fails with one sentence that names `text`. */
int lb_address_parse_listen(const char *text, struct lb_address *address,
                            struct lb_error *err) LB_MUST_CHECK;

/* Writes "127.0.0.1:80", "[::1]:80" or "unix:PATH" ("unix:" for an unnamed peer) and returns
 * `buf`. IPv4-mapped IPv6 addresses are written as IPv4. */
char *lb_address_format(char buf[LB_ADDRESS_TEXT], const struct sockaddr *sa, socklen_t len);

/* Splits an address into host text (no brackets; "unix" paths keep "unix:") and port (0 for unix).
 * `host` has LB_ADDRESS_TEXT bytes. */
void lb_address_split(const struct sockaddr *sa, socklen_t len, char host[LB_ADDRESS_TEXT],
                      uint16_t *port);

#endif
