/* The folder a standing lab is known by: a lock that tells whether it stands and who holds it up,
 * and lab.json, which tells its targets. */
#ifndef LB_LAB_STATE_H
#define LB_LAB_STATE_H

#include <limits.h>
#include <sys/types.h>

#include "lab/lab.h"

struct lb_state {
    char dir[PATH_MAX];
    int lock;
};

/* A path of a standing lab. */
struct lb_state_path {
    char path[8]; /* "L4" */
    char topology[64];
    char http[LB_LAB_TARGET], grpc[LB_LAB_TARGET];
    char policy[32]; /* for --lb-policy; "" */
};
#define LB_STATE_MAX_PATHS 8

struct lb_state_lab {
    pid_t pid;
    char logs[PATH_MAX];
    struct lb_state_path paths[LB_STATE_MAX_PATHS];
    size_t path_count;
};

/* Writes to `path` the state folder: `dir`, or if that is NULL $XDG_RUNTIME_DIR/lbdemo-lab, or else
 * /tmp/lbdemo-lab-UID; makes it with mode 0700 if it is not there. A folder of another user, one
 * that others can write to and a symbolic link are refused. */
int lb_state_folder(const char *dir, char path[PATH_MAX], struct lb_error *err) LB_MUST_CHECK;

/* Opens the state folder, named as for lb_state_folder. On success lb_state_close releases it,
 * and with it the lock this process may hold, also through another lb_state of the same folder. */
int lb_state_open(struct lb_state *state, const char *dir, struct lb_error *err) LB_MUST_CHECK;
void lb_state_close(struct lb_state *state);

/* Makes `path` a folder if it is not one yet. */
int lb_state_make_folder(const char *path, struct lb_error *err) LB_MUST_CHECK;

/* Takes the lock, until the process ends; fails when another lab stands. The lock is the process's:
 * a forked child does not have it. */
int lb_state_lock(struct lb_state *state, struct lb_error *err) LB_MUST_CHECK;

/* The process that holds the lock; 0: no lab stands. */
pid_t lb_state_owner(const struct lb_state *state);

/* Writes lab.json, and removes it. */
int lb_state_write(const struct lb_state *state, const struct lb_lab *lab,
                   struct lb_error *err) LB_MUST_CHECK;
void lb_state_remove(const struct lb_state *state);

/* Reads lab.json of a standing lab. Fails when none stands. */
int lb_state_read(const struct lb_state *state, struct lb_state_lab *lab,
                  struct lb_error *err) LB_MUST_CHECK;

#endif
