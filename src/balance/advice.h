/* advice.h - what to change, chosen by protocol, layer and outcome from one table. */
#ifndef LB_BALANCE_ADVICE_H
#define LB_BALANCE_ADVICE_H

#include "balance/verdict.h"

#define LB_ADVICE_LINES 3

/* Sets lines[0 .. returned - 1] to static text. target may be NULL. */
unsigned lb_advice_choose(const struct lb_verdict *v, const struct lb_target_facts *target,
                          const char *lines[LB_ADVICE_LINES]);

#endif
