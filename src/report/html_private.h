/* html_private.h - what the parts of the page share. */
#ifndef LB_REPORT_HTML_PRIVATE_H
#define LB_REPORT_HTML_PRIVATE_H

#include <stdio.h>

#include "common/units.h"
#include "report/merge.h"

#define LB_PAGE_LANES 64  /* backends drawn; the others share one more lane */
#define LB_PAGE_COLOURS 8 /* of connections, in turn: .k0 to .k7 in page.css */

/* The backends of a group in the order in which every part of its page shows them. */
struct lb_lanes {
    const char **names; /* borrowed from the verdict or the tally */
    size_t count;       /* drawn, at most LB_PAGE_LANES */
    size_t total;       /* there are */
    size_t prefix;      /* bytes all names begin with, up to a dash or dot: shown paler */
    size_t *sorted;     /* indexes of all names by name */
};

/* Lanes in the order of the verdict's shares, or of their answers when it judged groups. 0, or -1
 * without memory. */
int lb_lanes_make(const struct lb_group *group, struct lb_lanes *lanes);
void lb_lanes_clear(struct lb_lanes *lanes);

/* The lane of a backend: its index, or lanes->count for those that share the last one. */
size_t lb_lanes_find(const struct lb_lanes *lanes, const char *name);

/* Text as HTML: markup escaped; control characters and bytes that are not UTF-8 as \xNN. */
void lb_html_text(FILE *out, const char *text);

/* A <span class="name"> with the whole name as its title, the common prefix marked. */
void lb_html_name(FILE *out, const struct lb_lanes *lanes, size_t lane);

/* "1,234,567". */
#define LB_NUMBER_TEXT 32
char *lb_html_number(char buf[LB_NUMBER_TEXT], uint64_t n);

/* "1.23 ms", with a narrow space. */
char *lb_html_latency(char buf[LB_DURATION_TEXT], double us);

/* A lane's height for so many of them, in pixels. */
unsigned lb_html_lane_height(size_t lanes);

/* The sections of a group's page. 0, or -1 without memory. */
void lb_html_shares(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes);
int lb_html_timelines(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes);
int lb_html_map(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes);
void lb_html_latencies(FILE *out, const struct lb_group *group, const struct lb_lanes *lanes);
void lb_html_figures(FILE *out, const struct lb_group *group);

extern const char lb_page_css[]; /* page.css */

#endif
