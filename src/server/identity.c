/* Who this server is: what every answer names. */
#include "server/identity.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/address.h"
#include "common/clock.h"
#include "common/utf8.h"

int lb_identity_check_text(const char *text, struct lb_error *err)
{
    if (strlen(text) > LB_IDENTITY_TEXT_MAX)
        return lb_error_set(err, "'%.40s…' has more than %d bytes", text, LB_IDENTITY_TEXT_MAX);
    for (const char *s = text; *s;) {
        size_t len = lb_utf8_length(s);
        if (len == 0 || (unsigned char)*s < 0x20 || *s == 0x7f)
            return lb_error_set(
                err, "'%s' has a byte 0x%02x: allowed is UTF-8 without control characters", text,
                (unsigned char)*s);
        s += len;
    }
    return 0;
}

/* 2 for a global IPv4 address, 1 for a global IPv6 address, 0 for one that others cannot reach. */
static int rank(const struct ifaddrs *i)
{
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
        return 0;
    if (i->ifa_addr->sa_family == AF_INET) {
        uint32_t ip =
            ntohl(((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr.s_addr);
        return ip >> 16 == 0xa9fe ? 0 : 2; /* 169.254.0.0/16 is link-local */
    }
    if (i->ifa_addr->sa_family == AF_INET6)
        return !IN6_IS_ADDR_LINKLOCAL(
            &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr);
    return 0;
}

static void find_host_ip(char host[LB_ADDRESS_TEXT])
{
    struct ifaddrs *all;
    int best = 0;
    if (getifaddrs(&all) < 0)
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        int r = rank(i);
        if (r <= best)
            continue;
        uint16_t port;
        lb_address_split(i->ifa_addr, sizeof(struct sockaddr_in6), host, &port);
        best = r;
    }
    freeifaddrs(all);
}

static int random_boot_id(char text[LB_BOOT_ID_DIGITS + 1], struct lb_error *err)
{
    unsigned char bytes[LB_BOOT_ID_DIGITS / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return lb_error_set(err, "cannot get random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

int lb_identity_complete(struct lb_identity *id, struct lb_error *err)
{
    if (!id->name || !*id->name) {
        if (gethostname(id->host_name, sizeof id->host_name) < 0)
            return lb_error_set(err, "cannot get the host name: %s; give --pod-name",
                                strerror(errno));
        id->host_name[sizeof id->host_name - 1] = '\0';
        id->name = *id->host_name ? id->host_name : "localhost";
    }
    if (!id->pod_ip || !*id->pod_ip) {
        find_host_ip(id->host_ip);
        id->pod_ip = id->host_ip;
    }
    const char **fields[] = {&id->name, &id->namespace, &id->pod_ip,
                             &id->node, &id->zone,      &id->version};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!*fields[i])
            *fields[i] = "";
        if (lb_identity_check_text(*fields[i], err) < 0)
            return -1;
    }
    id->start_time_unix_ms = lb_clock_realtime_ns() / LB_NS_PER_MS;
    return random_boot_id(id->boot_id, err);
}
