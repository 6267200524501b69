/* What the gRPC client was asked for: the options as given, and what they mean once checked. All of
 * it is settled before a channel is made. No gRPC here. */
#ifndef LB_CLIENT_GRPC_SETTINGS_H
#define LB_CLIENT_GRPC_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "client/grpc_target.h"
#include "client/grpc_wire.h"
#include "client/tls_options.h"
#include "common/options.h"

/* As in the option table. */
struct lb_grpc_options {
    const char *method, *data, *authority;
    struct lb_option_list metadata;
    const char *id_field, *id_metadata;
    int lb_policy; /* index into lb_grpc_policies; -1: not given */
    const char *service_config;
    int use_proxy;
    struct lb_tls_options tls;
};

#define LB_GRPC_OPTIONS_DEFAULTS                              \
    {                                                         \
        .method = "api.protobuf.pod/getInfo", .lb_policy = -1 \
    }

enum {
    LB_GRPC_MAX_REQUEST = 1 << 20, /* bytes of --data */
    LB_GRPC_MAX_METADATA = 64,     /* entries */
    LB_GRPC_METADATA_TEXT = 4096,  /* bytes of one entry */
    LB_GRPC_MAX_ID_FIELD = 256,    /* bytes of --id-field */
};

struct lb_grpc_metadata {
    char *name, *value;
};

struct lb_grpc_settings {
    struct lb_grpc_target target;
    char path[520];               /* "/api.protobuf.pod/getInfo" */
    bool reply_is_info;           /* the method answers with a lbdemo.v1.GetInfoResponse */
    struct lb_wire_path id_field; /* depth is 0 while id_names have not been looked up */
    char *id_names;               /* of --id-field, when it is not numbers; else NULL */
    char id_problem[sizeof(struct lb_error)]; /* why they cannot be; else "" */
    char *id_metadata;                        /* lower case; NULL: the field */
    char *message;                            /* the request, serialized */
    size_t message_size;
    char *authority; /* NULL: the core's own choice */
    struct lb_grpc_metadata *metadata;
    size_t metadata_count;
    const char *lb_policy; /* in force */
    bool lb_policy_forced; /* by --lb-policy: the core must be told */
    char *service_config;  /* JSON; NULL: none */
    bool use_proxy;
    struct lb_tls_settings tls;
    int64_t timeout_ns; /* of each request, for error texts and attempts to connect; set by the
                           caller */
};

/* Checks the options and reads the files they name. After success the caller releases `settings`
 * with lb_grpc_settings_clear; after failure there is nothing to release. */
int lb_grpc_settings_make(const struct lb_grpc_options *options, const char *target,
                          struct lb_grpc_settings *settings, struct lb_error *err) LB_MUST_CHECK;
void lb_grpc_settings_clear(struct lb_grpc_settings *settings);

/* Checks and splits a metadata entry "NAME: VALUE" into lower-case name and value, the caller's to
 * free; after failure both are NULL. Names that gRPC sets itself are refused, and binary ones. */
int lb_grpc_metadata_parse(const char *text, struct lb_grpc_metadata *entry,
                           struct lb_error *err) LB_MUST_CHECK;

/* An option's check, for each of them. */
int lb_grpc_id_field_check(const char *text, struct lb_error *err) LB_MUST_CHECK;
int lb_grpc_method_check(const char *text, struct lb_error *err) LB_MUST_CHECK;
int lb_grpc_metadata_check(const char *text, struct lb_error *err) LB_MUST_CHECK;
int lb_grpc_metadata_name_check(const char *text, struct lb_error *err) LB_MUST_CHECK;
int lb_grpc_authority_check(const char *text, struct lb_error *err) LB_MUST_CHECK;

#endif
