/* The chunked body of a request to the server, in one piece and in pieces of as many bytes as the
 * first byte says. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "server/http_chunked.h"

#define BODY_MAX 300 /* small, so that it is met */

/* Decodes an exact copy, so that a sanitizer sees every byte beyond it, shown `step` bytes more at
 * a time; the copy is the caller's to free. */
static char *decode(const uint8_t *bytes, size_t len, size_t step, struct lb_http_chunked *c,
                    enum lb_http_chunked_result *result)
{
    char *data = malloc(len ? len : 1);
    size_t have = 0;
    memcpy(data, bytes, len);
    *c = (struct lb_http_chunked){0};
    do {
        int status = 0;
        const char *why = NULL;
        have = len - have > step ? have + step : len;
        *result = lb_http_chunked_decode(c, data, have, BODY_MAX, &status, &why);
        if (c->taken > have || c->body_len > c->taken || c->body_len > BODY_MAX)
            abort();
        if (*result == LB_HTTP_CHUNKED_REFUSE && (status < 400 || !why))
            abort();
    } while (*result == LB_HTTP_CHUNKED_MORE && have < len);
    return data;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct lb_http_chunked whole, pieces;
    enum lb_http_chunked_result result, same;
    if (size == 0)
        return 0;
    size_t len = size - 1, step = bytes[0] ? bytes[0] : 1;
    char *data = decode(bytes + 1, len, len ? len : 1, &whole, &result);
    char *again = decode(bytes + 1, len, step, &pieces, &same);
    if (result != same)
        abort();
    if (result == LB_HTTP_CHUNKED_COMPLETE &&
        (whole.taken != pieces.taken || whole.body_len != pieces.body_len ||
         memcmp(data, again, whole.body_len) != 0))
        abort();
    free(data);
    free(again);
    return 0;
}
