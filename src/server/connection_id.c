/* Numbers for the server's connections. */
#include "server/connection_id.h"

#include <stdatomic.h>

uint64_t lb_connection_id_next(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}
