/* The status line of a run on a terminal. */
#include "client/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "balance/text_width.h"
#include "balance/verdict_text.h"
#include "common/clock.h"
#include "common/language.h"

#define PERIOD_NS (200 * LB_NS_PER_MS)

enum { BAR_WIDTH = 24, MIN_BAR = 6, MAX_WIDTH = 512, COLOURS = 6, FIRST_COLOUR = 41 };

struct lb_live {
    bool shown, colours;
    int64_t last_ns;
    uint64_t version;
};

struct lb_live *lb_live_new(void)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    if (!isatty(STDERR_FILENO) || !term || strcmp(term, "dumb") == 0)
        return NULL;
    struct lb_live *live = calloc(1, sizeof *live);
    if (live)
        *live = (struct lb_live){.colours = !no_color || !*no_color, .last_ns = -PERIOD_NS};
    return live;
}

void lb_live_clear(struct lb_live *live)
{
    if (live && live->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        live->shown = false;
    }
}

bool lb_live_due(const struct lb_live *live, const struct lb_tally *tally, int64_t now_ns)
{
    return live && now_ns - live->last_ns >= PERIOD_NS &&
           (!live->shown || lb_tally_version(tally) != live->version);
}

/* The columns of `width` that each backend has, largest first; the last ones may share none. */
static void print_bar(const struct lb_live *live, const struct lb_verdict *verdict, int width)
{
    double before = 0;
    int done = 0;
    for (size_t i = 0; i < verdict->n_shares; i++) {
        before += verdict->shares[i].share;
        int end = (int)(before * width + 0.5);
        for (int n = done; n < end && n < width; n++) {
            if (live->colours)
                fprintf(stderr, "\033[%dm \033[0m", FIRST_COLOUR + (int)(i % COLOURS));
            else
                fputc('A' + (int)(i % 26), stderr);
        }
        if (end > done)
            done = end;
    }
    fprintf(stderr, "%*s", done < width ? width - done : 0, "");
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col > MAX_WIDTH ? MAX_WIDTH : size.ws_col;
}

void lb_live_show(struct lb_live *live, const struct lb_tally *tally,
                  const struct lb_verdict *verdict, const char *phase, int64_t now_ns)
{
    char head[96];
    char *headline = lb_verdict_local_headline(verdict);
    if (!headline)
        return;
    lb_live_clear(live);
    snprintf(head, sizeof head, lb_text("%" PRIu64 " %s, %" PRIu64 " %s "), verdict->requests,
             lb_text(verdict->requests == 1 ? N_("request") : N_("requests")), verdict->errors,
             lb_text(verdict->errors == 1 ? N_("error") : N_("errors")));
    /* A longer line would wrap, and could not be taken away. */
    int left = terminal_width() - 1;
    fprintf(stderr, "%.*s", (int)lb_text_fitting(head, (unsigned)left), head);
    left -= (int)lb_text_columns(head);
    int bar = left < BAR_WIDTH ? left : BAR_WIDTH;
    if (bar >= MIN_BAR)
        print_bar(live, verdict, bar);
    left -= bar + 1;
    const char *text = *phase ? lb_text(phase) : headline;
    if (left > 0)
        fprintf(stderr, " %.*s", (int)lb_text_fitting(text, (unsigned)left), text);
    fflush(stderr);
    free(headline);
    live->shown = true;
    live->last_ns = now_ns;
    live->version = lb_tally_version(tally);
}

void lb_live_free(struct lb_live *live)
{
    lb_live_clear(live);
    free(live);
}
