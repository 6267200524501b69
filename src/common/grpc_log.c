/* The gRPC C core's own messages, sent through our log. */
#include "config.h"

#include "common/grpc_log.h"

#include <pthread.h>
#include <string.h>

#include "common/grpc_compat.h"
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

static void log_message(bool error, const char *file, int line, const char *message)
{
    const char *slash = strrchr(file, '/');
    lb_log(error ? LB_LOG_WARNING : LB_LOG_DEBUG, "grpc-core", "%s (%s:%d)", message,
           slash ? slash + 1 : file, line);
    if (strncmp(message, accept_failed, sizeof accept_failed - 1) == 0)
        tell_watch();
}

#ifdef HAVE_GPR_SET_LOG_FUNCTION
static lb_grpc_log_function *current;

static void pass_on(gpr_log_func_args *args)
{
    lb_grpc_log_function *sink = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
    sink(args->severity == GPR_LOG_SEVERITY_ERROR, args->file, args->line, args->message);
}
#endif

void lb_grpc_log_redirect(lb_grpc_log_function *sink)
{
#ifdef HAVE_GPR_SET_LOG_FUNCTION
    __atomic_store_n(&current, sink, __ATOMIC_RELEASE);
    gpr_set_log_function(pass_on);
#else
    (void)sink;
#endif
}

void lb_grpc_log_open(void)
{
    lb_grpc_log_redirect(log_message);
}

void lb_grpc_log_watch_accept(void (*failed)(void *arg), void *arg)
{
    pthread_mutex_lock(&watch.lock);
    watch.failed = failed;
    watch.arg = arg;
    pthread_mutex_unlock(&watch.lock);
}
