/* The access log. */
#include "config.h"

#include "server/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

#define BUFFER_SIZE 32768
#define LINE_MAX_BYTES \
    (6 * LB_ACCESS_PATH_MAX + 640) /* every byte escaped as \u00XX, and the rest */

struct lb_access_log {
    int fd;
    const char *path;
    enum lb_log_format format;
    atomic_bool failed;
};

struct lb_access_writer {
    struct lb_access_log *log;
    size_t used;
    time_t second; /* of `when` */
    char when[24];
    char buffer[BUFFER_SIZE];
};

static int open_file(const char *path, struct lb_error *err)
{
    int fd = strcmp(path, "-") == 0
                 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        lb_error_set(err, "cannot write the access log '%s': %s", path, strerror(errno));
    return fd;
}

struct lb_access_log *lb_access_log_open(const char *path, enum lb_log_format format,
                                         struct lb_error *err)
{
    int fd = open_file(path, err);
    if (fd < 0)
        return NULL;
    struct lb_access_log *log = lb_malloc(sizeof *log);
    *log = (struct lb_access_log){.fd = fd, .path = path, .format = format};
    atomic_init(&log->failed, false);
    return log;
}

int lb_access_log_reopen(struct lb_access_log *log, struct lb_error *err)
{
    int fd = open_file(log->path, err);
    if (fd < 0)
        return -1;
    dup3(fd, log->fd, O_CLOEXEC); /* at once for all threads that write */
    close(fd);
    atomic_store(&log->failed, false);
    return 0;
}

void lb_access_log_close(struct lb_access_log *log)
{
    if (!log)
        return;
    close(log->fd);
    free(log);
}

struct lb_access_writer *lb_access_writer_new(struct lb_access_log *log)
{
    struct lb_access_writer *w = lb_malloc(sizeof *w);
    w->log = log;
    w->used = 0;
    w->second = 0;
    return w;
}

void lb_access_flush(struct lb_access_writer *w)
{
    size_t done = 0;
    while (done < w->used) {
        ssize_t n = write(w->log->fd, w->buffer + done, w->used - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (!atomic_exchange(&w->log->failed, true))
                lb_log(LB_LOG_ERROR, "server",
                       "cannot write the access log '%s': %s; lines are lost", w->log->path,
                       strerror(errno));
            break;
        }
        done += (size_t)n;
    }
    w->used = 0;
}

/* Both formats escape alike: control characters, what is no ASCII, quotes and backslashes. */
static void escape(char *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    if (len > LB_ACCESS_PATH_MAX)
        len = LB_ACCESS_PATH_MAX;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            memcpy(out, "\\u00", 4);
            out[4] = hex[c >> 4];
            out[5] = hex[c & 15];
            out += 6;
        } else {
            *out++ = (char)c;
        }
    }
    *out = '\0';
}

static int milliseconds(struct lb_access_writer *w)
{
    int64_t now = lb_clock_realtime_ns();
    time_t second = (time_t)(now / LB_NS_PER_S);
    if (second != w->second) {
        struct tm utc;
        strftime(w->when, sizeof w->when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &utc));
        w->second = second;
    }
    return (int)(now % LB_NS_PER_S / LB_NS_PER_MS);
}

bool lb_access_write(struct lb_access_writer *w, const struct lb_access_entry *e)
{
    static const char json[] =
        "{\"time\":\"%s.%03dZ\",\"protocol\":\"%s\",\"peer\":\"%s\",\"method\":\"%s\",\"path\":\"%"
        "s\","
        "\"status\":%d,\"sent_bytes\":%llu,\"duration_us\":%.1f,\"connection_id\":%llu,"
        "\"request_ordinal\":%llu}\n";
    static const char text[] =
        "%s.%03dZ %s %s %s \"%s\" %d %llu bytes %.1f us connection %llu request %llu\n";
    char path[6 * LB_ACCESS_PATH_MAX + 1], peer[6 * LB_ACCESS_PATH_MAX + 1];
    if (w->used + LINE_MAX_BYTES > BUFFER_SIZE)
        lb_access_flush(w);
    bool first = w->used == 0;
    int ms = milliseconds(w);
    escape(path, e->path, e->path_len);
    escape(peer, e->peer, strlen(e->peer));
    int n = snprintf(w->buffer + w->used, BUFFER_SIZE - w->used,
                     w->log->format == LB_LOG_JSON ? json : text, w->when, ms, e->protocol, peer,
                     e->method, path, e->status, (unsigned long long)e->sent_bytes,
                     (double)e->duration_ns / 1000, (unsigned long long)e->connection_id,
                     (unsigned long long)e->ordinal);
    /* A peer's unix path of escapes alone could go beyond: then the line is left out. */
    if (n > 0 && (size_t)n < BUFFER_SIZE - w->used)
        w->used += (size_t)n;
    return first && w->used > 0;
}

void lb_access_writer_free(struct lb_access_writer *w)
{
    if (!w)
        return;
    lb_access_flush(w);
    free(w);
}
