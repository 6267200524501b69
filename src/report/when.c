/* Points in time as text. See when.h. */
#include "report/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t split(int64_t ms, struct tm *tm)
{
    ms = ms < 0 ? 0 : ms > LB_WHEN_MAX_MS ? LB_WHEN_MAX_MS : ms;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, tm);
    return ms % 1000;
}

char *lb_when_format(char buf[LB_WHEN_TEXT], int64_t ms)
{
    struct tm tm;
    int64_t rest = split(ms, &tm);
    size_t n = strftime(buf, LB_WHEN_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, LB_WHEN_TEXT - n, ".%03dZ", (int)rest);
    return buf;
}

char *lb_when_format_short(char buf[LB_WHEN_TEXT], int64_t ms)
{
    struct tm tm;
    split(ms, &tm);
    strftime(buf, LB_WHEN_TEXT, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return buf;
}

int lb_when_parse(const char *text, int64_t *ms)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    if (strlen(text) != sizeof form - 1)
        return -1;
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return -1;
    }
    struct tm tm = {.tm_year = atoi(text) - 1900,
                    .tm_mon = atoi(text + 5) - 1,
                    .tm_mday = atoi(text + 8),
                    .tm_hour = atoi(text + 11),
                    .tm_min = atoi(text + 14),
                    .tm_sec = atoi(text + 17)};
    int64_t value = (int64_t)timegm(&tm) * 1000 + atoi(text + 20);
    /* What does not come out as it went in was no date: the 30th of February, 25 o'clock. */
    char again[LB_WHEN_TEXT];
    if (value < 0 || strcmp(lb_when_format(again, value), text) != 0)
        return -1;
    *ms = value;
    return 0;
}
