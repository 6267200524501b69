/* Logging to standard error: one line a message, as text or as a JSON object. */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define MESSAGE_MAX 2048
#define LINE_MAX_BYTES (6 * MESSAGE_MAX + 512) /* every byte escaped as \u00XX, and the frame */

const char *const lb_log_levels[] = {"error", "warning", "info", "debug", NULL};
const char *const lb_log_formats[] = {"text", "json", NULL};

/* Set once before threads start, then only read. */
static struct {
    const char *program;
    enum lb_log_level level;
    enum lb_log_format format;
} logger = {"lbdemo", LB_LOG_INFO, LB_LOG_TEXT};

void lb_log_open(const char *program, enum lb_log_level level, enum lb_log_format format)
{
    logger.program = program;
    logger.level = level;
    logger.format = format;
}

bool lb_log_enabled(enum lb_log_level level)
{
    return level <= logger.level;
}

/* Escapes into `out`, which has room for 6 times the text, and returns its end. */
static char *escape(char *out, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (logger.format == LB_LOG_JSON && (c == '"' || c == '\\')) {
            *out++ = '\\';
            *out++ = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            memcpy(out, "\\u00", 4);
            out[4] = hex[c >> 4];
            out[5] = hex[c & 15];
            out += 6;
        } else {
            *out++ = (char)c;
        }
    }
    *out = '\0';
    return out;
}

static void format_time(char *buf, size_t size)
{
    int64_t now = lb_clock_realtime_ns();
    time_t seconds = (time_t)(now / LB_NS_PER_S);
    struct tm utc;
    size_t used = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
    snprintf(buf + used, size - used, ".%03dZ", (int)(now % LB_NS_PER_S / LB_NS_PER_MS));
}

void lb_log(enum lb_log_level level, const char *subsystem, const char *fmt, ...)
{
    if (level > logger.level)
        return;
    int saved = errno;
    char message[MESSAGE_MAX], when[32], line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    format_time(when, sizeof when);

    bool json = logger.format == LB_LOG_JSON;
    int used =
        snprintf(line, 512,
                 json ? "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"subsystem\":\"%s\","
                        "\"message\":\""
                      : "%s %s %s: %s: ",
                 when, lb_log_levels[level], logger.program, subsystem);
    char *end = escape(line + used, message);
    memcpy(end, json ? "\"}\n" : "\n", json ? 4 : 2);
    /* One write a line, so that lines of several threads do not mix. Nobody is left to tell when it
     * fails. */
    ssize_t written = write(STDERR_FILENO, line, strlen(line));
    (void)written;
    errno = saved;
}
