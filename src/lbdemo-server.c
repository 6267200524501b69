/* lbdemo-server: answers with its identity over HTTP and gRPC. */
#include "common/file.h"
#include "common/language.h"
#include "common/log.h"
#include "server/lifecycle.h"
#include "server/server.h"
#include "server/server_options.h"

int main(int argc, char **argv)
{
    const struct lb_program *program = &lb_server_program;
    struct lb_server_options options = lb_server_defaults;
    struct lb_error err;
    int first;
    lb_language_begin();
    enum lb_options_result parsed = lb_options_parse(program, argc, argv, &options, &first, &err);
    if (parsed == LB_OPTIONS_DONE)
        return lb_stdout_finish(&err) < 0 ? lb_program_fail(program, &err, LB_EXIT_FAILURE)
                                          : LB_EXIT_OK;
    if (parsed == LB_OPTIONS_ERROR || lb_server_options_check(&options, &err) < 0)
        return lb_program_fail(program, &err, LB_EXIT_USAGE);
    lb_log_open(program->name, (enum lb_log_level)options.log_level,
                (enum lb_log_format)options.log_format);
    lb_lifecycle_block_signals();

    int status = LB_EXIT_OK;
    struct lb_server *server = lb_server_start(&options, &err);
    if (!server)
        status = lb_program_fail(program, &err, LB_EXIT_FAILURE);
    lb_language_pause(); /* the log is in English */
    if (server)
        lb_server_run(server);
    lb_server_free(server);
    lb_options_free(program, &options);
    return status;
}
