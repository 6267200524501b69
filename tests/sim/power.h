/* Power of the evenness test: simulated against enumerated. */
#ifndef LB_SIM_POWER_H
#define LB_SIM_POWER_H

#include <stdbool.h>

/* Prints a table; false when one differs by more than two points. */
bool power_check(unsigned seed);

#endif
