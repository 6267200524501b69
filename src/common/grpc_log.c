/* The gRPC C core's own messages, sent through our log. */
#include "common/grpc_log.h"

#include <grpc/support/log.h>
#include <string.h>

#include "common/log.h"

static void log_message(gpr_log_func_args *args)
{
    enum lb_log_level level =
        args->severity == GPR_LOG_SEVERITY_ERROR ? LB_LOG_WARNING : LB_LOG_DEBUG;
    const char *slash = strrchr(args->file, '/');
    lb_log(level, "grpc-core", "%s (%s:%d)", args->message, slash ? slash + 1 : args->file,
           args->line);
}

void lb_grpc_log_open(void)
{
    gpr_set_log_function(log_message);
}
