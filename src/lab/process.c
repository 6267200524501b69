/* One child process of the lab: its output in a file, its death bound to the lab's. */
#include "config.h"

#include "common/language.h"
#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <libintl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_TAIL_BYTES 4096
#define OWN_VARIABLES "LBDEMO_"

extern char **environ;

enum step { STEP_NAMESPACE, STEP_OUTPUT, STEP_DESCRIPTOR, STEP_EXEC };
static const char *const step_texts[] = {N_("enter its network namespace"), N_("open its log"),
                                         N_("hand it a socket"), N_("run it")};

/* What a child that could not become the program tells its parent. */
struct failure {
    int step, error;
};

static bool is_replaced(const char *variable, const char *const *env)
{
    if (strncmp(variable, OWN_VARIABLES, strlen(OWN_VARIABLES)) == 0)
        return true;
    size_t name = strcspn(variable, "=") + 1;
    for (; env && *env; env++) {
        if (strncmp(variable, *env, name) == 0)
            return true;
    }
    return false;
}

/* The array is the caller's to free, its strings are not. */
static char **make_environment(const char *const *env)
{
    size_t n = 1;
    for (char **e = environ; *e; e++)
        n++;
    for (const char *const *e = env; e && *e; e++)
        n++;
    char **all = calloc(n, sizeof *all);
    if (!all)
        return NULL;
    n = 0;
    for (char **e = environ; *e; e++) {
        if (!is_replaced(*e, env))
            all[n++] = *e;
    }
    for (const char *const *e = env; e && *e; e++)
        all[n++] = (char *)*e;
    return all;
}

static _Noreturn void give_up(int report, enum step step)
{
    struct failure failure = {step, errno};
    ssize_t n = write(report, &failure, sizeof failure);
    (void)n; /* nobody is left to be told */
    _exit(127);
}

static bool open_output(const struct lb_spawn *spawn)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log =
        open(spawn->log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0600);
    int out = spawn->out >= 0 ? spawn->out : log;
    return null >= 0 && log >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
           dup2(out, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0;
}

/* In the child. Only what is safe between fork and exec. */
static _Noreturn void become(const struct lb_spawn *spawn, char **env, pid_t parent, int report)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, spawn->death_signal ? spawn->death_signal : SIGKILL);
    if (getppid() != parent) /* the lab ended before the line above */
        _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (spawn->netns >= 0 && setns(spawn->netns, CLONE_NEWNET) < 0)
        give_up(report, STEP_NAMESPACE);
    if (!open_output(spawn))
        give_up(report, STEP_OUTPUT);
    for (size_t i = 0; i < spawn->fd_count; i++) {
        if (fcntl(spawn->fds[i], F_SETFD, 0) < 0)
            give_up(report, STEP_DESCRIPTOR);
    }
    execve(spawn->argv[0], (char *const *)spawn->argv, env);
    give_up(report, STEP_EXEC);
}

/* Waits until the child has become the program (the pipe closes on exec). */
static int await_exec(int report, const struct lb_spawn *spawn, struct lb_error *err)
{
    struct failure failure;
    ssize_t n;
    do
        n = read(report, &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    if (n != (ssize_t)sizeof failure)
        return lb_error_set(err, "cannot start %s ('%s')", spawn->name, spawn->argv[0]);
    return lb_error_set(err, "cannot start %s: cannot %s ('%s'): %s", spawn->name,
                        gettext(step_texts[failure.step]),
                        failure.step == STEP_OUTPUT ? spawn->log : spawn->argv[0],
                        strerror(failure.error));
}

int lb_process_spawn(const struct lb_spawn *spawn, struct lb_process *process, struct lb_error *err)
{
    *process =
        (struct lb_process){.name = strdup(spawn->name), .log = strdup(spawn->log), .pid = -1};
    int report[2] = {-1, -1};
    char **env = make_environment(spawn->env);
    if (!env || !process->name || !process->log) {
        lb_error_set(err, "cannot start %s: out of memory", spawn->name);
        goto fail;
    }
    if (pipe2(report, O_CLOEXEC) < 0) {
        lb_error_set(err, "cannot start %s: %s", spawn->name, strerror(errno));
        goto fail;
    }
    pid_t parent = getpid();
    process->pid = fork();
    if (process->pid < 0) {
        lb_error_set(err, "cannot start %s: %s", spawn->name, strerror(errno));
        goto fail;
    }
    if (process->pid == 0)
        become(spawn, env, parent, report[1]);
    close(report[1]);
    report[1] = -1;
    if (await_exec(report[0], spawn, err) < 0) {
        waitpid(process->pid, NULL, 0);
        goto fail;
    }
    close(report[0]);
    free(env);
    return 0;
fail:
    if (report[0] >= 0)
        close(report[0]);
    if (report[1] >= 0)
        close(report[1]);
    free(env);
    lb_process_release(process);
    return -1;
}

bool lb_process_reap(struct lb_process *process)
{
    if (!process->ended && waitpid(process->pid, &process->status, WNOHANG) == process->pid)
        process->ended = true;
    return process->ended;
}

char *lb_process_describe(const struct lb_process *process, char buf[LB_PROCESS_TEXT])
{
    if (!process->ended)
        snprintf(buf, LB_PROCESS_TEXT, "%s", lb_text("runs"));
    else if (WIFSIGNALED(process->status))
        snprintf(buf, LB_PROCESS_TEXT, lb_text("was killed by signal %d (%s)"),
                 WTERMSIG(process->status), strsignal(WTERMSIG(process->status)));
    else
        snprintf(buf, LB_PROCESS_TEXT, lb_text("ended with status %d"),
                 WEXITSTATUS(process->status));
    return buf;
}

/* Where the last `lines` lines of `text` begin. */
static const char *tail_start(const char *text, size_t size, int lines)
{
    const char *start = text + size;
    if (start > text && start[-1] == '\n')
        start--;
    while (start > text && (start[-1] != '\n' || --lines > 0))
        start--;
    return start;
}

void lb_process_print_log_tail(const struct lb_process *process, int lines, FILE *out)
{
    FILE *log = fopen(process->log, "re");
    if (!log)
        return;
    char text[LOG_TAIL_BYTES];
    if (fseek(log, -(long)sizeof text, SEEK_END) < 0)
        rewind(log); /* shorter than that */
    size_t size = fread(text, 1, sizeof text, log);
    fclose(log);
    bool at_start = true;
    for (const char *c = tail_start(text, size, lines); c < text + size; c++) {
        if (at_start)
            fputs("    ", out);
        at_start = *c == '\n';
        fputc(at_start || ((unsigned char)*c >= 0x20 && *c != 0x7f) ? *c : '?', out);
    }
    if (!at_start)
        fputc('\n', out);
}

void lb_process_release(struct lb_process *process)
{
    free(process->name);
    free(process->log);
    *process = (struct lb_process){.pid = -1, .ended = true};
}
