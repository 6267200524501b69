/* Network namespaces like a Kubernetes node's, and kube-proxy's rules between them. */
#include "config.h"

#include "lab/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "lab/balancer.h"
#include "lab/programs.h"

#define SERVICE_HTTP_PORT 80
#define SERVICE_GRPC_PORT 30051
#define POD_CIDR "10.244.0.0/16"
#define OWN_NAMESPACE "/proc/thread-self/ns/net"

/* How rules are loaded. Each has a Service address of its own, so that both can stand at once. */
static const struct mode {
    const char *algorithm; /* of the topology; also the Debian package */
    const char *tool, *argument, *service_ip;
} modes[] = {
    {"nftables", "nft", "-f", "10.96.0.10"},
    {"iptables", "iptables-restore", "--noflush", "10.96.0.11"},
};

/* Pod 0 is the client's, pod i + 1 that of server i. Pod p has 10.244.p.2/24, its end of the pair
 * on the node 10.244.p.1. */
struct lb_kernel {
    int host, node;
    int pods[1 + LB_LAB_MAX_SERVERS];
    size_t pod_count;
};

int lb_kernel_pod(const struct lb_kernel *kernel, size_t index)
{
    return kernel ? kernel->pods[index + 1] : -1;
}

void lb_kernel_pod_address(size_t index, char host[LB_LAB_HOST])
{
    snprintf(host, LB_LAB_HOST, "10.244.%u.2", (unsigned)(index + 1) % 256);
}

static int open_own(void)
{
    return open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
}

/* Moves this process into a new namespace and returns its descriptor. */
static int make_namespace(struct lb_error *err)
{
    if (unshare(CLONE_NEWNET) < 0)
        return lb_error_set(err, "cannot make a network namespace: %s", strerror(errno));
    int fd = open_own();
    if (fd < 0)
        return lb_error_set(err, "cannot open '%s': %s", OWN_NAMESPACE, strerror(errno));
    return fd;
}

static int make_namespaces(struct lb_kernel *kernel, size_t pod_count, struct lb_error *err)
{
    kernel->host = open_own();
    if (kernel->host < 0)
        return lb_error_set(err, "cannot open '%s': %s", OWN_NAMESPACE, strerror(errno));
    kernel->node = make_namespace(err);
    if (kernel->node < 0)
        return -1;
    while (kernel->pod_count < pod_count) {
        int pod = make_namespace(err);
        if (pod < 0)
            return -1;
        kernel->pods[kernel->pod_count++] = pod;
    }
    return 0;
}

/* Runs `ip -batch` on `batch` (freed) inside a namespace. */
static int run_ip(struct lb_lab *lab, const char *name, char *batch, int netns,
                  const struct lb_kernel *kernel, struct lb_error *err)
{
    char program[PATH_MAX], log[64];
    char *path = batch ? lb_lab_file(lab, name) : NULL;
    int result = path ? lb_programs_find("ip", "iproute2", program, err)
                      : lb_error_set(err, "out of memory");
    if (result == 0)
        result = lb_file_write(path, batch, strlen(batch), err);
    if (result == 0) {
        snprintf(log, sizeof log, "%s.log", name);
        const char *argv[] = {program, "-batch", path, NULL};
        result = lb_lab_run_tool(lab, log, argv, netns, kernel->pods, kernel->pod_count, err);
    }
    free(path);
    free(batch);
    return result;
}

/* The node's end of each pair; the other end is made inside the pod. */
static char *node_batch(const struct lb_kernel *kernel)
{
    char *batch = NULL;
    size_t size;
    FILE *out = open_memstream(&batch, &size);
    if (!out)
        return NULL;
    fputs("link set lo up\n", out);
    for (size_t p = 0; p < kernel->pod_count; p++)
        fprintf(out,
                "link add pod%zu type veth peer name eth0 netns /proc/self/fd/%d\n"
                "addr add 10.244.%zu.1/24 dev pod%zu\n"
                "link set pod%zu up\n",
                p, kernel->pods[p], p, p, p);
    fclose(out);
    return batch;
}

static char *pod_batch(size_t p)
{
    char *batch;
    int n = asprintf(&batch,
                     "link set lo up\n"
                     "addr add 10.244.%zu.2/24 dev eth0\n"
                     "link set eth0 up\n"
                     "route add default via 10.244.%zu.1\n",
                     p, p);
    return n < 0 ? NULL : batch;
}

/* Writes a setting of the namespace this process is in. */
static int write_setting(const char *path, const char *value, struct lb_error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return lb_error_set(err, "cannot set '%s': %s", path, strerror(saved));
    return 0;
}

static int connect_pods(struct lb_lab *lab, const struct lb_kernel *kernel, struct lb_error *err)
{
    if (run_ip(lab, "node.ip", node_batch(kernel), kernel->node, kernel, err) < 0)
        return -1;
    for (size_t p = 0; p < kernel->pod_count; p++) {
        char name[32];
        snprintf(name, sizeof name, "pod%zu.ip", p);
        if (run_ip(lab, name, pod_batch(p), kernel->pods[p], kernel, err) < 0)
            return -1;
    }
    if (setns(kernel->node, CLONE_NEWNET) < 0)
        return lb_error_set(err, "cannot enter the node's network namespace: %s", strerror(errno));
    return write_setting("/proc/sys/net/ipv4/ip_forward", "1", err);
}

int lb_kernel_enter(struct lb_lab *lab, struct lb_error *err)
{
    if (geteuid() != 0)
        return lb_error_set(err, "the kernel topologies need root: they make network namespaces");
    struct lb_kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel)
        return lb_error_set(err, "out of memory");
    kernel->host = kernel->node = -1;
    if (make_namespaces(kernel, lab->server_count + 1, err) < 0 ||
        connect_pods(lab, kernel, err) < 0)
        goto fail;
    if (setns(kernel->pods[0], CLONE_NEWNET) < 0) {
        lb_error_set(err, "cannot enter the client's network namespace: %s", strerror(errno));
        goto fail;
    }
    lab->kernel = kernel;
    return 0;
fail:
    lb_kernel_free(kernel);
    return -1;
}

void lb_kernel_free(struct lb_kernel *kernel)
{
    if (!kernel)
        return;
    while (kernel->pod_count > 0)
        close(kernel->pods[--kernel->pod_count]);
    if (kernel->node >= 0)
        close(kernel->node);
    if (kernel->host >= 0) {
        /* Cannot fail: the descriptor is a namespace's, and this process is still root. */
        int moved = setns(kernel->host, CLONE_NEWNET);
        (void)moved;
        close(kernel->host);
    }
    free(kernel);
}

static const struct mode *mode_of(const struct lb_topology *topology)
{
    return &modes[strcmp(topology->algorithm, modes[0].algorithm) != 0];
}

const char *lb_kernel_rules_tool(const struct lb_topology *topology)
{
    return mode_of(topology)->tool;
}

static int load_rules(struct lb_lab *lab, const struct lb_topology *topology, const char *config,
                      struct lb_error *err)
{
    const struct mode *mode = mode_of(topology);
    char program[PATH_MAX], log[80];
    if (lb_programs_find(mode->tool, mode->algorithm, program, err) < 0)
        return -1;
    snprintf(log, sizeof log, "%s.log", topology->name);
    const char *argv[] = {program, mode->argument, config, NULL};
    return lb_lab_run_tool(lab, log, argv, lab->kernel->node, NULL, 0, err);
}

int lb_kernel_start(struct lb_lab *lab, struct lb_lab_path *path, struct lb_error *err)
{
    const char *service_ip = mode_of(path->topology)->service_ip;
    char servers[24];
    if (!lab->kernel)
        return lb_error_set(err, "%s needs a lab with namespaces", path->topology->name);
    snprintf(servers, sizeof servers, "%zu", lab->server_count);
    const struct lb_variable common[] = {
        {"SERVICE_IP", service_ip}, {"POD_CIDR", POD_CIDR}, {"SERVERS", servers}, {NULL, NULL}};
    char *config =
        lb_lab_write_config(lab, path->topology->config, path->topology->config, common, err);
    int result = config ? load_rules(lab, path->topology, config, err) : -1;
    free(config);
    lb_path_set_targets(path, service_ip, SERVICE_HTTP_PORT, SERVICE_GRPC_PORT);
    return result;
}
