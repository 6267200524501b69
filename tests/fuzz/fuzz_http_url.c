/* The HTTP client's target. */
#include <stdlib.h>
#include <string.h>

#include "client/http_url.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lb_http_url url;
    struct lb_error err = {""};
    char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    /* Either a whole URL that can be asked for, or a reason. */
    if (lb_http_url_parse(text, &url, &err) < 0) {
        if (!err.text[0])
            abort();
    } else if (!url.host[0] || url.port == 0 || !url.authority[0] ||
               lb_http_path_check(url.path, &err) < 0) {
        abort();
    }
    free(text);
    return 0;
}
