/* The access log: a line a request, gathered by each thread and written in blocks, so that it costs
 * the requests no system calls. */
#ifndef LB_SERVER_ACCESS_LOG_H
#define LB_SERVER_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/log.h"

/* What is logged of a path at most; the rest is cut. */
#define LB_ACCESS_PATH_MAX 256

/* How long a thread may keep lines before it writes them. */
#define LB_ACCESS_FLUSH_MS 200

struct lb_access_log;
struct lb_access_writer;

struct lb_access_entry {
    const char *protocol; /* "http", "grpc" */
    const char *peer;     /* "10.0.0.7:41234" */
    const char *method;   /* "GET" */
    const char *path;     /* not NUL-terminated; any bytes */
    size_t path_len;
    int status; /* HTTP's or gRPC's */
    uint64_t sent_bytes, connection_id, ordinal;
    int64_t duration_ns;
};

/* Appends to the file at `path`, which it makes if need be; "-" is standard output. */
struct lb_access_log *lb_access_log_open(const char *path, enum lb_log_format format,
                                         struct lb_error *err) LB_MUST_CHECK;

/* Opens the path again, for log rotation: lines go to the new file from now on. After failure the
 * old one stays. Any thread. */
int lb_access_log_reopen(struct lb_access_log *log, struct lb_error *err) LB_MUST_CHECK;

/* After all its writers. NULL is fine. */
void lb_access_log_close(struct lb_access_log *log);

/* One for each thread; ends the program when out of memory. */
struct lb_access_writer *lb_access_writer_new(struct lb_access_log *log);

/* Adds a line. Returns whether it is the first that waits to be written: the caller then sees to a
 * flush within LB_ACCESS_FLUSH_MS. */
bool lb_access_write(struct lb_access_writer *w, const struct lb_access_entry *entry);

/* Writes what waits. What the file does not take (a full disk) is dropped, and logged once. */
void lb_access_flush(struct lb_access_writer *w);

/* Flushes, too. NULL is fine. */
void lb_access_writer_free(struct lb_access_writer *w);

#endif
