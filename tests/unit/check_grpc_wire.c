/* Fields found in serialized protobuf messages, well-formed and hostile ones. */
#include "client/grpc_wire.h"

#include "unit.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static char out[64];
static struct lb_error err;

static int extract(const char *path_text, const uint8_t *message, size_t size)
{
    struct lb_wire_path path;
    ck_assert_int_eq(lb_wire_path_parse(path_text, &path, &err), 0);
    return lb_wire_extract(&path, message, size, out, sizeof out, &err);
}

START_TEST(a_string_is_found_by_its_number)
{
    ck_assert_int_eq(extract("1", BYTES(0x0a, 3, 'p', 'o', 'd')), 0);
    ck_assert_str_eq(out, "pod");
    /* behind a varint, a fixed64, a fixed32 and another string */
    ck_assert_int_eq(extract("5", BYTES(0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2,
                                        3, 4, 0x22, 1, 'x', 0x2a, 2, 'o', 'k')),
                     0);
    ck_assert_str_eq(out, "ok");
}
END_TEST

START_TEST(integers_are_written_as_decimals)
{
    ck_assert_int_eq(extract("1", BYTES(0x08, 0x96, 0x01)), 0);
    ck_assert_str_eq(out, "150");
    ck_assert_int_eq(
        extract("1", BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)), 0);
    ck_assert_str_eq(out, "18446744073709551615");
    ck_assert_int_eq(extract("1", BYTES(0x09, 1, 0, 0, 0, 0, 0, 0, 0x80)), 0);
    ck_assert_str_eq(out, "9223372036854775809");
    ck_assert_int_eq(extract("1", BYTES(0x0d, 0, 1, 0, 0)), 0);
    ck_assert_str_eq(out, "256");
}
END_TEST

START_TEST(a_path_leads_into_messages)
{
    ck_assert_int_eq(extract("2.1", BYTES(0x0a, 1, 'x', 0x12, 4, 0x0a, 2, 'i', 'n')), 0);
    ck_assert_str_eq(out, "in");
    ck_assert_int_eq(extract("2.3.1", BYTES(0x12, 6, 0x1a, 4, 0x0a, 2, 'i', 'n')), 0);
    ck_assert_str_eq(out, "in");
    ck_assert_int_eq(extract("536870911", BYTES(0xfa, 0xff, 0xff, 0xff, 0x0f, 1, 'z')), 0);
    ck_assert_str_eq(out, "z");
}
END_TEST

START_TEST(the_last_occurrence_counts)
{
    ck_assert_int_eq(extract("1", BYTES(0x0a, 1, 'a', 0x0a, 1, 'b')), 0);
    ck_assert_str_eq(out, "b");
    /* merged messages: the second one has no field 1 */
    ck_assert_int_eq(extract("2.1", BYTES(0x12, 3, 0x0a, 1, 'a', 0x12, 2, 0x10, 1)), 0);
    ck_assert_str_eq(out, "a");
}
END_TEST

START_TEST(groups_are_stepped_over)
{
    ck_assert_int_eq(extract("1", BYTES(0x13, 0x0a, 1, 'x', 0x1b, 0x1c, 0x14, 0x0a, 1, 'y')), 0);
    ck_assert_str_eq(out, "y");
    ck_assert_int_eq(extract("1", BYTES(0x13, 0x1c, 0x0a, 1, 'y')),
                     -1);                                          /* ended by another's end */
    ck_assert_int_eq(extract("1", BYTES(0x13, 0x0a, 1, 'y')), -1); /* never ended */
    ck_assert_int_eq(extract("1", BYTES(0x14, 0x0a, 1, 'y')), -1); /* ended, never begun */
    uint8_t deep[4096];
    memset(deep, 0x13, sizeof deep);
    ck_assert_int_eq(extract("1", deep, sizeof deep), -1);
}
END_TEST

START_TEST(what_is_missing_is_named)
{
    ck_assert_int_eq(extract("2.7", BYTES(0x0a, 1, 'a')), -1);
    ck_assert_str_eq(err.text, "the reply has no field 2.7");
    ck_assert_str_eq(out, "");
    ck_assert_int_eq(extract("1", NULL, 0), -1);
    ck_assert_str_eq(err.text, "the reply has no field 1");
}
END_TEST

START_TEST(malformed_messages_are_refused)
{
    ck_assert_int_eq(extract("1", BYTES(0x0a)), -1);         /* no length */
    ck_assert_int_eq(extract("1", BYTES(0x0a, 2, 'a')), -1); /* cut */
    ck_assert_int_eq(extract("1", BYTES(0x0a, 1, 'a', 0x0a, 2, 'a')),
                     -1); /* cut behind the field */
    ck_assert_int_eq(extract("1", BYTES(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 'a')), -1);
    ck_assert_int_eq(
        extract("1", BYTES(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)), -1);
    ck_assert_int_eq(
        extract("1", BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02)), -1);
    ck_assert_int_eq(
        extract("1", BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)),
        -1);
    ck_assert_int_eq(extract("1", BYTES(0x02, 1, 'a')), -1);        /* field 0 */
    ck_assert_int_eq(extract("1", BYTES(0x0e, 1)), -1);             /* wire type 6 */
    ck_assert_int_eq(extract("1", BYTES(0x09, 1, 2, 3)), -1);       /* cut fixed64 */
    ck_assert_int_eq(extract("1", BYTES(0x0d, 1, 2, 3)), -1);       /* cut fixed32 */
    ck_assert_int_eq(extract("1.1", BYTES(0x08, 1)), -1);           /* a number is no message */
    ck_assert_int_eq(extract("1.1", BYTES(0x0a, 2, 'p', 'q')), -1); /* nor is any string */
}
END_TEST

START_TEST(texts_that_do_not_fit_are_refused_and_nul_is_shown)
{
    uint8_t message[2 + sizeof out] = {0x0a, sizeof out};
    memset(message + 2, 'a', sizeof out);
    ck_assert_int_eq(extract("1", message, sizeof message), -1);
    ck_assert_str_eq(out, "");
    message[1] = sizeof out - 1;
    ck_assert_int_eq(extract("1", message, sizeof message - 1), 0);
    ck_assert_uint_eq(strlen(out), sizeof out - 1);
    ck_assert_int_eq(extract("1", BYTES(0x0a, 3, 'a', 0, 'b')), 0);
    ck_assert_str_eq(out, "a?b");
}
END_TEST

/* Every message of up to three bytes, with a byte of each kind: nothing is read beyond the end
 * (which the sanitizers see, as each message has its own block). */
START_TEST(no_short_message_is_read_beyond_its_end)
{
    for (unsigned size = 1; size <= 3; size++) {
        for (unsigned n = 0; n < 1u << (8 * size); n += size == 3 ? 97 : 1) {
            uint8_t *message = malloc(size);
            for (unsigned i = 0; i < size; i++)
                message[i] = (uint8_t)(n >> (8 * i));
            int result = extract("1", message, size);
            ck_assert(result == 0 || (result == -1 && !out[0]));
            free(message);
        }
    }
}
END_TEST

START_TEST(bad_paths_are_named)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "1.",
                                      ".1",
                                      "0",
                                      "1..2",
                                      "a",
                                      "-1",
                                      "1,2",
                                      " 1",
                                      "+1",
                                      "536870912",
                                      "1x",
                                      "1.0",
                                      "99999999999999999999",
                                      "1.2.3.4.5.6.7.8.9"};
    struct lb_wire_path path;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(lb_wire_path_parse(bad[i], &path, &err) == -1, "'%s' was taken", bad[i]);
        ck_assert_msg(strstr(err.text, bad[i]) != NULL, "%s", err.text);
    }
    ck_assert_int_eq(lb_wire_path_parse("1.2.3.4.5.6.7.8", &path, &err), 0);
    ck_assert_uint_eq(path.depth, 8);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_string_is_found_by_its_number);
    tcase_add_test(tests, integers_are_written_as_decimals);
    tcase_add_test(tests, a_path_leads_into_messages);
    tcase_add_test(tests, the_last_occurrence_counts);
    tcase_add_test(tests, groups_are_stepped_over);
    tcase_add_test(tests, what_is_missing_is_named);
    tcase_add_test(tests, malformed_messages_are_refused);
    tcase_add_test(tests, texts_that_do_not_fit_are_refused_and_nul_is_shown);
    tcase_add_test(tests, no_short_message_is_read_beyond_its_end);
    tcase_add_test(tests, bad_paths_are_named);
}

LB_UNIT_MAIN("grpc_wire", fill)
