/* The gRPC C core's own messages, sent through our log. */
#include "common/grpc_log.h"

#include <grpc/support/log.h>
#include <pthread.h>
#include <string.h>

#include "common/log.h"

/* How the core's message begins when accept4() has failed for good. */
static const char accept_failed[] = "Failed accept4";

static struct {
    pthread_mutex_t lock;
    void (*failed)(void *arg);
    void *arg;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void tell_watch(void)
{
    pthread_mutex_lock(&watch.lock);
    if (watch.failed)
        watch.failed(watch.arg);
    pthread_mutex_unlock(&watch.lock);
}

static void log_message(gpr_log_func_args *args)
{
    enum lb_log_level level =
        args->severity == GPR_LOG_SEVERITY_ERROR ? LB_LOG_WARNING : LB_LOG_DEBUG;
    const char *slash = strrchr(args->file, '/');
    lb_log(level, "grpc-core", "%s (%s:%d)", args->message, slash ? slash + 1 : args->file,
           args->line);
    if (strncmp(args->message, accept_failed, sizeof accept_failed - 1) == 0)
        tell_watch();
}

void lb_grpc_log_open(void)
{
    gpr_set_log_function(log_message);
}

void lb_grpc_log_watch_accept(void (*failed)(void *arg), void *arg)
{
    pthread_mutex_lock(&watch.lock);
    watch.failed = failed;
    watch.arg = arg;
    pthread_mutex_unlock(&watch.lock);
}
