/* Whether the server wants traffic. */
#include "server/readiness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct watcher {
    void (*changed)(bool ready, void *arg);
    void *arg;
};

struct lb_readiness {
    atomic_bool ready;
    pthread_mutex_t lock; /* orders changes and their announcement */
    bool wanted, stopping;
    struct watcher watchers[LB_READINESS_WATCHERS_MAX];
    size_t watcher_count;
};

struct lb_readiness *lb_readiness_new(struct lb_error *err)
{
    struct lb_readiness *r = calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->lock, NULL) != 0) {
        lb_error_set(err, "out of memory");
        free(r);
        return NULL;
    }
    r->wanted = true;
    atomic_init(&r->ready, true);
    return r;
}

void lb_readiness_free(struct lb_readiness *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool lb_readiness_get(const struct lb_readiness *r)
{
    return atomic_load_explicit(&r->ready, memory_order_acquire);
}

/* With the lock held. */
static void update(struct lb_readiness *r)
{
    bool ready = r->wanted && !r->stopping;
    if (atomic_exchange(&r->ready, ready) == ready)
        return;
    for (size_t i = 0; i < r->watcher_count; i++)
        r->watchers[i].changed(ready, r->watchers[i].arg);
}

void lb_readiness_set(struct lb_readiness *r, bool ready)
{
    pthread_mutex_lock(&r->lock);
    r->wanted = ready;
    update(r);
    pthread_mutex_unlock(&r->lock);
}

void lb_readiness_stop(struct lb_readiness *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    update(r);
    pthread_mutex_unlock(&r->lock);
}

int lb_readiness_watch(struct lb_readiness *r, void (*changed)(bool ready, void *arg), void *arg,
                       struct lb_error *err)
{
    if (r->watcher_count == LB_READINESS_WATCHERS_MAX)
        return lb_error_set(err, "more than %d watch the readiness", LB_READINESS_WATCHERS_MAX);
    r->watchers[r->watcher_count++] = (struct watcher){changed, arg};
    return 0;
}
