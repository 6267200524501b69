/* The language of what people read: gettext's catalogue of this project, chosen by LC_ALL,
 * LC_MESSAGES, LANG and LANGUAGE. Only the language: numbers, times and characters are those of the
 * C locale throughout, and text is UTF-8.
 *
 * What a machine may read is in English: JSON, reports, metrics, pages, logs, and the errors of
 * single requests. What is printed for people alone is translated: --help, tables, verdicts, and
 * the errors a program ends with. */
#ifndef LB_COMMON_LANGUAGE_H
#define LB_COMMON_LANGUAGE_H

/* Marks a text for xgettext where it cannot be translated yet. */
#ifndef N_
#define N_(text) text
#endif

/* First in main: from now on lb_text and, in this thread, lb_error_set and strerror speak the
 * user's language. Other threads' errors are in English. */
void lb_language_begin(void);

/* This thread's errors are data from now on, in English; lb_language_resume ends that. Calls do not
 * nest. */
void lb_language_pause(void);
void lb_language_resume(void);

/* `text` in the user's language, also while it is paused and in any thread; `text` itself where
 * there is no translation. Static. */
const char *lb_text(const char *text) __attribute__((format_arg(1)));

/* The same for a number of things: `one` and `many` are the English forms. */
const char *lb_text_n(const char *one, const char *many, unsigned long n)
    __attribute__((format_arg(1), format_arg(2)));

#endif
