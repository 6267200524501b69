"""Every topology stands, forwards both protocols, and chooses where the table says it does.

The servers are called with Python's own HTTP and gRPC clients, so that neither the clients nor
their verdicts are needed to see what a balancer does."""
import contextlib
import http.client
import re
import time
import urllib.parse

import grpc

import lablib
import lbtest

REQUESTS = 60  # chance that random choices of at most 45 % each all fall on one server: 7e-21


def names(ask, wanted):
    """The names of REQUESTS answers, and of more while they are fewer than wanted: a weight of 10 % is missed by 60
    requests in one of 560 runs, by the 200 that the slowest machine makes in this time in one of 1e9; and gRPC's
    round_robin leaves out addresses it is not yet connected to."""
    found = {ask() for _ in range(REQUESTS)}
    end = time.monotonic() + lbtest.DEADLINE_S
    while len(found) < wanted and time.monotonic() < end:
        found.add(ask())
    return found


def http_names(url, kept, wanted):
    """The names that `url` answers, over one kept connection or one a request."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=lbtest.DEADLINE_S)

    def ask():
        connection.request("GET", parts.path)
        reply = connection.getresponse()
        assert reply.status == 200, reply.status
        name = reply.read().decode()
        if not kept:
            connection.close()
        return name

    with contextlib.closing(connection):
        return names(ask, wanted)


def grpc_names(target, policy, wanted):
    """The names that getInfo answers over one channel."""
    options = [("grpc.enable_http_proxy", 0)] + ([("grpc.lb_policy_name", policy)] if policy else [])
    with grpc.insecure_channel(target, options=options) as channel:
        call = channel.unary_unary("/api.protobuf.pod/getInfo", request_serializer=lambda b: b,
                                   response_deserializer=lambda b: b)

        def ask():  # field 1, a string shorter than 128 bytes
            return call(b"", timeout=lbtest.DEADLINE_S, wait_for_ready=True)[2:].decode()

        return names(ask, wanted)


class Topologies(lablib.LabCase):
    def assert_reached(self, names, count, what):
        self.assertLessEqual(names, set(lablib.PODS), what)
        self.assertEqual(len(names), count, f"{what}: {names}")

    def check(self, name, layer, path):
        """`layer` is where the choice is made, so what one connection sees."""
        if path["http"]:
            for kept in (False, True):
                wanted = 3 if layer == "per-request" or (layer != "sticky" and not kept) else 1
                self.assert_reached(http_names(path["http"], kept, wanted), wanted, f"{name} HTTP kept={kept}")
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
        # 300 trials of 10 %: none with a chance of 2e-14, 60 or more of 2e-7; of one third below 60: 1e-7.
        self.assertIn(counts.get(lablib.PODS[2], 0), range(1, 60))


if __name__ == "__main__":
    lablib.need("haproxy", "nginx")
    lbtest.main()
