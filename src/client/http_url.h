/* The HTTP client's target: a URL, or just host[:port]. */
#ifndef LB_CLIENT_HTTP_URL_H
#define LB_CLIENT_HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define LB_URL_HOST_MAX 256
#define LB_URL_PATH_MAX 4096
#define LB_URL_DEFAULT_PATH "/pod" /* lbdemo-server's: the pod name and nothing else */

struct lb_http_url {
    bool tls;
    char host[LB_URL_HOST_MAX]; /* a name or an address, IPv6 without brackets */
    uint16_t port;
    char authority[LB_URL_HOST_MAX + 8]; /* the Host header: "server:8080", "[::1]" */
    char path[LB_URL_PATH_MAX];          /* with the query; starts with '/' */
};

/* Parses "http://host[:port][/path][?query]" or "host[:port][/path][?query]". Without a path it is
 * LB_URL_DEFAULT_PATH. A user name, another scheme or a malformed part is refused by a sentence
 * that names the text. */
int lb_http_url_parse(const char *text, struct lb_http_url *url,
                      struct lb_error *err) LB_MUST_CHECK;

/* Checks a path of a request, "/..." of printable ASCII. */
int lb_http_path_check(const char *path, struct lb_error *err) LB_MUST_CHECK;

#endif
