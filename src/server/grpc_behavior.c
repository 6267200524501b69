/* The metadata rpc-behavior. */
#include "server/grpc_behavior.h"

#include <string.h>

#include "common/clock.h"
#include "common/units.h"
#include "server/faults.h"

#define CODE_MAX 16 /* UNAUTHENTICATED is the last status */

/* The number behind `prefix`; -1 if `text` does not begin with it or another number follows. */
static int read_number(const char *text, const char *prefix, uint64_t max, uint64_t *value)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? lb_parse_uint(text + len, 0, max, value, NULL) : -1;
}

static int read_one(struct lb_grpc_behavior *b, char *text, const char *pod, struct lb_error *err)
{
    static const char host[] = "hostname=";
    const char *behavior = text + strspn(text, " ");
    uint64_t n;
    if (strncmp(behavior, host, strlen(host)) == 0) {
        const char *name = behavior + strlen(host);
        size_t len = strcspn(name, " ");
        if (strlen(pod) != len || memcmp(name, pod, len) != 0)
            return 0;
        behavior = name + len + strspn(name + len, " ");
    }
    if (strcmp(behavior, "keep-open") == 0)
        b->delay_ns = LB_FAULT_DELAY_MAX_S * LB_NS_PER_S;
    else if (read_number(behavior, "sleep-", LB_FAULT_DELAY_MAX_S, &n) == 0)
        b->delay_ns = (int64_t)n * LB_NS_PER_S;
    else if (read_number(behavior, "error-code-", CODE_MAX, &n) == 0)
        b->code = (int)n;
    else
        return lb_error_set(err, "'%s' is none of sleep-N (to %d), error-code-N (to %d), keep-open",
                            behavior, LB_FAULT_DELAY_MAX_S, CODE_MAX);
    return 0;
}

int lb_grpc_behavior_read(struct lb_grpc_behavior *b, const char *text, size_t len, const char *pod,
                          struct lb_error *err)
{
    char copy[LB_FAULT_TEXT_MAX];
    if (len >= sizeof copy)
        return lb_error_set(err, LB_GRPC_BEHAVIOR " has more than %d bytes", LB_FAULT_TEXT_MAX - 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    for (char *one, *rest = copy; (one = strsep(&rest, ","));) {
        if (read_one(b, one, pod, err) < 0)
            return -1;
    }
    return 0;
}
