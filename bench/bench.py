"""make bench: CPU time a request, requests/s, memory and start time, lbdemo-server beside its peers.

Usage: bench.py --build DIR --source DIR [--record FILE] [--compiler TEXT]

BENCH_ROUNDS (default 5) rounds of BENCH_SECONDS (default 2) per server and protocol, interleaved, so
that what else the machine does falls on all alike; printed are medians with the lowest and the highest.
"""
import argparse
import datetime
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time

import servers
from servers import Missing, tool

STARTS = 11            # of each server, for the time to ready
WARM_UP_S = 1          # load whose figures are thrown away
SETTLE_S = 0.5         # from ready to the idle figures
RECORD = ("<!-- make bench-record writes below -->\n", "<!-- make bench-record writes above -->\n")


class Failure(Exception):
    """The measurement cannot be trusted; the text says why."""


class HttpLoad:
    """GET /pod over kept-alive connections."""
    title = "HTTP: GET /pod"
    command = "wrk -t1 -c64 -d{seconds}s http://ADDRESS/pod"

    def __init__(self):
        self._path = tool("wrk")
        self.version = re.search(r"wrk \S+", servers.output_of(self._path, "-v")).group()

    @staticmethod
    def address(server):
        return server.http

    @staticmethod
    def check(server):
        servers.get_pod(server.http, 5.0)

    def argv(self, address, seconds):
        return [self._path, "-t1", "-c64", f"-d{seconds}s", f"http://{address}/pod"]

    @staticmethod
    def requests(said):
        """(requests, seconds) of wrk's report."""
        done = re.search(r"(\d+) requests in ([\d.]+)(m?s),", said)
        if not done or "Non-2xx" in said or "Socket errors" in said:
            raise Failure(f"wrk met errors: {said.strip()}")
        return int(done[1]), float(done[2]) / (1000 if done[3] == "ms" else 1)


class GrpcLoad:
    """Unary getInfo, multiplexed."""
    title = "gRPC: api.protobuf.pod/getInfo"
    command = "h2load -c4 -m10 -D{seconds} -d EMPTY-MESSAGE http://ADDRESS/api.protobuf.pod/getInfo"
    _headers = ("-Hcontent-type: application/grpc", "-Hte: trailers")

    def __init__(self, cache):
        self._path = tool("h2load")
        self._nghttp = tool("nghttp")
        self.version = servers.output_of(self._path, "--version")
        os.makedirs(cache, exist_ok=True)
        self._message = os.path.join(cache, "empty-message")
        with open(self._message, "wb") as f:
            f.write(bytes(5))  # not compressed, length 0

    @staticmethod
    def address(server):
        return server.grpc

    @staticmethod
    def _url(address):
        return f"http://{address}/api.protobuf.pod/getInfo"

    def check(self, server):
        said = servers.output_of(self._nghttp, "-v", "-d", self._message, *self._headers,
                                 self._url("%s:%d" % server.grpc))
        if "grpc-status: 0" not in said or servers.POD_NAME not in said:
            raise Failure(f"{server.name} did not answer getInfo: {said[-500:]}")

    def argv(self, address, seconds):
        return [self._path, "-c4", "-m10", f"-D{seconds}", "-d", self._message, *self._headers, self._url(address)]

    @staticmethod
    def requests(said):
        """(requests, seconds) of h2load's report."""
        took = re.search(r"finished in ([\d.]+)(m?s),", said)
        done = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", said)
        if not took or not done or done[2] != "0" or done[3] != "0":
            raise Failure(f"h2load met errors: {said.strip()}")
        return int(done[1]), float(took[1]) / (1000 if took[2] == "ms" else 1)


class Figures:
    """What was measured of one server."""

    def __init__(self):
        self.ready_s = []
        self.idle_mb = None
        self.loaded_mb = None  # the highest seen, if it was loaded
        self.cpu_us = {}   # by load: one value a round
        self.rate = {}


def run_load(load, server, seconds, cpu):
    """One measurement: (CPU µs a request, requests/s, (resident, private) MB half-way)."""
    argv = load.argv("%s:%d" % load.address(server), seconds)
    pin = None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})
    before = server.cpu_seconds()
    generator = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, preexec_fn=pin)
    try:
        time.sleep(seconds / 2)
        memory = server.memory_mb()
        said, _ = generator.communicate(timeout=seconds + 30)
    finally:
        if generator.poll() is None:
            generator.kill()
            generator.wait()
    used = server.cpu_seconds() - before
    requests, took = load.requests(said)
    if requests == 0:
        raise Failure(f"{server.name} answered nothing in {seconds} s")
    return used * 1e6 / requests, requests / took, memory


def measure(all_servers, loads, rounds, seconds, cpu):
    """Start times, idle memory, then the rounds; returns Figures by server."""
    figures = {server: Figures() for server in all_servers}
    for _ in range(STARTS):
        for server in all_servers:
            figures[server].ready_s.append(server.start())
            server.stop()
    for server in all_servers:
        server.start()
    time.sleep(SETTLE_S)
    for server in all_servers:
        figures[server].idle_mb = server.memory_mb()
    pairs = [(load, server) for load in loads for server in all_servers if load.address(server)]
    for load, server in pairs:
        load.check(server)
        run_load(load, server, WARM_UP_S, cpu)
    for number in range(1, rounds + 1):
        progress(f"round {number} of {rounds}")
        for load, server in pairs:
            cpu_us, rate, memory = run_load(load, server, seconds, cpu)
            f = figures[server]
            f.cpu_us.setdefault(load, []).append(cpu_us)
            f.rate.setdefault(load, []).append(rate)
            f.loaded_mb = tuple(map(max, f.loaded_mb or memory, memory))
    progress("")
    return figures


def progress(text):
    """A line that is overwritten, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


def spread(values, form):
    """`median (lowest–highest)`."""
    texts = [format(v, form) for v in (statistics.median(values), min(values), max(values))]
    return "{} ({}–{})".format(*texts)


def table(head, rows):
    """Lines of a table that reads well as text and as Markdown; the first column is left-aligned."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    def line(cells):
        return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w)
                                 for i, (c, w) in enumerate(zip(cells, widths))) + " |"
    rule = "|" + "|".join(("-" if i == 0 else "") + "-" * (w + 1) + ("" if i == 0 else ":")
                          for i, w in enumerate(widths)) + "|"
    return [line(head), rule, *map(line, rows)]


def speed_table(load, figures):
    """CPU and rate under one load; `ratio` is CPU a request relative to lbdemo-server's."""
    measured = [(server, f) for server, f in figures.items() if load in f.cpu_us]
    ours = [statistics.median(f.cpu_us[load]) for server, f in measured if isinstance(server, servers.Lbdemo)]
    rows = []
    for server, f in measured:
        ratio = f"{statistics.median(f.cpu_us[load]) / ours[0]:.2f}" if ours else "-"
        rows.append([server.name, spread(f.cpu_us[load], ".1f"), ratio, spread(f.rate[load], ",.0f")])
    return table(["server", "CPU µs/request", "ratio", "requests/s"], rows)


def footprint_table(figures):
    """Memory and start time."""
    rows = []
    for server, f in figures.items():
        loaded = [f"{mb:.1f}" for mb in f.loaded_mb] if f.loaded_mb else ["-", "-"]
        rows.append([server.name, *(f"{mb:.1f}" for mb in f.idle_mb), *loaded,
                     spread([s * 1000 for s in f.ready_s], ".0f")])
    return table(["server", "RSS idle", "anon", "RSS loaded", "anon", "ready ms"], rows)


def result_text(figures, loads, skipped, seconds, rounds, pinned):
    """All that is printed and recorded."""
    lines = []
    for load in loads:
        if any(load in f.cpu_us for f in figures.values()):
            lines += [load.title, "", *speed_table(load, figures), "", f"    {load.command.format(seconds=seconds)}", ""]
    lines += ["Resident memory in MB (anon: the private part, RssAnon) and exec to ready", "",
              *footprint_table(figures), ""]
    lines += [f"Medians (lowest–highest) of {rounds} interleaved rounds of {seconds} s after a warm-up; of {STARTS} starts.",
              "CPU is user + system time of the server's processes around the load, by the requests",
              "answered; ratio is CPU relative to lbdemo-server. "
              + ("Servers run on one core, the load on another." if pinned else
                 "Servers and load share the one core there is.")]
    return "\n".join(lines + [f"Skipped: {reason}." for reason in skipped]) + "\n"


def commit_of(source):
    """Which sources were measured."""
    try:
        return "commit " + subprocess.run([tool("git"), "-C", source, "describe", "--always", "--dirty"], check=True,
                                          capture_output=True, text=True).stdout.strip()
    except (Missing, subprocess.CalledProcessError):
        return "a release"


def about(figures, loads, source, compiler):
    """Where and with what: machine and versions, one a line."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"^model name\s*: (.*)$", f.read(), re.MULTILINE)
    lines = [f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, {commit_of(source)}",
             f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"]
    if compiler:
        lines.append(f"built with {compiler}")
    lines += [server.version for server in figures]
    lines += [load.version for load in loads]
    return "".join(f"- {line}\n" for line in lines)


def record(path, text, begin, end):
    """Puts `text` between the marks `begin` and `end` of the results file."""
    with open(path, encoding="utf-8") as f:
        old = f.read()
    if begin not in old or end not in old:
        raise Failure(f"{path} has no place marked for the results")
    before, after = old.split(begin)[0], old.split(end)[1]
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(before + begin + "\n" + text + "\n" + end + after)
    os.replace(path + ".new", path)


def from_environment(name, default, highest):
    """A whole number of the environment; raises ValueError."""
    text = os.environ.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= highest:
        raise ValueError(f"{name} is '{text}': allowed is a whole number from 1 to {highest}")
    return int(text)


def have(makers, skipped):
    """What of `makers`, (name, function) pairs, can be had; the others go to `skipped`, with reasons."""
    found = []
    for name, make in makers:
        try:
            found.append(make())
        except Missing as e:
            skipped.append(f"{name} ({e})")
    return found


def arguments(about_this, command):
    parser = argparse.ArgumentParser(description=about_this, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build tree, with lbdemo-server")
    parser.add_argument("--source", required=True, help="the source tree")
    parser.add_argument("--record", metavar="FILE", help="also write the results there")
    parser.add_argument("--compiler", default="", help="how lbdemo-server was compiled, for the results")
    parser.add_argument("--command", default=command, help="what was typed, for the results")
    return parser.parse_args()


def run(options):
    """Measures what is there, prints it and, if asked, records it."""
    rounds = from_environment("BENCH_ROUNDS", 5, 1000)
    seconds = from_environment("BENCH_SECONDS", 2, 3600)
    cpus = sorted(os.sched_getaffinity(0))
    server_cpu, load_cpu = cpus[:2] if len(cpus) > 1 else (None, None)
    cache = os.path.join(options.build, "bench", "cache")
    peers = os.path.join(options.source, "bench", "peers")
    protos = os.path.join(options.source, "proto")
    skipped = []
    progress("building the peers")
    ours = os.path.join(options.build, "lbdemo-server")
    all_servers = have([(servers.Lbdemo.name, lambda: servers.Lbdemo(server_cpu, ours)),
                        (servers.Nginx.name, lambda: servers.Nginx(server_cpu)),
                        (servers.GoHttp.name, lambda: servers.GoHttp(server_cpu, peers, cache)),
                        (servers.GoGrpc.name, lambda: servers.GoGrpc(server_cpu, peers, protos, cache))], skipped)
    loads = have([("HTTP load", HttpLoad), ("gRPC load", lambda: GrpcLoad(cache))], skipped)
    progress("")
    try:
        figures = measure(all_servers, loads, rounds, seconds, load_cpu)
    finally:
        for server in all_servers:
            server.stop()
    text = result_text(figures, loads, skipped, seconds, rounds, server_cpu is not None)
    print(text, end="")
    if options.record:
        record(options.record, f"    {options.command}\n\n{about(figures, loads, options.source, options.compiler)}\n"
               + text, *RECORD)


def guarded(work):
    """Runs `work`; returns the exit status, errors as sentences."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        work()
    except ValueError as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    except (Failure, RuntimeError, OSError) as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(guarded(lambda: run(arguments(__doc__, "make bench"))))
