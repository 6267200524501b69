/* Running our clients through a lab's paths. */
#include "config.h"

#include "lab/client.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "lab/programs.h"

#define OUTPUT_MAX (1 << 20) /* of one client; more is not kept */
#define READ_BYTES 4096

/* A client's output as it comes. */
struct output {
    const struct lb_client_call *call;
    struct lb_client_result *result;
    char *text;
    size_t size, parsed;
};

static void add_name(struct lb_client_result *result, const char *name, size_t size)
{
    for (size_t i = 0; i < result->names; i++) {
        if (strlen(result->name[i]) == size && memcmp(result->name[i], name, size) == 0)
            return;
    }
    if (result->names < LB_CLIENT_MAX_NAMES)
        result->name[result->names] = strndup(name, size);
    if (result->names < LB_CLIENT_MAX_NAMES && result->name[result->names])
        result->names++;
}

/* "#7: server-7c4bfd74d-29c69", "#7: error: connect ...". */
static void parse_line(struct lb_client_result *result, const char *line, size_t size)
{
    size_t digits = 1;
    while (digits < size && isdigit((unsigned char)line[digits]))
        digits++;
    if (size == 0 || line[0] != '#' || digits + 2 > size || memcmp(line + digits, ": ", 2) != 0)
        return;
    line += digits + 2;
    size -= digits + 2;
    if (size >= 6 && memcmp(line, "error:", 6) == 0) {
        result->errors++;
        return;
    }
    result->replies++;
    add_name(result, line, size);
}

static void parse_lines(struct output *o)
{
    const char *end;
    while ((end = memchr(o->text + o->parsed, '\n', o->size - o->parsed))) {
        size_t size = (size_t)(end - (o->text + o->parsed));
        parse_line(o->result, o->text + o->parsed, size);
        if (o->call->echo && size > 0 && o->text[o->parsed] == '#') {
            fwrite(o->text + o->parsed, 1, size + 1, o->call->echo);
            fflush(o->call->echo);
        }
        o->parsed += size + 1;
    }
}

/* Whether there may be more. */
static bool take_output(struct output *o, int fd)
{
    char buffer[READ_BYTES];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0)
        return false;
    if (o->size + (size_t)n <= OUTPUT_MAX) {
        memcpy(o->text + o->size, buffer, (size_t)n);
        o->size += (size_t)n;
        parse_lines(o);
    }
    return true;
}

static struct lb_process *spawn(struct lb_lab *lab, const struct lb_client_call *call, int out,
                                struct lb_error *err)
{
    const char *name = call->grpc ? "lbdemo-grpc-client" : "lbdemo-http-client";
    char program[PATH_MAX];
    const char *argv[LB_CLIENT_MAX_ARGS + 6] = {program};
    size_t n = 1;
    if (lb_programs_find_own(name, program, err) < 0)
        return NULL;
    if (call->grpc && call->path->topology->policy) {
        argv[n++] = "--lb-policy";
        argv[n++] = call->path->topology->policy;
    }
    for (size_t i = 0; call->args[i] && i < LB_CLIENT_MAX_ARGS; i++)
        argv[n++] = call->args[i];
    argv[n] = call->grpc ? call->path->grpc : call->path->http;
    char *log = lb_lab_file(lab, call->log);
    if (!log) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    const struct lb_spawn spawn = {.name = name, .argv = argv, .log = log, .out = out, .netns = -1};
    struct lb_process *process = lb_supervisor_spawn(lab->supervisor, &spawn, err);
    free(log);
    return process;
}

static int await_end(struct lb_lab *lab, struct lb_process *process, struct output *o, int fd,
                     struct lb_error *err)
{
    int64_t deadline = lb_clock_monotonic_ns() + o->call->limit_ns;
    bool open = true;
    while (open || !process->ended) {
        if (lb_supervisor_wait(lab->supervisor, open ? fd : -1, deadline))
            open = take_output(o, fd);
        if (lb_supervisor_interrupted(lab->supervisor))
            return lb_supervisor_set_interrupted(lab->supervisor, err);
        if (lb_clock_monotonic_ns() > deadline)
            return lb_error_set(err, "%s took more than %d s; its log is '%s'", process->name,
                                (int)(o->call->limit_ns / LB_NS_PER_S), process->log);
    }
    o->result->status =
        WIFEXITED(process->status) ? WEXITSTATUS(process->status) : 128 + WTERMSIG(process->status);
    return 0;
}

static int keep_output(const struct lb_lab *lab, const struct output *o, struct lb_error *err)
{
    char *path = lb_lab_file(lab, o->call->output);
    int status =
        path ? lb_file_write(path, o->text, o->size, err) : lb_error_set(err, "out of memory");
    free(path);
    return status;
}

int lb_client_run(struct lb_lab *lab, const struct lb_client_call *call,
                  struct lb_client_result *result, struct lb_error *err)
{
    struct output o = {.call = call, .result = result, .text = malloc(OUTPUT_MAX)};
    int fds[2] = {-1, -1}, status = -1;
    *result = (struct lb_client_result){0};
    if (!o.text || pipe2(fds, O_CLOEXEC) < 0) {
        free(o.text);
        return lb_error_set(err, "cannot run a client: %s", strerror(errno));
    }
    struct lb_process *process = spawn(lab, call, fds[1], err);
    close(fds[1]);
    if (process) {
        status = await_end(lab, process, &o, fds[0], err);
        lb_supervisor_stop(lab->supervisor, process);
    }
    close(fds[0]);
    if (status == 0 && call->output)
        status = keep_output(lab, &o, err);
    if (status == 0 && call->json)
        result->document = json_loadb(o.text, o.size, 0, NULL);
    free(o.text);
    if (status < 0)
        lb_client_result_clear(result);
    return status;
}

void lb_client_result_clear(struct lb_client_result *result)
{
    while (result->names > 0)
        free(result->name[--result->names]);
    json_decref(result->document);
    *result = (struct lb_client_result){0};
}
