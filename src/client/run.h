/* What both client programs are: options, a transport, the engine, output, exit status. A program's
 * own file holds its option table and how its transport is made. */
#ifndef LB_CLIENT_RUN_H
#define LB_CLIENT_RUN_H

#include "client/client_options.h"
#include "client/transport.h"
#include "common/options.h"

struct lb_client {
    const char *name;     /* "lbdemo-http-client" */
    const char *synopsis; /* "[OPTION]... [TARGET]" */
    const char *summary;
    const char *epilog;
    const struct lb_option_group *groups; /* the program's own; the shared ones follow */
    size_t group_count;                   /* at most LB_CLIENT_OWN_GROUPS */
    void (*print_libraries)(FILE *out);

    /* Makes the transport from the configuration after parsing; `target` is never NULL. What cannot
     * be right (a malformed URL, options that exclude each other) is refused here, before anything
     * is sent: NULL, and the program exits with LB_EXIT_USAGE. */
    struct lb_transport *(*new_transport)(const void *config, const char *target,
                                          struct lb_error *err);
};

#define LB_CLIENT_OWN_GROUPS 4

/* What both --help end with. */
#define LB_CLIENT_EPILOG                                                             \
    "Exit status: 0 as expected (or nothing was expected and requests succeeded),\n" \
    "1 not as expected or a failure, 2 bad usage, 3 could not be judged.\n"

/* The whole program. `config` holds the defaults and begins with a struct lb_client_options.
 * Returns the exit status. */
int lb_client_main(const struct lb_client *client, int argc, char **argv, void *config);

#endif
