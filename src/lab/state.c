/* The folder a standing lab is known by. */
#include "config.h"

#include "lab/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "common/file.h"

#define STATE_FILE "lab.json"
#define LOCK_FILE "lock"
#define STATE_MAX_BYTES 65536

int lb_state_make_folder(const char *path, struct lb_error *err)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno != EEXIST || stat(path, &st) < 0)
        return lb_error_set(err, "cannot make the folder '%s': %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return lb_error_set(err, "'%s' is not a folder", path);
    return 0;
}

static int choose_folder(char path[PATH_MAX], const char *given, struct lb_error *err)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int n;
    if (given)
        n = snprintf(path, PATH_MAX, "%s", given);
    else if (runtime && runtime[0] == '/')
        n = snprintf(path, PATH_MAX, "%s/lbdemo-lab", runtime);
    else
        n = snprintf(path, PATH_MAX, "/tmp/lbdemo-lab-%lu", (unsigned long)geteuid());
    if (n == 0)
        return lb_error_set(err, "the state folder's name is empty");
    if (n < 0 || n >= PATH_MAX)
        return lb_error_set(err, "the state folder's name has more than %d bytes", PATH_MAX - 1);
    return 0;
}

static int check_folder(const char *path, struct lb_error *err)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return lb_error_set(err, "cannot look at '%s': %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return lb_error_set(err, "the state folder '%s' is not a folder", path);
    if (st.st_uid != geteuid())
        return lb_error_set(err, "the state folder '%s' belongs to user %lu, not to you", path,
                            (unsigned long)st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return lb_error_set(err,
                            "others can write to the state folder '%s' (mode %03o); chmod 700 it",
                            path, (unsigned)st.st_mode & 0777);
    return 0;
}

int lb_state_folder(const char *dir, char path[PATH_MAX], struct lb_error *err)
{
    if (choose_folder(path, dir, err) < 0 || lb_state_make_folder(path, err) < 0)
        return -1;
    return check_folder(path, err);
}

int lb_state_open(struct lb_state *state, const char *dir, struct lb_error *err)
{
    char lock[PATH_MAX];
    state->lock = -1;
    if (lb_state_folder(dir, state->dir, err) < 0)
        return -1;
    int n = snprintf(lock, sizeof lock, "%s/%s", state->dir, LOCK_FILE);
    if (n < 0 || n >= (int)sizeof lock)
        return lb_error_set(err, "the state folder's name is too long");
    state->lock = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (state->lock < 0)
        return lb_error_set(err, "cannot open '%s': %s", lock, strerror(errno));
    return 0;
}

void lb_state_close(struct lb_state *state)
{
    if (state->lock >= 0)
        close(state->lock);
    state->lock = -1;
}

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

int lb_state_lock(struct lb_state *state, struct lb_error *err)
{
    struct flock lock = whole_file();
    if (fcntl(state->lock, F_SETLK, &lock) == 0)
        return 0;
    if (errno == EACCES || errno == EAGAIN)
        return lb_error_set(err,
                            "a lab of process %ld stands already in '%s'; end it with "
                            "lbdemo-lab down, or give this one its own --state",
                            (long)lb_state_owner(state), state->dir);
    return lb_error_set(err, "cannot lock '%s/%s': %s", state->dir, LOCK_FILE, strerror(errno));
}

pid_t lb_state_owner(const struct lb_state *state)
{
    struct flock lock = whole_file();
    if (fcntl(state->lock, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid;
}

static json_t *describe_paths(const struct lb_lab *lab)
{
    json_t *paths = json_array();
    for (const struct lb_lab_path *p = lab->paths; p; p = p->next) {
        const char *policy = p->topology->policy ? p->topology->policy : "";
        json_array_append_new(paths, json_pack("{s:s, s:s, s:s, s:s, s:s}", "path",
                                               p->topology->path, "topology", p->topology->name,
                                               "http", p->http, "grpc", p->grpc, "policy", policy));
    }
    return paths;
}

static json_t *describe_servers(const struct lb_lab *lab)
{
    json_t *servers = json_array();
    for (size_t i = 0; i < lab->server_count; i++) {
        const struct lb_lab_server *s = &lab->servers[i];
        json_array_append_new(servers, json_pack("{s:s, s:s, s:i, s:i, s:i}", "name", s->name,
                                                 "host", s->host, "http", (int)s->http_port, "grpc",
                                                 (int)s->grpc_port, "pid", (int)s->process->pid));
    }
    return servers;
}

static void state_file(const struct lb_state *state, char path[PATH_MAX + 16])
{
    snprintf(path, PATH_MAX + 16, "%s/%s", state->dir, STATE_FILE);
}

int lb_state_write(const struct lb_state *state, const struct lb_lab *lab, struct lb_error *err)
{
    char path[PATH_MAX + 16];
    state_file(state, path);
    json_t *root = json_pack("{s:i, s:s, s:o, s:o}", "pid", (int)getpid(), "logs", lab->dir,
                             "servers", describe_servers(lab), "paths", describe_paths(lab));
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    int result =
        text ? lb_file_write(path, text, strlen(text), err)
             : lb_error_set(err, "cannot describe the lab: out of memory, or '%s' is not UTF-8",
                            lab->dir);
    free(text);
    json_decref(root);
    return result;
}

void lb_state_remove(const struct lb_state *state)
{
    char path[PATH_MAX + 16];
    state_file(state, path);
    unlink(path);
}

static bool copy(char *to, size_t room, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    int n = text ? snprintf(to, room, "%s", text) : -1;
    return n >= 0 && (size_t)n < room;
}

static bool parse_path(const json_t *object, struct lb_state_path *path)
{
    return copy(path->path, sizeof path->path, object, "path") &&
           copy(path->topology, sizeof path->topology, object, "topology") &&
           copy(path->http, sizeof path->http, object, "http") &&
           copy(path->grpc, sizeof path->grpc, object, "grpc") &&
           copy(path->policy, sizeof path->policy, object, "policy");
}

static bool parse(const json_t *root, struct lb_state_lab *lab)
{
    size_t i;
    json_t *path;
    if (!copy(lab->logs, sizeof lab->logs, root, "logs"))
        return false;
    json_array_foreach(json_object_get(root, "paths"), i, path)
    {
        if (i == LB_STATE_MAX_PATHS || !parse_path(path, &lab->paths[i]))
            return false;
        lab->path_count = i + 1;
    }
    return true;
}

int lb_state_read(const struct lb_state *state, struct lb_state_lab *lab, struct lb_error *err)
{
    char path[PATH_MAX + 16], *text;
    size_t size;
    *lab = (struct lb_state_lab){.pid = lb_state_owner(state)};
    state_file(state, path);
    if (lab->pid == 0)
        return lb_error_set(err, "no lab stands in '%s'; start one with lbdemo-lab up", state->dir);
    if (lb_file_read(path, STATE_MAX_BYTES, &text, &size, err) < 0)
        return -1;
    json_t *root = json_loadb(text, size, 0, NULL);
    bool good = parse(root, lab);
    json_decref(root);
    free(text);
    return good ? 0 : lb_error_set(err, "'%s' does not describe a lab", path);
}
