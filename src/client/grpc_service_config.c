/* Service configs, checked before the core sees them. */
#include "client/grpc_service_config.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const lb_grpc_policies[] = {"pick_first", "round_robin", NULL};

/* The policy of that name by strcmp or strcasecmp, or NULL. */
static const char *find_policy(const char *name, int (*compare)(const char *, const char *))
{
    for (size_t i = 0; lb_grpc_policies[i]; i++) {
        if (compare(lb_grpc_policies[i], name) == 0)
            return lb_grpc_policies[i];
    }
    return NULL;
}

/* What a member may be. */
struct member {
    const char *name;
    int (*check)(const json_t *value, const char *where, struct lb_error *err);
};

static int check_members(const json_t *object, const struct member *members, const char *where,
                         struct lb_error *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return lb_error_set(err, "%s is no object", where);
    json_object_foreach((json_t *)object, key, value)
    {
        const struct member *m = members;
        while (m->name && strcmp(m->name, key) != 0)
            m++;
        if (!m->name)
            return lb_error_set(err, "%s has an unknown member '%.60s'", where, key);
        if (m->check && m->check(value, key, err) < 0)
            return -1;
    }
    return 0;
}

static int check_string(const json_t *value, const char *where, struct lb_error *err)
{
    return json_is_string(value) ? 0 : lb_error_set(err, "%s is no string", where);
}

static int check_bool(const json_t *value, const char *where, struct lb_error *err)
{
    return json_is_boolean(value) ? 0 : lb_error_set(err, "%s is neither true nor false", where);
}

static int check_bytes(const json_t *value, const char *where, struct lb_error *err)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        json_integer_value(value) <= INT32_MAX)
        return 0;
    return lb_error_set(err, "%s is no whole number from 0 to %d", where, INT32_MAX);
}

static int check_timeout(const json_t *value, const char *where, struct lb_error *err)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    size_t whole = strspn(text, "0123456789");
    size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") + 1 : 0;
    if (whole > 0 && whole <= 12 && fraction != 1 && fraction <= 10 &&
        strcmp(text + whole + fraction, "s") == 0)
        return 0;
    return lb_error_set(err, "%s is no duration in seconds such as \"1.5s\"", where);
}

static int refuse_retries(const json_t *value, const char *where, struct lb_error *err)
{
    (void)value;
    return lb_error_set(
        err, "%s is refused: a repeated attempt would hide the first one from the measurement",
        where);
}

static int check_names(const json_t *value, const char *where, struct lb_error *err)
{
    static const struct member members[] = {
        {"service", check_string}, {"method", check_string}, {NULL, NULL}};
    size_t i;
    json_t *item;
    if (!json_is_array(value))
        return lb_error_set(err, "%s is no array", where);
    json_array_foreach(value, i, item)
    {
        if (check_members(item, members, "an item of name", err) < 0)
            return -1;
        if (json_object_get(item, "method") && !json_object_get(item, "service"))
            return lb_error_set(err, "an item of name has a method without a service");
    }
    return 0;
}

static int check_methods(const json_t *value, const char *where, struct lb_error *err)
{
    static const struct member members[] = {{"name", check_names},
                                            {"waitForReady", check_bool},
                                            {"timeout", check_timeout},
                                            {"maxRequestMessageBytes", check_bytes},
                                            {"maxResponseMessageBytes", check_bytes},
                                            {"retryPolicy", refuse_retries},
                                            {"hedgingPolicy", refuse_retries},
                                            {NULL, NULL}};
    size_t i;
    json_t *item;
    if (!json_is_array(value))
        return lb_error_set(err, "%s is no array", where);
    json_array_foreach(value, i, item)
    {
        if (check_members(item, members, "an item of methodConfig", err) < 0)
            return -1;
    }
    return 0;
}

static int check_health(const json_t *value, const char *where, struct lb_error *err)
{
    static const struct member members[] = {{"serviceName", check_string}, {NULL, NULL}};
    return check_members(value, members, where, err);
}

static int check_policy_name(const json_t *value, const char *where, struct lb_error *err)
{
    if (check_string(value, where, err) < 0)
        return -1;
    if (!find_policy(json_string_value(value), strcasecmp))
        return lb_error_set(err, "%s '%.60s' is none of pick_first, round_robin", where,
                            json_string_value(value));
    return 0;
}

/* A list of {POLICY: {…}}, of which the first known one is taken. */
static int check_policies(const json_t *value, const char *where, struct lb_error *err)
{
    size_t i;
    json_t *item;
    bool known = false;
    if (!json_is_array(value))
        return lb_error_set(err, "%s is no array", where);
    json_array_foreach(value, i, item)
    {
        const char *name = json_object_iter_key(json_object_iter(item));
        if (!json_is_object(item) || json_object_size(item) != 1)
            return lb_error_set(err, "an item of %s is no object with one policy", where);
        if (!json_is_object(json_object_get(item, name)))
            return lb_error_set(err, "policy '%.60s' in %s is no object", name, where);
        known |= find_policy(name, strcmp) != NULL;
    }
    return known ? 0 : lb_error_set(err, "%s has none of pick_first, round_robin", where);
}

static const char *policy_of(const json_t *config)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(config, "loadBalancingConfig"), i, item)
    {
        const char *policy = find_policy(json_object_iter_key(json_object_iter(item)), strcmp);
        if (policy)
            return policy;
    }
    const char *name = json_string_value(json_object_get(config, "loadBalancingPolicy"));
    return name ? find_policy(name, strcasecmp) : NULL;
}

int lb_grpc_service_config_check(const char *json, const char **policy, struct lb_error *err)
{
    static const struct member members[] = {
        {"loadBalancingConfig", check_policies}, {"loadBalancingPolicy", check_policy_name},
        {"methodConfig", check_methods},         {"healthCheckConfig", check_health},
        {"retryThrottling", refuse_retries},     {NULL, NULL}};
    json_error_t where;
    *policy = NULL;
    json_t *config = json_loads(json, JSON_REJECT_DUPLICATES, &where);
    if (!config)
        return lb_error_set(err, "not JSON: %.120s in line %d, column %d", where.text, where.line,
                            where.column);
    int result = check_members(config, members, "the service config", err);
    if (result == 0)
        *policy = policy_of(config);
    json_decref(config);
    return result;
}
