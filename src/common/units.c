/* Numbers and durations as users write them. */
#include "common/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    /* Longest scale first: lb_format_duration walks down; "m" stands before "ms" only here. */
    {"h", 3600 * LB_NS_PER_S}, {"m", 60 * LB_NS_PER_S}, {"s", LB_NS_PER_S},
    {"ms", LB_NS_PER_MS},      {"us", LB_NS_PER_US},    {"ns", 1},
};
#define N_UNITS (sizeof units / sizeof units[0])

int lb_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value,
                  struct lb_error *err)
{
    char *end = NULL;
    errno = 0;
    uint64_t v = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || v < min || v > max)
        return lb_error_set(err, "'%s' is not a whole number from %" PRIu64 " to %" PRIu64, text,
                            min, max);
    *value = v;
    return 0;
}

int lb_parse_double(const char *text, double min, double max, double *value, struct lb_error *err)
{
    char *end = NULL;
    double v = isspace((unsigned char)*text) || !*text ? NAN : strtod(text, &end);
    if (!end || *end || !isfinite(v) || v < min || v > max)
        return lb_error_set(err, "'%s' is not a number from %g to %g", text, min, max);
    *value = v;
    return 0;
}

/* Takes NUMBER UNIT off the front of *text and adds it to *sum; -1 when there is none. */
static int take_term(const char **text, double *sum)
{
    const char *p = *text;
    if (!isdigit((unsigned char)*p) && *p != '.')
        return -1;
    size_t digits = strspn(p, "0123456789.");
    char number[32];
    if (digits >= sizeof number)
        return -1;
    memcpy(number, p, digits);
    number[digits] = '\0';
    char *end;
    double v = strtod(number, &end);
    if (*end)
        return -1;
    p += digits;
    size_t letters = 0;
    while (isalpha((unsigned char)p[letters]))
        letters++;
    for (size_t i = 0; i < N_UNITS; i++) {
        if (strlen(units[i].name) == letters && strncmp(units[i].name, p, letters) == 0) {
            *sum += v * (double)units[i].ns;
            *text = p + letters;
            return 0;
        }
    }
    return -1;
}

int lb_parse_duration(const char *text, int64_t min_ns, int64_t max_ns, int64_t *ns,
                      struct lb_error *err)
{
    double sum = 0;
    const char *p = text;
    int bad = !*p;
    if (strcmp(text, "0") != 0) {
        while (*p && !bad)
            bad = take_term(&p, &sum);
    }
    if (bad)
        return lb_error_set(err, "'%s' is not a duration: write it like 250ms, 5s or 1m30s", text);
    if (sum < (double)min_ns || sum > (double)max_ns) {
        char low[LB_DURATION_TEXT], high[LB_DURATION_TEXT];
        return lb_error_set(err, "'%s' is not a duration from %s to %s", text,
                            lb_format_duration(low, min_ns), lb_format_duration(high, max_ns));
    }
    *ns = (int64_t)llround(sum);
    return 0;
}

char *lb_format_duration(char buf[LB_DURATION_TEXT], int64_t ns)
{
    size_t used = 0;
    for (size_t i = 0; i < N_UNITS && ns > 0; i++) {
        int64_t n = ns / units[i].ns;
        if (n) {
            int wrote =
                snprintf(buf + used, LB_DURATION_TEXT - used, "%" PRId64 "%s", n, units[i].name);
            if (wrote < 0 || (size_t)wrote >= LB_DURATION_TEXT - used)
                break;
            used += (size_t)wrote;
        }
        ns %= units[i].ns;
    }
    if (used == 0)
        snprintf(buf, LB_DURATION_TEXT, "0s");
    return buf;
}

char *lb_format_latency(char buf[LB_DURATION_TEXT], int64_t ns)
{
    static const struct unit scales[] = {
        {"s", LB_NS_PER_S}, {"ms", LB_NS_PER_MS}, {"us", LB_NS_PER_US}};
    size_t i = 0;
    /* 999.5 of a unit would be printed as 1000. */
    while (i < 2 && (double)ns < 0.9995 * (double)scales[i].ns)
        i++;
    double v = (double)ns / (double)scales[i].ns;
    int decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
    snprintf(buf, LB_DURATION_TEXT, "%.*f%s", decimals, v, scales[i].name);
    return buf;
}
