/* verdict_text.h - the verdict as text for a terminal or a log. */
#ifndef LB_BALANCE_VERDICT_TEXT_H
#define LB_BALANCE_VERDICT_TEXT_H

#include "balance/verdict.h"

#define LB_TEXT_WIDTH 80
#define LB_TEXT_SHARES 12 /* lines of shares; of more, the largest and the smallest */

/* The block the clients end with:
 *
 *     pinned: 1 of 3 backends got all 40 requests (per-connection balancing, L4)
 *       facts   12 connections reached 3 backends, each stayed on one (...)
 *       share   server-...-fk8zf    100 %  expected 33.3 %
 *       advice  ...
 *
 * Wrapped at width columns (0: LB_TEXT_WIDTH), every line ends in a newline, control characters of
 * names are escaped. In the language of the options' translator. malloc'd; NULL without memory. */
char *lb_verdict_text(const struct lb_verdict *v, unsigned width);

/* Only its first line, in English, without a newline. malloc'd; NULL without memory. */
char *lb_verdict_headline(const struct lb_verdict *v);

/* The same in the reader's language, for a status line. */
char *lb_verdict_local_headline(const struct lb_verdict *v);

/* A copy of a name fit for printing: control characters, DEL and bytes that are not UTF-8 become
 * \xNN. malloc'd; NULL without memory. */
char *lb_escape_name(const char *name);

#endif
