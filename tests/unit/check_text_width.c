/* Columns of text, and where lines may break. */
#include "balance/text_width.h"

#include "unit.h"

START_TEST(wide_characters_take_two_columns_and_marks_none)
{
    ck_assert_uint_eq(lb_text_columns("abc"), 3);
    ck_assert_uint_eq(lb_text_columns("均衡"), 4);
    ck_assert_uint_eq(lb_text_columns("四层 L4，"), 9);
    ck_assert_uint_eq(lb_text_columns("é…"), 2);
    ck_assert_uint_eq(lb_text_columns("e\xcc\x81"), 1);
    ck_assert_uint_eq(lb_text_columns("\xf0\x9f\x98\x80"), 2);
    ck_assert_uint_eq(lb_text_columns(""), 0);
}
END_TEST

START_TEST(what_is_no_utf8_takes_a_column_a_byte)
{
    ck_assert_uint_eq(lb_text_columns("\xff"), 1);
    ck_assert_uint_eq(lb_text_columns("\xe5\x9d"), 2);
    ck_assert_uint_eq(lb_text_columns("a\xf0"), 2);
}
END_TEST

START_TEST(no_character_is_cut)
{
    ck_assert_uint_eq(lb_text_fitting("均衡", 3), 3);
    ck_assert_uint_eq(lb_text_fitting("均衡", 4), 6);
    ck_assert_uint_eq(lb_text_fitting("abc", 2), 2);
    ck_assert_uint_eq(lb_text_fitting("abc", 0), 0);
}
END_TEST

/* The pieces of `text` with '|' between them. */
static const char *pieces(const char *text)
{
    static char joined[256];
    size_t used = 0;
    while (*text) {
        size_t n = lb_text_piece(text);
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%.*s", used ? "|" : "",
                                 (int)n, text);
        text += n;
        text += strspn(text, " ");
    }
    return joined;
}

START_TEST(lines_break_at_spaces_and_beside_wide_characters)
{
    ck_assert_str_eq(pieces("one two-three, four"), "one|two-three,|four");
    ck_assert_str_eq(pieces("按连接"), "按|连|接");
    ck_assert_str_eq(pieces("用 --diagnose 分辨"), "用|--diagnose|分|辨");
    ck_assert_str_eq(pieces("--tls需要"), "--tls|需|要");
}
END_TEST

START_TEST(punctuation_stays_with_what_it_belongs_to)
{
    ck_assert_str_eq(pieces("好，是。"), "好，|是。");
    ck_assert_str_eq(pieces("（好）"), "（好）");
    ck_assert_str_eq(pieces("见（--help）。"), "见|（--help）。");
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, wide_characters_take_two_columns_and_marks_none);
    tcase_add_test(tests, what_is_no_utf8_takes_a_column_a_byte);
    tcase_add_test(tests, no_character_is_cut);
    tcase_add_test(tests, lines_break_at_spaces_and_beside_wide_characters);
    tcase_add_test(tests, punctuation_stays_with_what_it_belongs_to);
}

LB_UNIT_MAIN("text_width", fill)
