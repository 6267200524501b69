/* The built-in descriptors. */
#include "server/descriptors.h"

#include "unit.h"

static struct lb_descriptors *built_in(void)
{
    struct lb_descriptors *d = lb_descriptors_new(lb_descriptor_set, lb_descriptor_set_size);
    ck_assert_ptr_nonnull(d);
    return d;
}

START_TEST(services_are_listed_in_order)
{
    struct lb_descriptors *d = built_in();
    const char *last = "";
    size_t i = 0;
    for (const char *name; (name = lb_descriptors_service(d, i)); last = name, i++) {
        ck_assert_int_lt(strcmp(last, name), 0);
        ck_assert(lb_descriptors_has_service(d, name));
    }
    ck_assert_uint_eq(i, 5);
    lb_descriptors_free(d);
}
END_TEST

START_TEST(only_services_are_services)
{
    static const char *const others[] = {"", "lbdemo.v1", "lbdemo.v1.GetInfoResponse",
                                         "lbdemo.v1.PodService.Watch", "lbdemo.v1.podservice"};
    struct lb_descriptors *d = built_in();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert(!lb_descriptors_has_service(d, others[i]));
    lb_descriptors_free(d);
}
END_TEST

START_TEST(symbols_lead_to_their_file)
{
    struct lb_descriptors *d = built_in();
    const struct lb_symbol *symbol = lb_descriptors_symbol(d, "lbdemo.v1.Header.value");
    ck_assert_ptr_nonnull(symbol);
    ck_assert_str_eq(symbol->file->name, "lbdemo/v1/pod.proto");
    ck_assert_int_eq(symbol->kind, LB_SYMBOL_OTHER);
    ck_assert_int_eq(lb_descriptors_symbol(d, "lbdemo.v1.Header")->kind, LB_SYMBOL_MESSAGE);
    ck_assert_ptr_eq(lb_descriptors_file(d, "lbdemo/v1/pod.proto"), symbol->file);
    ck_assert_ptr_null(lb_descriptors_file(d, "pod.proto"));
    lb_descriptors_free(d);
}
END_TEST

START_TEST(an_empty_set_has_nothing)
{
    struct lb_descriptors *d = lb_descriptors_new((const unsigned char *)"", 0);
    ck_assert_ptr_nonnull(d);
    ck_assert_ptr_null(lb_descriptors_service(d, 0));
    ck_assert_ptr_null(lb_descriptors_symbol(d, "a"));
    ck_assert_ptr_null(lb_descriptors_file(d, "a"));
    lb_descriptors_free(d);
}
END_TEST

START_TEST(bytes_that_are_no_set_are_refused)
{
    ck_assert_ptr_null(lb_descriptors_new(lb_descriptor_set, lb_descriptor_set_size - 1));
    static const unsigned char broken_file[] = {0x0a, 2, 0x0a, 9};
    ck_assert_ptr_null(lb_descriptors_new(broken_file, sizeof broken_file));
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, services_are_listed_in_order);
    tcase_add_test(tests, only_services_are_services);
    tcase_add_test(tests, symbols_lead_to_their_file);
    tcase_add_test(tests, an_empty_set_has_nothing);
    tcase_add_test(tests, bytes_that_are_no_set_are_refused);
}

LB_UNIT_MAIN("descriptors", fill)
