/* The page's timelines (one dot a request in its backend's lane, coloured by connection) and the
 * map of connections and backends. See html_private.h. */
#include "report/html_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define MAX_RUNS 12 /* drawn */
#define SWARM 300   /* requests from which dots of a lane are spread over its height */
#define MAX_MAP_COLUMNS 256

/* A request as it is drawn. */
struct dot {
    size_t lane;
    uint64_t connection;
    bool error;
};

/* The dots of a run; malloc'd. *since and *until are when the first and the last was sent. */
static struct dot *dots_of(const struct lb_group *group, const char *run,
                           const struct lb_lanes *lanes, size_t *count, int64_t *until)
{
    const struct lb_tally *tally = group->report->tally;
    size_t n = 0, total = 0;
    for (size_t i = 0; i < lb_tally_segments(tally); i++) {
        if (strcmp(lb_tally_segment(tally, i)->run, run) == 0)
            total += lb_tally_segment(tally, i)->n_raw;
    }
    struct dot *dots = calloc(total + 1, sizeof *dots);
    if (!dots)
        return NULL;
    *until = 0;
    for (size_t i = 0; i < lb_tally_segments(tally); i++) {
        const struct lb_segment *s = lb_tally_segment(tally, i);
        if (strcmp(s->run, run) != 0)
            continue;
        for (size_t k = 0; k < s->n_raw; k++, n++) {
            uint32_t b = s->raw[k].backend;
            dots[n].error = b == LB_NONE;
            dots[n].connection = s->raw[k].connection;
            dots[n].lane = b == LB_NONE ? SIZE_MAX : lb_lanes_find(lanes, s->backends[b].name);
            *until = s->raw[k].sent_ns;
        }
    }
    *count = n;
    return dots;
}

static unsigned colour_of(uint64_t connection)
{
    return connection ? (unsigned)((connection - 1) % LB_PAGE_COLOURS) : 6;
}

/* Dots are round line ends of length 0 whose width does not scale with the drawing. */
static void write_dots(FILE *out, const struct dot *dots, size_t n, size_t lane, bool swarm)
{
    fputs("<g class=\"dots\">", out);
    for (unsigned colour = 0; colour < LB_PAGE_COLOURS; colour++) {
        bool open = false;
        for (size_t i = 0; i < n; i++) {
            if (dots[i].error || dots[i].lane != lane || colour_of(dots[i].connection) != colour)
                continue;
            if (!open)
                fprintf(out, "<path class=\"k%u\" d=\"", colour);
            open = true;
            double y = swarm ? 2 + 0.6 * (double)(i * 37 % 11) : 5;
            fprintf(out, "M%.4g %.2gh0", 1000 * ((double)i + 0.5) / (double)n, y);
        }
        if (open)
            fputs("\"/>", out);
    }
    fputs("</g>", out);
}

static void write_errors(FILE *out, const struct dot *dots, size_t n)
{
    fputs("<path class=\"ticks\" d=\"", out);
    for (size_t i = 0; i < n; i++) {
        if (dots[i].error)
            fprintf(out, "M%.4g 2.5v5", 1000 * ((double)i + 0.5) / (double)n);
    }
    fputs("\"/>", out);
}

/* One lane: lanes->count is the one that others share, SIZE_MAX that of errors. */
static void write_lane(FILE *out, const struct lb_lanes *lanes, const struct dot *dots, size_t n,
                       size_t lane, bool swarm)
{
    char number[LB_NUMBER_TEXT];
    size_t here = 0;
    for (size_t i = 0; i < n; i++)
        here += dots[i].lane == lane;
    fputs("<div class=\"row\">", out);
    if (lane == SIZE_MAX)
        fputs("<span class=\"name\">no answer</span>", out);
    else
        lb_html_name(out, lanes, lane);
    fprintf(out,
            "<svg class=\"lane\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"%zu of %zu requests\">",
            here, n);
    if (lane == SIZE_MAX)
        write_errors(out, dots, n);
    else
        write_dots(out, dots, n, lane, swarm);
    fprintf(out, "</svg><span class=\"num\">%s</span></div>\n", lb_html_number(number, here));
}

/* The most dots in one lane. */
static size_t fullest(const struct dot *dots, size_t n)
{
    size_t counts[LB_PAGE_LANES + 1] = {0}, most = 0;
    for (size_t i = 0; i < n; i++) {
        if (!dots[i].error && ++counts[dots[i].lane] > most)
            most = counts[dots[i].lane];
    }
    return most;
}

/* The width of a dot for so many in one lane, in pixels; not wider than its lane is high. */
static double dot_px(size_t most, unsigned lane_px)
{
    double px = most <= 40 ? 10 : most <= 90 ? 7 : most < SWARM ? 4.5 : most <= 1000 ? 3.5 : 2.5;
    return px < lane_px * 0.6 ? px : lane_px * 0.6;
}

static bool any_in(const struct dot *dots, size_t n, size_t lane)
{
    for (size_t i = 0; i < n; i++) {
        if (dots[i].lane == lane)
            return true;
    }
    return false;
}

static void write_caption(FILE *out, const struct lb_group *group, const struct lb_report_run *run)
{
    if (group->report->n_runs == 1)
        return;
    fputs("<figcaption>", out);
    if (*run->client) {
        fputs("<bdi>", out);
        lb_html_text(out, run->client);
        fputs("</bdi>, ", out);
    }
    fputs(run->target.diagnosed ? "probe " : "run ", out);
    lb_html_text(out, run->id);
    fputs("</figcaption>\n", out);
}

/* 0: drawn; 1: nothing to draw; -1 without memory. */
static int write_run(FILE *out, const struct lb_group *group, const struct lb_report_run *run,
                     const struct lb_lanes *lanes)
{
    char number[LB_NUMBER_TEXT], duration[LB_DURATION_TEXT];
    size_t n;
    int64_t until;
    struct dot *dots = dots_of(group, run->id, lanes, &n, &until);
    if (!dots)
        return -1;
    if (n == 0) {
        free(dots);
        return 1;
    }
    fputs("<figure class=\"runs\">", out);
    write_caption(out, group, run);
    size_t most = fullest(dots, n);
    unsigned tall = lb_html_lane_height(lanes->count);
    fprintf(out, "<div class=\"rows\" style=\"--dot:%.1fpx;--tall:%upx\">\n", dot_px(most, tall),
            tall);
    for (size_t lane = 0; lane < lanes->count; lane++)
        write_lane(out, lanes, dots, n, lane, most >= SWARM);
    if (lanes->total > lanes->count)
        write_lane(out, lanes, dots, n, lanes->count, most >= SWARM);
    if (any_in(dots, n, SIZE_MAX))
        write_lane(out, lanes, dots, n, SIZE_MAX, false);
    fprintf(out,
            "<div class=\"row axis\"><span></span><div class=\"scale\"><span>request 1</span>"
            "<span>%s, after %s</span></div><span></span></div></div></figure>\n",
            lb_html_number(number, n), lb_html_latency(duration, (double)until / LB_NS_PER_US));
    free(dots);
    return 0;
}

int lb_html_timelines(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes)
{
    const struct lb_report *r = group->report;
    size_t drawn = 0, left = 0;
    fprintf(
        out,
        "<section><h3>Timeline</h3>\n<p>One dot a request, in the order of sending, in the lane of "
        "the backend that answered. The colour is the connection%s.</p>\n",
        group->verdict->connections > LB_PAGE_COLOURS ? " (eight colours, in turn)" : "");
    for (size_t i = 0; i < r->n_runs; i++) {
        int status = drawn < MAX_RUNS ? write_run(out, group, &r->runs[i], lanes) : 1;
        if (status < 0)
            return -1;
        drawn += status == 0;
        left += status == 1;
    }
    if (left)
        fprintf(out, "<p class=\"more\">%s%zu %s not drawn.</p>\n", drawn ? "and " : "", left,
                left == 1 ? "run is" : "runs are");
    fputs("</section>\n", out);
    return 0;
}

/* A connection as a column of the map. */
struct column {
    const struct lb_segment *segment;
    const struct lb_connection *connection;
};

static int by_age(const void *a, const void *b)
{
    const struct column *x = a, *y = b;
    int order = strcmp(x->segment->run, y->segment->run);
    if (order)
        return order;
    uint64_t p = x->connection->first_request, q = y->connection->first_request;
    return p < q ? -1 : p > q;
}

/* Connections that were answered, in order; malloc'd. *several: some carried more than one answer.
 */
static struct column *columns_of(const struct lb_tally *tally, size_t *count, bool *several)
{
    size_t total = 0, n = 0;
    for (size_t i = 0; i < lb_tally_segments(tally); i++)
        total += lb_tally_segment(tally, i)->n_connections;
    struct column *columns = calloc(total + 1, sizeof *columns);
    if (!columns)
        return NULL;
    *several = false;
    for (size_t i = 0; i < lb_tally_segments(tally); i++) {
        const struct lb_segment *s = lb_tally_segment(tally, i);
        for (size_t k = 0; k < s->n_connections; k++) {
            if (s->connections[k].answers == 0)
                continue;
            columns[n++] = (struct column){s, &s->connections[k]};
            *several |= s->connections[k].answers > 1;
        }
    }
    qsort(columns, n, sizeof *columns, by_age);
    *count = n;
    return columns;
}

static void write_map_row(FILE *out, const struct lb_lanes *lanes, const struct column *columns,
                          size_t n, size_t lane)
{
    char number[LB_NUMBER_TEXT];
    uint64_t reached = 0;
    double width = n <= 120 ? 0.9 : 1;
    fputs("<div class=\"row\">", out);
    lb_html_name(out, lanes, lane);
    fprintf(out,
            "<svg class=\"lane\" viewBox=\"0 0 %zu 10\" preserveAspectRatio=\"none\" role=\"img\">",
            n);
    for (size_t i = 0; i < n; i++) {
        const struct lb_connection *c = columns[i].connection;
        double part = 0;
        for (uint32_t b = 0; b < c->n_backends && c->n_backends <= LB_CONNECTION_BACKENDS; b++) {
            const char *name = columns[i].segment->backends[c->backends[b].backend].name;
            if (lb_lanes_find(lanes, name) == lane)
                part += (double)c->backends[b].count / (double)c->answers;
        }
        if (part <= 0)
            continue;
        reached++;
        fprintf(out, "<rect class=\"f%u\" x=\"%zu\" y=\"%.3g\" width=\"%g\" height=\"%.3g\"/>",
                colour_of(c->id), i, 9.5 - 9 * part, width, 9 * part);
    }
    fprintf(out, "</svg><span class=\"num\">%s</span></div>\n", lb_html_number(number, reached));
}

static void write_map(FILE *out, const struct lb_lanes *lanes, const struct column *columns,
                      size_t total)
{
    size_t n = total < MAX_MAP_COLUMNS ? total : MAX_MAP_COLUMNS, wide = 0;
    for (size_t i = 0; i < n; i++)
        wide += columns[i].connection->n_backends > LB_CONNECTION_BACKENDS;
    fputs(
        "<p>One column a connection, in the order they were opened; as tall as the share of its "
        "requests that the backend answered. The figure is how many connections reached it.</p>\n",
        out);
    fprintf(out, "<div class=\"rows map\" style=\"--tall:%upx\">\n",
            lb_html_lane_height(lanes->count));
    size_t rows = lanes->total > lanes->count ? lanes->count + 1 : lanes->count;
    for (size_t lane = 0; lane < rows; lane++)
        write_map_row(out, lanes, columns, n, lane);
    fprintf(out,
            "<div class=\"row axis\"><span></span><div class=\"scale\"><span>connection 1</span>"
            "<span>%zu</span></div><span></span></div></div>\n",
            n);
    if (n < total)
        fprintf(out, "<p class=\"more\">and %zu more connections</p>\n", total - n);
    if (wide)
        fprintf(out,
                "<p class=\"more\">%zu of them reached more than %d backends: their columns are "
                "empty.</p>\n",
                wide, LB_CONNECTION_BACKENDS);
}

int lb_html_map(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes)
{
    size_t total;
    bool several;
    struct column *columns = columns_of(group->report->tally, &total, &several);
    if (!columns)
        return -1;
    if (total > 0) {
        fputs("<section><h3>Connections and backends</h3>\n", out);
        if (several)
            write_map(out, lanes, columns, total);
        else
            fputs("<p>Each request had a connection of its own: the timeline shows them all.</p>\n",
                  out);
        fputs("</section>\n", out);
    }
    free(columns);
    return 0;
}
