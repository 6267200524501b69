/* The gRPC client's options: what is taken, and what is refused before anything is sent. */
#include "client/grpc_settings.h"

#include <unistd.h>

#include "client/grpc_service_config.h"
#include "common/file.h"
#include "unit.h"

static struct lb_grpc_settings settings;
static struct lb_error err;

static int make(const struct lb_grpc_options *options, const char *target)
{
    return lb_grpc_settings_make(options, target, &settings, &err);
}

static void check_refused(const struct lb_grpc_options *options, const char *target,
                          const char *words)
{
    ck_assert_int_eq(make(options, target), -1);
    ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
}

START_TEST(the_defaults_are_the_demonstration)
{
    struct lb_grpc_options options = LB_GRPC_OPTIONS_DEFAULTS;
    ck_assert_int_eq(make(&options, "127.0.0.1:30051"), 0);
    ck_assert_str_eq(settings.path, "/api.protobuf.pod/getInfo");
    ck_assert(!settings.reply_is_info);
    ck_assert_uint_eq(settings.id_field.depth, 1);
    ck_assert_uint_eq(settings.id_field.numbers[0], 1);
    ck_assert_uint_eq(settings.message_size, 0);
    ck_assert_str_eq(settings.lb_policy, "pick_first");
    ck_assert(!settings.lb_policy_forced);
    ck_assert(!settings.use_proxy);
    lb_grpc_settings_clear(&settings);
}
END_TEST

START_TEST(a_request_is_read_from_hex_or_a_file)
{
    struct lb_grpc_options options = LB_GRPC_OPTIONS_DEFAULTS;
    options.data = "hex:0a02FFfe";
    ck_assert_int_eq(make(&options, "pods:80"), 0);
    ck_assert_uint_eq(settings.message_size, 4);
    ck_assert_mem_eq(settings.message, "\x0a\x02\xff\xfe", 4);
    lb_grpc_settings_clear(&settings);

    char name[] = "/tmp/check_grpc_settings.XXXXXX", at[64];
    int fd = mkstemp(name);
    ck_assert(fd >= 0 && write(fd, "a\0b", 3) == 3);
    close(fd);
    snprintf(at, sizeof at, "@%s", name);
    options.data = at;
    ck_assert_int_eq(make(&options, "pods:80"), 0);
    ck_assert_uint_eq(settings.message_size, 3);
    lb_grpc_settings_clear(&settings);
    unlink(name);

    check_refused(&options, "pods:80", name);
    static const char *const bad[] = {"hex:0", "hex:0g", "{}", "", "0a02"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.data = bad[i];
        check_refused(&options, "pods:80", "hex:");
    }
}
END_TEST

START_TEST(methods_are_checked)
{
    static const char *const good[] = {"a.b.C/D", "/C/D", "C/D_1"};
    static const char *const bad[] = {"",      "/",     "a.b.C", "a.b.C/", "/D",
                                      "a/b/c", "a b/c", "a/b.c", "a//b",   ".a/b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(lb_grpc_method_check(good[i], &err) == 0, "%s", err.text);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(lb_grpc_method_check(bad[i], &err) == -1, "'%s' was taken", bad[i]);
    struct lb_grpc_options options = LB_GRPC_OPTIONS_DEFAULTS;
    options.method = "/lbdemo.v1.PodService/GetInfo";
    ck_assert_int_eq(make(&options, "pods:80"), 0);
    ck_assert_str_eq(settings.path, "/lbdemo.v1.PodService/GetInfo");
    ck_assert(settings.reply_is_info);
    lb_grpc_settings_clear(&settings);
}
END_TEST

START_TEST(metadata_is_split_and_checked)
{
    struct lb_grpc_metadata entry;
    ck_assert_int_eq(lb_grpc_metadata_parse("X-Tenant:  blue:1  ", &entry, &err), 0);
    ck_assert_str_eq(entry.name, "x-tenant");
    ck_assert_str_eq(entry.value, "blue:1");
    free(entry.name);
    free(entry.value);
    static const char *const bad[] = {"",
                                      "x",
                                      ":v",
                                      "x y: v",
                                      "grpc-timeout: 1s",
                                      "TE: trailers",
                                      "content-type: a",
                                      "x-bin: aGk=",
                                      "x: \x01",
                                      "x: caf\xc3\xa9",
                                      ":path: /x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(lb_grpc_metadata_check(bad[i], &err) == -1, "'%s' was taken", bad[i]);
    const char *items[LB_GRPC_MAX_METADATA + 1];
    for (size_t i = 0; i <= LB_GRPC_MAX_METADATA; i++)
        items[i] = "x: y";
    struct lb_grpc_options options = LB_GRPC_OPTIONS_DEFAULTS;
    options.metadata = (struct lb_option_list){items, LB_GRPC_MAX_METADATA + 1};
    check_refused(&options, "pods:80", "--metadata");
    options.metadata.count--;
    ck_assert_int_eq(make(&options, "pods:80"), 0);
    ck_assert_uint_eq(settings.metadata_count, LB_GRPC_MAX_METADATA);
    lb_grpc_settings_clear(&settings);
}
END_TEST

START_TEST(options_that_exclude_each_other_are_refused)
{
    struct lb_grpc_options options = LB_GRPC_OPTIONS_DEFAULTS;
    options.id_field = "1";
    options.id_metadata = "x-pod";
    check_refused(&options, "pods:80", "--id-field");
    options.id_field = NULL;
    setenv("GRPC_XDS_BOOTSTRAP_CONFIG", "{}", 1);
    options.lb_policy = 1;
    check_refused(&options, "xds:///pods", "--lb-policy");
    ck_assert_int_eq(make(&options, "pods:80"), 0);
    ck_assert_str_eq(settings.lb_policy, "round_robin");
    ck_assert(settings.lb_policy_forced);
    lb_grpc_settings_clear(&settings);
}
END_TEST

START_TEST(a_field_is_a_number_or_a_name)
{
    static const char *const good[] = {"1", "2.1", "name", "info.pod_name", "_a1.b2"};
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a b", "1a", "a-b", "a.1", "0"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(lb_grpc_id_field_check(good[i], &err) == 0, "%s", err.text);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(lb_grpc_id_field_check(bad[i], &err) == -1, "'%s' was taken", bad[i]);
    struct lb_grpc_options options = LB_GRPC_OPTIONS_DEFAULTS;
    options.id_field = "info.name";
    ck_assert_int_eq(make(&options, "pods:80"), 0);
    ck_assert_str_eq(settings.id_names, "info.name");
    ck_assert_uint_eq(settings.id_field.depth, 0);
    lb_grpc_settings_clear(&settings);
}
END_TEST

START_TEST(a_service_config_is_read_and_its_policy_known)
{
    char name[] = "/tmp/check_grpc_settings.XXXXXX";
    static const char config[] = "{\"loadBalancingConfig\": [{\"round_robin\": {}}]}";
    int fd = mkstemp(name);
    ck_assert(fd >= 0);
    close(fd);
    ck_assert_int_eq(lb_file_write(name, config, sizeof config - 1, &err), 0);
    struct lb_grpc_options options = LB_GRPC_OPTIONS_DEFAULTS;
    options.service_config = name;
    ck_assert_msg(make(&options, "pods:80") == 0, "%s", err.text);
    ck_assert_str_eq(settings.lb_policy, "round_robin");
    ck_assert_str_eq(settings.service_config, config);
    lb_grpc_settings_clear(&settings);
    options.lb_policy = 0;
    check_refused(&options, "pods:80", "exclude each other");
    options.lb_policy = -1;
    ck_assert_int_eq(lb_file_write(name, "{}\0{}", 5, &err), 0);
    check_refused(&options, "pods:80", "NUL");
    unlink(name);
    check_refused(&options, "pods:80", name);
}
END_TEST

static const char *policy_of(const char *json)
{
    const char *policy;
    ck_assert_msg(lb_grpc_service_config_check(json, &policy, &err) == 0, "%s: %s", json, err.text);
    return policy;
}

START_TEST(service_configs_are_taken)
{
    ck_assert_ptr_null(policy_of("{}"));
    ck_assert_str_eq(policy_of("{\"loadBalancingPolicy\": \"ROUND_ROBIN\"}"), "round_robin");
    ck_assert_str_eq(
        policy_of("{\"loadBalancingConfig\": [{\"new_one\": {}}, {\"pick_first\": {}}, "
                  "{\"round_robin\": {}}]}"),
        "pick_first");
    ck_assert_ptr_null(
        policy_of("{\"methodConfig\": [{\"name\": [{\"service\": \"a.B\", \"method\": \"C\"}, {}],"
                  "\"waitForReady\": true, \"timeout\": \"0.25s\", "
                  "\"maxRequestMessageBytes\": 1}], "
                  "\"healthCheckConfig\": {\"serviceName\": \"\"}}"));
}
END_TEST

START_TEST(bad_service_configs_are_refused_with_the_place)
{
    static const struct {
        const char *json, *words;
    } bad[] = {
        {"", "not JSON"},
        {"{", "line 1"},
        {"[]", "no object"},
        {"{\"loadbalancingconfig\": []}", "'loadbalancingconfig'"},
        {"{\"loadBalancingConfig\": {}}", "no array"},
        {"{\"loadBalancingConfig\": []}", "none of pick_first"},
        {"{\"loadBalancingConfig\": [{\"roundrobin\": {}}]}", "none of pick_first"},
        {"{\"loadBalancingConfig\": [{\"ROUND_ROBIN\": {}}]}", "none of pick_first"},
        {"{\"loadBalancingConfig\": [{\"round_robin\": 1}]}", "'round_robin'"},
        {"{\"loadBalancingConfig\": [{\"round_robin\": {}, \"pick_first\": {}}]}", "one policy"},
        {"{\"loadBalancingConfig\": [7]}", "one policy"},
        {"{\"loadBalancingPolicy\": \"random\"}", "'random'"},
        {"{\"loadBalancingPolicy\": 1}", "no string"},
        {"{\"methodConfig\": [{\"timeout\": \"1\"}]}", "timeout"},
        {"{\"methodConfig\": [{\"timeout\": \"1.s\"}]}", "timeout"},
        {"{\"methodConfig\": [{\"timeout\": 1}]}", "timeout"},
        {"{\"methodConfig\": [{\"waitForReady\": 1}]}", "waitForReady"},
        {"{\"methodConfig\": [{\"maxRequestMessageBytes\": -1}]}", "maxRequestMessageBytes"},
        {"{\"methodConfig\": [{\"retryPolicy\": {}}]}", "retryPolicy"},
        {"{\"methodConfig\": [{\"name\": [{\"method\": \"C\"}]}]}", "without a service"},
        {"{\"methodConfig\": {}}", "no array"},
        {"{\"retryThrottling\": {}}", "retryThrottling"},
        {"{\"healthCheckConfig\": {\"name\": \"\"}}", "'name'"},
        {"{\"loadBalancingPolicy\": \"pick_first\", \"loadBalancingPolicy\": \"pick_first\"}",
         "not JSON"},
    };
    const char *policy;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(lb_grpc_service_config_check(bad[i].json, &policy, &err) == -1,
                      "%s was taken", bad[i].json);
        ck_assert_msg(strstr(err.text, bad[i].words) != NULL, "%s: %s", bad[i].json, err.text);
    }
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, the_defaults_are_the_demonstration);
    tcase_add_test(tests, a_request_is_read_from_hex_or_a_file);
    tcase_add_test(tests, methods_are_checked);
    tcase_add_test(tests, metadata_is_split_and_checked);
    tcase_add_test(tests, options_that_exclude_each_other_are_refused);
    tcase_add_test(tests, a_field_is_a_number_or_a_name);
    tcase_add_test(tests, a_service_config_is_read_and_its_policy_known);
    tcase_add_test(tests, service_configs_are_taken);
    tcase_add_test(tests, bad_service_configs_are_refused_with_the_place);
}

LB_UNIT_MAIN("grpc_settings", fill)
