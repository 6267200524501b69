/* Socket addresses as users write them and as we print them. */
#include "common/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "common/units.h"

static int parse_unix(const char *path, struct lb_address *address, struct lb_error *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->sa;
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof un->sun_path)
        return lb_error_set(err, "'unix:%s' needs a path of 1 to %zu bytes", path,
                            sizeof un->sun_path - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return 0;
}

/* `host` without brackets; scoped IPv6 ("fe80::1%eth0") needs getaddrinfo. */
static int parse_ip(const char *host, uint16_t port, struct lb_address *address)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return -1;
    memcpy(&address->sa, found->ai_addr, found->ai_addrlen);
    address->len = found->ai_addrlen;
    freeaddrinfo(found);
    if (address->sa.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->sa)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&address->sa)->sin_port = htons(port);
    return 0;
}

int lb_address_parse_listen(const char *text, struct lb_address *address, struct lb_error *err)
{
    static const char allowed[] = "HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH with a numeric HOST";
    memset(address, 0, sizeof *address);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, address, err);

    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (!colon)
        return lb_error_set(err, "'%s' is not an address: write %s", text, allowed);
    if (lb_parse_uint(colon + 1, 0, 65535, &port, NULL) < 0)
        return lb_error_set(err, "'%s': the port is not a whole number from 0 to 65535", text);

    char host[64];
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed)
        text++, len -= 2;
    if (len >= sizeof host || (!bracketed && memchr(text, ':', len)))
        return lb_error_set(err, "'%s' is not an address: write %s", text, allowed);
    memcpy(host, text, len);
    host[len] = '\0';

    address->any = !bracketed && (len == 0 || strcmp(host, "*") == 0);
    const char *numeric = address->any ? "::" : strcmp(host, "localhost") ? host : "127.0.0.1";
    /* inet_aton's shorthands ("1", "127.1") are numeric hosts to getaddrinfo but typos to people.
     */
    bool shorthand =
        !strchr(numeric, ':') && inet_pton(AF_INET, numeric, &(struct in_addr){0}) != 1;
    if (shorthand || (bracketed && !strchr(numeric, ':')) ||
        parse_ip(numeric, (uint16_t)port, address) < 0)
        return lb_error_set(err, "'%s' is not a numeric address: write %s", host, allowed);
    return 0;
}

void lb_address_split(const struct sockaddr *sa, socklen_t len, char host[LB_ADDRESS_TEXT],
                      uint16_t *port)
{
    *port = 0;
    host[0] = '\0';
    if (sa->sa_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)sa;
        size_t path = len > offsetof(struct sockaddr_un, sun_path)
                          ? strnlen(un->sun_path, len - offsetof(struct sockaddr_un, sun_path))
                          : 0;
        snprintf(host, LB_ADDRESS_TEXT, "unix:%.*s", (int)path, un->sun_path);
    } else if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        inet_ntop(AF_INET, &in->sin_addr, host, LB_ADDRESS_TEXT);
        *port = ntohs(in->sin_port);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        *port = ntohs(in6->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, LB_ADDRESS_TEXT);
            return;
        }
        inet_ntop(AF_INET6, &in6->sin6_addr, host, LB_ADDRESS_TEXT);
        char scope[IF_NAMESIZE];
        if (in6->sin6_scope_id && if_indextoname(in6->sin6_scope_id, scope)) {
            size_t used = strlen(host);
            snprintf(host + used, LB_ADDRESS_TEXT - used, "%%%s", scope);
        }
    }
}

char *lb_address_format(char buf[LB_ADDRESS_TEXT], const struct sockaddr *sa, socklen_t len)
{
    char host[LB_ADDRESS_TEXT];
    uint16_t port;
    lb_address_split(sa, len, host, &port);
    if (sa->sa_family == AF_UNIX)
        memcpy(buf, host, sizeof host);
    else
        snprintf(buf, LB_ADDRESS_TEXT, strchr(host, ':') ? "[%.110s]:%u" : "%.110s:%u", host, port);
    return buf;
}
