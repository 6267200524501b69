/* The language of what people read. */
#include "common/language.h"

#include <libintl.h>
#include <locale.h>
#include <stdlib.h>

/* Where catalogues are, instead of where make install puts them: for tests and a moved tree. */
#define CATALOGUES_VARIABLE "LBDEMO_LOCALEDIR"

/* 0: English, before lb_language_begin or with no such locale. */
static locale_t language;

void lb_language_begin(void)
{
    const char *folder = getenv(CATALOGUES_VARIABLE);
    language = newlocale(LC_MESSAGES_MASK, "", (locale_t)0);
    if (language == (locale_t)0)
        return;
    bindtextdomain(LB_TEXT_DOMAIN, folder && *folder ? folder : LB_LOCALE_DIR);
    textdomain(LB_TEXT_DOMAIN);
    /* The C locale's characters are ASCII, which would make question marks of all others. */
    bind_textdomain_codeset(LB_TEXT_DOMAIN, "UTF-8");
    bind_textdomain_codeset("libc", "UTF-8");
    uselocale(language);
}

void lb_language_pause(void)
{
    uselocale(LC_GLOBAL_LOCALE);
}

void lb_language_resume(void)
{
    if (language != (locale_t)0)
        uselocale(language);
}

const char *lb_text(const char *text)
{
    if (language == (locale_t)0)
        return text;
    locale_t before = uselocale(language);
    const char *found = gettext(text);
    uselocale(before);
    return found;
}

const char *lb_text_n(const char *one, const char *many, unsigned long n)
{
    if (language == (locale_t)0)
        return n == 1 ? one : many;
    locale_t before = uselocale(language);
    const char *found = ngettext(one, many, n);
    uselocale(before);
    return found;
}
