/* Whole files. */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

int lb_file_write(const char *path, const void *data, size_t size, struct lb_error *err)
{
    size_t room = strlen(path) + sizeof ".XXXXXX";
    char *temporary = malloc(room);
    if (!temporary)
        return lb_error_set(err, "cannot write '%s': out of memory", path);
    snprintf(temporary, room, "%s.XXXXXX", path);
    int fd = mkstemp(temporary);
    int failed = fd < 0;
    if (!failed) {
        mode_t mask = umask(0);
        umask(mask);
        failed = fchmod(fd, 0666 & ~mask) < 0 || write_all(fd, data, size) < 0;
        failed = close(fd) < 0 || failed;
        failed = failed || rename(temporary, path) < 0;
        if (failed) {
            int saved = errno;
            unlink(temporary);
            errno = saved;
        }
    }
    if (failed)
        lb_error_set(err, "cannot write '%s': %s", path, strerror(errno));
    free(temporary);
    return failed ? -1 : 0;
}

int lb_file_read(const char *path, size_t max, char **data, size_t *size, struct lb_error *err)
{
    *data = NULL;
    *size = 0;
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!in)
        return lb_error_set(err, "cannot read '%s': %s", path, strerror(errno));
    size_t room = 0;
    char *text = NULL;
    int failed = 0;
    do {
        if (room - *size < 2) {
            room = room ? 2 * room : 4096;
            char *more = realloc(text, room);
            if (!more) {
                failed = lb_error_set(err, "cannot read '%s': out of memory", path);
                break;
            }
            text = more;
        }
        *size += fread(text + *size, 1, room - *size - 1, in);
        if (*size > max)
            failed = lb_error_set(err, "'%s' has more than %zu bytes", path, max);
        else if (ferror(in))
            failed = lb_error_set(err, "cannot read '%s': %s", path, strerror(errno));
    } while (!failed && !feof(in));
    if (in != stdin)
        fclose(in);
    if (failed) {
        free(text);
        *size = 0;
        return -1;
    }
    text[*size] = '\0';
    *data = text;
    return 0;
}

int lb_stdout_fail(struct lb_error *err)
{
    return lb_error_set(err, "cannot write to standard output: %s", strerror(errno));
}

int lb_stdout_finish(struct lb_error *err)
{
    int failed = ferror(stdout);
    if (fflush(stdout) != 0)
        return lb_stdout_fail(err);
    if (!failed)
        return 0;
    /* An earlier write failed, and errno has long been something else's: one more tells the cause.
     */
    errno = EIO;
    (void)!write(STDOUT_FILENO, "\n", 1);
    return lb_stdout_fail(err);
}
