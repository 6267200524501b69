/* Who answered, from a reply's headers and body, and the cookies it sets. The first byte chooses
 * where the name is; then come "Name: value" lines, an empty line, and the body. */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/http_cookies.h"
#include "client/http_identity.h"
#include "fuzz.h"

static void check(const char text[LB_NAME_MAX + 1])
{
    if (!memchr(text, '\0', LB_NAME_MAX + 1))
        abort();
}

/* Takes the lines up to an empty one off the front. evhttp itself refuses those it would not read.
 */
static const char *take_headers(const char *p, const char *end, struct evkeyvalq *headers)
{
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((stop ? stop : end) - p);
        char *line = strndup(p, len), *colon = line ? strchr(line, ':') : NULL;
        p += len + (stop != NULL);
        if (colon) {
            *colon = '\0';
            evhttp_add_header(headers, line, colon + 1);
        }
        free(line);
        if (len == 0)
            break;
    }
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lb_http_id ids[] = {
        {NULL, NULL}, {"/hostname", NULL}, {"/a/0/~0~1", NULL}, {"", NULL}, {NULL, "x-name"}};
    struct evkeyvalq headers;
    struct lb_http_identity out;
    struct lb_jar jar = {0};
    char cookies[LB_JAR_HEADER];
    if (size == 0)
        return 0;
    TAILQ_INIT(&headers);
    const char *end = (const char *)data + size;
    const char *body = take_headers((const char *)data + 1, end, &headers);
    lb_http_identify(&ids[data[0] % (sizeof ids / sizeof ids[0])], &headers, body,
                     (size_t)(end - body), &out);
    check(out.backend);
    check(out.boot_id);
    check(out.version);
    check(out.zone);
    check(out.node);
    check(out.peer);
    check(out.proxy_headers);
    lb_jar_take(&jar, &headers);
    if (lb_jar_header(&jar, cookies) != strlen(cookies) || strlen(cookies) >= sizeof cookies)
        abort();
    lb_jar_clear(&jar);
    evhttp_clear_headers(&headers);
    return 0;
}
