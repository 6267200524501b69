/* UTF-8, where it comes from outside. */
#include "common/utf8.h"

#include "unit.h"

START_TEST(sequences_have_their_length)
{
    ck_assert_uint_eq(lb_utf8_length("a"), 1);
    ck_assert_uint_eq(lb_utf8_length("é"), 2);
    ck_assert_uint_eq(lb_utf8_length("…"), 3);
    ck_assert_uint_eq(lb_utf8_length("\xf0\x9f\x98\x80"), 4);
    ck_assert_uint_eq(lb_utf8_length(""), 1);
}
END_TEST

START_TEST(what_is_no_utf8_has_none)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xc3",             /* cut short */
        "\xe2\x80",         /* cut short */
        "\xc0\xaf",         /* overlong */
        "\xe0\x80\xaf",     /* overlong */
        "\xf0\x80\x80\xaf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xf4\x90\x80\x80", /* beyond U+10FFFF */
        "\xff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_uint_eq(lb_utf8_length(bad[i]), 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, sequences_have_their_length);
    tcase_add_test(tests, what_is_no_utf8_has_none);
}

LB_UNIT_MAIN("utf8", fill)
