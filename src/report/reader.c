/* Many reports, read ahead by several threads. See reader.h. */
#include "report/reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/language.h"
#include "report/report_read.h"

#define MAX_THREADS 4                   /* more wait for the one that merges */
#define AHEAD ((size_t)4 * MAX_THREADS) /* reports parsed before they are asked for */
#define LARGE_BYTES ((off_t)1 << 20)    /* a parsed file takes some twenty times its size */

struct lb_reader {
    char *const *paths;
    size_t count;
    pthread_t threads[MAX_THREADS];
    unsigned n_threads;    /* 0: the caller's thread reads */
    pthread_mutex_t large; /* held while a large file is parsed */
    pthread_mutex_t lock;  /* of what follows */
    pthread_cond_t changed;
    size_t taken, given; /* how many of the paths */
    bool stop;
    struct slot {
        bool done;
        bool waits; /* to be read when it is asked for */
        struct lb_report *report;
        struct lb_error err; /* why there is none */
    } ahead[AHEAD];          /* of path i: i % AHEAD */
};

/* Reads ahead what is a file; reading anything else may wait, for ever. */
static void fill(struct lb_reader *r, const char *path, struct slot *slot)
{
    struct stat info;
    slot->waits = stat(path, &info) < 0 || !S_ISREG(info.st_mode);
    if (slot->waits)
        return;
    bool large = info.st_size > LARGE_BYTES;
    if (large)
        pthread_mutex_lock(&r->large);
    slot->report = lb_report_load(path, &slot->err);
    if (large)
        pthread_mutex_unlock(&r->large);
}

static void *read_ahead(void *arg)
{
    struct lb_reader *r = arg;
    lb_language_resume(); /* its errors are for people */
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->stop && r->taken < r->count && r->taken >= r->given + AHEAD)
            pthread_cond_wait(&r->changed, &r->lock);
        if (r->stop || r->taken == r->count)
            break;
        size_t i = r->taken++;
        struct slot *slot = &r->ahead[i % AHEAD];
        pthread_mutex_unlock(&r->lock);
        fill(r, r->paths[i], slot);
        pthread_mutex_lock(&r->lock);
        slot->done = true;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

struct lb_reader *lb_reader_new(char *const *paths, size_t count, struct lb_error *err)
{
    struct lb_reader *r = calloc(1, sizeof *r);
    if (!r) {
        lb_error_set(err, "out of memory");
        return NULL;
    }
    r->paths = paths;
    r->count = count;
    pthread_mutex_init(&r->large, NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = processors < MAX_THREADS ? (size_t)processors : MAX_THREADS;
    if (wanted > count)
        wanted = count;
    /* Fewer threads than wanted only take longer. */
    while (wanted > 1 && r->n_threads < wanted &&
           pthread_create(&r->threads[r->n_threads], NULL, read_ahead, r) == 0)
        r->n_threads++;
    return r;
}

struct lb_report *lb_reader_next(struct lb_reader *r, struct lb_error *err)
{
    const char *path = r->paths[r->given];
    struct slot *slot = &r->ahead[r->given % AHEAD], found;
    pthread_mutex_lock(&r->lock);
    while (r->n_threads > 0 && !slot->done)
        pthread_cond_wait(&r->changed, &r->lock);
    found = *slot;
    *slot = (struct slot){0};
    r->given++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->n_threads == 0 || found.waits)
        return lb_report_load(path, err);
    if (!found.report)
        *err = found.err;
    return found.report;
}

void lb_reader_free(struct lb_reader *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    for (unsigned i = 0; i < r->n_threads; i++)
        pthread_join(r->threads[i], NULL);
    for (size_t i = 0; i < AHEAD; i++)
        lb_report_free(r->ahead[i].report);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->large);
    free(r);
}
