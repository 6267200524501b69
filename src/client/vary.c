/* What a probe varies besides the connection: the values behind the schedule's key numbers. */
#include "client/vary.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* All of 127/8 is this host: addresses spread over the octets and in no arithmetic progression, as
 * a hash over few bits or the sum of the octets must not see a pattern. Steps of the golden ratio.
 */
static void loopback_sources(struct lb_vary *vary)
{
    for (uint32_t i = 0; i < LB_DIAGNOSE_KEY_VALUES; i++) {
        uint32_t spread = ((i + 1) * UINT32_C(0x9e3779b9)) >> 8;
        unsigned last = spread & 0xff;
        snprintf(vary->sources[i], sizeof vary->sources[i], "127.%u.%u.%u", spread >> 16,
                 (spread >> 8) & 0xff, last == 0 || last == 255 ? 77 : last);
    }
    vary->values[LB_LEVEL_SOURCE] = LB_DIAGNOSE_KEY_VALUES;
}

/* The local address the kernel would take towards `target`; nothing is sent. */
static int default_source(const struct sockaddr_storage *target, char text[LB_ADDRESS_TEXT])
{
    struct sockaddr_storage sa = *target, local;
    socklen_t len =
        sa.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    socklen_t local_len = sizeof local;
    uint16_t port;
    int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int bad = fd < 0 || connect(fd, (struct sockaddr *)&sa, len) < 0 ||
              getsockname(fd, (struct sockaddr *)&local, &local_len) < 0;
    if (fd >= 0)
        close(fd);
    if (!bad)
        lb_address_split((struct sockaddr *)&local, local_len, text, &port);
    return bad ? -1 : 0;
}

static const char *text_of(const struct ifaddrs *i, int family, char text[LB_ADDRESS_TEXT])
{
    uint16_t port;
    if (!i->ifa_addr || i->ifa_addr->sa_family != family)
        return NULL;
    socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    lb_address_split(i->ifa_addr, len, text, &port);
    return text;
}

/* The other addresses of the interface that leads to the target: only they can be relied on to get
 * an answer. */
static void interface_sources(struct lb_vary *vary, const struct sockaddr_storage *target)
{
    char used[LB_ADDRESS_TEXT], text[LB_ADDRESS_TEXT];
    struct ifaddrs *all;
    const char *name = NULL;
    uint16_t *count = &vary->values[LB_LEVEL_SOURCE];
    if (default_source(target, used) < 0 || getifaddrs(&all) < 0)
        return;
    for (const struct ifaddrs *i = all; i && !name; i = i->ifa_next) {
        if (text_of(i, target->ss_family, text) && strcmp(text, used) == 0)
            name = i->ifa_name;
    }
    for (const struct ifaddrs *i = all; name && i && *count < LB_DIAGNOSE_KEY_VALUES;
         i = i->ifa_next) {
        if (strcmp(i->ifa_name, name) == 0 && text_of(i, target->ss_family, text) &&
            strcmp(text, used) != 0 && !strchr(text, '%') && strncmp(text, "fe80:", 5) != 0)
            snprintf(vary->sources[(*count)++], sizeof vary->sources[0], "%s", text);
    }
    freeifaddrs(all);
}

static void find_sources(struct lb_vary *vary, const struct sockaddr_storage *target)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)target;
    if (target->ss_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
        loopback_sources(vary);
    else if (target->ss_family == AF_INET || target->ss_family == AF_INET6)
        interface_sources(vary, target);
}

static int plan_one(const char *what, const struct lb_transport_facts *facts, struct lb_vary *vary,
                    struct lb_error *err)
{
    if (strcmp(what, "source") == 0) {
        if (vary->values[LB_LEVEL_SOURCE] == 0)
            return lb_error_set(err,
                                "--vary source: there is one local address towards the target");
    } else if (strcmp(what, "cookie") == 0) {
        if (!facts->cookies)
            return lb_error_set(err, "--vary cookie is for HTTP");
    } else if (strcmp(what, "path") == 0) {
        if (!facts->path)
            return lb_error_set(err, "--vary path is for HTTP");
        vary->path = facts->path;
        vary->values[LB_LEVEL_PATH] = LB_DIAGNOSE_KEY_VALUES;
    } else {
        vary->header_name = what + strlen("header:");
        vary->values[LB_LEVEL_HEADER] = LB_DIAGNOSE_KEY_VALUES;
    }
    return 0;
}

int lb_vary_plan(const struct lb_option_list *wanted, const struct lb_transport_facts *facts,
                 struct lb_vary *vary, struct lb_error *err)
{
    memset(vary, 0, sizeof *vary);
    if (facts->choose_source)
        find_sources(vary, &facts->first);
    if (facts->cookies)
        vary->values[LB_LEVEL_COOKIE] = LB_DIAGNOSE_KEY_VALUES;
    for (size_t i = 0; i < wanted->count; i++) {
        if (plan_one(wanted->items[i], facts, vary, err) < 0)
            return -1;
    }
    return 0;
}

void lb_vary_key(const struct lb_vary *vary, const uint16_t key[LB_LEVELS], int address,
                 struct lb_varied_key *out)
{
    memset(out, 0, sizeof *out);
    out->key.address = address;
    if (!vary)
        return;
    if (vary->values[LB_LEVEL_COOKIE])
        out->key.cookie_jar = key[LB_LEVEL_COOKIE] + 1u;
    if (key[LB_LEVEL_SOURCE])
        out->key.source = vary->sources[(key[LB_LEVEL_SOURCE] - 1) % LB_DIAGNOSE_KEY_VALUES];
    if (vary->header_name) {
        snprintf(out->header_value, sizeof out->header_value, "lbdemo-%u", key[LB_LEVEL_HEADER]);
        out->key.header_name = vary->header_name;
        out->key.header_value = out->header_value;
    }
    if (vary->path && key[LB_LEVEL_PATH]) {
        snprintf(out->path, sizeof out->path, "%s%clbdemo=%u", vary->path,
                 strchr(vary->path, '?') ? '&' : '?', key[LB_LEVEL_PATH]);
        out->key.path = out->path;
    }
}
