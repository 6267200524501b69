"""make soak: two servers, plaintext and TLS, for SOAK_MINUTES (30) under clients of every kind and garbage. Their memory
and descriptors stay flat, no request of a well-behaved client fails, and SIGTERM ends them cleanly."""
import json
import os
import random
import re
import signal
import ssl
import statistics
import threading
import time

import lbtest
import grpclib
import grpc
from grpcpeer import Certificates
from rawhttp import get

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
WARM_UP = 0.25       # of the time: caches, arenas and connections come to their size
SAMPLE_S = 1
GROWN_KIB = 1024     # that a straight line through the samples after it may rise
RATE = 150           # requests a second of each client
STREAMS = 10         # Watch streams, each renewed after a few messages
OPTIONS = ["--threads", 2, "--max-connection-age", "20s", "--max-connection-age-grace", "30s", "--header-timeout", "2s",
           "--body-timeout", "2s", "--allow-faults", "--log-level", "error"]
CLIENTS = {"HTTP, kept": ("http", "--reuse-connection", "--connections", 8),
           "HTTP, new": ("http", "--new-connection", "--connections", 4),
           "gRPC": ("grpc", "--connections", 4, "--streams", 4)}

pb, stubs = grpclib.generate_ours()


def is_sanitized():
    with open(lbtest.program("lbdemo-server"), "rb") as f:
        return b"__asan_init" in (code := f.read()) or b"__tsan_init" in code


class Garbage(threading.Thread):
    """Sends what no client should, one connection after the other, to all addresses until `ended`."""

    def __init__(self, addresses, ended):
        super().__init__(daemon=True)
        self.addresses, self.ended, self.sent = addresses, ended, 0
        self.random = random.Random(1)
        self.seeds = [
            *(get(path, *headers, method=method).encode() + body for path, headers, method, body in (
                ("/pod", (), "GET", b""), ("/info", ("X-Forwarded-For: 10.0.0.1",), "GET", b""),
                ("/pod", ("Content-Length: 2000",), "POST", b"a" * 2000),
                ("/pod", ("Transfer-Encoding: chunked",), "POST", b"3\r\nabc\r\n0\r\n\r\n"),
                ("/pod?fault=delay=50ms", (), "GET", b""), ("/pod", ("x-lbdemo-fault: reset",), "GET", b""))),
            grpclib.PREFACE + grpclib.h2_frame(grpclib.SETTINGS) + grpclib.h2_call(1, "/lbdemo.v1.PodService/GetInfo")
            + grpclib.h2_frame(0, bytes(5), 1, 1) + grpclib.h2_call(3, "/lbdemo.v1.PodService/Watch")
            + grpclib.h2_frame(0, bytes(5), 1, 3) + grpclib.h2_frame(grpclib.RST_STREAM, b"\0\0\0\x08", 0, 3),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300)]

    def make(self):
        """A seed, as it is or with some bytes changed, cut or repeated; or nothing."""
        data = bytearray(self.random.choice(self.seeds))
        for _ in range(self.random.choice((0, 0, 1, 2, 8))):
            data[self.random.randrange(len(data))] = self.random.randrange(256)
        if self.random.random() < 0.3:
            del data[self.random.randrange(len(data)):]
        return bytes(data) * self.random.choice((1, 1, 1, 5))

    def run(self):
        insecure = ssl._create_unverified_context()  # pylint: disable=protected-access
        insecure.set_alpn_protocols(["h2", "http/1.1"])
        while not self.ended.wait(0.01):
            address, tls = self.random.choice(self.addresses)
            s = lbtest.connect(address)
            try:
                s.settimeout(0.2)
                if tls and self.random.random() < 0.5:
                    s = insecure.wrap_socket(s)
                s.sendall(self.make())
                if self.random.random() < 0.7:
                    s.recv(65536)
            except OSError:
                pass
            s.close()
            self.sent += 1


class Watchers(threading.Thread):
    """Keeps Watch streams open and renews them."""

    def __init__(self, channel, ended):
        super().__init__(daemon=True)
        self.channel, self.ended, self.messages = channel, ended, 0

    def watch(self):
        stub = stubs.PodServiceStub(self.channel)
        while not self.ended.is_set():
            stream = stub.Watch(pb.WatchRequest(interval_ms=100), wait_for_ready=True)
            try:
                for n, _ in enumerate(stream):
                    self.messages += 1
                    if n > 50 or self.ended.is_set():
                        stream.cancel()
            except grpc.RpcError:
                pass  # of its age, or of our cancel

    def run(self):
        threads = [threading.Thread(target=self.watch, daemon=True) for _ in range(STREAMS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class Samples:
    """Memory (KiB) and descriptors of a server over time."""

    def __init__(self, pid):
        self.pid, self.taken = pid, []

    def take(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            fields = dict(re.findall(r"^(VmRSS|RssAnon):\s+(\d+) kB", f.read(), re.MULTILINE))
        self.taken.append((time.monotonic(), int(fields["VmRSS"]), int(fields["RssAnon"]), self.descriptors()))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def growth(self, column):
        """(rise of the least-squares line over the samples after the warm-up, median of them)."""
        kept = self.taken[int(len(self.taken) * WARM_UP):]
        times, values = [s[0] for s in kept], [s[column] for s in kept]
        slope = statistics.linear_regression(times, values).slope
        return slope * (times[-1] - times[0]), statistics.median(values)


class Soak(lbtest.Case):
    def start_clients(self, server, tls):
        return {name: self.start(f"lbdemo-{protocol}-client", "--rate", RATE, "--output", "json", *options,
                                 *(("--cacert", self.certificates.ca, "--server-name", "localhost", "--tls") if tls else ()),
                                 getattr(server, protocol))
                for name, (protocol, *options) in CLIENTS.items()}

    def channel(self, server, tls):
        if not tls:
            return grpclib.channel(server.grpc)
        with open(self.certificates.ca, "rb") as f:
            credentials = grpc.ssl_channel_credentials(f.read())
        return grpc.secure_channel(server.grpc, credentials, options=[
            ("grpc.enable_http_proxy", 0), ("grpc.ssl_target_name_override", "localhost")])

    def run_for(self, seconds, servers, samples):
        """Takes samples; every half minute the servers open and read their files again."""
        begun, hups = time.monotonic(), 0
        while (now := time.monotonic() - begun) < seconds:
            for sample in samples.values():
                sample.take()
            if now > 30 * (hups + 1):
                hups += 1
                for server in servers.values():
                    server.signal(signal.SIGHUP)
            time.sleep(SAMPLE_S)

    def test_soak(self):
        self.certificates = Certificates(self.folder)
        cert, key = self.certificates.issue("localhost")
        servers = {"plaintext": self.server(*OPTIONS), "TLS": self.server(*OPTIONS, "--tls-cert", cert, "--tls-key", key)}
        ended = threading.Event()
        idle = {kind: Samples(s.pid).descriptors() for kind, s in servers.items()}
        samples = {kind: Samples(s.pid) for kind, s in servers.items()}
        clients = {kind: self.start_clients(s, kind == "TLS") for kind, s in servers.items()}
        garbage = Garbage([(a, kind == "TLS") for kind, s in servers.items() for a in (s.http, s.grpc)], ended)
        channels = {kind: self.channel(s, kind == "TLS") for kind, s in servers.items()}
        watchers = {kind: Watchers(channel, ended) for kind, channel in channels.items()}
        for thread in (garbage, *watchers.values()):
            thread.start()
        self.run_for(MINUTES * 60, servers, samples)
        ended.set()
        for thread in (garbage, *watchers.values()):
            thread.join(lbtest.DEADLINE_S)
        for channel in channels.values():
            channel.close()
        print(f"{MINUTES:g} minutes; {garbage.sent} connections with garbage")
        for kind, server in servers.items():
            self.check_clients(kind, clients[kind])
            self.check_server(kind, server, samples[kind], idle[kind], watchers[kind].messages)

    def check_clients(self, kind, clients):
        for client in clients.values():
            client.signal(signal.SIGINT)
        for name, client in clients.items():
            client.wait()
            verdict = json.loads(client.out())["verdict"]
            print(f"{kind}, {name}: {verdict['requests']} requests, {verdict['errors']} failed")
            with self.subTest(f"{kind}, {name}"):
                self.assertEqual(verdict["errors"], 0, verdict["facts"])
                self.assertGreater(verdict["requests"], 0.8 * RATE * 60 * MINUTES)

    def check_server(self, kind, server, samples, idle, messages):
        print(f"{kind}, Watch: {messages} messages")
        sanitized = is_sanitized()
        for column, name in ((1, "RSS"), (2, "RssAnon")):
            rise, median = samples.growth(column)
            print(f"{kind}, {name}: median {median / 1024:.1f} MiB, trend {rise / 1024:+.2f} MiB after the warm-up")
            with self.subTest(f"{kind}, {name}"):
                if not sanitized:  # a sanitizer keeps what was freed
                    self.assertLess(rise, GROWN_KIB)
        rise, median = samples.growth(3)
        print(f"{kind}, descriptors: median {median:g}, trend {rise:+.1f}; idle {idle}")
        lbtest.wait_until(lambda: samples.descriptors() <= idle + 1, f"the {kind} server's descriptors to be closed")
        self.assertEqual(server.stop(), 0, server.err())
        self.assertNotRegex(server.err(), "ERROR|runtime error|assertion")


if __name__ == "__main__":
    lbtest.main()
