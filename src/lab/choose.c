/* Which topologies and which folders are meant. */
#include "config.h"

#include "lab/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/state.h"

int lb_lab_check_servers(const struct lb_lab_options *options, struct lb_error *err)
{
    if (options->servers < 2)
        return lb_error_set(err, "option --servers: balancing is shown with at least 2 servers");
    return 0;
}

int lb_lab_choose(const struct lb_lab_options *options, const struct lb_topology **l4,
                  const struct lb_topology **l7, struct lb_error *err)
{
    *l4 = lb_topology_find(options->l4 ? options->l4 : "haproxy", "L4", err);
    *l7 = lb_topology_find(options->l7 ? options->l7 : "envoy", "L7", err);
    if (*l7 && !options->l7 && !(options->envoy && *options->envoy) &&
        !lb_topology_available(*l7, NULL, NULL))
        *l7 = lb_topology_find("haproxy", "L7", err);
    return *l4 && *l7 ? 0 : -1;
}

int lb_lab_folder(const struct lb_lab_options *options, const char *name, char dir[PATH_MAX],
                  struct lb_error *err)
{
    char path[PATH_MAX], state[PATH_MAX];
    int n;
    if (options->logs) {
        n = snprintf(path, sizeof path, "%s", options->logs);
    } else {
        if (lb_state_folder(options->state, state, err) < 0)
            return -1;
        n = snprintf(path, sizeof path, "%s/%s", state, name);
    }
    if (n < 0 || n >= (int)sizeof path)
        return lb_error_set(err, "the name of the folder for logs has more than %d bytes",
                            PATH_MAX - 1);
    if (lb_state_make_folder(path, err) < 0)
        return -1;
    if (!realpath(path, dir))
        return lb_error_set(err, "cannot find '%s': %s", path, strerror(errno));
    return 0;
}
