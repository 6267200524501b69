"""lbdemo-server's admin listener: metrics, readiness, the stop; and limits that metrics show."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import lbtest
from rawhttp import Client, get

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


def parse(text, openmetrics=False):
    """{(name, frozenset of labels): value} of an exposition, checked line by line."""
    samples, types, family = {}, {}, None
    lines = text.split("\n")
    assert lines.pop() == "", "no newline at the end"
    if openmetrics:
        assert lines.pop() == "# EOF"
    for line in lines:
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in types, f"{family} in two places"
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family, line
            types[name] = kind
        else:
            name, labels, value = SAMPLE.match(line).groups()
            suffixes = {"histogram": ("_bucket", "_sum", "_count"), "gauge": ("",),
                        "counter": ("_total",) if openmetrics else ("",)}[types[family]]
            assert name in [family + s for s in suffixes], line
            key = (name, frozenset(LABEL.findall(labels or "")))
            assert key not in samples, line
            samples[key] = float(value)
    return samples


class AdminCase(lbtest.Case):
    def ask(self, address, data):
        with Client(address) as c:
            return c.ask(data)

    def post(self, server, path, *headers):
        return self.ask(server.admin, get(path, *headers, method="POST"))

    def metrics(self, server, *headers):
        reply = self.ask(server.admin, get("/metrics", *headers))
        self.assertEqual(reply.status, 200)
        return parse(reply.body.decode(), "openmetrics" in reply.headers["content-type"])

    def value(self, server, name, **labels):
        return self.metrics(server)[(name, frozenset(labels.items()))]

    def wait_for(self, server, expected, name, **labels):
        lbtest.wait_until(lambda: self.value(server, name, **labels) == expected,
                          f"{name} {labels} to be {expected}")


class Metrics(AdminCase):
    def test_requests_are_counted_by_route_and_status(self):
        server = self.server("--threads", 2)
        for _ in range(30):
            self.ask(server.http, get("/pod"))
        with Client(server.http) as c:
            for _ in range(7):
                c.ask(get("/info"))
            c.ask(get("/pod", "Content-Length: 3", method="POST") + "abc")
        self.ask(server.http, get("/nothing"))
        self.ask(server.http, get("/pod", host=None))
        samples = self.metrics(server)

        def count(method, code):
            return samples[("lbdemo_requests_total", frozenset({"protocol": "http", "method": method, "code": code}.items()))]
        self.assertEqual((count("/pod", "200"), count("/info", "200"), count("/pod", "405"), count("other", "404"),
                          count("other", "400")), (30, 7, 1, 1, 1))
        http = frozenset({("protocol", "http")})
        self.assertEqual(samples[("lbdemo_connections_accepted_total", http)], 33)
        self.assertEqual(samples[("lbdemo_requests_in_flight", http)], 0)
        self.assertGreater(samples[("lbdemo_received_bytes_total", http)], 40 * len(get("/pod")))
        self.assertGreater(samples[("lbdemo_sent_bytes_total", http)], 40 * 100)
        pod = frozenset({("protocol", "http"), ("method", "/pod")})
        self.assertEqual(samples[("lbdemo_request_duration_seconds_count", pod)], 31)
        self.assertGreater(samples[("lbdemo_request_duration_seconds_sum", pod)], 0)
        self.assertEqual(samples[("lbdemo_request_duration_seconds_bucket", pod | {("le", "+Inf")})], 31)
        self.wait_for(server, 0, "lbdemo_connections_open", protocol="http")

    def test_buckets_are_cumulative(self):
        server = self.server()
        self.ask(server.http, get("/pod"))
        buckets = {float(dict(labels)["le"]): value for (name, labels), value in self.metrics(server).items()
                   if name == "lbdemo_request_duration_seconds_bucket"}
        values = [buckets[bound] for bound in sorted(buckets)]
        self.assertEqual(values, sorted(values))
        self.assertEqual(values[-1], 1)

    def test_the_process_and_the_build_are_described(self):
        name = 'a"b\\c'
        server = self.server(name=name)
        samples = self.metrics(server)
        self.assertIn(("lbdemo_pod_info", frozenset({("pod", 'a\\"b\\\\c'), ("version", "")})), samples)
        flat = {name: value for (name, labels), value in samples.items() if not labels}
        self.assertGreater(flat["process_resident_memory_bytes"], 1e6)
        self.assertGreater(flat["process_cpu_seconds_total"], 0)
        with_descriptors = len(os.listdir(f"/proc/{server.pid}/fd"))
        self.assertLess(abs(flat["process_open_fds"] - with_descriptors), 3)
        self.assertLess(abs(flat["process_start_time_seconds"] - time.time()), 60)
        self.assertTrue(any(name == "lbdemo_build_info" for name, _ in samples))

    def test_the_format_is_what_was_asked_for(self):
        server = self.server()
        self.ask(server.http, get("/pod"))
        plain = self.ask(server.admin, get("/metrics"))
        self.assertEqual(plain.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        om = self.ask(server.admin, get("/metrics", accept))
        self.assertEqual(om.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        names = {name for name, _ in parse(om.body.decode(), True)}
        self.assertEqual(names, {name for name, _ in parse(plain.body.decode())})

    def test_promtool_has_nothing_to_say(self):
        promtool = shutil.which("promtool") or os.path.join(lbtest.SOURCE, ".tools", "promtool")
        if not os.path.exists(promtool):
            self.skipTest("promtool is not installed (Debian package prometheus)")
        server = self.server()
        self.ask(server.http, get("/pod"))
        text = self.ask(server.admin, get("/metrics")).body
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))

    def test_a_scrape_under_load_is_consistent(self):
        server = self.server("--threads", 2)
        with Client(server.http) as c:
            for i in range(200):
                c.send(get("/pod") * 20)
                if i % 20 == 0:
                    self.metrics(server)
                for _ in range(20):
                    c.read()
        self.assertEqual(self.value(server, "lbdemo_requests_total", protocol="http", method="/pod", code="200"), 4000)


class Readiness(AdminCase):
    def test_it_is_switched_for_all_listeners(self):
        server = self.server()
        for ready, status, body in (("false", 503, b"not ready\n"), ("true", 200, b"ready\n")):
            reply = self.post(server, f"/readyz?ready={ready}")
            self.assertEqual((reply.status, reply.body), (200, body))
            for address in (server.http, server.admin):
                reply = self.ask(address, get("/readyz"))
                self.assertEqual((reply.status, reply.body), (status, body))
            self.assertEqual(self.value(server, "lbdemo_ready"), 1 if ready == "true" else 0)
            self.assertEqual(self.ask(server.http, get("/pod")).status, 200)

    def test_nonsense_is_refused_and_changes_nothing(self):
        server = self.server()
        for path in ("/readyz", "/readyz?ready=", "/readyz?ready=maybe", "/readyz?ready=falsely", "/readyz?x=false"):
            reply = self.post(server, path)
            self.assertEqual(reply.status, 400, path)
            self.assertIn(b"ready=true", reply.body)
        self.assertEqual(self.ask(server.admin, get("/readyz")).status, 200)

    def test_nothing_public_changes_state(self):
        server = self.server()
        self.assertEqual(self.ask(server.http, get("/readyz?ready=false", method="POST")).status, 405)
        self.assertEqual(self.ask(server.http, get("/drain", method="POST")).status, 404)
        self.assertEqual(self.ask(server.http, get("/metrics")).status, 404)
        self.assertEqual(self.ask(server.admin, get("/drain")).status, 405)
        self.assertEqual(self.ask(server.http, get("/readyz")).status, 200)

    def test_a_web_page_cannot_use_it(self):
        server = self.server()
        for path in ("/drain", "/readyz?ready=false"):
            self.assertEqual(self.post(server, path, "Origin: http://evil.example").status, 403)
            self.assertEqual(self.post(server, path, "Origin: null", "Content-Length: 0").status, 403)
            self.assertEqual(self.ask(server.admin, get(path, "Origin: null", "Content-Length: 3", method="POST") +
                                      "a=b").status, 403)
        self.assertEqual(self.ask(server.admin, get("/readyz")).status, 200)

    def test_the_admin_listener_may_be_left_out(self):
        server = self.server("--admin-listen", "")
        self.assertIsNone(server.admin)
        self.assertEqual(self.ask(server.http, get("/pod")).status, 200)

    def test_its_default_is_no_public_address(self):
        self.assertIn("127.0.0.1:9090", lbtest.server_help())


class Drain(AdminCase):
    def test_readiness_goes_first_and_all_is_served_during_the_delay(self):
        server = self.server("--drain-delay", "600ms")
        with Client(server.http) as kept:
            kept.ask(get("/pod"))
            begun = time.monotonic()
            server.signal(signal.SIGTERM)
            lbtest.wait_until(lambda: self.ask(server.http, get("/readyz")).status == 503, "readiness to go")
            while time.monotonic() - begun < 0.4:
                reply = kept.ask(get("/pod"))
                self.assertEqual((reply.status, reply.headers.get("connection")), (200, None))
                self.assertEqual(self.ask(server.http, get("/pod")).status, 200)
                time.sleep(0.02)
            reply = self.post(server, "/readyz?ready=true")
            self.assertEqual(reply.status, 503)
            self.assertEqual(server.wait(), 0)
        self.assertGreater(time.monotonic() - begun, 0.6)

    def test_post_drain_is_a_stop_that_may_be_asked_for_again(self):
        server = self.server("--drain-delay", "300ms")
        for _ in range(3):
            self.assertEqual(self.post(server, "/drain").status, 200)
        self.assertEqual(server.wait(), 0)

    def test_a_stuck_request_is_cut_at_the_timeout(self):
        server = self.server("--drain-timeout", "300ms", "--header-timeout", "1h")
        with Client(server.http) as c:
            c.send("GET /pod")
            self.wait_for(server, 1, "lbdemo_connections_open", protocol="http")
            begun = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.assertGreater(time.monotonic() - begun, 0.25)
            self.assertTrue(c.at_end())
        self.assertIn("cancelling", server.err())

    def test_a_second_signal_during_the_delay_ends_it_at_once(self):
        server = self.server("--drain-delay", "1h")
        server.signal(signal.SIGTERM)
        lbtest.wait_until(lambda: self.ask(server.http, get("/readyz")).status == 503, "readiness to go")
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 1)

    def test_those_who_wait_to_be_accepted_are_served(self):
        server = self.server("--threads", 1)
        server.signal(signal.SIGSTOP)
        waiting = [Client(server.http) for _ in range(50)]
        for c in waiting:
            c.send(get("/pod"))
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        for c in waiting:
            self.assertEqual(c.read().status, 200)
            self.assertTrue(c.at_end())
            c.__exit__()
        self.assertEqual(server.wait(), 0)


class Limits(AdminCase):
    def test_connections_beyond_the_limit_get_503(self):
        server = self.server("--max-connections", 3, "--threads", 2)
        kept = [Client(server.http) for _ in range(3)]
        for c in kept:
            self.assertEqual(c.ask(get("/pod")).status, 200)
        for _ in range(5):
            with Client(server.http) as c:
                reply = c.read()
                self.assertEqual((reply.status, reply.headers["connection"]), (503, "close"))
                self.assertTrue(c.at_end())
        for c in kept:
            self.assertEqual(c.ask(get("/pod")).status, 200)
        self.wait_for(server, 5, "lbdemo_connections_closed_total", protocol="http", reason="limit")
        kept.pop().__exit__()
        self.wait_for(server, 2, "lbdemo_connections_open", protocol="http")
        self.assertEqual(self.ask(server.http, get("/pod")).status, 200)
        for c in kept:
            c.__exit__()

    def test_a_connection_has_its_share_of_requests(self):
        server = self.server("--max-requests-per-connection", 3)
        with Client(server.http) as c:
            c.send(get("/pod") + get("/pod", "Content-Length: 2") + "ab" + get("/pod") + get("/pod"))
            self.assertEqual([c.read().headers.get("connection") for _ in range(3)], [None, None, "close"])
            self.assertTrue(c.at_end())
        self.wait_for(server, 1, "lbdemo_connections_closed_total", protocol="http", reason="requests")

    def test_an_old_connection_ends_with_a_response(self):
        server = self.server("--max-connection-age", "300ms")
        with Client(server.http) as c:
            begun = time.monotonic()
            reply = c.ask(get("/pod"))
            while "connection" not in reply.headers:
                time.sleep(0.02)
                reply = c.ask(get("/pod"))
            self.assertEqual((reply.status, reply.headers["connection"]), (200, "close"))
            self.assertGreater(time.monotonic() - begun, 0.25)
            self.assertLess(time.monotonic() - begun, 5)
            self.assertTrue(c.at_end())
        self.wait_for(server, 1, "lbdemo_connections_closed_total", protocol="http", reason="age")

    def test_an_old_idle_connection_gets_a_last_call(self):
        server = self.server("--max-connection-age", "300ms")
        with Client(server.http) as silent, Client(server.http) as asking:
            time.sleep(0.4)
            self.assertEqual(asking.ask(get("/pod")).headers["connection"], "close")
            self.assertTrue(silent.at_end())
        self.wait_for(server, 2, "lbdemo_connections_closed_total", protocol="http", reason="age")

    def test_a_request_that_outlives_its_connection_s_age_is_cut(self):
        server = self.server("--max-connection-age", "200ms", "--max-connection-age-grace", "200ms",
                             "--body-timeout", "1h")
        with Client(server.http) as c:
            c.send(get("/pod", "Content-Length: 5"))
            begun = time.monotonic()
            c.socket.settimeout(lbtest.DEADLINE_S)
            c.stream.read()
            self.assertLess(time.monotonic() - begun, 5)

    def test_ages_differ(self):
        server = self.server("--max-connection-age", "2s", "--threads", 1)
        clients = [Client(server.http) for _ in range(40)]
        ends = []
        for c in clients:
            c.ask(get("/pod"))
        begun = time.monotonic()
        open_ones = list(clients)
        while open_ones and time.monotonic() - begun < lbtest.DEADLINE_S:
            for c in list(open_ones):
                if "connection" in c.ask(get("/pod")).headers:
                    ends.append(time.monotonic() - begun)
                    open_ones.remove(c)
            time.sleep(0.005)
        self.assertEqual(len(ends), 40)
        self.assertGreater(max(ends) - min(ends), 0.1)
        self.assertGreater(min(ends), 1.6)
        for c in clients:
            c.__exit__()

    def test_closings_have_their_reasons(self):
        server = self.server("--idle-timeout", "200ms", "--header-timeout", "200ms")
        reasons = {"request": lambda c: c.ask(get("/pod", "Connection: close")), "idle": lambda c: c.at_end(),
                   "refused": lambda c: c.ask("nonsense\r\n\r\n"), "timeout": lambda c: c.ask("GET"),
                   "client": lambda c: c.ask(get("/pod"))}
        for reason, act in reasons.items():
            with Client(server.http) as c:
                act(c)
            self.wait_for(server, 1, "lbdemo_connections_closed_total", protocol="http", reason=reason)

    def test_a_client_that_does_not_read_is_cut(self):
        server = self.server("--write-timeout", "300ms")
        with Client(server.http) as c:
            c.socket.settimeout(0.2)
            try:
                while True:
                    c.send(get("/") * 50)
            except (TimeoutError, BrokenPipeError, ConnectionResetError):
                pass
            self.wait_for(server, 1, "lbdemo_connections_closed_total", protocol="http", reason="timeout")


class AccessLog(AdminCase):
    def lines(self, path, count):
        def read():
            with open(path, encoding="ascii") as f:
                text = f.read()
            return text.splitlines() if text.count("\n") >= count else None
        return lbtest.wait_until(read, f"{count} lines")

    def test_each_request_is_a_json_object(self):
        path = self.path("access")
        server = self.server("--access-log", path, "--log-format", "json", "--threads", 1)
        with Client(server.http) as c:
            host, port = c.socket.getsockname()
            c.ask(get("/pod?secret=1"))
            c.ask(get("/a\"b\\c" + "d" * 300))
            c.ask(get("/pod", "Content-Length: 2", method="POST") + "ab")
            c.ask("GET / HTTP/3.0\r\n\r\n")
        entries = [json.loads(line) for line in self.lines(path, 4)]
        self.assertEqual([(e["method"], e["path"], e["status"], e["request_ordinal"]) for e in entries],
                         [("GET", "/pod", 200, 1), ("GET", ('/a"b\\c' + "d" * 300)[:256], 404, 2),
                          ("POST", "/pod", 405, 3), ("?", "-", 505, 4)])
        for e in entries:
            self.assertEqual((e["peer"], e["protocol"]), (f"{host}:{port}", "http"))
            self.assertRegex(e["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertGreater(e["duration_us"], 0)
        self.assertEqual(len({e["connection_id"] for e in entries}), 1)

    def test_no_line_is_lost_or_mixed_under_load_and_at_the_stop(self):
        path = self.path("access")
        server = self.server("--access-log", path, "--threads", 2)
        clients = [Client(server.http) for _ in range(8)]
        for _ in range(50):
            for c in clients:
                c.send(get("/pod") * 20)
            for c in clients:
                for _ in range(20):
                    c.read()
        for c in clients:
            c.__exit__()
        self.assertEqual(server.stop(), 0)
        with open(path, encoding="ascii") as f:
            lines = f.read().splitlines()
        self.assertEqual(len(lines), 8000)
        for line in lines:
            self.assertRegex(line, r'^\S+Z http 127\.0\.0\.1:\d+ GET "/pod" 200 \d+ bytes [\d.]+ us connection \d+ request \d+$')

    def test_sighup_opens_it_again(self):
        path = self.path("access")
        server = self.server("--access-log", path)
        self.ask(server.http, get("/pod"))
        self.lines(path, 1)
        os.rename(path, path + ".1")
        server.signal(signal.SIGHUP)
        lbtest.wait_until(lambda: os.path.exists(path), "the new file")
        self.ask(server.http, get("/info"))
        self.assertIn("/info", self.lines(path, 1)[0])
        self.assertEqual(len(self.lines(path + ".1", 1)), 1)

    def test_a_file_that_cannot_be_written_is_refused(self):
        self.assert_refused("lbdemo-server", ["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0",
                                              "--admin-listen", "", "--access-log", "/nowhere/log"], 1, "'/nowhere/log'")

    def test_a_full_disk_is_said_once_and_survived(self):
        server = self.server("--access-log", "/dev/full")
        for _ in range(5):
            self.assertEqual(self.ask(server.http, get("/pod")).status, 200)
            time.sleep(0.25)
        self.assertEqual(server.err().count("lines are lost"), 1)


if __name__ == "__main__":
    lbtest.main()
