/* Cookies of one jar: what a sticky balancer sets, to be sent back. */
#include "client/http_cookies.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 6265 section 5.2: what stands before the first ';' is "name=value". */
static void take(struct lb_jar *jar, const char *text)
{
    text += strspn(text, " \t");
    size_t len = strcspn(text, ";");
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    const char *equals = memchr(text, '=', len);
    if (!equals || equals == text || len > LB_COOKIE_MAX)
        return;
    size_t name = (size_t)(equals - text) + 1, i = 0;
    while (i < jar->count && strncmp(jar->cookies[i], text, name) != 0)
        i++;
    if (i == LB_JAR_COOKIES)
        return;
    char *cookie = strndup(text, len);
    if (!cookie)
        return;
    if (i == jar->count)
        jar->count++;
    else
        free(jar->cookies[i]);
    jar->cookies[i] = cookie;
}

void lb_jar_take(struct lb_jar *jar, const struct evkeyvalq *headers)
{
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next) {
        if (strcasecmp(h->key, "Set-Cookie") == 0)
            take(jar, h->value);
    }
}

size_t lb_jar_header(const struct lb_jar *jar, char header[LB_JAR_HEADER])
{
    char *end = header;
    for (size_t i = 0; i < jar->count; i++) {
        if (i > 0)
            end = stpcpy(end, "; ");
        end = stpcpy(end, jar->cookies[i]);
    }
    *end = '\0';
    return (size_t)(end - header);
}

void lb_jar_clear(struct lb_jar *jar)
{
    while (jar->count > 0)
        free(jar->cookies[--jar->count]);
}
