/* The chunked body of a request: decoded whole and byte by byte, and what is refused. */
#include "server/http_chunked.h"

#include "unit.h"

#define MAX 100

/* Decodes `text`, shown `step` bytes more at a time, into `body`; returns the status it is refused
 * with, 0 for a good one, or -1 if it does not end. `*rest` is what follows it. */
static int decode(const char *text, size_t step, char body[MAX + 1], const char **rest)
{
    struct lb_http_chunked c = {0};
    char data[512];
    size_t len = strlen(text), have = 0;
    int status = 0;
    const char *why = NULL;
    enum lb_http_chunked_result result;
    memcpy(data, text, len + 1);
    do {
        have = have + step < len ? have + step : len;
        result = lb_http_chunked_decode(&c, data, have, MAX, &status, &why);
    } while (result == LB_HTTP_CHUNKED_MORE && have < len);
    if (result == LB_HTTP_CHUNKED_REFUSE) {
        ck_assert_msg(status >= 400 && why && *why, "%s", text);
        return status;
    }
    if (result == LB_HTTP_CHUNKED_MORE)
        return -1;
    ck_assert_int_eq(lb_http_chunked_decode(&c, data, len, MAX, &status, &why), result);
    memcpy(body, data, c.body_len);
    body[c.body_len] = '\0';
    *rest = text + c.taken;
    return 0;
}

START_TEST(bodies_are_decoded_however_they_arrive)
{
    static const struct {
        const char *text, *body, *rest;
    } cases[] = {
        {"0\r\n\r\n", "", ""},
        {"3\r\nabc\r\n0\r\n\r\nGET /", "abc", "GET /"},
        {"3\r\nabc\r\n00A\r\n0123456789\r\n000\r\n\r\n", "abc0123456789", ""},
        {"a;name=value;x=\"q;\\\"\"\r\n0123456789\r\n0;last\r\n\r\n", "0123456789", ""},
        {"1 ;x\r\na\r\n0\t; y\r\n\r\n", "a", ""},
        {"1\r\n\r\r\n2\r\n\r\n\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n\r\n", "\r\r\n", "\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step <= strlen(cases[i].text); step++) {
            char body[MAX + 1];
            const char *rest;
            ck_assert_int_eq(decode(cases[i].text, step, body, &rest), 0);
            ck_assert_str_eq(body, cases[i].body);
            ck_assert_str_eq(rest, cases[i].rest);
        }
    }
}
END_TEST

START_TEST(what_is_ambiguous_is_refused)
{
    static const char *const cases[] = {
        "\r\n",
        "x\r\n",
        "0x3\r\nabc\r\n",
        "-1\r\n",
        "+1\r\n",
        " 1\r\n",
        "1 \r\n",
        "1 x\r\n",
        "1\n",
        "\n",
        "1\r\nab\r\n",
        "1\r\na\n0",
        "1\r\nabc",
        "1;\x01\r\n",
        "1;a\rb\r\n",
        "fffffffffffffffff\r\n",
        "0000000000000001\r\na\r\n",
        "0\r\n X: folded\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\nX: a\x01\r\n\r\n",
        "0\r\n\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step <= strlen(cases[i]); step++) {
            char body[MAX + 1];
            const char *rest;
            ck_assert_msg(decode(cases[i], step, body, &rest) == 400, "%s", cases[i]);
        }
    }
}
END_TEST

START_TEST(a_body_has_a_largest_size_and_lines_a_longest)
{
    char text[256], body[MAX + 1], line[LB_HTTP_CHUNK_LINE_MAX + 2];
    const char *rest, *why;
    int status;
    memset(text, 'a', sizeof text);
    memcpy(text, "32\r\n", 4);
    memcpy(text + 54, "\r\n32\r\n", 6);
    memcpy(text + 110, "\r\n0\r\n\r\n", 8);
    ck_assert_int_eq(decode(text, 7, body, &rest), 0);
    ck_assert_uint_eq(strlen(body), MAX);
    text[57] = '3';
    ck_assert_int_eq(decode(text, 7, body, &rest), 413);
    ck_assert_int_eq(decode("fffffffffffffff\r\n", 1, body, &rest), 413);
    memset(line, '0', sizeof line);
    struct lb_http_chunked c = {0};
    ck_assert_int_eq(lb_http_chunked_decode(&c, line, sizeof line, MAX, &status, &why),
                     LB_HTTP_CHUNKED_REFUSE);
    ck_assert_int_eq(status, 400);
}
END_TEST

START_TEST(a_body_that_does_not_end_waits)
{
    static const char *const cases[] = {
        "", "3", "3\r", "3\r\nab", "3\r\nabc", "3\r\nabc\r", "0\r\n", "0\r\nX: y\r\n", "0\r\n\r"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[MAX + 1];
        const char *rest;
        ck_assert_msg(decode(cases[i], 1, body, &rest) == -1, "%s", cases[i]);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, bodies_are_decoded_however_they_arrive);
    tcase_add_test(tests, what_is_ambiguous_is_refused);
    tcase_add_test(tests, a_body_has_a_largest_size_and_lines_a_longest);
    tcase_add_test(tests, a_body_that_does_not_end_waits);
}

LB_UNIT_MAIN("http_chunked", fill)
