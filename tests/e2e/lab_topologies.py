"""Every topology stands, forwards both protocols, and chooses where the table says it does.

The servers are called with Python's own HTTP and gRPC clients, so that neither the clients nor
their verdicts are needed to see what a balancer does."""
import http.client
import re
import time
import urllib.parse

import grpc

import lablib
import lbtest

REQUESTS = 60  # chance that three random servers are not all seen: 8e-11


def http_names(url, kept):
    """The names that `url` answers, over one kept connection or one a request."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=lbtest.DEADLINE_S)
    found = set()
    for _ in range(REQUESTS):
        connection.request("GET", parts.path)
        reply = connection.getresponse()
        assert reply.status == 200, reply.status
        found.add(reply.read().decode())
        if not kept:
            connection.close()
    connection.close()
    return found


def grpc_names(target, policy, wanted):
    """The names that getInfo answers over one channel: of REQUESTS calls, and of more while they are
    fewer than wanted: round_robin leaves out addresses it is not yet connected to."""
    options = [("grpc.enable_http_proxy", 0)] + ([("grpc.lb_policy_name", policy)] if policy else [])
    with grpc.insecure_channel(target, options=options) as channel:
        call = channel.unary_unary("/api.protobuf.pod/getInfo", request_serializer=lambda b: b,
                                   response_deserializer=lambda b: b)

        def ask():  # field 1, a string shorter than 128 bytes
            return call(b"", timeout=lbtest.DEADLINE_S, wait_for_ready=True)[2:].decode()

        found = {ask() for _ in range(REQUESTS)}
        end = time.monotonic() + lbtest.DEADLINE_S
        while policy == "round_robin" and len(found) < wanted and time.monotonic() < end:
            found.add(ask())
        return found


class Topologies(lablib.LabCase):
    def assert_reached(self, names, count, what):
        self.assertLessEqual(names, set(lablib.PODS), what)
        self.assertEqual(len(names), count, f"{what}: {names}")

    def check(self, name, layer, path):
        """`layer` is where the choice is made, so what one connection sees."""
        if path["http"]:
            self.assert_reached(http_names(path["http"], kept=False), 1 if layer == "sticky" else 3, f"{name} HTTP")
            self.assert_reached(http_names(path["http"], kept=True), 3 if layer == "per-request" else 1,
                                f"{name} HTTP kept")
        wanted = 3 if layer in ("per-request", "round_robin") else 1
        self.assert_reached(grpc_names(path["grpc"], path["policy"], wanted), wanted, f"{name} gRPC")

    def truth(self):
        """{name: layer} of what can run here and needs no namespace, from `list`."""
        found = {}
        for line in self.lab("list")[1].splitlines():
            m = re.match(r"^(\S+) +(L4|L7|client) ", line)
            if m:
                found[m[1]] = {"L4": "per-connection", "L7": "per-request"}.get(m[2], m[1])
            elif "not here" in line:
                found.popitem()
        found = {name: layer for name, layer in found.items() if not name.startswith("kernel-")}
        for name in found:
            if re.search("source|ring-hash|maglev", name):
                found[name] = "sticky"
            elif name.endswith("round-robin") and found[name] == name:
                found[name] = "round_robin"
        return found

    def test_each_chooses_where_it_says(self):
        truth = self.truth()
        self.assertGreater(len(truth), 12)
        names = sorted(truth)
        for i in range(0, len(names), 6):
            lab = self.up(*[a for name in names[i:i + 6] for a in ("--topology", name)])
            for path in self.standing()["paths"]:
                with self.subTest(topology=path["topology"]):
                    self.check(path["topology"], truth[path["topology"]], path)
            self.assertEqual(lab.stop(), 0, lab.err())

    def test_weights_are_kept(self):
        if not lablib.envoy():
            self.skipTest("Envoy is not installed")
        self.up("--topology", "envoy-weighted")
        path = self.standing()["paths"][0]
        counts = {}
        parts = urllib.parse.urlsplit(path["http"])
        for _ in range(300):
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=lbtest.DEADLINE_S)
            connection.request("GET", "/pod")
            name = connection.getresponse().read().decode()
            counts[name] = counts.get(name, 0) + 1
            connection.close()
        # 300 trials of 10 %: beyond 60 with a chance of 4e-8.
        self.assertLess(counts[lablib.PODS[2]], 60)


if __name__ == "__main__":
    lablib.need("haproxy", "nginx")
    lbtest.main()
