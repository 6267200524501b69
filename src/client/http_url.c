/* The HTTP client's target: a URL, or just host[:port]. */
#include "client/http_url.h"

#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HTTP_PORT 80
#define HTTPS_PORT 443

int lb_http_path_check(const char *path, struct lb_error *err)
{
    if (path[0] != '/')
        return lb_error_set(err, "path '%s' does not start with '/'", path);
    if (strlen(path) >= LB_URL_PATH_MAX)
        return lb_error_set(err, "path '%.32s...' is longer than %d bytes", path,
                            LB_URL_PATH_MAX - 1);
    for (const char *p = path; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f)
            return lb_error_set(err, "path '%s' has a byte that is to be written as %%%02X", path,
                                (unsigned char)*p);
    }
    return 0;
}

static int take_scheme(const char *scheme, const char *text, struct lb_http_url *url,
                       struct lb_error *err)
{
    url->tls = scheme && strcasecmp(scheme, "https") == 0;
    if (scheme && !url->tls && strcasecmp(scheme, "http") != 0)
        return lb_error_set(err, "URL '%s' has the scheme '%s'; allowed are http and https", text,
                            scheme);
    return 0;
}

static int take_host(const char *host, int port, const char *text, struct lb_http_url *url,
                     struct lb_error *err)
{
    size_t len = host ? strlen(host) : 0;
    bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
    if (len == 0)
        return lb_error_set(err, "URL '%s' names no host", text);
    if (len >= LB_URL_HOST_MAX)
        return lb_error_set(err, "the host in URL '%.32s...' is longer than %d bytes", text,
                            LB_URL_HOST_MAX - 1);
    int standard = url->tls ? HTTPS_PORT : HTTP_PORT;
    if (port == 0 || port > UINT16_MAX)
        return lb_error_set(err, "URL '%s' has a port that is not from 1 to 65535", text);
    url->port = (uint16_t)(port < 0 ? standard : port);
    snprintf(url->host, sizeof url->host, "%.*s", (int)(len - (brackets ? 2 : 0)),
             host + (brackets ? 1 : 0));
    if (url->port == standard)
        snprintf(url->authority, sizeof url->authority, "%s", host);
    else
        snprintf(url->authority, sizeof url->authority, "%s:%u", host, url->port);
    return 0;
}

static int take_path(const char *path, const char *query, struct lb_http_url *url,
                     struct lb_error *err)
{
    if (!path || !*path)
        path = query ? "/" : LB_URL_DEFAULT_PATH;
    int n =
        snprintf(url->path, sizeof url->path, "%s%s%s", path, query ? "?" : "", query ? query : "");
    if (n < 0 || (size_t)n >= sizeof url->path)
        return lb_error_set(err, "path '%.32s...' is longer than %d bytes", path,
                            LB_URL_PATH_MAX - 1);
    return lb_http_path_check(url->path, err);
}

int lb_http_url_parse(const char *text, struct lb_http_url *url, struct lb_error *err)
{
    bool has_scheme = strstr(text, "://") != NULL;
    size_t size = strlen(text) + sizeof "http://";
    char *full = malloc(size);
    if (!full)
        return lb_error_set(err, "out of memory");
    snprintf(full, size, "%s%s", has_scheme ? "" : "http://", text);
    memset(url, 0, sizeof *url);
    struct evhttp_uri *uri = evhttp_uri_parse(full);
    int result = -1;
    if (!uri)
        lb_error_set(err, "'%s' is not a URL: write it like http://host:port/path or host:port",
                     text);
    else if (evhttp_uri_get_userinfo(uri))
        lb_error_set(err, "URL '%s' has a user name, which is not supported", text);
    else if (take_scheme(evhttp_uri_get_scheme(uri), text, url, err) == 0 &&
             take_host(evhttp_uri_get_host(uri), evhttp_uri_get_port(uri), text, url, err) == 0)
        result = take_path(evhttp_uri_get_path(uri), evhttp_uri_get_query(uri), url, err);
    if (uri)
        evhttp_uri_free(uri);
    free(full);
    return result;
}
