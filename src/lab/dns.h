/* A DNS server for one name, on a loopback socket, that a gRPC client is pointed at; it stands for
 * the DNS of a headless Service. */
#ifndef LB_LAB_DNS_H
#define LB_LAB_DNS_H

#include <stddef.h>

#include "common/error.h"

#define LB_DNS_COMMAND "serve-dns" /* how the lab starts it: serve-dns FD ADDRESS... */
#define LB_DNS_NAME "server.lbdemo.test"

/* Answers A queries for LB_DNS_NAME with all `addresses` (IPv4 texts) on the datagram socket `fd`
 * until the process is ended. Returns only after failure. */
int lb_dns_serve(int fd, char *const *addresses, size_t count, struct lb_error *err) LB_MUST_CHECK;

#endif
