/* The page's shares, latencies and table of figures. See html_private.h. */
#include "report/html_private.h"

#include <math.h>
#include <string.h>

#define MAX_SHARES 200 /* rows before "and n more" */

/* The end of the scale: the next of 1, 2, 5 times a power of ten above all that is drawn, at
 * most 1. */
static double scale_of(const struct lb_verdict *v, size_t rows)
{
    double most = 0.01;
    for (size_t i = 0; i < rows; i++) {
        const struct lb_share *s = &v->shares[i];
        most = fmax(most, fmax(s->high, fmax(s->share, s->expected)));
    }
    double power = pow(10, floor(log10(most)));
    double scale = most <= power       ? power
                   : most <= 2 * power ? 2 * power
                   : most <= 5 * power ? 5 * power
                                       : 10 * power;
    return fmin(scale, 1);
}

static void write_share(FILE *out, const struct lb_share *s, double scale)
{
    fprintf(out, "<div class=\"bar\"><i class=\"fill\" style=\"width:%.2f%%\"></i>",
            100 * s->share / scale);
    fprintf(out, "<i class=\"span\" style=\"left:%.2f%%;width:%.2f%%\"></i>", 100 * s->low / scale,
            100 * (s->high - s->low) / scale);
    if (s->expected >= 0)
        fprintf(out, "<i class=\"due\" style=\"left:%.2f%%\"></i>", 100 * s->expected / scale);
    fprintf(out, "</div><span class=\"num\">%.1f&#8239;%% <small>%.0f&#8211;%.0f</small></span>",
            100 * s->share, 100 * s->low, 100 * s->high);
}

static void write_name(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes,
                       size_t i)
{
    if (*group->report->judging.group_by == '\0' && i < lanes->count) {
        lb_html_name(out, lanes, i);
        return;
    }
    fputs("<span class=\"name\"><bdi>", out);
    lb_html_text(out, group->verdict->shares[i].name);
    fputs("</bdi></span>", out);
}

void lb_html_shares(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes)
{
    const struct lb_verdict *v = group->verdict;
    size_t rows = v->n_shares < MAX_SHARES ? v->n_shares : MAX_SHARES;
    if (rows == 0)
        return;
    double scale = scale_of(v, rows);
    const char *group_by = group->report->judging.group_by;
    fputs("<section><h3>Share per ", out);
    lb_html_text(out, *group_by ? group_by : "backend");
    fprintf(out,
            "</h3>\n<p>Of %llu %s. The whisker is the %.0f&#8239;%% interval (Wilson), the dotted "
            "line the share expected.</p>\n<div class=\"rows\">\n",
            (unsigned long long)v->units, lb_unit_name(v->unit, v->units != 1),
            100 * (1 - v->alpha_evenness));
    for (size_t i = 0; i < rows; i++) {
        fputs("<div class=\"row shares\">", out);
        write_name(out, group, lanes, i);
        write_share(out, &v->shares[i], scale);
        fputs("</div>\n", out);
    }
    fprintf(out,
            "<div class=\"row shares axis\"><span></span><div class=\"scale\"><span>0</span>"
            "<span>%g&#8239;%%</span></div><span></span></div></div>\n",
            100 * scale);
    if (v->n_shares > rows)
        fprintf(out, "<p class=\"more\">and %zu more</p>\n", v->n_shares - rows);
    fputs("</section>\n", out);
}

/* Where a latency lies on the axis from low to high (decades), in percent. */
static double at_decade(double us, double low, double high)
{
    double x = (log10(fmax(us, 0.1)) - low) / (high - low);
    return 100 * fmin(fmax(x, 0), 1);
}

static void write_latency(FILE *out, const struct lb_share *s, double low, double high)
{
    char p50[LB_DURATION_TEXT], p99[LB_DURATION_TEXT];
    double at50 = at_decade(s->p50_us, low, high), at90 = at_decade(s->p90_us, low, high);
    double at99 = at_decade(s->p99_us, low, high), end = at_decade(s->max_us, low, high);
    fprintf(out, "<div class=\"bar\"><i class=\"thin\" style=\"left:%.2f%%;width:%.2f%%\"></i>",
            at50, end - at50);
    fprintf(out, "<i class=\"thick\" style=\"left:%.2f%%;width:%.2f%%\"></i>", at50, at90 - at50);
    fprintf(out, "<i class=\"end\" style=\"left:%.2f%%\"></i>", at99);
    fprintf(out, "<i class=\"dot\" style=\"left:%.2f%%\"></i></div>", at50);
    fprintf(out, "<span class=\"num\">%s <small>%s</small></span>", lb_html_latency(p50, s->p50_us),
            lb_html_latency(p99, s->p99_us));
}

static void write_decades(FILE *out, double low, double high)
{
    static const char *const names[] = {"0.1&#8239;µs", "1&#8239;µs",   "10&#8239;µs",
                                        "100&#8239;µs", "1&#8239;ms",   "10&#8239;ms",
                                        "100&#8239;ms", "1&#8239;s",    "10&#8239;s",
                                        "100&#8239;s",  "1000&#8239;s", "10000&#8239;s"};
    fputs("<div class=\"row shares axis\"><span></span><div class=\"ends\">", out);
    for (double d = low; d <= high; d++)
        fprintf(out, "<span style=\"left:%.2f%%\">%s</span>", 100 * (d - low) / (high - low),
                names[(size_t)(d + 1)]);
    fputs("</div><span></span></div>\n", out);
}

void lb_html_latencies(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes)
{
    const struct lb_verdict *v = group->verdict;
    size_t rows = v->n_shares < MAX_SHARES ? v->n_shares : MAX_SHARES;
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < rows; i++) {
        if (v->shares[i].answers == 0)
            continue;
        least = fmin(least, v->shares[i].p50_us);
        most = fmax(most, v->shares[i].max_us);
    }
    if (most <= 0)
        return;
    double low = fmax(floor(log10(fmax(least, 0.1))), -1);
    double high = fmin(fmax(ceil(log10(most)), low + 1), 10);
    fputs("<section><h3>Latency</h3>\n<p>Dot: median. Bar: to the 90th percentile. Tick: 99th. "
          "Line: to "
          "the slowest. From when a request was due; logarithmic.</p>\n<div class=\"rows\">\n",
          out);
    for (size_t i = 0; i < rows; i++) {
        if (v->shares[i].answers == 0)
            continue;
        fputs("<div class=\"row shares\">", out);
        write_name(out, group, lanes, i);
        write_latency(out, &v->shares[i], low, high);
        fputs("</div>\n", out);
    }
    write_decades(out, low, high);
    fputs("</div></section>\n", out);
}

/* The columns of the figures; where they do not fit, each cell has its heading beside it. */
static const char *const headings[] = {"Answers",  "Errors", "Connections", "Share", "Interval",
                                       "Expected", "p50",    "p90",         "p99",   "Max"};
#define HEADINGS (sizeof headings / sizeof headings[0])

static void write_figures_row(FILE *out, const struct lb_share *s)
{
    char number[LB_NUMBER_TEXT], cells[HEADINGS][64] = {{0}};
    const uint64_t counts[] = {s->answers, s->errors, s->connections};
    const double latencies[] = {s->p50_us, s->p90_us, s->p99_us, s->max_us};
    for (int i = 0; i < 3; i++)
        snprintf(cells[i], sizeof cells[i], "%s", lb_html_number(number, counts[i]));
    snprintf(cells[3], sizeof cells[3], "%.1f&#8239;%%", 100 * s->share);
    snprintf(cells[4], sizeof cells[4], "%.1f&#8211;%.1f", 100 * s->low, 100 * s->high);
    if (s->expected >= 0)
        snprintf(cells[5], sizeof cells[5], "%.1f&#8239;%%", 100 * s->expected);
    for (int i = 0; i < 4 && s->answers; i++) {
        char duration[LB_DURATION_TEXT];
        snprintf(cells[6 + i], sizeof cells[6 + i], "%s", lb_html_latency(duration, latencies[i]));
    }
    fputs("<tr><td class=\"name\"><bdi>", out);
    lb_html_text(out, s->name);
    fputs("</bdi></td>", out);
    for (size_t i = 0; i < HEADINGS; i++)
        fprintf(out, "<td data-of=\"%s\" class=\"n\">%s</td>", headings[i], cells[i]);
    fputs("</tr>\n", out);
}

void lb_html_figures(FILE *out, const struct lb_group *group)
{
    const struct lb_verdict *v = group->verdict;
    size_t rows = v->n_shares < MAX_SHARES ? v->n_shares : MAX_SHARES;
    const char *group_by = group->report->judging.group_by;
    if (rows == 0)
        return;
    fputs("<section><h3>Figures</h3>\n<div class=\"wide\"><table class=\"figures\"><thead><tr><th>",
          out);
    lb_html_text(out, *group_by ? group_by : "Backend");
    fputs("</th>", out);
    for (size_t i = 0; i < HEADINGS; i++)
        fprintf(out, "<th class=\"n\">%s</th>", headings[i]);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < rows; i++)
        write_figures_row(out, &v->shares[i]);
    fputs("</tbody></table></div>\n", out);
    if (v->n_shares > rows)
        fprintf(out, "<p class=\"more\">and %zu more</p>\n", v->n_shares - rows);
    fputs("</section>\n", out);
}
