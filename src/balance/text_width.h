/* text_width.h - how UTF-8 text lies in a terminal: columns, and where a line may break. Header
 * only, so that programs without the rest of this folder have it too. */
#ifndef LB_BALANCE_TEXT_WIDTH_H
#define LB_BALANCE_TEXT_WIDTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The character that valid UTF-8 begins with, and its bytes; a stray byte stands for itself. */
static inline uint32_t lb_text_char(const char *text, size_t *bytes)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t n = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : c[0] >= 0xc2 ? 2 : 1;
    uint32_t value = n == 1 ? c[0] : c[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            n = 1;
            value = c[0];
            break;
        }
        value = value << 6 | (c[i] & 0x3f);
    }
    *bytes = n;
    return value;
}

/* The characters that take two columns: East Asian Width W and F of Unicode 15 (UAX #11), whose
 * gaps that are not assigned are counted too, and emoji. */
static inline bool lb_text_is_wide(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } wide[] = {{0x1100, 0x115f},  {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
                {0xac00, 0xd7a3},  {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
                {0xffe0, 0xffe6},  {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
                {0x20000, 0x3fffd}};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (c >= wide[i].first && c <= wide[i].last)
            return true;
    }
    return false;
}

/* Combining marks, which stand on the character before them, and variation selectors. */
static inline bool lb_text_is_mark(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x20d0 && c <= 0x20ff) ||
           (c >= 0xfe00 && c <= 0xfe0f);
}

/* Columns of a terminal that the first `size` bytes of UTF-8 text take. */
static inline unsigned lb_text_width(const char *text, size_t size)
{
    unsigned columns = 0;
    for (size_t at = 0, bytes; at < size && text[at]; at += bytes) {
        uint32_t c = lb_text_char(text + at, &bytes);
        columns += lb_text_is_mark(c) ? 0 : lb_text_is_wide(c) ? 2 : 1;
    }
    return columns;
}

static inline unsigned lb_text_columns(const char *text)
{
    return lb_text_width(text, strlen(text));
}

/* Bytes at the start of `text` that fit into so many columns. */
static inline size_t lb_text_fitting(const char *text, unsigned columns)
{
    size_t at = 0, bytes;
    for (; text[at]; at += bytes) {
        lb_text_char(text + at, &bytes);
        if (lb_text_width(text, at + bytes) > columns)
            break;
    }
    return at;
}

/* May not begin a line: closing punctuation, wide and narrow. */
static inline bool lb_text_closes(uint32_t c)
{
    static const uint32_t closing[] = {0x3001, 0x3002, 0x3009, 0x300b, 0x300d, 0x300f, 0x3011,
                                       0x2019, 0x201d, 0xff01, 0xff05, 0xff09, 0xff0c, 0xff0e,
                                       0xff1a, 0xff1b, 0xff1f, ')',    ',',    '.',    ';',
                                       ':',    '!',    '?',    '%'};
    for (size_t i = 0; i < sizeof closing / sizeof closing[0]; i++) {
        if (c == closing[i])
            return true;
    }
    return false;
}

/* May not end a line: opening punctuation. */
static inline bool lb_text_opens(uint32_t c)
{
    static const uint32_t opening[] = {0x3008, 0x300a, 0x300c, 0x300e,
                                       0x3010, 0x2018, 0x201c, 0xff08};
    for (size_t i = 0; i < sizeof opening / sizeof opening[0]; i++) {
        if (c == opening[i])
            return true;
    }
    return false;
}

/* Bytes at the start of `text` (which is neither empty nor begins with a space) that stay on one
 * line: a word up to a space; or a wide character with the punctuation that belongs to it. */
static inline size_t lb_text_piece(const char *text)
{
    size_t at = 0, bytes;
    uint32_t before = 0;
    while (text[at] && text[at] != ' ') {
        uint32_t c = lb_text_char(text + at, &bytes);
        bool breaks = lb_text_is_wide(before) || lb_text_is_wide(c);
        if (at > 0 && breaks && !lb_text_closes(c) && !lb_text_is_mark(c) && !lb_text_opens(before))
            break;
        at += bytes;
        before = c;
    }
    return at;
}

#endif
