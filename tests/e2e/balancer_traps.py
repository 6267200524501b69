"""What real balancers do to naive rules: a verdict says the right word or none.

Each probe may say a wrong word by luck with chance ALPHA at the very most, so that this file's
some 200 probes fail by luck with a chance below 1e-6."""
import json
import signal
import types

import envoy
import grpclib  # skips without grpc  # pylint: disable=unused-import
import haproxy
import lablib
import lbtest
import nginx
from http_backend import Backend, free_port

HTTP, GRPC = "lbdemo-http-client", "lbdemo-grpc-client"
ALPHA = 1e-9
PROBE = ["--diagnose"]
KEPT = ["-n", 240, "--rate", 0, "--connections", 12, "--reuse-connection"]
ONE = ["-n", 60, "--rate", 0, "--connections", 1, "--reuse-connection"]
NEW = ["-n", 60, "--rate", 0, "--new-connection"]
H2 = {"bind": "proto h2", "options": ["proto h2"] * 3}


def facts(verdict):
    return {fact["id"]: fact["text"] for fact in verdict["facts"]}


class Traps(lbtest.Case):
    def servers(self, *args, names=tuple(lablib.PODS)):
        return [self.server(*args, name=name) for name in names]

    def proxy(self, addresses, mode, **options):
        balancer = haproxy.HAProxy(self.folder, addresses, mode, **options)
        self.addCleanup(balancer.end)
        return balancer.address

    def nginx(self, addresses, keepalive):
        balancer = nginx.Nginx(self.folder, addresses, keepalive)
        self.addCleanup(balancer.end)
        return balancer.address

    def verdict(self, client, address, *args, alpha=ALPHA):
        """The verdict, and the exit status in it."""
        status, out, err = self.run_program(client, "--output", "json", "--alpha", alpha, *args, address, seconds=60)
        self.assertTrue(out, err)
        return {**json.loads(out)["verdict"], "status": status}

    def assert_words(self, client, address, layer, *outcomes, ways=(PROBE, KEPT, ONE, NEW), told=True):
        """Each way to send names `layer`, when told the probe does, or is inconclusive; None is no layer. With
        outcomes, it is one of them or inconclusive."""
        for args in ways:
            verdict = self.verdict(client, address, *args)
            what = f"{client} {args}: {verdict['headline']}, {verdict['facts']}"
            allowed = {layer or "inconclusive", "inconclusive"}
            self.assertIn(verdict["layer"], {layer} if told and layer and args is PROBE else allowed, what)
            if outcomes:
                self.assertIn(verdict["outcome"], {*outcomes, "inconclusive"}, what)


class Order(Traps):
    """A fixed order of connections has the period of a fixed turn of servers."""

    def test_as_many_connections_as_the_turn_is_long(self):
        servers = [s.http for s in self.servers()]
        kept = [["-n", 240, "--rate", 0, "--reuse-connection", "--connections", n] for n in (1, 2, 3, 6)]
        for mode, layer in (("http", "per-request"), ("tcp", "per-connection")):
            self.assert_words(HTTP, self.proxy(servers, mode), layer, "balanced", ways=[PROBE, *kept])
            weighted = self.proxy(servers, mode, options=[f"weight {w}" for w in (3, 2, 1)])
            self.assert_words(HTTP, weighted, layer, ways=[PROBE, *kept])

    def test_few_requests_say_what_they_could_have_missed(self):
        """In turn, 3:2:1 of 48 requests are 24, 16 and 8: the test passes, and says how little that means."""
        address = self.proxy([s.http for s in self.servers()], "http", options=[f"weight {w}" for w in (3, 2, 1)])
        verdict = self.verdict(HTTP, address, "-n", 48, "--rate", 0, "--new-connection", alpha=0.001)
        self.assertEqual(sorted(s["units"] for s in verdict["shares"]), [8, 16, 24])
        if verdict["outcome"] == "balanced":
            self.assertIn("a share ", facts(verdict)["could-miss"])
            self.assertGreater(verdict["could_miss"], 1 / 6)

    def test_the_less_busy_one_is_a_turn_for_one_request_at_a_time(self):
        address = self.proxy([s.http for s in self.servers()], "http", balance="leastconn")
        self.assert_words(HTTP, address, "per-request", "balanced")


class Pools(Traps):
    """A proxy's upstream connections are shared by clients, handed over, or kept for one."""

    def test_reuse_policies_before_servers_are_per_request(self):
        servers = [s.http for s in self.servers()]
        for reuse in ("never", "safe", "aggressive", "always"):
            address = self.proxy(servers, "http", backend=[f"http-reuse {reuse}"])
            self.assert_words(HTTP, address, "per-request", "balanced", ways=[PROBE, KEPT])
        for keepalive in (0, 16) if nginx.BINARY else ():
            self.assert_words(HTTP, self.nginx(servers, keepalive), "per-request", "balanced", ways=[PROBE, KEPT])

    def test_over_connections_balanced_a_private_upstream_connection_is_per_connection(self):
        servers = self.servers()
        for client, protocol, options in ((HTTP, "http", {}), (GRPC, "grpc", {**H2, "options": ["proto h2"]})):
            inner = self.proxy([getattr(s, protocol) for s in servers], "tcp")
            outer = self.proxy([inner], "http", backend=["http-reuse never"], **options)
            self.assert_words(client, outer, "per-connection", "balanced")

    def assert_pooled(self, client, address):
        """Connections that share others are not what is balanced. Requests are only where they changed backends."""
        for args in (PROBE, PROBE, PROBE, KEPT, ONE, NEW):
            verdict = self.verdict(client, address, *args)
            what = f"{client} {args}: {verdict['headline']}, {verdict['facts']}"
            if verdict["layer"] != "inconclusive":
                self.assertEqual(verdict["layer"], "per-request", what)
                self.assertTrue("left" in facts(verdict) or (args is ONE and verdict["seen"] > 1), what)
            self.assertNotEqual(verdict["outcome"], "pinned", what)

    def test_over_connections_balanced_a_shared_pool_is_no_choice_a_connection(self):
        servers = self.servers()
        inner = self.proxy([s.http for s in servers], "tcp")
        for reuse in ("safe", "aggressive", "always"):
            self.assert_pooled(HTTP, self.proxy([inner], "http", backend=[f"http-reuse {reuse}"]))
        if nginx.BINARY:
            self.assert_pooled(HTTP, self.nginx([inner], 16))
        inner = self.proxy([s.grpc for s in servers], "tcp")
        for reuse in ("safe", "always"):
            self.assert_pooled(GRPC, self.proxy([inner], "http", backend=[f"http-reuse {reuse}"], bind="proto h2",
                                                options=["proto h2"]))

    def test_workers_that_each_have_a_pool(self):
        if not lablib.envoy():
            self.skipTest("Envoy is not installed")
        servers = self.servers()
        inner = types.SimpleNamespace(**{p: self.proxy([getattr(s, p) for s in servers], "tcp") for p in ("http", "grpc")})
        workers = envoy.Envoy(self.folder, [inner], "60s", workers=3)
        self.addCleanup(workers.end)
        self.assert_pooled(HTTP, workers.http)
        self.assert_pooled(GRPC, workers.grpc)

    def test_what_a_pool_hides_from_one_request_at_a_time_several_at_once_show(self):
        inner = self.proxy([s.http for s in self.servers()], "tcp")
        address = self.proxy([inner], "http", backend=["http-reuse always"])
        verdict = self.verdict(HTTP, address, *ONE)
        self.assertEqual((verdict["seen"], verdict["outcome"], verdict["doubt"]), (1, "inconclusive", "one backend"))
        verdict = self.verdict(HTTP, address, "--diagnose")
        self.assertGreater(verdict["seen"], 1, verdict["facts"])
        self.assertIn("pool", facts(verdict))


class Endings(Traps):
    """Connections to the servers end where the client does not see it."""

    def test_behind_a_proxy_after_so_many_requests(self):
        for most in (1, 2, 3):
            servers = [s.http for s in self.servers("--max-requests-per-connection", most)]
            inner = self.proxy(servers, "tcp")
            self.assert_words(HTTP, inner, "per-connection" if most > 1 else None, "balanced")
            outer = self.proxy([inner], "http", backend=["http-reuse never"])
            # A connection upstream for each request is a choice for each request, also by L4.
            self.assert_words(HTTP, outer, "per-connection" if most > 1 else "per-request", "balanced")

    def test_behind_a_proxy_after_a_while(self):
        servers = [s.grpc for s in self.servers("--max-connection-age", "60ms")]
        outer = self.proxy([self.proxy(servers, "tcp")], "http", backend=["http-reuse never"], bind="proto h2",
                           options=["proto h2"])
        slow = ["-n", 240, "--interval", "5ms", "--connections", 6, "--reuse-connection"]
        self.assert_words(GRPC, outer, "per-connection", ways=[PROBE, slow, slow], told=False)


class Failures(Traps):
    def setUp(self):
        super().setUp()
        s, port = free_port()
        self.addCleanup(s.close)
        self.dead = f"127.0.0.1:{port}"

    def test_a_dead_server_behind_l4(self):
        servers = self.servers(names=lablib.PODS[:2])
        for client, protocol in ((HTTP, "http"), (GRPC, "grpc")):
            addresses = [getattr(s, protocol) for s in servers] + [self.dead]
            address = self.proxy(addresses, "tcp", backend=["retries 0"])
            self.assert_words(client, address, "per-connection", "balanced", ways=[PROBE, KEPT, NEW])
            verdict = self.verdict(client, address, *NEW)
            self.assertEqual((verdict["requests"], verdict["errors"]), (60, 20))
            self.assertIn(", 20 of 60 requests failed", verdict["headline"])
            told = self.verdict(client, address, *NEW, "--expect-backends", 3, alpha=0.001)
            self.assertEqual((told["outcome"], told["doubt"], told["status"]), ("inconclusive", "errors", 1))

    def test_a_short_grpc_run_that_meets_it_first_has_no_data_and_is_not_pinned(self):
        live = self.servers(names=lablib.PODS[:2])
        address = self.proxy([self.dead, *(s.grpc for s in live)], "tcp", backend=["retries 0"])
        verdict = self.verdict(GRPC, address, "-n", 20, "--rate", 0, "--expect-backends", 3)
        self.assertEqual((verdict["outcome"], verdict["layer"], verdict["status"]), ("no-data", "inconclusive", 3))
        self.assertRegex(facts(verdict)["errors"], "20 of 20 requests failed, most often: UNAVAILABLE: ")

    def test_requests_that_fail_are_no_shares(self):
        servers = [s.http for s in self.servers()]
        some = self.proxy(servers, "http", backend=["http-request deny deny_status 503 if { rand(4) eq 0 }"])
        self.assert_words(HTTP, some, "per-request", "balanced", told=False)
        # The requests are a turn: of its 400 the server fails some 200, and the errors make up for the answers that
        # lack. Less than 140 (a chance of 1e-9) could pass for luck: 140 are p = 1e-8.
        one = self.proxy(servers, "http", backend=["http-response deny deny_status 503 if { srv_id 1 } { rand(2) eq 0 }"])
        verdict = self.verdict(HTTP, one, "-n", 1200, "--rate", 0, "--new-connection", alpha=0.001)
        self.assertEqual((verdict["outcome"], verdict["doubt"]), ("inconclusive", "errors"), verdict["facts"])
        self.assertIn(lablib.PODS[0], facts(verdict)["failing"])


class Identity(Traps):
    def test_a_name_that_changes_with_each_reply_is_none(self):
        count = iter(range(10 ** 6))
        backend = Backend(reply=lambda handler: backend.answer(handler, body=f"pod-{next(count)}"))
        self.addCleanup(backend.close)
        address = self.proxy([backend.address], "http")
        for args in (PROBE, KEPT, ONE, NEW):
            verdict = self.verdict(HTTP, address, *args)
            self.assertEqual((verdict["layer"], verdict["outcome"], verdict["doubt"]),
                             ("inconclusive", "inconclusive", "identity"), verdict["facts"])
            self.assertIn("every reply names another backend", facts(verdict)["identity"])

    def test_two_servers_of_one_name_are_two(self):
        servers = self.servers(names=["twin", "twin", "other"])
        for mode, layer in (("tcp", "per-connection"), ("http", "per-request")):
            address = self.proxy([s.http for s in servers], mode)
            self.assert_words(HTTP, address, layer, "balanced")
            self.assertEqual(self.verdict(HTTP, address, *NEW)["seen"], 3)

    def test_servers_that_only_say_their_name_and_proxies_that_hide_headers(self):
        plain = []
        for name in lablib.PODS:
            plain.append(Backend(name))
            self.addCleanup(plain[-1].close)
        stripped = [f"http-response del-header x-lbdemo-{h}" for h in ("pod", "boot-id", "connection", "peer", "proxy")]
        for mode, layer in (("tcp", "per-connection"), ("http", "per-request")):
            address = self.proxy([b.address for b in plain], mode)
            self.assert_words(HTTP, address, layer, "balanced", told=False)
        address = self.proxy([s.http for s in self.servers()], "http", backend=stripped)
        self.assert_words(HTTP, address, "per-request", "balanced", told=False)

    def test_servers_that_restart_are_no_new_ones(self):
        servers = self.servers()
        address = self.proxy([s.http for s in servers], "tcp", backend=["retries 3", "option redispatch"])
        client = self.start(HTTP, "--output", "ndjson", "--alpha", ALPHA, "--interval", "2ms", "--connections", 6,
                            "--reuse-connection", address)

        def wait_for_more():
            before = client.out().count("\n")
            lbtest.wait_until(lambda: client.out().count("\n") > before + 50, "requests")

        for server, name in zip(servers, lablib.PODS):
            wait_for_more()
            server.stop()
            self.server("--http-listen", server.http, name=name)
        wait_for_more()
        client.stop(signal.SIGINT)
        verdict = json.loads(client.out().splitlines()[-1])["verdict"]
        self.assertEqual(verdict["seen"], 3, verdict["facts"])
        self.assertIn(verdict["layer"], ("per-connection", "inconclusive"), verdict["facts"])


class Clock(Traps):
    """The server changes by the clock, for all alike: twice a second, so that a slow machine also sends ten requests
    and more in between."""

    def test_turns_of_the_clock(self):
        servers = self.servers()
        turns = [f"use-server s{n} if {{ date(0,ms),div(500),mod(3) eq {n} }}" for n in range(3)]
        kept = ["--duration", "2s", "--interval", "4ms", "--reuse-connection", "--connections"]
        for client, protocol, options in ((HTTP, "http", {}), (GRPC, "grpc", H2)):
            address = self.proxy([getattr(s, protocol) for s in servers], "http", backend=turns, **options)
            self.assert_words(client, address, None, "single", ways=[PROBE, [*kept, 1], [*kept, 6]])
        # A connection keeps the server of the moment it was opened.
        address = self.proxy([s.http for s in servers], "tcp", backend=turns)
        self.assert_words(HTTP, address, "per-connection", "single", "uneven", ways=[PROBE, [*kept, 6]], told=False)


if __name__ == "__main__":
    if not haproxy.BINARY:
        print("skipped: haproxy is not installed")
        raise SystemExit(77)
    lbtest.main()
