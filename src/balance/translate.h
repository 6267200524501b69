/* translate.h - texts in the reader's language, through a function of the caller: this folder knows
 * no language itself. What a machine reads (names, JSON) stays in English. */
#ifndef LB_BALANCE_TRANSLATE_H
#define LB_BALANCE_TRANSLATE_H

/* Returns the translation of an English text, or the text; static. */
typedef const char *lb_translator(const char *text);

/* Marks a text for xgettext where it cannot be translated yet. */
#define N_(text) text

/* The text itself with no translator; an empty one always. */
__attribute__((format_arg(2))) static inline const char *lb_tr(lb_translator *translate,
                                                               const char *text)
{
    return translate && *text ? translate(text) : text;
}

#endif
