/* The fields of a reply's message. The first byte chooses the path. */
#include <stdlib.h>
#include <string.h>

#include "client/grpc_wire.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lb_wire_path paths[] = {
        {{1}, 1}, {{2, 1}, 2}, {{1, 1, 1, 1, 1, 1, 1, 1}, 8}, {{LB_WIRE_MAX_NUMBER}, 1}};
    char out[257];
    struct lb_error err = {""};
    if (size == 0)
        return 0;
    const struct lb_wire_path *path = &paths[data[0] % (sizeof paths / sizeof paths[0])];
    int result = lb_wire_extract(path, data + 1, size - 1, out, sizeof out, &err);
    /* Either a text that fits, or no text and a reason. */
    if (!memchr(out, '\0', sizeof out) || (result < 0 && (out[0] || !err.text[0])))
        abort();
    return 0;
}
