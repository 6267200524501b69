/* text_block.h - a growing text with wrapped, labelled lines; internal to this folder. */
#ifndef LB_BALANCE_TEXT_BLOCK_H
#define LB_BALANCE_TEXT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialised it is empty; after a failure to allocate it stays failed. */
struct lb_block {
    char *text;
    size_t length, size;
    bool failed;
};

__attribute__((format(printf, 2, 3))) void lb_block_add(struct lb_block *b, const char *format,
                                                        ...);

/* Adds a text in lines of at most width columns (a word longer than that stands alone). label NULL:
 * begins in column 0, goes on in 2; else the label in column 2, the text in 10. */
void lb_block_wrap(struct lb_block *b, const char *label, const char *text, unsigned width);

/* The text (malloc'd), or NULL after a failure; the block is empty then. */
char *lb_block_take(struct lb_block *b);

#endif
