/* The one error dialect. */
#include "common/error.h"

#include <errno.h>
#include <libintl.h>
#include <stdarg.h>
#include <stdio.h>

int lb_error_set(struct lb_error *err, const char *fmt, ...)
{
    int saved = errno;
    if (err) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof err->text, *fmt ? gettext(fmt) : fmt, args);
        va_end(args);
        for (char *c = err->text; *c; c++) {
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                *c = '?';
        }
    }
    errno = saved;
    return -1;
}
