/* What reflection says of methods and messages, well-formed and hostile. The descriptors are
 * written here by hand; the end-to-end tests read real ones. */
#include "client/grpc_descriptor.h"

#include "unit.h"

struct message {
    uint8_t bytes[2048];
    size_t size;
};

static struct lb_error err;

static void add_bytes(struct message *m, unsigned number, const void *data, size_t size)
{
    ck_assert_uint_lt(size, 0x4000);
    m->bytes[m->size++] = (uint8_t)(number << 3 | 2);
    m->bytes[m->size++] = (uint8_t)(0x80 | (size & 0x7f));
    m->bytes[m->size++] = (uint8_t)(size >> 7);
    memcpy(m->bytes + m->size, data, size);
    m->size += size;
}

static void add_text(struct message *m, unsigned number, const char *text)
{
    add_bytes(m, number, text, strlen(text));
}

static void add_message(struct message *m, unsigned number, const struct message *inner)
{
    add_bytes(m, number, inner->bytes, inner->size);
}

static void add_number(struct message *m, unsigned number, uint8_t value)
{
    m->bytes[m->size++] = (uint8_t)(number << 3);
    m->bytes[m->size++] = value;
}

/* FieldDescriptorProto */
static struct message field(const char *name, uint8_t number, uint8_t type, const char *type_name)
{
    struct message m = {.size = 0};
    add_text(&m, 1, name);
    add_number(&m, 3, number);
    add_number(&m, 5, type);
    if (type_name)
        add_text(&m, 6, type_name);
    return m;
}

/* package shop; message Reply { string name = 7; Info info = 2; message Info { uint64 id = 3; } }
 * service Cart { rpc Get(Request) returns (Reply); } */
static struct message reply_to_reflection(const char *package)
{
    struct message id = field("id", 3, 4, NULL), name = field("name", 7, 9, NULL),
                   info = field("info", 2, 11, ".shop.Reply.Info"), nested = {.size = 0},
                   reply = {.size = 0}, method = {.size = 0}, service = {.size = 0},
                   file = {.size = 0}, files = {.size = 0}, response = {.size = 0};
    add_text(&nested, 1, "Info");
    add_message(&nested, 2, &id);
    add_text(&reply, 1, "Reply");
    add_message(&reply, 2, &name);
    add_message(&reply, 2, &info);
    add_message(&reply, 3, &nested);
    add_text(&method, 1, "Get");
    add_text(&method, 2, ".shop.Request");
    add_text(&method, 3, ".shop.Reply");
    add_text(&service, 1, "Cart");
    add_message(&service, 2, &method);
    add_text(&file, 1, "shop.proto");
    add_text(&file, 2, package);
    add_message(&file, 4, &reply);
    add_message(&file, 6, &service);
    add_text(&files, 1, ""); /* another, empty file */
    add_message(&files, 1, &file);
    add_message(&response, 4, &files);
    return response;
}

START_TEST(a_method_leads_to_its_replys_type)
{
    struct message m = reply_to_reflection("shop");
    char type[LB_DESCRIPTOR_NAME];
    ck_assert_msg(lb_descriptor_find_reply(m.bytes, m.size, "shop.Cart", "Get", type, &err) == 0,
                  "%s", err.text);
    ck_assert_str_eq(type, "shop.Reply");
    ck_assert_int_eq(lb_descriptor_find_reply(m.bytes, m.size, "shop.Cart", "Put", type, &err), -1);
    ck_assert_msg(strstr(err.text, "shop.Cart/Put") != NULL, "%s", err.text);
    ck_assert_int_eq(lb_descriptor_find_reply(m.bytes, m.size, "shop.Cat", "Get", type, &err), -1);
    ck_assert_int_eq(lb_descriptor_find_reply(m.bytes, m.size, "Cart", "Get", type, &err), -1);
    ck_assert_int_eq(lb_descriptor_find_reply(m.bytes, m.size, "shop", "Get", type, &err), -1);
}
END_TEST

START_TEST(fields_are_found_by_name_also_of_nested_messages)
{
    struct message m = reply_to_reflection("shop");
    struct lb_descriptor_field f;
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "shop.Reply", "name", &f, &err), 0);
    ck_assert_uint_eq(f.number, 7);
    ck_assert_uint_eq(f.type, 9);
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "shop.Reply", "info", &f, &err), 0);
    ck_assert_uint_eq(f.type, LB_DESCRIPTOR_MESSAGE);
    ck_assert_str_eq(f.type_name, "shop.Reply.Info");
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "shop.Reply.Info", "id", &f, &err),
                     0);
    ck_assert_uint_eq(f.number, 3);
}
END_TEST

START_TEST(what_is_missing_is_named_with_what_is_there)
{
    struct message m = reply_to_reflection("shop");
    struct lb_descriptor_field f;
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "shop.Reply", "pod", &f, &err), -1);
    ck_assert_str_eq(err.text, "shop.Reply has no field 'pod'; it has name, info");
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "shop.Rep", "name", &f, &err), -1);
    ck_assert_str_eq(err.text, "reflection knows no message shop.Rep");
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "shop.Reply.", "name", &f, &err),
                     -1);
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "", "name", &f, &err), -1);
}
END_TEST

START_TEST(a_file_without_package_is_searched_too)
{
    struct message m = reply_to_reflection("");
    struct lb_descriptor_field f;
    ck_assert_int_eq(lb_descriptor_find_field(m.bytes, m.size, "Reply", "name", &f, &err), 0);
}
END_TEST

START_TEST(an_error_of_reflection_is_told)
{
    struct message error = {.size = 0}, m = {.size = 0};
    char type[LB_DESCRIPTOR_NAME];
    add_number(&error, 1, 5);
    add_text(&error, 2, "not found");
    add_message(&m, 7, &error);
    ck_assert_int_eq(lb_descriptor_find_reply(m.bytes, m.size, "a.B", "C", type, &err), -1);
    ck_assert_str_eq(err.text, "reflection says: not found");
    ck_assert_int_eq(lb_descriptor_find_reply(NULL, 0, "a.B", "C", type, &err), -1);
}
END_TEST

/* Each message cut and each byte changed: no read beyond the end (which the sanitizers see) and
 * never a field number out of range. */
START_TEST(damaged_descriptors_are_survived)
{
    struct message m = reply_to_reflection("shop");
    struct lb_descriptor_field f;
    char type[LB_DESCRIPTOR_NAME];
    for (size_t size = 0; size <= m.size; size++) {
        uint8_t *exact = malloc(size ? size : 1);
        memcpy(exact, m.bytes, size);
        if (size > 0)
            exact[(size * 7919 + size / 3) % size] ^= (uint8_t)(1u << size % 8);
        if (lb_descriptor_find_field(exact, size, "shop.Reply.Info", "id", &f, &err) == 0)
            ck_assert(f.number >= 1 && f.number <= 536870911);
        if (lb_descriptor_find_reply(exact, size, "shop.Cart", "Get", type, &err) == 0)
            ck_assert_ptr_nonnull(memchr(type, '\0', sizeof type));
        free(exact);
    }
    /* a package with a NUL where the wanted name ends */
    struct message file = {.size = 0}, files = {.size = 0}, nul = {.size = 0};
    add_bytes(&file, 2, "shop\0xxxxxxxxxxxxxxxx", 21);
    add_message(&files, 1, &file);
    add_message(&nul, 4, &files);
    ck_assert_int_eq(lb_descriptor_find_field(nul.bytes, nul.size, "shop", "id", &f, &err), -1);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_method_leads_to_its_replys_type);
    tcase_add_test(tests, fields_are_found_by_name_also_of_nested_messages);
    tcase_add_test(tests, what_is_missing_is_named_with_what_is_there);
    tcase_add_test(tests, a_file_without_package_is_searched_too);
    tcase_add_test(tests, an_error_of_reflection_is_told);
    tcase_add_test(tests, damaged_descriptors_are_survived);
}

LB_UNIT_MAIN("grpc_descriptor", fill)
