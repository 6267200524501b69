/* The verdict as text: see verdict_text.h. */
#include "balance/verdict_text.h"
#include "balance/text_block.h"
#include "balance/text_width.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COLUMNS 40 /* a longer name stands out of its column */

static const char *layer_words(const struct lb_verdict *v)
{
    switch (v->layers.layer) {
    case LB_LAYER_PER_CONNECTION:
        return v->layers.changes_below ? N_("per-connection balancing, L4, with changes below")
                                       : N_("per-connection balancing, L4");
    case LB_LAYER_PER_REQUEST:
        return N_("per-request balancing, L7");
    case LB_LAYER_CLIENT_SIDE:
        return v->layers.behind == LB_LAYER_PER_REQUEST ? N_("client-side, per-request behind")
               : v->layers.behind == LB_LAYER_PER_CONNECTION
                   ? N_("client-side, per-connection behind")
                   : N_("client-side balancing");
    case LB_LAYER_STICKY:
        switch (v->layers.sticky_level) {
        case LB_LEVEL_SOURCE:
            return N_("sticky by source address");
        case LB_LEVEL_COOKIE:
            return N_("sticky by cookie");
        case LB_LEVEL_HEADER:
            return N_("sticky by header");
        default:
            return N_("sticky by path");
        }
    case LB_LAYER_SINGLE_BACKEND:
        return N_("single backend");
    default:
        return N_("layer not known");
    }
}

static const char *backends(const struct lb_verdict *v, lb_translator *translate, uint64_t n)
{
    if (v->by_group)
        return lb_tr(translate, n == 1 ? N_("group") : N_("groups"));
    return lb_tr(translate, n == 1 ? N_("backend") : N_("backends"));
}

static const char *units(const struct lb_verdict *v, lb_translator *translate)
{
    return lb_tr(translate, lb_unit_name(v->unit, v->units != 1));
}

/* The share furthest from what was expected. */
static void what_is_uneven(const struct lb_verdict *v, lb_translator *translate, struct lb_block *b)
{
    const struct lb_share *worst = NULL;
    double most = -1;
    for (size_t i = 0; i < v->n_shares; i++) {
        const struct lb_share *s = &v->shares[i];
        double off = s->not_expected ? 2 : fabs(s->share - fmax(s->expected, 0));
        if (off > most) {
            most = off;
            worst = s;
        }
    }
    char *name = worst ? lb_escape_name(worst->name) : NULL;
    if (!name)
        lb_block_add(b, lb_tr(translate, "%" PRIu64 " %s, not as expected"), v->seen,
                     backends(v, translate, v->seen));
    else if (worst->not_expected)
        lb_block_add(b, lb_tr(translate, "%s answered and was not expected"), name);
    else
        lb_block_add(b, lb_tr(translate, "%s got %.3g %% of %" PRIu64 " %s, expected %.3g %%"),
                     name, 100 * worst->share, v->units, units(v, translate),
                     100 * fmax(worst->expected, 0));
    free(name);
}

static void why_inconclusive(const struct lb_verdict *v, lb_translator *translate,
                             struct lb_block *b)
{
    switch (v->doubt) {
    case LB_DOUBT_FEW:
        lb_block_add(b, lb_tr(translate, "%" PRIu64 " of about %" PRIu64 " %s needed"), v->units,
                     v->needed_units, lb_tr(translate, lb_unit_name(v->unit, true)));
        break;
    case LB_DOUBT_LAYER:
        lb_block_add(b, lb_tr(translate, "backends may change with time, not with requests"));
        break;
    case LB_DOUBT_NO_UNIT:
        lb_block_add(b, lb_tr(translate, "more than one layer chooses"));
        break;
    case LB_DOUBT_ONE_BACKEND:
        lb_block_add(b, lb_tr(translate, "one backend: alone, or pinned to it"));
        break;
    case LB_DOUBT_IDENTITY:
        lb_block_add(b, lb_tr(translate, "the replies do not tell the backends apart"));
        break;
    case LB_DOUBT_ERRORS:
        lb_block_add(b, lb_tr(translate, "%" PRIu64 " of %" PRIu64 " requests failed"), v->errors,
                     v->requests);
        break;
    default:
        lb_block_add(b, lb_tr(translate, "an expected backend was not seen"));
        break;
    }
}

static void headline(const struct lb_verdict *v, lb_translator *translate, struct lb_block *b)
{
    uint64_t seen = v->seen;
    lb_block_add(b, "%s: ", lb_tr(translate, lb_outcome_name(v->outcome)));
    switch (v->outcome) {
    case LB_OUTCOME_BALANCED:
        lb_block_add(b, lb_tr(translate, "over %" PRIu64 " %s"), seen,
                     backends(v, translate, seen));
        break;
    case LB_OUTCOME_UNEVEN:
        what_is_uneven(v, translate, b);
        break;
    case LB_OUTCOME_PINNED:
        if (v->expected > 1 && seen == 1)
            lb_block_add(b,
                         lb_tr(translate, "1 of %" PRIu64 " backends got all %" PRIu64 " requests"),
                         v->expected, v->answers);
        else
            lb_block_add(
                b,
                lb_tr(translate,
                      v->expected_told
                          ? N_("this client stays on one of %" PRIu64 " backends")
                          : N_("this client stays on one of at least %" PRIu64 " backends")),
                v->expected > seen ? v->expected : seen);
        break;
    case LB_OUTCOME_SINGLE:
        lb_block_add(b, lb_tr(translate, "one backend answered all %" PRIu64 " requests"),
                     v->answers);
        break;
    case LB_OUTCOME_INCONCLUSIVE:
        why_inconclusive(v, translate, b);
        break;
    case LB_OUTCOME_NO_DATA:
        if (v->requests)
            lb_block_add(b, lb_tr(translate, "none of %" PRIu64 " requests was answered"),
                         v->requests);
        else
            lb_block_add(b, "%s", lb_tr(translate, "no requests"));
        return;
    }
    lb_block_add(b, " (%s)", lb_tr(translate, layer_words(v)));
    if (v->errors > 0 && v->doubt != LB_DOUBT_ERRORS)
        lb_block_add(b, lb_tr(translate, ", %" PRIu64 " of %" PRIu64 " requests failed"), v->errors,
                     v->requests);
}

char *lb_verdict_headline(const struct lb_verdict *v)
{
    struct lb_block b = {0};
    headline(v, NULL, &b);
    return lb_block_take(&b);
}

char *lb_verdict_local_headline(const struct lb_verdict *v)
{
    struct lb_block b = {0};
    headline(v, v->translate, &b);
    return lb_block_take(&b);
}

/* Room for the names of the shares shown, so that the figures stand in columns. */
static unsigned name_columns(const struct lb_verdict *v, size_t head, size_t tail)
{
    unsigned most = 0;
    for (size_t i = 0; i < v->n_shares; i++) {
        char *name = i < head || i >= v->n_shares - tail ? lb_escape_name(v->shares[i].name) : NULL;
        unsigned columns = name ? lb_text_columns(name) : 0;
        most = columns > most && columns <= NAME_COLUMNS ? columns : most;
        free(name);
    }
    return most;
}

static void one_share(const struct lb_verdict *v, const struct lb_share *s, unsigned columns,
                      struct lb_block *line)
{
    char *name = lb_escape_name(s->name);
    unsigned used = name ? lb_text_columns(name) : 1;
    lb_block_add(line, "%s%*s  %5.3g %%", name ? name : "?",
                 used < columns ? (int)(columns - used) : 0, "", 100 * s->share);
    free(name);
    if (s->not_expected)
        lb_block_add(line, "  %s", lb_tr(v->translate, "not expected"));
    else if (s->expected >= 0 && (v->unit != LB_UNIT_KEY || lb_verdict_tells_evenness(v)))
        lb_block_add(line, lb_tr(v->translate, "  expected %.3g %%"), 100 * s->expected);
    if (v->n_shares > 1 && v->units > 0)
        lb_block_add(line, lb_tr(v->translate, "  (%.3g to %.3g %%)"), 100 * s->low, 100 * s->high);
    if (s->errors)
        lb_block_add(line, lb_tr(v->translate, "  %" PRIu64 " failed"), s->errors);
    if (s->restarts)
        lb_block_add(line, "  %s", lb_tr(v->translate, "restarted"));
}

/* The largest and the smallest, a line each. */
static void shares(const struct lb_verdict *v, unsigned width, struct lb_block *b)
{
    bool all = v->n_shares <= LB_TEXT_SHARES;
    size_t head = all ? v->n_shares : LB_TEXT_SHARES / 2, tail = all ? 0 : LB_TEXT_SHARES - head;
    unsigned columns = name_columns(v, head, tail);
    for (size_t i = 0; i < v->n_shares; i++) {
        struct lb_block line = {0};
        if (i == head && !all) {
            lb_block_add(&line, lb_tr(v->translate, "... %zu more, each between these ..."),
                         v->n_shares - head - tail);
            i = v->n_shares - tail - 1;
        } else {
            one_share(v, &v->shares[i], columns, &line);
        }
        char *text = lb_block_take(&line);
        if (text)
            lb_block_wrap(b, i == 0 ? lb_tr(v->translate, "share") : "", text, width);
        free(text);
    }
    if (v->n_shares > 1 && v->units > 0) {
        char note[160];
        snprintf(
            note, sizeof(note),
            lb_tr(v->translate, "(in brackets where the true share lies, with %.3g %% confidence)"),
            100 * (1 - v->alpha_evenness));
        lb_block_wrap(b, "", note, width);
    }
}

/* Lines are one text: a space between them where the writing has spaces. */
static void add_advice(struct lb_block *line, const char *text)
{
    bool wide = line->length >= 3 && (unsigned char)line->text[line->length - 1] >= 0x80;
    lb_block_add(line, "%s%s", line->length && !wide ? " " : "", text);
}

char *lb_verdict_text(const struct lb_verdict *v, unsigned width)
{
    struct lb_block b = {0};
    if (width < 40)
        width = LB_TEXT_WIDTH;
    char *first = lb_verdict_local_headline(v);
    if (!first)
        return NULL;
    lb_block_wrap(&b, NULL, first, width);
    free(first);
    for (size_t i = 0; i < v->n_facts; i++)
        lb_block_wrap(&b, i == 0 ? lb_tr(v->translate, "facts") : "",
                      v->facts[i].local ? v->facts[i].local : v->facts[i].text, width);
    shares(v, width, &b);
    if (v->n_advice > 0) {
        struct lb_block line = {0};
        for (unsigned i = 0; i < v->n_advice; i++)
            add_advice(&line, lb_tr(v->translate, v->advice[i]));
        char *text = lb_block_take(&line);
        if (text)
            lb_block_wrap(&b, lb_tr(v->translate, "advice"), text, width);
        free(text);
    }
    return lb_block_take(&b);
}
