/* Logging to standard error: one line a message, as text or as a JSON object. Control characters
 * are escaped: names and requests from the network are logged too. Any thread. */
#ifndef LB_COMMON_LOG_H
#define LB_COMMON_LOG_H

#include <stdbool.h>

#include "common/error.h"

enum lb_log_level { LB_LOG_ERROR, LB_LOG_WARNING, LB_LOG_INFO, LB_LOG_DEBUG };
enum lb_log_format { LB_LOG_TEXT, LB_LOG_JSON };

/* Names of the levels and formats, in order, for option tables; end with NULL. */
extern const char *const lb_log_levels[];
extern const char *const lb_log_formats[];

/* Before other threads start. `program` must outlive all logging. The default is text, info. */
void lb_log_open(const char *program, enum lb_log_level level, enum lb_log_format format);

/* Whether a message of `level` would be written: for messages that are costly to make. */
bool lb_log_enabled(enum lb_log_level level);

/* Writes a message of `subsystem` ("http", "grpc"), cut at 2 KiB. Keeps errno. */
void lb_log(enum lb_log_level level, const char *subsystem, const char *fmt, ...) LB_PRINTF(3, 4);

#endif
