/* What the gRPC client is pointed at. */
#include "client/grpc_target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <libintl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/language.h"
#include "common/units.h"

static const char forms[] =
    "HOST:PORT, dns:///HOST:PORT, ipv4:ADDRESS:PORT,..., ipv6:[ADDRESS]:PORT,..., "
    "unix:PATH, unix-abstract:NAME or xds:///NAME";

static int refuse(const char *text, const char *why, struct lb_error *err)
{
    return lb_error_set(err, "target '%.200s' %s; write %s", text, gettext(why), forms);
}

/* Appends `text`, percent-encoding all that is neither unreserved in a URI's path nor in `keep`. */
static int append(char *uri, size_t size, const char *text, const char *keep)
{
    size_t used = strlen(uri);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = isalnum(c) || strchr("-._~", c) || strchr(keep, c);
        if (used + 4 > size)
            return -1;
        used += (size_t)snprintf(uri + used, 4, plain ? "%c" : "%%%02X", c);
    }
    return 0;
}

static int append_uri(struct lb_grpc_target *t, const char *text, const char *keep)
{
    return append(t->uri, sizeof t->uri, text, keep);
}

int lb_grpc_target_add(struct lb_grpc_target *t, const struct lb_address *address)
{
    struct lb_address *list = realloc(t->addresses, (t->count + 1) * sizeof *list);
    if (!list)
        return -1;
    list[t->count++] = *address;
    t->addresses = list;
    return 0;
}

/* Splits "HOST:PORT" or "[IPV6]:PORT" in place. Returns why it is none, or NULL. */
static const char *split_port(char *text, char **host, char **port)
{
    char *colon = strrchr(text, ':');
    uint64_t number;
    if (!colon || strchr(colon, ']'))
        return N_("has no port");
    if (lb_parse_uint(colon + 1, 1, 65535, &number, NULL) < 0)
        return N_("has a port that is no whole number from 1 to 65535");
    *colon = '\0';
    *port = colon + 1;
    *host = text;
    if (*text == '[') {
        if (colon[-1] != ']')
            return N_("has an unclosed '['");
        colon[-1] = '\0';
        *host = text + 1;
        return strchr(*host, ':') ? NULL : "has brackets around what is no IPv6 address";
    }
    return strchr(*host, ':') ? "has an IPv6 address without brackets or a stray ':'" : NULL;
}

/* A numeric address; 0, or -1 when it is none of `family` (0: either). */
static int parse_ip(const char *host, const char *port, int family, struct lb_address *address)
{
    char bare[INET6_ADDRSTRLEN];
    uint16_t number = htons((uint16_t)atoi(port));
    memset(address, 0, sizeof *address);
    struct sockaddr_in *in = (struct sockaddr_in *)&address->sa;
    if (family != AF_INET6 && inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = number;
        address->len = sizeof *in;
        return 0;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->sa;
    size_t len = strcspn(host, "%");
    if (family == AF_INET || len >= sizeof bare)
        return -1;
    memcpy(bare, host, len);
    bare[len] = '\0';
    if (inet_pton(AF_INET6, bare, &in6->sin6_addr) != 1)
        return -1;
    in6->sin6_scope_id = host[len] ? if_nametoindex(host + len + 1) : 0;
    if (host[len] && !in6->sin6_scope_id)
        return -1;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = number;
    address->len = sizeof *in6;
    return 0;
}

static const char *check_name(const char *host)
{
    size_t len = strlen(host);
    if (len == 0)
        return N_("has no host");
    if (len > LB_GRPC_NAME_MAX)
        return N_("has a host name longer than 253 bytes");
    for (const char *c = host; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
            return N_(
                "has a host name with other characters than letters, digits, '-', '.' and '_'");
    }
    return NULL;
}

/* ipv4: and ipv6: lists. */
static const char *parse_list(char *list, int family, struct lb_grpc_target *t)
{
    t->scheme = family == AF_INET ? LB_GRPC_IPV4 : LB_GRPC_IPV6;
    snprintf(t->uri, sizeof t->uri, family == AF_INET ? "ipv4:" : "ipv6:");
    while (list) {
        char *host, *port;
        char *item = strsep(&list, ",");
        const char *why = split_port(item, &host, &port);
        struct lb_address address;
        if (why)
            return why;
        if (parse_ip(host, port, family, &address) < 0)
            return family == AF_INET ? "has an item that is no IPv4 address and port"
                                     : "has an item that is no IPv6 address and port";
        if (lb_grpc_target_add(t, &address) < 0)
            return N_("does not fit into memory");
        const char *open = family == AF_INET6 ? "[" : "", *close = family == AF_INET6 ? "]" : "";
        char encoded[LB_ADDRESS_TEXT];
        snprintf(encoded, sizeof encoded, "%s%s%.80s%s:%s", t->count > 1 ? "," : "", open, host,
                 close, port);
        if (append_uri(t, encoded, "[]:,") < 0)
            return N_("is too long");
    }
    return NULL;
}

/* The DNS server of a dns: target: a numeric address, with or without a port. */
static const char *check_server(const char *text)
{
    char copy[LB_ADDRESS_TEXT], *host, *port;
    struct lb_address address;
    if (strlen(text) >= sizeof copy)
        return N_("has a DNS server that is no numeric address");
    if (parse_ip(text, "53", 0, &address) == 0)
        return NULL;
    snprintf(copy, sizeof copy, "%s", text);
    const char *why = split_port(copy, &host, &port);
    return !why && parse_ip(host, port, 0, &address) == 0
               ? NULL
               : "has a DNS server that is no numeric address";
}

/* "///HOST:PORT", "//SERVER[:PORT]/HOST:PORT" or "HOST:PORT", after "dns:". */
static const char *parse_dns(char *rest, struct lb_grpc_target *t)
{
    char *server = NULL, *name = rest, *host, *port;
    struct lb_address address;
    if (strncmp(rest, "//", 2) == 0) {
        server = rest + 2;
        name = strchr(server, '/');
        if (!name)
            return N_("has one slash too few: after dns:// comes a DNS server or one more slash");
        *name++ = '\0';
        const char *bad = *server ? check_server(server) : NULL;
        if (bad)
            return bad;
    }
    t->scheme = LB_GRPC_DNS;
    snprintf(t->uri, sizeof t->uri, "dns://");
    if (append_uri(t, server ? server : "", "[]:") < 0 || append_uri(t, "/", "/") < 0 ||
        append_uri(t, name, "[]:") < 0)
        return N_("is too long");
    const char *why = split_port(name, &host, &port);
    if (why)
        return why;
    if (parse_ip(host, port, 0, &address) == 0)
        return lb_grpc_target_add(t, &address) < 0 ? "does not fit into memory" : NULL;
    why = strchr(host, ':') ? "has no IPv6 address of this host's interfaces in its brackets"
                            : check_name(host);
    if (why)
        return why;
    snprintf(t->host, sizeof t->host, "%s", host);
    snprintf(t->port, sizeof t->port, "%s", port);
    snprintf(t->server, sizeof t->server, "%s", server ? server : "");
    return NULL;
}

static const char *parse_unix(const char *path, bool abstract, struct lb_grpc_target *t)
{
    struct lb_address address = {.any = false};
    struct sockaddr_un *un = (struct sockaddr_un *)&address.sa;
    size_t len;
    if (!abstract && strncmp(path, "//", 2) == 0) /* unix:///absolute */
        path += 2;
    len = strlen(path);
    if (len == 0 || len >= sizeof un->sun_path)
        return N_("needs a path of 1 to 107 bytes");
    t->scheme = abstract ? LB_GRPC_UNIX_ABSTRACT : LB_GRPC_UNIX;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + abstract, path, len);
    address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (lb_grpc_target_add(t, &address) < 0)
        return N_("does not fit into memory");
    snprintf(t->uri, sizeof t->uri, abstract ? "unix-abstract:" : "unix:");
    return append_uri(t, path, "/") < 0 ? N_("is too long") : NULL;
}

static const char *parse_xds(const char *rest, struct lb_grpc_target *t)
{
    const char *name = strncmp(rest, "//", 2) == 0 ? strchr(rest + 2, '/') : NULL;
    if (!name || !name[1])
        return N_("names no xDS resource");
    t->scheme = LB_GRPC_XDS;
    snprintf(t->uri, sizeof t->uri, "xds:");
    if (!getenv("GRPC_XDS_BOOTSTRAP") && !getenv("GRPC_XDS_BOOTSTRAP_CONFIG"))
        return N_("needs the xDS bootstrap: set GRPC_XDS_BOOTSTRAP (a file) or "
                  "GRPC_XDS_BOOTSTRAP_CONFIG");
    return append_uri(t, rest, "/:") < 0 ? N_("is too long") : NULL;
}

/* HOST:PORT: a numeric address is one, anything else is looked up in DNS. */
static const char *parse_bare(char *text, struct lb_grpc_target *t)
{
    char copy[LB_GRPC_TARGET_MAX], *host, *port;
    struct lb_address address;
    snprintf(copy, sizeof copy, "%s", text);
    const char *why = split_port(copy, &host, &port);
    if (why)
        return why;
    if (parse_ip(host, port, 0, &address) == 0)
        return parse_list(text, address.sa.ss_family, t);
    return parse_dns(text, t);
}

int lb_grpc_target_parse(const char *text, struct lb_grpc_target *t, struct lb_error *err)
{
    static const struct {
        const char *scheme;
        enum lb_grpc_scheme id;
    } schemes[] = {{"dns:", LB_GRPC_DNS},   {"ipv4:", LB_GRPC_IPV4},
                   {"ipv6:", LB_GRPC_IPV6}, {"unix:", LB_GRPC_UNIX},
                   {"xds:", LB_GRPC_XDS},   {"unix-abstract:", LB_GRPC_UNIX_ABSTRACT}};
    char copy[LB_GRPC_TARGET_MAX];
    memset(t, 0, sizeof *t);
    if (strlen(text) >= sizeof copy / 2)
        return refuse(text, N_("is too long"), err);
    snprintf(copy, sizeof copy, "%s", text);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].scheme);
        char *rest = copy + len;
        const char *why;
        if (strncmp(text, schemes[i].scheme, len) != 0)
            continue;
        switch (schemes[i].id) {
        case LB_GRPC_DNS:
            why = parse_dns(rest, t);
            break;
        case LB_GRPC_IPV4:
        case LB_GRPC_IPV6:
            why = parse_list(rest, schemes[i].id == LB_GRPC_IPV4 ? AF_INET : AF_INET6, t);
            break;
        case LB_GRPC_UNIX:
        case LB_GRPC_UNIX_ABSTRACT:
            why = parse_unix(rest, schemes[i].id == LB_GRPC_UNIX_ABSTRACT, t);
            break;
        default:
            why = parse_xds(rest, t);
        }
        return why ? refuse(text, why, err) : 0;
    }
    const char *why = strstr(text, "://") ? N_("has an unknown scheme") : parse_bare(copy, t);
    return why ? refuse(text, why, err) : 0;
}

void lb_grpc_target_clear(struct lb_grpc_target *t)
{
    free(t->addresses);
    t->addresses = NULL;
    t->count = 0;
}

char *lb_grpc_address_uri(const struct lb_address *address, char uri[LB_GRPC_ADDRESS_URI])
{
    char text[LB_ADDRESS_TEXT];
    const struct sockaddr *sa = (const struct sockaddr *)&address->sa;
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->sa;
    if (sa->sa_family == AF_UNIX) {
        bool abstract = un->sun_path[0] == '\0';
        snprintf(uri, LB_GRPC_ADDRESS_URI, abstract ? "unix-abstract:" : "unix:");
        append(uri, LB_GRPC_ADDRESS_URI, un->sun_path + abstract, "/");
    } else {
        lb_address_format(text, sa, address->len); /* IPv4-mapped ones become IPv4 */
        snprintf(uri, LB_GRPC_ADDRESS_URI, text[0] == '[' ? "ipv6:" : "ipv4:");
        append(uri, LB_GRPC_ADDRESS_URI, text, "[]:");
    }
    return uri;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

char *lb_grpc_peer_format(const char *peer, char out[LB_ADDRESS_TEXT])
{
    size_t used = 0;
    const char *at = peer;
    if (strncmp(peer, "ipv4:", 5) == 0 || strncmp(peer, "ipv6:", 5) == 0)
        at += 5;
    else if (strncmp(peer, "unix:", 5) != 0 && strncmp(peer, "unix-abstract:", 14) != 0)
        at = "";
    for (; *at && used + 1 < LB_ADDRESS_TEXT; at++) {
        int high = *at == '%' ? hex_digit(at[1]) : -1, low = high < 0 ? -1 : hex_digit(at[2]);
        out[used++] = low < 0 ? *at : (char)(high << 4 | low);
        if (low >= 0)
            at += 2;
    }
    out[used] = '\0';
    return out;
}
