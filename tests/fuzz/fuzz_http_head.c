/* The head of a request to the server, in one piece and in pieces of as many bytes as the first
 * byte says. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "server/http_head.h"

/* Where the scan of pieces of `step` bytes ends, and how. */
static enum lb_http_scan scan(const char *data, size_t len, size_t step, size_t *head_len)
{
    size_t scanned = 0, have = 0;
    enum lb_http_scan found;
    do {
        int status = 0;
        const char *why = NULL;
        have = len - have > step ? have + step : len;
        found = lb_http_head_scan(data, have, &scanned, head_len, &status, &why);
        if (scanned > have || (found == LB_HTTP_SCAN_REFUSE && (status < 400 || !why)))
            abort();
    } while (found == LB_HTTP_SCAN_MORE && have < len);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct lb_http_head head;
    size_t head_len = 0, same_len = 0;
    const char *why = NULL;
    if (size == 0)
        return 0;
    /* An exact copy, so that a sanitizer sees every byte read beyond it. */
    size_t len = size - 1, step = bytes[0] ? bytes[0] : 1;
    char *data = malloc(len ? len : 1);
    memcpy(data, bytes + 1, len);
    enum lb_http_scan found = scan(data, len, len ? len : 1, &head_len);
    if (found == LB_HTTP_SCAN_COMPLETE) {
        if (scan(data, len, step, &same_len) != found || same_len != head_len)
            abort();
        int status = lb_http_head_parse(data, head_len, &head, &why);
        if (status ? !why : (head.path_len == 0 || (head.chunked && head.content_length > 0)))
            abort();
    }
    free(data);
    return 0;
}
