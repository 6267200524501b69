"""lbdemo-http-client against servers of ours and of others."""
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import time
import urllib.error
import urllib.request

import lbtest
from http_backend import Backend, Raw, free_port, read_request

CLIENT = "lbdemo-http-client"


class HttpClient(lbtest.Case):
    def backend(self, *args, **options):
        backend = Backend(*args, **options)
        self.addCleanup(backend.close)
        return backend

    def raw(self, script):
        raw = Raw(script)
        self.addCleanup(raw.close)
        return raw

    def refusing(self):
        s, port = free_port()
        self.addCleanup(s.close)
        return f"127.0.0.1:{port}"

    def calls(self, *args, status=0, **options):
        """Runs the client; (lines of requests, what follows them)."""
        code, out, err = self.run_program(CLIENT, *args, **options)
        self.assertEqual(code, status, out + err)
        lines = [line for line in out.splitlines() if line.startswith("#")]
        return lines, out[len("".join(line + "\n" for line in lines)):]

    def objects(self, *args, status=0):
        code, out, err = self.run_program(CLIENT, "-o", "ndjson", *args)
        self.assertEqual(code, status, out + err)
        return [o for o in map(json.loads, out.splitlines()) if "request" in o]


class Demonstration(HttpClient):
    def test_a_line_a_second_flushed_into_a_pipe_on_a_new_connection_each(self):
        backend = self.backend("server-7c4bfd74d-29c69")
        start = time.monotonic()
        process = subprocess.Popen([lbtest.program(CLIENT), "--url", f"http://{backend.address}/pod"],
                                   stdout=subprocess.PIPE, env=lbtest.clean_env())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual([process.stdout.readline() for _ in range(3)],
                         [b"#%d: server-7c4bfd74d-29c69\n" % n for n in (1, 2, 3)])
        for n, request in enumerate(backend.requests):  # a busy machine makes them later, never earlier
            self.assertGreater(request["at"] - start, n)
        self.assertEqual(len({r["peer"] for r in backend.requests[:3]}), 3)
        for request in backend.requests:
            self.assertEqual(request["path"], "/pod")
            self.assertEqual(request["headers"]["connection"], "close")
            self.assertEqual(request["headers"]["host"], backend.address)

    def test_a_line_is_not_held_back(self):
        backend = self.backend()
        process = subprocess.Popen([lbtest.program(CLIENT), "--interval", "1h", backend.address],
                                   stdout=subprocess.PIPE, env=lbtest.clean_env())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"#1: pod-a\n")

    def test_each_way_to_name_the_target(self):
        backend = self.backend()
        for args, env in [([backend.address], {}), ([f"http://{backend.address}"], {}),
                          (["--url", f"http://{backend.address}"], {}), (["--host", backend.address], {}),
                          ([], {"LBDEMO_URL": backend.address}), ([], {"LBDEMO_HOST": backend.address}),
                          ([backend.address], {"LBDEMO_URL": "http://127.0.0.1:1/"})]:
            lines, _ = self.calls("-n", "1", *args, env=env)
            self.assertEqual(lines, ["#1: pod-a"], args)
        self.assertEqual({r["path"] for r in backend.requests}, {"/pod"})

    def test_the_server_of_ours(self):
        server = self.server(name="server-7c4bfd74d-fk8zf")
        lines, rest = self.calls("-n", "3", "-i", "10ms", server.http)
        self.assertEqual(lines, [f"#{n}: server-7c4bfd74d-fk8zf" for n in (1, 2, 3)])
        self.assertIn("server-7c4bfd74d-fk8zf", rest)
        request = self.objects("-n", "2", "-i", "10ms", "--reuse-connection", server.http)[1]
        self.assertRegex(request["boot_id"], r"^\w{8,}")
        self.assertEqual((request["connection"], request["ordinal"]), (1, 2))
        self.assertEqual(request["server_ordinal"], 2)
        self.assertEqual(request["server_peer"], request["local"])
        self.assertEqual(request["remote"], server.http)

    def test_proxy_variables_are_ignored(self):
        backend = self.backend()
        lines, _ = self.calls("-n", "1", backend.address, env={"http_proxy": "http://127.0.0.1:1"})
        self.assertEqual(lines, ["#1: pod-a"])


class Connections(HttpClient):
    def test_kept_connections_are_used_again(self):
        backend = self.backend()
        objects = self.objects("-n", "12", "--rate", "0", "--reuse-connection", "-c", "3", backend.address)
        self.assertEqual({o["connection"] for o in objects}, {1, 2, 3})
        self.assertEqual(backend.connections(), 3)
        self.assertNotIn("connection", backend.requests[0]["headers"])

    def test_1000_requests_on_one_connection(self):
        found = self.objects("-n", "1000", "-i", "0", "--reuse-connection", self.server().http)
        self.assertEqual([(r["outcome"], r["connection"], r["ordinal"]) for r in found],
                         [("ok", 1, n) for n in range(1, 1001)])

    def test_200_connections_at_once_carry_1000_requests(self):
        found = self.objects("-n", "1000", "-i", "0", "-c", "200", "--reuse-connection", "--timeout", "30s",
                             self.server().http)
        self.assertEqual({r["outcome"] for r in found}, {"ok"})
        used = [r["connection"] for r in found]
        self.assertEqual({n: used.count(n) for n in set(used)}, {n: 5 for n in range(1, 201)})

    def test_a_connection_the_server_ends_is_a_new_one_next(self):
        backend = self.backend(reply=lambda h: backend.answer(h, headers=[("Connection", "close")]))
        objects = self.objects("-n", "4", "-i", "20ms", "--reuse-connection", backend.address)
        self.assertEqual([o["connection"] for o in objects], [1, 2, 3, 4])
        self.assertEqual([o["outcome"] for o in objects], ["ok"] * 4)

    def test_a_connection_closed_while_idle_is_a_new_one_next(self):
        def twice(s):
            for _ in range(2):
                read_request(s)
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")

        raw = self.raw(twice)
        objects = self.objects("-n", "6", "-i", "50ms", "--reuse-connection", raw.address)
        self.assertEqual([o["outcome"] for o in objects], ["ok"] * 6)
        self.assertEqual([(o["connection"], o["ordinal"]) for o in objects],
                         [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)])
        self.assertEqual(raw.accepted, 3)

    def test_http_1_0_ends_each_connection(self):
        backend = self.backend(keep=False)
        objects = self.objects("-n", "50", "--rate", "0", "--reuse-connection", backend.address)
        self.assertEqual([o["connection"] for o in objects], list(range(1, 51)))
        self.assertEqual({o["outcome"] for o in objects}, {"ok"})

    def test_the_warm_up_is_not_measured_and_its_connections_are_used_on(self):
        backend = self.backend()
        objects = self.objects("-n", "10", "--rate", "50", "--warmup", "400ms", "--reuse-connection", "-c", "2",
                               backend.address)
        self.assertEqual({o["request"] for o in objects}, set(range(1, 11)))
        self.assertGreater(len(backend.requests), 12)
        self.assertEqual(backend.connections(), 2)
        self.assertGreater(min(o["ordinal"] for o in objects), 1)

    def test_ipv6(self):
        try:
            backend = self.backend(host="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        lines, rest = self.calls("-n", "1", f"http://{backend.address}/")
        self.assertEqual(lines, ["#1: pod-a"])
        self.assertEqual(backend.requests[0]["headers"]["host"], backend.address)
        self.assertIn(backend.address, rest)

    def test_the_addresses_of_a_name_are_tried_in_turn(self):
        addresses = {a[4][0] for a in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)}
        if addresses != {"127.0.0.1", "::1"}:
            self.skipTest("localhost is not 127.0.0.1 and ::1")
        for host in ("127.0.0.1", "::1"):
            backend = self.backend(host=host)
            lines, _ = self.calls("-n", "1", f"localhost:{backend.port}")
            self.assertEqual(lines, ["#1: pod-a"], host)

    def test_extra_headers_are_sent_and_win(self):
        backend = self.backend()
        self.calls("-n", "1", "-H", "Host: shop.example", "-H", "X-Mark: a b", backend.address)
        headers = backend.requests[0]["headers"]
        self.assertEqual((headers["host"], headers["x-mark"]), ("shop.example", "a b"))


class Names(HttpClient):
    def test_a_json_pointer_and_a_header_name_the_backend(self):
        backend = self.backend(reply=lambda h: backend.answer(
            h, body='{"hostname": "by-json", "n": [1, {"~/": "deep"}]}', headers=[("X-Served-By", "by-header")]))
        for args, name in [(["--id-json", "/hostname"], "by-json"), (["--id-json", "/n/1/~0~1"], "deep"),
                           (["--id-header", "x-served-by"], "by-header"), (["--id-json", "/nothing"], "(no name)")]:
            lines, _ = self.calls("-n", "1", *args, backend.address, status=0)
            self.assertEqual(lines, [f"#1: {name}"])

    def test_a_hostile_name_is_escaped(self):
        backend = self.backend(name=b"\x1b[31mred\nline\xff")
        code, out, _ = self.run_program(CLIENT, "-n", "1", backend.address)
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("#1: \\x1b[31mred\\x0aline\\xff\n"), out)
        self.assertNotIn("\x1b", out)
        self.assertEqual(self.objects("-n", "1", backend.address)[0]["backend"], "\\x1b[31mred\\x0aline\\xff")

    def test_a_long_name_fits_the_table(self):
        backend = self.backend(name="x" * 300)
        _, rest = self.calls("-n", "1", backend.address)
        for line in rest.split("\n\n")[0].splitlines():
            self.assertLessEqual(len(line), 80, line)
        self.assertIn("xxxxxxxx..", rest)


class Errors(HttpClient):
    def test_a_refused_connection_is_printed_and_the_run_goes_on(self):
        address = self.refusing()
        lines, rest = self.calls("-n", "3", "-i", "10ms", address, status=3)
        self.assertEqual(lines, [f"#{n}: error: connect {address}: Connection refused" for n in (1, 2, 3)])
        self.assertIn("no-data", rest)
        self.assertIn(f"3 x connect {address}: Connection refused", rest)

    def test_a_name_that_is_not_there(self):
        lines, _ = self.calls("-n", "1", "--timeout", "3s", "nowhere.invalid", status=3)
        self.assertRegex(lines[0], r"^#1: error: lookup of nowhere\.invalid: ")

    def test_a_status_is_an_error(self):
        backend = self.backend(reply=lambda h: backend.answer(h, status=503))
        lines, _ = self.calls("-n", "2", "-i", "10ms", backend.address, status=3)
        self.assertEqual(lines, [f"#{n}: error: HTTP status 503 Service Unavailable" for n in (1, 2)])
        self.assertEqual(self.objects("-n", "1", backend.address, status=3)[0]["status"], 503)

    def test_a_server_that_does_not_answer_times_out(self):
        raw = self.raw(lambda s: s.recv(4096) and time.sleep(10))
        start = time.monotonic()
        lines, _ = self.calls("-n", "2", "-i", "10ms", "--timeout", "200ms", raw.address, status=3)
        self.assertEqual(lines, [f"#{n}: error: {raw.address} did not reply in time" for n in (1, 2)])
        self.assertGreater(time.monotonic() - start, 0.4)

    def test_the_timeout_is_five_seconds(self):
        raw = self.raw(lambda s: s.recv(4096) and time.sleep(10))
        start = time.monotonic()
        lines, _ = self.calls("-n", "1", raw.address, status=3)
        self.assertEqual(lines, [f"#1: error: {raw.address} did not reply in time"])
        # The server answers nothing before 10 s, so only the client's own limit ends it earlier.
        self.assertGreaterEqual(time.monotonic() - start, 5)

    def test_replies_that_are_none(self):
        reset = struct.pack("ii", 1, 0)
        scripts = {
            "sent a reply that is not HTTP": lambda s: (read_request(s), s.sendall(b"SSH-2.0-x\r\n\r\n")),
            "closed the connection before it had replied": read_request,
            "reset the connection": lambda s: (read_request(s), s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                                              reset)),
            "sent a reply of more than 1 MiB": lambda s: (
                read_request(s), s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 2000000)),
        }
        for words, script in scripts.items():
            raw = self.raw(script)
            lines, _ = self.calls("-n", "2", "-i", "10ms", "--timeout", "5s", raw.address, status=3)
            self.assertEqual(lines, [f"#{n}: error: {raw.address} {words}" for n in (1, 2)])

    def test_half_a_reply(self):
        raw = self.raw(lambda s: (read_request(s), s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")))
        lines, _ = self.calls("-n", "1", raw.address, status=3)
        self.assertEqual(lines, [f"#1: error: {raw.address} closed the connection before it had replied"])

    def test_a_server_gone_in_mid_run_and_back(self):
        backend = self.backend()
        client = self.start(CLIENT, "-i", "20ms", backend.address)
        lbtest.wait_until(lambda: "#2: pod-a" in client.out(), "two replies")
        backend.close()
        lbtest.wait_until(lambda: "Connection refused" in client.out(), "the loss")
        self.backend(name="pod-b", port=backend.port)
        lbtest.wait_until(lambda: ": pod-b" in client.out(), "the return")
        client.signal(signal.SIGINT)
        self.assertIn(client.wait(), (0, 1, 3))
        numbers = [int(n) for n in re.findall(r"^#(\d+): ", client.out(), re.MULTILINE)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertIn("pod-a", client.out().split("\n\n")[1])
        self.assertIn("pod-b", client.out().split("\n\n")[1])


class TheEnd(HttpClient):
    def test_ctrl_c_prints_the_table_and_the_verdict(self):
        backend = self.backend()
        for number in (signal.SIGINT, signal.SIGTERM):
            client = self.start(CLIENT, "-i", "10ms", backend.address)
            lbtest.wait_until(lambda: client.out().count("\n") >= 5, "five lines")
            client.signal(number)
            self.assertEqual(client.wait(), 0, client.err())
            self.assertRegex(client.out(), r"\n\n127\.0\.0\.1:\d+: \d+ requests in ")
            self.assertRegex(client.out(), r"\nbackend +replies +share +errors +conns +min +median +max\n"
                                           r"pod-a +\d+ 100\.0% +0 +\d+ ")

    def test_ctrl_c_does_not_wait_for_a_request_in_flight(self):
        raw = self.raw(lambda s: s.recv(4096) and time.sleep(20))
        client = self.start(CLIENT, "--timeout", "1m", raw.address)
        lbtest.wait_until(lambda: raw.accepted, "the request")
        start = time.monotonic()
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(), 3, client.err())
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn("1 more abandoned", client.out())

    def test_output_into_a_closed_pipe_ends_the_run(self):
        backend = self.backend()
        client = subprocess.Popen([lbtest.program(CLIENT), "-i", "10ms", backend.address], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=lbtest.clean_env())
        self.addCleanup(client.stderr.close)
        self.assertEqual(client.stdout.readline(), b"#1: pod-a\n")
        client.stdout.close()
        self.assertEqual(client.wait(lbtest.DEADLINE_S), 1)
        self.assertEqual(client.stderr.read(), b"lbdemo-http-client: cannot write to standard output: Broken pipe\n")

    def test_output_that_cannot_be_written_is_a_failure(self):
        backend = self.backend()
        for args in (["-n", "1"], ["-n", "1", "-q"], ["-n", "1", "-o", "json"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([lbtest.program(CLIENT), *args, backend.address], stdout=full,
                                      stderr=subprocess.PIPE, env=lbtest.clean_env(), check=False)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(b"standard output", done.stderr)

    def test_the_duration_ends_it(self):
        # One each second before 2.9 s; only a machine that stalls for 0.9 s leaves one out.
        backend = self.backend()
        requests = self.objects("-d", "2900ms", "-i", "1s", backend.address)
        self.assertEqual([r["planned_us"] for r in requests], [0, 10**6, 2 * 10**6])
        self.assertEqual(len(backend.requests), 3)

    def test_the_table_has_shares_and_latencies(self):
        names = iter("abbb" * 10)
        backend = self.backend(reply=lambda h: backend.answer(h, body=f"pod-{next(names)}"))
        _, rest = self.calls("-n", "8", "-i", "10ms", "-q", backend.address)
        self.assertRegex(rest, r"pod-b +6 +75\.0% +0 +6 +\S+[mu]s +\S+[mu]s +\S+[mu]s\n"
                               r"pod-a +2 +25\.0% +0 +2 +\S+[mu]s +\S+[mu]s +\S+[mu]s\n"
                               r"total +8 100\.0% +0 +8 ")
        for line in rest.splitlines():
            self.assertLessEqual(len(line), 80, line)


class Live(HttpClient):
    def run_on_a_terminal(self, *args, columns=80, **env):
        """All the client writes on a terminal of so many columns, until it has ended."""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, columns))
        client = subprocess.Popen([lbtest.program(CLIENT), *args], stdout=slave, stderr=slave,
                                  env=lbtest.clean_env(TERM="xterm", **env))
        os.close(slave)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        text = b""
        try:
            while True:
                text += os.read(master, 65536)
        except OSError:  # EIO: the other end is closed
            pass
        os.close(master)
        client.wait()
        return text.decode()

    def test_a_status_line_on_a_terminal(self):
        backend = self.backend()
        text = self.run_on_a_terminal("-d", "900ms", "-i", "50ms", "-q", backend.address, NO_COLOR="1")
        lines = re.findall(r"\r\x1b\[K(\d+ requests?, [^\r]*)", text)
        self.assertGreaterEqual(len(lines), 2, text)
        for line in lines:
            self.assertLess(len(line), 80, line)
        self.assertRegex(lines[-1], r"^\d+ requests, 0 errors A{24} ")
        self.assertTrue(text.rindex("\r\x1b[K") < text.index("backend  "), text)  # taken away before the table

    def test_the_status_line_of_one_request_has_no_plural(self):
        text = self.run_on_a_terminal("-d", "900ms", "-i", "1h", "-q", self.backend().address)
        self.assertIn("\r\x1b[K1 request, 0 errors ", text)

    def test_the_status_line_of_a_narrow_terminal_does_not_wrap(self):
        backend = self.backend()
        for columns in (40, 30, 20, 1):
            text = self.run_on_a_terminal("-d", "900ms", "-i", "50ms", "-q", backend.address, columns=columns,
                                          NO_COLOR="1")
            lines = re.findall(r"(?:^|\r\x1b\[K)([^\r]*)(?=\r\x1b)", text)
            self.assertGreater(len(lines), 0, text)
            for line in lines:
                self.assertLess(len(line), columns, line)
            self.assertEqual(any("A" in line for line in lines), columns >= 30, text)

    def test_lines_take_its_place(self):
        backend = self.backend()
        text = self.run_on_a_terminal("-n", "4", "-i", "250ms", backend.address)
        for n in (1, 2, 3, 4):
            self.assertRegex(text, rf"(^|\n|\r\x1b\[K)#{n}: pod-a\r\n")
        self.assertIn("\x1b[41m", text)

    def test_none_where_there_is_no_terminal(self):
        backend = self.backend()
        code, out, err = self.run_program(CLIENT, "-d", "500ms", "-i", "50ms", backend.address)
        self.assertEqual((code, err), (0, ""))
        self.assertNotIn("\x1b", out)


class Admin(HttpClient):
    def running(self, *args):
        """(the client, what asks its admin address for a path)"""
        client = self.start(CLIENT, "--admin-listen", "127.0.0.1:0", *args)
        address = lbtest.wait_until(lambda: re.search(r"live page on (http://\S+)/\n", client.err()), "the address").group(1)

        def ask(path, method="GET"):
            request = urllib.request.Request(address + path, method=method)
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
                return answer.headers, answer.read().decode()

        return client, ask

    def test_metrics_count_what_was_seen(self):
        backend = self.backend(name='pod "a"\\')
        client, ask = self.running("-i", "10ms", "-n", "10000", backend.address)
        lbtest.wait_until(lambda: client.out().count("\n") >= 10, "ten replies")
        headers, text = ask("/metrics")
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        types, samples = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                self.assertNotIn(name, types)
                types[name] = kind
            elif not line.startswith("# HELP "):
                match = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\]|\\["\\n])*",?)*\})? ([0-9.e+-]+)', line)
                self.assertTrue(match, line)
                self.assertTrue(any(match[1] == n or match[1] in (n + "_sum", n + "_count") for n in types), line)
                self.assertNotIn((match[1], match[2]), samples)
                samples[match[1], match[2]] = float(match[3])
        self.assertGreaterEqual(samples["lbdemo_client_requests_total", None], 10)
        label = '{backend="pod \\"a\\"\\\\",boot=""}'
        self.assertEqual(samples["lbdemo_client_replies_total", label], samples["lbdemo_client_requests_total", None])
        self.assertEqual(sum(v for (n, _), v in samples.items() if n == "lbdemo_client_outcome"), 1)
        self.assertEqual(samples["lbdemo_client_latency_seconds_count", label],
                         samples["lbdemo_client_replies_total", label])

    def test_the_live_page_and_its_data(self):
        backend = self.backend()
        client, ask = self.running("-i", "10ms", "-n", "10000", backend.address)
        headers, page = ask("/")
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotRegex(page, r"(src|href)=.?https?:")
        self.assertIn("/status", page)
        status = lbtest.wait_until(lambda: (s := json.loads(ask("/status")[1]))["verdict"]["requests"] and s, "requests")
        self.assertEqual(status["target"], backend.address)
        self.assertEqual(status["verdict"]["shares"][0]["name"], "pod-a")
        self.assertEqual(ask("/", "HEAD")[1], "")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            ask("/nothing")
        self.assertEqual(refused.exception.code, 404)
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(), 0)

    def test_an_address_that_cannot_be_had_is_said(self):
        backend = self.backend()
        self.assert_refused(CLIENT, ["--admin-listen", backend.address, backend.address], 1, backend.address, "in use")
        self.assert_refused(CLIENT, ["--admin-listen", "nowhere", backend.address], 2, "'nowhere'")


class CommandLine(HttpClient):
    def test_bad_input_is_one_sentence(self):
        for args, words in [
                ([], ["no target"]), (["ftp://h"], ["'ftp'"]), (["http://u:p@h"], ["user name"]),
                (["http://h:0"], ["port"]), (["http://h:65536"], ["h:65536"]), (["a", "b"], ["'b'"]),
                (["-n", "x", "h"], ["--count", "'x'"]), (["-n", "-1", "h"], ["--count"]),
                (["-i", "1", "h"], ["--interval", "'1'", "250ms"]), (["--rate", "-1", "h"], ["--rate"]),
                (["--rate", "1", "-i", "1s", "h"], ["--rate", "--interval"]), (["-c", "0", "h"], ["--connections"]),
                (["--streams", "2", "h"], ["--streams", "1 request"]), (["--timeout", "0", "h"], ["--timeout"]),
                (["--expect", "even", "h"], ["'even'", "balanced"]), (["--alpha", "1", "h"], ["--alpha"]),
                (["--expect-weights", "v1", "h"], ["--expect-weights", "'v1'"]),
                (["--expect-weights", "v1=1,v1=2", "h"], ["twice"]), (["--expect-weights", "v1=0", "h"], ["all"]),
                (["--expect-weights", "v1=x", "h"], ["'x'"]), (["--max-errors", "few", "h"], ["'few'"]),
                (["--group-by", "rack", "h"], ["'rack'", "zone"]), (["--vary", "colour", "h"], ["'colour'"]),
                (["--vary", "path", "h"], ["--diagnose"]), (["--warmup", "1s", "--diagnose", "h"], ["--warmup"]),
                (["--label", "path", "h"], ["'path'"]), (["-o", "xml", "h"], ["'xml'", "ndjson"]),
                (["--id-json", "a", "h"], ["'a'", "/hostname"]), (["--id-header", "a b", "h"], ["'a b'"]),
                (["--id-json", "/a", "--id-header", "b", "h"], ["exclude"]), (["-H", "X", "h"], ["'X'"])]:
            self.assert_refused(CLIENT, args, 2, *words)

    def test_bad_environment_is_named(self):
        self.assert_refused(CLIENT, ["h"], 2, "LBDEMO_COUNT", env={"LBDEMO_COUNT": "many"})


if __name__ == "__main__":
    lbtest.main()
