/* What reflection says of methods and messages. */
#include <stdlib.h>
#include <string.h>

#include "client/grpc_descriptor.h"
#include "client/grpc_wire.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lb_error err = {""};
    struct lb_descriptor_field field;
    char reply[LB_DESCRIPTOR_NAME];
    if (lb_descriptor_find_reply(data, size, "lbdemo.v1.PodService", "GetInfo", reply, &err) == 0 &&
        !memchr(reply, '\0', sizeof reply))
        abort();
    if (lb_descriptor_find_field(data, size, "lbdemo.v1.Outer.Inner", "name", &field, &err) == 0 &&
        (field.number < 1 || field.number > LB_WIRE_MAX_NUMBER))
        abort();
    return 0;
}
