/* The lab's servers: named like pods, told who they are as the Downward API does. */
#include "config.h"

#include "lab/servers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/language.h"
#include "common/units.h"
#include "lab/kernel.h"
#include "lab/programs.h"

#define DEPLOYMENT "server-7c4bfd74d"
#define PORT_FILE_MAX 4096
#define POD_HTTP_PORT 8080
#define POD_GRPC_PORT 30051

/* The demonstration's pods; more are named like them. */
static const char *const pod_suffixes[] = {"29c69", "4btvw", "fk8zf"};
/* What Kubernetes makes random names of: no vowels, nothing that looks like another. */
static const char pod_letters[] = "bcdfghjklmnpqrstvwxz2456789";

static void name_server(struct lb_lab_server *server, size_t index)
{
    char suffix[6] = "";
    if (index < sizeof pod_suffixes / sizeof pod_suffixes[0]) {
        strcpy(suffix, pod_suffixes[index]);
    } else {
        /* 7919 is prime, so the five digits differ for all indices. */
        unsigned long n = (unsigned long)index * 7919;
        for (size_t i = 0; i < 5; i++, n /= 11)
            suffix[i] = pod_letters[(n + i * index) % (sizeof pod_letters - 1)];
    }
    snprintf(server->name, sizeof server->name, "%s-%s", DEPLOYMENT, suffix);
}

/* Reads "LISTENER HOST:PORT" lines; 0 if `listener` has none. */
static unsigned port_of(const char *text, const char *listener)
{
    size_t size = strlen(listener);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t length = strcspn(line, "\n");
        const char *colon = memrchr(line, ':', length);
        uint64_t port;
        char digits[8];
        if (strncmp(line, listener, size) != 0 || line[size] != ' ' || !colon)
            continue;
        snprintf(digits, sizeof digits, "%.*s", (int)(line + length - colon - 1), colon + 1);
        return lb_parse_uint(digits, 1, 65535, &port, NULL) == 0 ? (unsigned)port : 0;
    }
    return 0;
}

static bool file_exists(void *path)
{
    return access(path, F_OK) == 0;
}

static int await_ports(struct lb_lab *lab, struct lb_lab_server *server, char *port_file,
                       struct lb_error *err)
{
    char *text;
    size_t size;
    if (lb_lab_await(lab, server->process, file_exists, port_file, N_("its port file"), err) < 0 ||
        lb_file_read(port_file, PORT_FILE_MAX, &text, &size, err) < 0)
        return -1;
    server->http_port = port_of(text, "http");
    server->grpc_port = port_of(text, "grpc");
    free(text);
    if (!server->http_port || !server->grpc_port)
        return lb_error_set(err, "'%s' names no http or no grpc port", port_file);
    return 0;
}

static int spawn(struct lb_lab *lab, size_t index, const char *program, const char *port_file,
                 struct lb_error *err)
{
    struct lb_lab_server *server = &lab->servers[index];
    char http[40], grpc[40], name[64], ip[40], version[16], zone[16], log_name[64];
    snprintf(http, sizeof http, "%s:%u", server->host, server->http_port);
    snprintf(grpc, sizeof grpc, "%s:%u", server->host, server->grpc_port);
    snprintf(name, sizeof name, "POD_NAME=%s", server->name);
    snprintf(ip, sizeof ip, "POD_IP=%s", server->host);
    snprintf(version, sizeof version, "VERSION=%s", server->version);
    snprintf(zone, sizeof zone, "ZONE=zone-%c", (char)('a' + index % 3));
    snprintf(log_name, sizeof log_name, "%s.log", server->name);
    char *log = lb_lab_file(lab, log_name);
    if (!log)
        return lb_error_set(err, "out of memory");
    const char *argv[] = {program, "--http-listen", http,      "--grpc-listen",
                          grpc,    "--port-file",   port_file, NULL};
    /* Through the environment, as servers of any version take what they know of it. */
    const char *env[] = {name,
                         ip,
                         version,
                         zone,
                         "POD_NAMESPACE=default",
                         "NODE_NAME=lab",
                         "LBDEMO_ADMIN_LISTEN=127.0.0.1:0",
                         "LBDEMO_DRAIN_TIMEOUT=500ms",
                         "LBDEMO_THREADS=1",
                         NULL};
    const struct lb_spawn spawn = {.name = server->name,
                                   .argv = argv,
                                   .env = env,
                                   .log = log,
                                   .out = -1,
                                   .netns = lb_kernel_pod(lab->kernel, index)};
    server->process = lb_supervisor_spawn(lab->supervisor, &spawn, err);
    free(log);
    return server->process ? 0 : -1;
}

static int start(struct lb_lab *lab, size_t index, const char *program, struct lb_error *err)
{
    char file_name[64];
    snprintf(file_name, sizeof file_name, "%s.ports", lab->servers[index].name);
    char *port_file = lb_lab_file(lab, file_name);
    if (!port_file)
        return lb_error_set(err, "out of memory");
    unlink(port_file); /* an earlier lab's */
    int result = spawn(lab, index, program, port_file, err);
    if (result == 0)
        result = await_ports(lab, &lab->servers[index], port_file, err);
    free(port_file);
    return result;
}

int lb_servers_start(struct lb_lab *lab, struct lb_error *err)
{
    char program[PATH_MAX];
    if (lb_programs_find_own("lbdemo-server", program, err) < 0)
        return -1;
    for (size_t i = 0; i < lab->server_count; i++) {
        struct lb_lab_server *server = &lab->servers[i];
        name_server(server, i);
        server->version = i > 0 && i + 1 == lab->server_count ? "v2" : "v1";
        if (lab->kernel) {
            lb_kernel_pod_address(i, server->host);
            server->http_port = POD_HTTP_PORT;
            server->grpc_port = POD_GRPC_PORT;
        } else {
            snprintf(server->host, sizeof server->host, "127.0.0.%u", (unsigned)(i + 1) % 256);
            server->http_port = lab->servers[0].http_port;
            server->grpc_port = lab->servers[0].grpc_port;
        }
        if (start(lab, i, program, err) < 0)
            return -1;
    }
    return 0;
}
