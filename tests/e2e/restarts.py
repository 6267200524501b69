"""Three servers restarted one after the other behind a balancer that asks /readyz or gRPC health, while our
clients send 500 requests a second each: none fails. RESTARTS says how many restarts (make check-restarts: 100)."""
import itertools
import json
import os
import signal
import urllib.request

import envoy
import haproxy
import lablib
import lbtest

RESTARTS = int(os.environ.get("RESTARTS", "3"))
SERVERS = 3
RATE = 500
DRAIN_DELAY, INTERVAL, INTERVAL_MS = "600ms", "0.1s", 100
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# What each client is: its program, the balancer's listener, its options.
CLIENTS = {
    "HTTP, kept connections": ("lbdemo-http-client", "http", ["--reuse-connection", "--connections", 4]),
    "HTTP, new connections": ("lbdemo-http-client", "http", ["--new-connection", "--connections", 4]),
    "gRPC": ("lbdemo-grpc-client", "grpc", ["--connections", 2, "--streams", 2]),
}
IN_FLIGHT = 4  # at once of each client


class HAProxies:
    """HAProxy before HTTP and gRPC, request by request; it asks /readyz for both."""

    def __init__(self, folder, servers, retries=0):
        check = f"check inter {INTERVAL_MS} fall 1 rise 1"
        lines = ["option httpchk GET /readyz", "http-check expect status 200",
                 *(["option redispatch 1", f"retries {retries}"] if retries else ["retries 0"])]
        self.processes = [
            haproxy.HAProxy(folder, [s.http for s in servers], mode="http",
                            backend=lines + (["option http-server-close"] if retries else []),
                            options=[check] * SERVERS),
            haproxy.HAProxy(folder, [s.grpc for s in servers], mode="http", backend=lines, bind="proto h2",
                            options=[f"proto h2 {check} check-proto h1 addr %s port %d" % lbtest.split(s.http)
                                     for s in servers])]
        self.http, self.grpc = (p.address for p in self.processes)

    def end(self):
        for process in self.processes:
            process.end()


class Restarts(lbtest.Case):
    def start_one(self, n, *listen):
        # 127.0.0.2: a connection's own port, drawn on 127.0.0.1, cannot take a port that waits for its server.
        listen = listen or ("--http-listen", "127.0.0.2:0", "--grpc-listen", "127.0.0.2:0")
        return self.server("--drain-delay", DRAIN_DELAY, "--threads", 1, *listen, *self.options, name=f"server-{n}")

    def stand(self, make, *options):
        self.options = options
        self.servers = [self.start_one(n) for n in range(SERVERS)]
        self.balancer = make(self.servers)
        self.addCleanup(self.balancer.end)
        wanted = {f"server-{n}" for n in range(SERVERS)}
        for name, protocol in (("lbdemo-http-client", "http"), ("lbdemo-grpc-client", "grpc")):
            lbtest.wait_until(lambda: self.names(name, getattr(self.balancer, protocol)) == wanted,
                              f"all servers behind the {protocol} balancer")

    def names(self, client, address):
        """Who answers a few requests on connections of their own, without an error."""
        _, out, _ = self.run_program(client, "--count", 24, "--rate", 0, "--new-connection", "--output", "json",
                                     address)
        verdict = json.loads(out)["verdict"]
        return {share["name"] for share in verdict["shares"]} if not verdict["errors"] else None

    def start_clients(self):
        return {name: self.start(program, "--rate", RATE, "--output", "json", *options,
                                 getattr(self.balancer, protocol))
                for name, (program, protocol, options) in CLIENTS.items()}

    def verdicts(self, clients):
        for client in clients.values():
            client.signal(signal.SIGINT)
        found = {}
        for name, client in clients.items():
            client.wait()
            found[name] = json.loads(client.out())["verdict"]
        return found

    @staticmethod
    def metrics(server):
        with NO_PROXY.open(f"http://{server.admin}/metrics", timeout=lbtest.DEADLINE_S) as reply:
            return reply.read().decode().splitlines()

    def served(self, server):
        """How many requests of each protocol it has answered well."""
        lines = self.metrics(server)
        return [sum(float(line.rsplit(" ", 1)[1]) for line in lines
                    if line.startswith("lbdemo_requests_total{") and f'"{code}"' in line and "health" not in line.lower()
                    and "/readyz" not in line)
                for code in ("200", "OK")]

    def restart(self, n):
        old = self.servers[n]
        self.assertEqual(old.stop(), 0, old.err())
        self.servers[n] = self.start_one(n, "--http-listen", old.http, "--grpc-listen", old.grpc)
        old.end()
        self.wait_served(n)

    def wait_served(self, n):
        lbtest.wait_until(lambda: min(self.served(self.servers[n])) > 20, "the load to come back")

    def roll(self):
        clients = self.start_clients()
        for n in itertools.islice(itertools.cycle(range(SERVERS)), RESTARTS):
            self.restart(n)
        for name, verdict in self.verdicts(clients).items():
            with self.subTest(name):
                self.assertEqual(verdict["errors"], 0, verdict["facts"])
                self.assertGreater(verdict["requests"], 100 * RESTARTS)
                self.assertEqual(verdict["seen"], SERVERS)
                print(f"{name}: {verdict['requests']} requests, {RESTARTS} restarts", flush=True)

    def kill_one(self):
        """Ends one without notice; returns how many requests of each client failed, and how many gRPC connections
        it had."""
        clients = self.start_clients()
        lbtest.wait_until(lambda: all(min(self.served(s)) > 20 for s in self.servers[1:]), "load on the servers")
        connections = next(int(line.split()[1]) for line in self.metrics(self.servers[0])
                           if line.startswith('lbdemo_connections_open{protocol="grpc"}'))
        self.servers[0].popen.kill()
        before = self.served(self.servers[1])[0]
        lbtest.wait_until(lambda: self.served(self.servers[1])[0] > before + RATE / 4, "the others to serve on")
        return {name: verdict["errors"] for name, verdict in self.verdicts(clients).items()}, connections

    def need_envoy(self):
        if not lablib.envoy():
            self.skipTest("Envoy is not installed (./bootstrap --install-deps does)")

    def need_haproxy(self):
        if not haproxy.BINARY:
            self.skipTest("haproxy is not installed")

    def test_rolling_behind_envoy_loses_nothing(self):
        self.need_envoy()
        self.stand(lambda servers: envoy.Envoy(self.folder, servers, INTERVAL))
        self.roll()

    def test_rolling_behind_haproxy_loses_nothing(self):
        self.need_haproxy()
        self.stand(lambda servers: HAProxies(self.folder, servers))
        self.roll()

    def test_a_killed_server_loses_only_what_was_in_flight(self):
        # The balancer tries another server when it cannot connect. Over HTTP it connects for each request: what
        # fails is what a client had in flight at the kill. Over gRPC what fails is what a client has in flight when
        # the balancer reads that a connection has ended; with more than one, what it sends next may meet the next.
        self.need_haproxy()
        self.stand(lambda servers: HAProxies(self.folder, servers, retries=3))
        lost, connections = self.kill_one()
        grpc = lost.pop("gRPC")
        self.assertLessEqual(max(lost.values()), IN_FLIGHT, lost)
        self.assertLessEqual(grpc, connections * IN_FLIGHT)


if __name__ == "__main__":
    lbtest.main()
