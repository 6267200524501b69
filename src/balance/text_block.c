/* Wrapped text and names fit for printing: see text_block.h and verdict_text.h. */
#include "balance/text_block.h"
#include "balance/text_width.h"
#include "balance/verdict_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMN 2
#define TEXT_COLUMN 10

static void append(struct lb_block *b, const char *text, size_t n)
{
    if (b->failed)
        return;
    if (b->length + n + 1 > b->size) {
        size_t size = 2 * (b->length + n + 1);
        char *grown = realloc(b->text, size);
        if (!grown) {
            b->failed = true;
            return;
        }
        b->text = grown;
        b->size = size;
    }
    memcpy(b->text + b->length, text, n);
    b->length += n;
    b->text[b->length] = '\0';
}

void lb_block_add(struct lb_block *b, const char *format, ...)
{
    char small[1024], *text = small;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n >= (int)sizeof(small)) {
        text = malloc((size_t)n + 1);
        if (text)
            vsnprintf(text, (size_t)n + 1, format, again);
    }
    va_end(again);
    if (n < 0 || !text)
        b->failed = true;
    else
        append(b, text, (size_t)n);
    if (text != small)
        free(text);
}

void lb_block_wrap(struct lb_block *b, const char *label, const char *text, unsigned width)
{
    unsigned indent = label ? TEXT_COLUMN : LABEL_COLUMN, at = 0;
    if (label) {
        unsigned used = LABEL_COLUMN + lb_text_columns(label);
        lb_block_add(b, "%*s%s%*s", LABEL_COLUMN, "", label,
                     used < TEXT_COLUMN ? (int)(TEXT_COLUMN - used) : 1, "");
        at = TEXT_COLUMN;
    }
    bool begun = false;
    while (*text) {
        size_t space = strspn(text, " "), piece = text[space] ? lb_text_piece(text + space) : 0;
        unsigned need = lb_text_width(text + space, piece) + (begun ? (unsigned)space : 0);
        if (begun && at + need > width) {
            lb_block_add(b, "\n%*s", (int)indent, "");
            at = indent;
            need = lb_text_width(text + space, piece);
        } else if (begun) {
            append(b, text, space);
        }
        append(b, text + space, piece);
        at += need;
        begun = true;
        text += space + piece;
    }
    append(b, "\n", 1);
}

char *lb_block_take(struct lb_block *b)
{
    char *text = b->text;
    if (b->failed) {
        free(text);
        text = NULL;
    } else if (!text) {
        text = strdup("");
    }
    *b = (struct lb_block){0};
    return text;
}

/* Length of a well-formed UTF-8 sequence (RFC 3629), 0 if it is none; C1 controls count as none. */
static size_t utf8_length(const unsigned char *c)
{
    if (*c < 0x80)
        return 1;
    size_t n = *c >= 0xf0 && *c <= 0xf4  ? 4
               : *c >= 0xe0 && *c < 0xf0 ? 3
               : *c >= 0xc2 && *c < 0xe0 ? 2
                                         : 0;
    for (size_t i = 1; i < n; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (*c == 0xe0 && c[1] < 0xa0) || (*c == 0xf0 && c[1] < 0x90);
    bool beyond = (*c == 0xed && c[1] >= 0xa0) || (*c == 0xf4 && c[1] >= 0x90);
    bool control = *c == 0xc2 && c[1] < 0xa0;
    /* U+202A..202E, U+2066..2069 turn the direction of what follows. */
    bool turns = *c == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
                                (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
    return overlong || beyond || control || turns ? 0 : n;
}

char *lb_escape_name(const char *name)
{
    char *text = malloc(4 * strlen(name) + 1), *to = text;
    if (!text)
        return NULL;
    for (const unsigned char *c = (const unsigned char *)name; *c;) {
        size_t n = *c < 0x20 || *c == 0x7f ? 0 : utf8_length(c);
        if (n == 0) {
            to += sprintf(to, "\\x%02x", *c);
            c++;
            continue;
        }
        memcpy(to, c, n);
        to += n;
        c += n;
    }
    *to = '\0';
    return text;
}
