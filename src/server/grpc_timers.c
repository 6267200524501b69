/* Timers of one thread: a binary heap by due time. */
#include "server/grpc_timers.h"

#include <stdlib.h>

#include "common/memory.h"

static void put(struct lb_grpc_timers *timers, size_t place, struct lb_grpc_timer *timer)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static void sift_up(struct lb_grpc_timers *timers, struct lb_grpc_timer *timer, size_t place)
{
    while (place > 1 && timers->heap[place / 2 - 1]->due_ns > timer->due_ns) {
        put(timers, place, timers->heap[place / 2 - 1]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct lb_grpc_timers *timers, struct lb_grpc_timer *timer, size_t place)
{
    for (size_t child; (child = 2 * place) <= timers->count; place = child) {
        if (child < timers->count && timers->heap[child]->due_ns < timers->heap[child - 1]->due_ns)
            child++;
        if (timers->heap[child - 1]->due_ns >= timer->due_ns)
            break;
        put(timers, place, timers->heap[child - 1]);
    }
    put(timers, place, timer);
}

static void grow(struct lb_grpc_timers *timers)
{
    size_t capacity = timers->capacity ? 2 * timers->capacity : 16;
    timers->heap = lb_realloc_array(timers->heap, capacity, sizeof(struct lb_grpc_timer *));
    timers->capacity = capacity;
}

void lb_grpc_timers_set(struct lb_grpc_timers *timers, struct lb_grpc_timer *timer, int64_t due_ns)
{
    lb_grpc_timers_cancel(timers, timer);
    if (timers->count == timers->capacity)
        grow(timers);
    timer->due_ns = due_ns;
    sift_up(timers, timer, ++timers->count);
}

void lb_grpc_timers_cancel(struct lb_grpc_timers *timers, struct lb_grpc_timer *timer)
{
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    struct lb_grpc_timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    /* The last takes the gap, then finds its level from there. */
    if (place > 1 && timers->heap[place / 2 - 1]->due_ns > last->due_ns)
        sift_up(timers, last, place);
    else
        sift_down(timers, last, place);
}

int64_t lb_grpc_timers_next(const struct lb_grpc_timers *timers)
{
    return timers->count ? timers->heap[0]->due_ns : INT64_MAX;
}

void lb_grpc_timers_run(struct lb_grpc_timers *timers, int64_t now_ns)
{
    while (timers->count && timers->heap[0]->due_ns <= now_ns) {
        struct lb_grpc_timer *timer = timers->heap[0];
        lb_grpc_timers_cancel(timers, timer);
        timer->run(timer);
    }
}

void lb_grpc_timers_free(struct lb_grpc_timers *timers)
{
    free(timers->heap);
    *timers = (struct lb_grpc_timers){0};
}
