/* The addresses a name stands for. */
#include "client/http_addresses.h"

#include <netdb.h>
#include <string.h>

static bool is_there(const struct lb_address *list, unsigned count,
                     const struct evutil_addrinfo *ai)
{
    for (unsigned i = 0; i < count; i++) {
        if (list[i].len == (socklen_t)ai->ai_addrlen &&
            memcmp(&list[i].sa, ai->ai_addr, ai->ai_addrlen) == 0)
            return true;
    }
    return false;
}

unsigned lb_http_addresses_copy(const struct evutil_addrinfo *found,
                                struct lb_address list[LB_HTTP_MAX_ADDRESSES])
{
    unsigned count = 0;
    for (; found && count < LB_HTTP_MAX_ADDRESSES; found = found->ai_next) {
        if (found->ai_addrlen > sizeof list[0].sa || is_there(list, count, found))
            continue;
        list[count] = (struct lb_address){.len = (socklen_t)found->ai_addrlen};
        memcpy(&list[count++].sa, found->ai_addr, (size_t)found->ai_addrlen);
    }
    return count;
}
