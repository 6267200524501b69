/* Faults on demand. */
#include "config.h"

#include "server/faults.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/units.h"

#define SPECS_MAX 8
#define NAME_MAX_BYTES 253

/* Alternatives, of which at most one is drawn. */
struct choices {
    size_t count;
    int64_t values[LB_FAULT_CHOICES_MAX]; /* nanoseconds, or a status */
    double shares[LB_FAULT_CHOICES_MAX];  /* of 1; together at most 1 */
};

struct spec {
    struct choices delays, statuses, resets;
    char name[NAME_MAX_BYTES + 1]; /* "": any pod */
};

struct lb_faults {
    const char *pod;
    bool allow;
    atomic_bool any; /* whether `count` is not 0 */
    pthread_rwlock_t lock;
    struct spec specs[SPECS_MAX];
    size_t count;
    char text[LB_FAULT_TEXT_MAX];
};

/* --- reading -----------------------------------------------------------------------------------
 */

/* "VALUE:SHARE%", cut into its two halves; without a share it is 100 %. */
static int read_share(char *text, double *share, struct lb_error *err)
{
    char *colon = strchr(text, ':');
    *share = 100;
    if (colon) {
        size_t len = strlen(colon);
        *colon = '\0';
        if (len < 3 || colon[len - 1] != '%')
            return lb_error_set(err, "'%s' is no share: write a number and %%", colon + 1);
        colon[len - 1] = '\0';
        if (lb_parse_double(colon + 1, 0, 100, share, err) < 0)
            return -1;
    }
    *share /= 100;
    return 0;
}

static int read_delay(const char *text, int64_t *value, struct lb_error *err)
{
    return lb_parse_duration(text, 0, LB_FAULT_DELAY_MAX_S * LB_NS_PER_S, value, err);
}

static int read_status(const char *text, int64_t *value, struct lb_error *err)
{
    uint64_t status;
    if (lb_parse_uint(text, 400, 599, &status, err) < 0)
        return -1;
    *value = (int64_t)status;
    return 0;
}

static int read_reset(const char *text, int64_t *value, struct lb_error *err)
{
    *value = 1;
    return *text ? lb_error_set(err, "'%s': a reset has no value, only a share", text) : 0;
}

/* "VALUE[:SHARE%][,…]" */
static int read_choices(char *text, struct choices *c,
                        int (*read_value)(const char *, int64_t *, struct lb_error *),
                        struct lb_error *err)
{
    double sum = 0;
    if (c->count > 0)
        return lb_error_set(err,
                            "'%s': each of delay, status and reset is written once, with commas "
                            "between its values",
                            text);
    for (char *next = text, *item; (item = strsep(&next, ",")); c->count++) {
        if (c->count == LB_FAULT_CHOICES_MAX)
            return lb_error_set(err, "more than %d values", LB_FAULT_CHOICES_MAX);
        if (read_share(item, &c->shares[c->count], err) < 0 ||
            read_value(item, &c->values[c->count], err) < 0)
            return -1;
        sum += c->shares[c->count];
    }
    return sum > 1 + 1e-9
               ? lb_error_set(err, "the shares add up to %g %%, more than 100", 100 * sum)
               : 0;
}

static int read_part(char *part, struct spec *spec, struct lb_error *err)
{
    if (strncmp(part, "delay=", 6) == 0)
        return read_choices(part + 6, &spec->delays, read_delay, err);
    if (strncmp(part, "status=", 7) == 0)
        return read_choices(part + 7, &spec->statuses, read_status, err);
    if (strncmp(part, "reset", 5) == 0 && (part[5] == '\0' || part[5] == ':'))
        return read_choices(part + 5, &spec->resets, read_reset, err);
    if (strncmp(part, "name=", 5) != 0)
        return lb_error_set(err, "'%s' is none of delay=TIME, status=NUMBER, reset, name=POD",
                            part);
    if (!part[5] || strlen(part + 5) > NAME_MAX_BYTES)
        return lb_error_set(err, "a pod's name has 1 to %d bytes", NAME_MAX_BYTES);
    strcpy(spec->name, part + 5);
    return 0;
}

static int read_spec(const char *text, size_t len, struct spec *spec, struct lb_error *err)
{
    char copy[LB_FAULT_TEXT_MAX];
    memset(spec, 0, sizeof *spec);
    if (len >= sizeof copy)
        return lb_error_set(err, "a fault has at most %d bytes", LB_FAULT_TEXT_MAX - 1);
    if (len == 0 || memchr(text, '\0', len))
        return lb_error_set(err,
                            "a fault is written as delay=TIME:SHARE%%, status=NUMBER:SHARE%% or "
                            "reset:SHARE%%");
    memcpy(copy, text, len);
    copy[len] = '\0';
    for (char *next = copy, *part; (part = strsep(&next, ";"));) {
        if (read_part(part, spec, err) < 0)
            return -1;
    }
    if (spec->delays.count + spec->statuses.count + spec->resets.count == 0)
        return lb_error_set(err, "'%.*s' has no delay, status or reset", (int)len, text);
    return 0;
}

int lb_faults_check(const char *text, struct lb_error *err)
{
    struct spec spec;
    return read_spec(text, strlen(text), &spec, err);
}

/* --- keeping -----------------------------------------------------------------------------------
 */

struct lb_faults *lb_faults_new(const struct lb_option_list *specs, bool allow, const char *pod,
                                struct lb_error *err)
{
    struct lb_faults *f = calloc(1, sizeof *f);
    if (!f || pthread_rwlock_init(&f->lock, NULL) != 0) {
        lb_error_set(err, "out of memory");
        free(f);
        return NULL;
    }
    f->pod = pod;
    f->allow = allow;
    for (size_t i = 0; i < specs->count; i++) {
        size_t used = strlen(f->text), len = strlen(specs->items[i]);
        if (f->count == SPECS_MAX || used + len + 2 > sizeof f->text) {
            lb_error_set(err, "at most %d faults of together %d bytes", SPECS_MAX,
                         LB_FAULT_TEXT_MAX - 2);
            lb_faults_free(f);
            return NULL;
        }
        if (read_spec(specs->items[i], len, &f->specs[f->count], err) < 0) {
            lb_faults_free(f);
            return NULL;
        }
        f->count++;
        snprintf(f->text + used, sizeof f->text - used, "%s\n", specs->items[i]);
    }
    atomic_init(&f->any, f->count > 0);
    return f;
}

void lb_faults_free(struct lb_faults *f)
{
    if (!f)
        return;
    pthread_rwlock_destroy(&f->lock);
    free(f);
}

int lb_faults_set(struct lb_faults *f, const char *text, size_t len, struct lb_error *err)
{
    struct spec spec;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (len > 0 && read_spec(text, len, &spec, err) < 0)
        return -1;
    pthread_rwlock_wrlock(&f->lock);
    f->count = len > 0;
    if (len > 0)
        f->specs[0] = spec;
    snprintf(f->text, sizeof f->text, "%.*s%s", (int)len, text, len > 0 ? "\n" : "");
    atomic_store(&f->any, f->count > 0);
    pthread_rwlock_unlock(&f->lock);
    return 0;
}

void lb_faults_text(struct lb_faults *f, char text[LB_FAULT_TEXT_MAX])
{
    pthread_rwlock_rdlock(&f->lock);
    memcpy(text, f->text, LB_FAULT_TEXT_MAX);
    pthread_rwlock_unlock(&f->lock);
}

bool lb_faults_allowed(const struct lb_faults *f)
{
    return f->allow;
}

/* --- drawing -----------------------------------------------------------------------------------
 */

/* One of the values, or 0. */
static int64_t draw(const struct choices *c, unsigned *seed)
{
    if (c->count == 0)
        return 0;
    double chance = rand_r(seed) / ((double)RAND_MAX + 1); /* from 0, below 1 */
    for (size_t i = 0; i < c->count; i++) {
        chance -= c->shares[i];
        if (chance < 0)
            return c->values[i];
    }
    return 0;
}

static bool applies(const struct lb_faults *f, const struct spec *spec)
{
    return !*spec->name || strcmp(spec->name, f->pod) == 0;
}

static void draw_all(const struct spec *spec, unsigned *seed, struct lb_fault *fault)
{
    fault->delay_ns += draw(&spec->delays, seed);
    if (fault->delay_ns > LB_FAULT_DELAY_MAX_S * LB_NS_PER_S)
        fault->delay_ns = LB_FAULT_DELAY_MAX_S * LB_NS_PER_S;
    int status = (int)draw(&spec->statuses, seed);
    if (status)
        fault->status = status;
    if (draw(&spec->resets, seed))
        fault->reset = true;
}

int lb_faults_decide(struct lb_faults *f, const char *request, size_t len, unsigned *seed,
                     struct lb_fault *fault, struct lb_error *err)
{
    *fault = (struct lb_fault){0};
    if (request && f->allow) {
        struct spec spec;
        if (read_spec(request, len, &spec, err) < 0)
            return -1;
        if (applies(f, &spec)) {
            draw_all(&spec, seed, fault);
            return 0;
        }
    }
    if (!atomic_load_explicit(&f->any, memory_order_relaxed))
        return 0;
    pthread_rwlock_rdlock(&f->lock);
    for (size_t i = 0; i < f->count; i++) {
        if (applies(f, &f->specs[i]))
            draw_all(&f->specs[i], seed, fault);
    }
    pthread_rwlock_unlock(&f->lock);
    return 0;
}
