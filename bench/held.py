"""make bench-held: what idle connections cost, and what they do to the others: 10,000 kept HTTP connections and 1,000
gRPC channels, idle after one request each, while a load runs beside them; TLS with fewer.

Usage: held.py --build DIR --source DIR [--record FILE] [--compiler TEXT]

BENCH_ROUNDS (default 3) loads of BENCH_SECONDS (default 3) each; printed are medians.
"""
import os
import re
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import bench
import servers
from servers import tool

HTTP_HELD, GRPC_HELD, TLS_HELD = 10000, 1000, 2000
SETTLE_S = 1.0  # from the last connection to the memory's reading
GET = b"GET /pod HTTP/1.1\r\nHost: a\r\n\r\n"
RECORD = ("<!-- make bench-held-record writes below -->\n", "<!-- make bench-held-record writes above -->\n")


def h2_frame(kind, payload, flags, stream):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def grpc_call():
    """What a channel sends first: preface, SETTINGS and a call of getInfo (fields as literals)."""
    fields = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/api.protobuf.pod/getInfo"),
              (b":authority", b"a"), (b"te", b"trailers"), (b"content-type", b"application/grpc"))
    block = b"".join(b"\0" + bytes([len(k)]) + k + bytes([len(v)]) + v for k, v in fields)
    return (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, b"", 0, 0) + h2_frame(4, b"", 1, 0)
            + h2_frame(1, block, 4, 1) + h2_frame(0, bytes(5), 1, 1))


def hold(address, count, first, answered, context=None):
    """`count` connections, each after one request that was answered."""
    held = []
    for _ in range(count):
        s = socket.create_connection(address, timeout=10)
        if context:
            s = context.wrap_socket(s)
        s.sendall(first)
        reply = b""
        while answered not in reply:
            more = s.recv(65536)
            if not more:
                raise bench.Failure(f"a connection to port {address[1]} ended after {len(held)} others")
            reply += more
        held.append(s)
    return held


def still_there(held):
    """How many of them the server has not closed."""
    alive = 0
    for s in held:
        s.setblocking(False)
        try:
            alive += s.recv(65536) != b""
        except (BlockingIOError, ssl.SSLWantReadError):
            alive += 1
        except OSError:
            pass
    return alive


class WrkLoad:
    """GET /pod over 64 connections."""
    command = "wrk -t1 -c64 -d{seconds}s --latency http://ADDRESS/pod"

    def __init__(self):
        self._wrk = bench.HttpLoad()
        self.version = self._wrk.version

    def run(self, server, seconds, cpu):
        """(requests/s, 99th percentile in ms)."""
        said = run_pinned([*self._wrk.argv("%s:%d" % server.http, seconds), "--latency"], seconds, cpu)
        requests, took = self._wrk.requests(said)
        found = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said)
        return requests / took, float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


class H2Load:
    """getInfo over 4 connections with 10 calls each."""
    command = "h2load -c4 -m10 -D{seconds} --log-file=TIMES http://ADDRESS/api.protobuf.pod/getInfo"

    def __init__(self, cache):
        self._h2load = bench.GrpcLoad(cache)
        self.version = self._h2load.version

    def run(self, server, seconds, cpu):
        with tempfile.NamedTemporaryFile() as times:
            said = run_pinned([*self._h2load.argv("%s:%d" % server.grpc, seconds), f"--log-file={times.name}"],
                              seconds, cpu)
            took_us = sorted(int(line.split()[2]) for line in times.read().decode().splitlines())
        requests, took = self._h2load.requests(said)
        return requests / took, took_us[len(took_us) * 99 // 100] / 1000


def run_pinned(argv, seconds, cpu):
    pin = None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          preexec_fn=pin, timeout=seconds + 30, check=True).stdout


def private_kib(server):
    return server.memory_mb()[1] * 1e6 / 1024


def measure_held(server, address, count, first, answered, context=None):
    """KiB of private memory that each of `count` idle connections costs, and the connections."""
    # What the first few cause is no connection's.
    hold(address, 10, first, answered, context)
    time.sleep(SETTLE_S)
    before = private_kib(server)
    held = hold(address, count, first, answered, context)
    time.sleep(SETTLE_S)
    return (private_kib(server) - before) / count, held


def measure_loads(load, server, rounds, seconds, cpu):
    """Medians of rate and 99th percentile."""
    found = [load.run(server, seconds, cpu) for _ in range(rounds)]
    return [statistics.median(values) for values in zip(*found)]


def measure_server(server, loads, rounds, seconds, cpu):
    """A row for each protocol that the server speaks: what its idle connections cost, and the load without and with
    all of them."""
    wrk, h2load = loads
    kinds = [(kind, load, address, count, first, answered) for kind, load, address, count, first, answered in (
        ("HTTP", wrk, server.http, HTTP_HELD, GET, servers.POD_NAME.encode()),
        ("gRPC", h2load, server.grpc, GRPC_HELD, grpc_call(), servers.POD_NAME.encode())) if address and load]
    alone = {kind: measure_loads(load, server, rounds, seconds, cpu) for kind, load, *_ in kinds}
    costs, held = {}, {}
    for kind, _, address, count, first, answered in kinds:
        costs[kind], held[kind] = measure_held(server, address, count, first, answered)
    rows = []
    for kind, load, *_ in kinds:
        rate, p99 = measure_loads(load, server, rounds, seconds, cpu)
        lost = len(held[kind]) - still_there(held[kind])
        rows.append([f"{server.name}, {kind}", f"{len(held[kind]):,}", f"{costs[kind]:.2f}", f"{alone[kind][0]:,.0f}",
                     f"{rate:,.0f}", f"{alone[kind][1]:.2f}", f"{p99:.2f}", str(lost)])
    for s in (s for all_held in held.values() for s in all_held):
        s.close()
    return rows


def measure_tls(server):
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    cost, held = measure_held(server, server.http, TLS_HELD, GET, servers.POD_NAME.encode(), context)
    for s in held:
        s.close()
    return [server.name, f"{TLS_HELD:,}", f"{cost:.1f}"]


def certificate(folder):
    paths = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-out", paths[0], "-keyout", paths[1]], check=True,
                   capture_output=True)
    return paths


def result_text(rows, tls_rows, skipped, rounds, seconds):
    lines = [*bench.table(["server", "idle", "KiB each", "requests/s alone", "with them", "p99 ms alone", "with them",
                           "lost"], rows), "", f"    {WrkLoad.command.format(seconds=seconds)}",
             f"    {H2Load.command.format(seconds=seconds)}", "", *bench.table(["HTTPS", "idle", "KiB each"], tls_rows),
             "", "KiB each: growth of the private memory (RssAnon) by the idle connections, without the kernel's. The load",
             f"runs alone, then beside all idle connections of the server; medians of {rounds} rounds of {seconds} s. No",
             "request of a load failed. lost: idle connections that were closed by the end."]
    return "\n".join(lines + [f"Skipped: {reason}." for reason in skipped]) + "\n"


def run(options):
    rounds = bench.from_environment("BENCH_ROUNDS", 3, 1000)
    seconds = bench.from_environment("BENCH_SECONDS", 3, 3600)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit < HTTP_HELD + 2 * GRPC_HELD + 1000:
        raise bench.Failure(f"{limit} file descriptors are too few for this")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    cpus = sorted(os.sched_getaffinity(0))
    server_cpu, load_cpu = cpus[:2] if len(cpus) > 1 else (None, None)
    cache = os.path.join(options.build, "bench", "cache")
    peers, protos = os.path.join(options.source, "bench", "peers"), os.path.join(options.source, "proto")
    ours, skipped = os.path.join(options.build, "lbdemo-server"), []
    with tempfile.TemporaryDirectory(prefix="lbdemo-bench-") as folder:
        tls = certificate(folder)
        plain = bench.have([("lbdemo-server", lambda: servers.Lbdemo(server_cpu, ours)),
                            ("nginx", lambda: servers.Nginx(server_cpu, connections=limit - 100)),
                            ("Go net/http", lambda: servers.GoHttp(server_cpu, peers, cache)),
                            ("grpc-go", lambda: servers.GoGrpc(server_cpu, peers, protos, cache))], skipped)
        secure = bench.have([("lbdemo-server", lambda: servers.Lbdemo(server_cpu, ours, tls)),
                             ("nginx", lambda: servers.Nginx(server_cpu, limit - 100, tls))], skipped)
        loads = [next(iter(bench.have([pair], skipped)), None)
                 for pair in (("HTTP load", WrkLoad), ("gRPC load", lambda: H2Load(cache)))]
        rows, tls_rows = [], []
        for server in plain + secure:
            bench.progress(server.name)
            server.start()
            try:
                if server in plain:
                    rows += measure_server(server, loads, rounds, seconds, load_cpu)
                else:
                    tls_rows.append(measure_tls(server))
            finally:
                server.stop()
    bench.progress("")
    text = result_text(rows, tls_rows, skipped, rounds, seconds)
    print(text, end="")
    if options.record:
        about = bench.about(plain, [load for load in loads if load], options.source, options.compiler)
        bench.record(options.record, f"    {options.command}\n\n{about}\n{text}", *RECORD)


if __name__ == "__main__":
    sys.exit(bench.guarded(lambda: run(bench.arguments(__doc__, "make bench-held"))))
