/* What the parts of the page share: lanes, escaping, figures. See html_private.h. */
#include "report/html_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/utf8.h"

/* A backend's name and its answers over all segments. */
struct named {
    const char *name;
    uint64_t answers;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int by_answers(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->answers != y->answers)
        return x->answers < y->answers ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* All names of the tally with their answers, each once; malloc'd. */
static struct named *names_of(const struct lb_tally *tally, size_t *count)
{
    size_t n = 0, total = 0;
    for (size_t i = 0; i < lb_tally_segments(tally); i++)
        total += lb_tally_segment(tally, i)->n_backends;
    struct named *named = calloc(total + 1, sizeof *named);
    if (!named)
        return NULL;
    for (size_t i = 0; i < lb_tally_segments(tally); i++) {
        const struct lb_segment *s = lb_tally_segment(tally, i);
        for (size_t b = 0; b < s->n_backends; b++)
            named[n++] = (struct named){s->backends[b].name, s->backends[b].answers};
    }
    qsort(named, n, sizeof *named, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept && strcmp(named[kept - 1].name, named[i].name) == 0)
            named[kept - 1].answers += named[i].answers;
        else
            named[kept++] = named[i];
    }
    qsort(named, kept, sizeof *named, by_answers);
    *count = kept;
    return named;
}

/* For qsort, which has no argument to hand through: name and index together. */
struct indexed {
    const char *name;
    size_t index;
};

static int by_indexed_name(const void *a, const void *b)
{
    const struct indexed *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int sort_names(struct lb_lanes *lanes)
{
    struct indexed *order = calloc(lanes->total + 1, sizeof *order);
    lanes->sorted = calloc(lanes->total + 1, sizeof *lanes->sorted);
    if (!order || !lanes->sorted) {
        free(order);
        return -1;
    }
    for (size_t i = 0; i < lanes->total; i++)
        order[i] = (struct indexed){lanes->names[i], i};
    qsort(order, lanes->total, sizeof *order, by_indexed_name);
    for (size_t i = 0; i < lanes->total; i++)
        lanes->sorted[i] = order[i].index;
    free(order);
    return 0;
}

/* Bytes that all names share, cut back to the last separator; of one name what is before its last
 * dash, as pods are called. */
static size_t common_prefix(const char *const *names, size_t n)
{
    if (n < 2) {
        const char *dash = n ? strrchr(names[0], '-') : NULL;
        return dash && dash[1] ? (size_t)(dash + 1 - names[0]) : 0;
    }
    size_t length = strlen(names[0]);
    for (size_t i = 1; i < n; i++) {
        size_t k = 0;
        while (k < length && names[i][k] == names[0][k])
            k++;
        length = k;
    }
    while (length > 0 && !strchr("-._:/", names[0][length - 1]))
        length--;
    return length;
}

int lb_lanes_make(const struct lb_group *group, struct lb_lanes *lanes)
{
    const struct lb_verdict *v = group->verdict;
    bool shares = *group->report->judging.group_by == '\0';
    size_t n = v->n_shares;
    struct named *named = shares ? NULL : names_of(group->report->tally, &n);
    *lanes = (struct lb_lanes){0};
    lanes->names = calloc(n + 1, sizeof *lanes->names);
    if (!lanes->names || (!shares && !named)) {
        free(named);
        lb_lanes_clear(lanes);
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        lanes->names[i] = shares ? v->shares[i].name : named[i].name;
    free(named);
    lanes->total = n;
    lanes->count = n < LB_PAGE_LANES ? n : LB_PAGE_LANES;
    lanes->prefix = common_prefix(lanes->names, lanes->count);
    if (sort_names(lanes) == 0)
        return 0;
    lb_lanes_clear(lanes);
    return -1;
}

void lb_lanes_clear(struct lb_lanes *lanes)
{
    free(lanes->names);
    free(lanes->sorted);
    *lanes = (struct lb_lanes){0};
}

size_t lb_lanes_find(const struct lb_lanes *lanes, const char *name)
{
    size_t low = 0, high = lanes->total;
    while (low < high) {
        size_t middle = low + (high - low) / 2, at = lanes->sorted[middle];
        int order = strcmp(lanes->names[at], name);
        if (order == 0)
            return at < lanes->count ? at : lanes->count;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return lanes->count;
}

void lb_html_text(FILE *out, const char *text)
{
    for (const char *s = text; *s;) {
        size_t length = lb_utf8_length(s);
        unsigned char c = (unsigned char)*s;
        if (length == 0 || c < 0x20 || c == 0x7f ||
            (length == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)) {
            fprintf(out, "\\x%02x", c);
            s++;
            continue;
        }
        if (c == '&')
            fputs("&amp;", out);
        else if (c == '<')
            fputs("&lt;", out);
        else if (c == '>')
            fputs("&gt;", out);
        else if (c == '"')
            fputs("&quot;", out);
        else if (c == '\'')
            fputs("&#39;", out);
        else
            fwrite(s, 1, length, out);
        s += length;
    }
}

void lb_html_name(FILE *out, const struct lb_lanes *lanes, size_t lane)
{
    if (lane >= lanes->count) {
        fprintf(out, "<span class=\"name\">%zu others</span>", lanes->total - lanes->count);
        return;
    }
    const char *name = lanes->names[lane];
    fprintf(out, "<span class=\"name%s\" title=\"", lanes->prefix ? " cut" : "");
    lb_html_text(out, name);
    fputs("\"><bdi>", out);
    if (lanes->prefix) {
        char pre[LB_MAX_NAME + 1];
        snprintf(pre, sizeof pre, "%.*s", (int)lanes->prefix, name);
        fputs("<span class=\"pre\">", out);
        lb_html_text(out, pre);
        fputs("</span>", out);
    }
    lb_html_text(out, name + lanes->prefix);
    fputs("</bdi></span>", out);
}

char *lb_html_number(char buf[LB_NUMBER_TEXT], uint64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *to = buf;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return buf;
}

char *lb_html_latency(char buf[LB_DURATION_TEXT], double us)
{
    char plain[LB_DURATION_TEXT];
    lb_format_latency(plain, (int64_t)(us * (double)LB_NS_PER_US));
    size_t digits = strspn(plain, "0123456789.");
    const char *unit = plain + digits;
    bool micro = strcmp(unit, "us") == 0;
    snprintf(buf, LB_DURATION_TEXT, "%.*s\u202f%s", (int)digits, plain, micro ? "µs" : unit);
    return buf;
}

unsigned lb_html_lane_height(size_t lanes)
{
    return lanes <= 12 ? 22 : lanes <= 30 ? 16 : 12;
}
