/* Envoy: it binds port 0 itself; its admin interface, whose address it writes to a file, tells
 * which ports it got. */
#include "config.h"

#include "lab/balancer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/file.h"
#include "common/language.h"
#include "lab/probe.h"
#include "lab/programs.h"

#define ADDRESS_FILE_MAX 256
#define LISTENERS_MAX 65536

static int spawn(struct lb_lab *lab, struct lb_lab_path *path, const char *config,
                 const char *address_file, struct lb_error *err)
{
    const char *name = path->topology->name;
    char program[PATH_MAX], log_name[80];
    if (lb_programs_find_envoy(lab->envoy, program, err) < 0)
        return -1;
    snprintf(log_name, sizeof log_name, "%s.log", name);
    char *log = lb_lab_file(lab, log_name);
    if (!log)
        return lb_error_set(err, "out of memory");
    const char *workers = path->topology->workers ? path->topology->workers : "1";
    /* No hot restart: it would share memory by a number
     * with other Envoys of this machine. */
    const char *argv[] = {program,       "-c",
                          config,        "--admin-address-path",
                          address_file,  "--concurrency",
                          workers,       "--disable-hot-restart",
                          "--log-level", "warning",
                          NULL};
    const struct lb_spawn spawn = {.name = name, .argv = argv, .log = log, .out = -1, .netns = -1};
    path->balancer = lb_supervisor_spawn(lab->supervisor, &spawn, err);
    free(log);
    return path->balancer ? 0 : -1;
}

/* The port of the listener called `name` in the admin interface's answer; 0 if it has none yet. */
static unsigned listener_port(const json_t *answer, const char *name)
{
    size_t i;
    json_t *listener;
    json_array_foreach(json_object_get(answer, "listener_statuses"), i, listener)
    {
        const char *its = json_string_value(json_object_get(listener, "name"));
        json_t *address = json_object_get(listener, "local_address");
        json_t *port = json_object_get(json_object_get(address, "socket_address"), "port_value");
        if (its && strcmp(its, name) == 0 && json_integer_value(port) > 0)
            return (unsigned)json_integer_value(port);
    }
    return 0;
}

struct listeners_wait {
    struct lb_lab_path *path;
    const char *address_file;
};

static bool listeners_known(void *arg)
{
    struct listeners_wait *wait = arg;
    char *address, url[ADDRESS_FILE_MAX + 64];
    size_t size;
    if (access(wait->address_file, F_OK) < 0 ||
        lb_file_read(wait->address_file, ADDRESS_FILE_MAX, &address, &size, NULL) < 0)
        return false;
    snprintf(url, sizeof url, "http://%.*s/listeners?format=json", (int)strcspn(address, "\n"),
             address);
    free(address);
    char *body = lb_probe_get(url, LISTENERS_MAX);
    json_t *answer = body ? json_loads(body, 0, NULL) : NULL;
    unsigned http = listener_port(answer, "http"), grpc = listener_port(answer, "grpc");
    json_decref(answer);
    free(body);
    if (!http || !grpc)
        return false;
    lb_path_set_targets(wait->path, "127.0.0.1", http, grpc);
    return true;
}

int lb_envoy_start(struct lb_lab *lab, struct lb_lab_path *path, struct lb_error *err)
{
    char file[80];
    snprintf(file, sizeof file, "%s.admin", path->topology->name);
    char *address_file = lb_lab_file(lab, file);
    if (!address_file)
        return lb_error_set(err, "out of memory");
    unlink(address_file); /* an earlier lab's */
    snprintf(file, sizeof file, "%s.yaml", path->topology->name);
    const struct lb_variable common[] = {
        {"ALGORITHM", path->topology->algorithm ? path->topology->algorithm : ""}, {NULL, NULL}};
    char *config = lb_lab_write_config(lab, path->topology->config, file, common, err);
    struct listeners_wait wait = {path, address_file};
    int result = config ? spawn(lab, path, config, address_file, err) : -1;
    if (result == 0)
        result =
            lb_lab_await(lab, path->balancer, listeners_known, &wait, N_("its listeners"), err);
    free(config);
    free(address_file);
    return result;
}
