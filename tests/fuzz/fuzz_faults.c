/* What callers and options ask for as faults. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "fuzz.h"
#include "server/faults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct lb_option_list none = {NULL, 0};
    struct lb_error err = {""};
    struct lb_fault fault;
    unsigned seed = 1;
    char text[LB_FAULT_TEXT_MAX];
    struct lb_faults *f = lb_faults_new(&none, true, "pod", &err);
    if (!f)
        abort();
    int decided = lb_faults_decide(f, (const char *)data, size, &seed, &fault, &err);
    if (decided < 0 ? !err.text[0]
                    : (fault.delay_ns < 0 || fault.delay_ns > LB_FAULT_DELAY_MAX_S * LB_NS_PER_S ||
                       (fault.status && (fault.status < 400 || fault.status > 599))))
        abort();
    if (lb_faults_set(f, (const char *)data, size, &err) == 0) {
        lb_faults_text(f, text);
        if (!memchr(text, '\0', sizeof text))
            abort();
    }
    lb_faults_free(f);
    return 0;
}
