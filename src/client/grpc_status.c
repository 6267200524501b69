/* gRPC status codes, and what the core's error texts mean. The texts are those of gRPC C core 1.51;
 * one that is not known is printed as it is. */
#include "client/grpc_status.h"

#include <stdio.h>
#include <string.h>

#include "client/grpc_target.h"

const char *lb_grpc_status_name(int code, char buf[LB_GRPC_STATUS_TEXT])
{
    /* https://grpc.io/docs/guides/status-codes/ */
    static const char *const names[] = {"OK",
                                        "CANCELLED",
                                        "UNKNOWN",
                                        "INVALID_ARGUMENT",
                                        "DEADLINE_EXCEEDED",
                                        "NOT_FOUND",
                                        "ALREADY_EXISTS",
                                        "PERMISSION_DENIED",
                                        "RESOURCE_EXHAUSTED",
                                        "FAILED_PRECONDITION",
                                        "ABORTED",
                                        "OUT_OF_RANGE",
                                        "UNIMPLEMENTED",
                                        "INTERNAL",
                                        "UNAVAILABLE",
                                        "DATA_LOSS",
                                        "UNAUTHENTICATED"};
    if (code >= 0 && (size_t)code < sizeof names / sizeof names[0])
        return names[code];
    snprintf(buf, LB_GRPC_STATUS_TEXT, "CODE %d", code);
    return buf;
}

/* By pick_first, and by round_robin. */
static const char no_connection[] = "failed to connect to all addresses; last error: ";
static const char none_ready[] = "connections to all backends failing; last error: ";
static const char no_name[] = "DNS resolution failed for ";

/* What the core says when there is no connection for a call. */
static const char *const none[] = {
    none_ready, no_connection, no_name, "Failed to create XdsClient", "empty address list", NULL,
};

/* What it says when the connection breaks under a call. */
static const char *const lost[] = {
    "Socket closed",
    "Transport closed",
    "GOAWAY received",
    "recvmsg:",
    "sendmsg:",
    "Broken pipe",
    "Endpoint closing",
    "keepalive watchdog timeout",
    NULL,
};

static bool begins(int code, const char *details, const char *const *texts)
{
    enum { UNAVAILABLE = 14 };
    while (*texts && strncmp(details, *texts, strlen(*texts)) != 0)
        texts++;
    return code == UNAVAILABLE && *texts;
}

bool lb_grpc_status_is_local(int code, const char *details)
{
    return begins(code, details, lost) || lb_grpc_status_is_unsent(code, details);
}

bool lb_grpc_status_is_unsent(int code, const char *details)
{
    return begins(code, details, none);
}

/* "SSL routines::certificate verify failed" into "TLS: certificate verify failed". */
static const char *shorten_tls(const char *why, char *out, size_t size)
{
    const char *last = strrchr(why, ':');
    snprintf(out, size, "TLS: %s", last && last[1] ? last + 1 : why);
    return out;
}

/* "UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused" into
 * "connect 127.0.0.1:1: Connection refused". False when it does not look like this. */
static bool shorten_connect(const char *why, char *out, size_t size)
{
    static const char failed[] = "Failed to connect to remote host: ";
    const char *colon = strstr(why, ": ");
    const char *peer = colon ? colon + 2 : why;
    const char *end = strstr(peer, ": ");
    char raw[256], address[LB_ADDRESS_TEXT], text[256];
    if (!end || (size_t)(end - peer) >= sizeof raw)
        return false;
    memcpy(raw, peer, (size_t)(end - peer));
    raw[end - peer] = '\0';
    if (!*lb_grpc_peer_format(raw, address))
        return false;
    const char *reason = end + 2, *tls;
    if (strncmp(reason, failed, sizeof failed - 1) == 0)
        reason += sizeof failed - 1;
    if (strstr(reason, "Hostname Verification Check failed"))
        reason = "TLS: the server's certificate is for another name";
    else if (strstr(reason, " handshake failed: ") && (tls = strstr(reason, "SSL routines:")))
        reason = shorten_tls(tls, text, sizeof text);
    snprintf(out, size, "connect %s: %s", address, reason);
    return true;
}

/* "HOST:PORT: C-ares status is not ARES_SUCCESS qtype=… is_balancer=0: Domain name not found" into
 * "look up HOST:PORT: Domain name not found". */
static bool shorten_lookup(const char *why, char *out, size_t size)
{
    const char *end = strstr(why, ": C-ares status");
    const char *reason = end ? strstr(end + 2, ": ") : NULL;
    if (!reason || end - why > 512)
        return false;
    snprintf(out, size, "look up %.*s: %s", (int)(end - why), why, reason + 2);
    return true;
}

/* What follows `prefix` in `text`, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* Writes what matters of one of the core's texts; false when it is none. */
static bool shorten(const char *details, char *out, size_t size)
{
    const char *rest;
    if ((rest = after(details, no_connection)) || (rest = after(details, none_ready)))
        return shorten_connect(rest, out, size);
    if ((rest = after(details, no_name)))
        return shorten_lookup(rest, out, size);
    if ((rest = after(details, "recvmsg:")) || (rest = after(details, "sendmsg:")))
        return snprintf(out, size, "%s", rest) > 0;
    if ((rest = after(details, "Received http2 header with status: ")))
        return snprintf(out, size, "HTTP status %s", rest) > 0;
    return false;
}

char *lb_grpc_status_text(int code, const char *details, char *out, size_t size)
{
    char name[LB_GRPC_STATUS_TEXT], cause[1024];
    const char *text = shorten(details, cause, sizeof cause) ? cause : details;
    snprintf(out, size, "%s%s%s", lb_grpc_status_name(code, name), *text ? ": " : "", text);
    return out;
}
