"""lbdemo-server over HTTP: the contract byte for byte, and what a client must not be able to do."""
import concurrent.futures
import http.client
import json
import os
import re
import resource
import signal
import socket
import time
import urllib.request

import lbtest
from rawhttp import Client, get

POD = "server-7c4bfd74d-29c69"


class Contract(lbtest.Case):
    def setUp(self):
        super().setUp()
        self.address = self.server("--threads", 2).http

    def ask(self, data, head_only=False):
        with Client(self.address) as c:
            return c.ask(data, head_only)

    def test_pod_is_the_name_and_nothing_else(self):
        reply = self.ask(get("/pod"))
        self.assertEqual((reply.version, reply.status, reply.reason), ("HTTP/1.1", 200, "OK"))
        self.assertEqual(reply.headers["content-type"], "text/plain")
        self.assertEqual(reply.headers["content-length"], str(len(POD)))
        self.assertNotIn("connection", reply.headers)
        self.assertEqual(reply.body, POD.encode())
        self.assertRegex(reply.headers["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_an_ordinary_client_reads_it(self):
        with urllib.request.urlopen(f"http://{self.address}/pod", timeout=lbtest.DEADLINE_S) as reply:
            self.assertEqual(reply.read(), POD.encode())

    def test_info_tells_the_connection_and_the_request(self):
        with Client(self.address) as c:
            host, port = c.socket.getsockname()
            first = c.ask(get("/pod"))
            reply = c.ask(get("/info", "X-Forwarded-For: 10.9.8.7", "Accept: */*", "via: 1.1 edge"))
        info = json.loads(reply.body)
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual((info["name"], info["request_ordinal"]), (POD, 2))
        self.assertEqual((info["peer_address"], info["peer_port"]), (host, port))
        self.assertEqual(info["proxy_headers"], [{"name": "X-Forwarded-For", "value": "10.9.8.7"},
                                                 {"name": "via", "value": "1.1 edge"}])
        self.assertRegex(info["boot_id"], "^[0-9a-f]{16}$")
        self.assertLess(abs(info["start_time_unix_ms"] / 1000 - time.time()), 60)
        self.assertEqual(reply.headers["x-lbdemo-pod"], POD)
        self.assertEqual(reply.headers["x-lbdemo-boot-id"], info["boot_id"])
        self.assertEqual(reply.headers["x-lbdemo-peer"], f"{host}:{port}")
        self.assertEqual(reply.headers["x-lbdemo-proxy"], "x-forwarded-for,via")
        self.assertEqual(reply.headers["x-lbdemo-connection"], f"{info['connection_id']} 2")
        self.assertEqual(first.headers["x-lbdemo-connection"], f"{info['connection_id']} 1")
        self.assertNotIn("x-lbdemo-proxy", first.headers)
        self.assertNotIn("x-lbdemo-zone", first.headers)

    def test_connections_have_different_numbers(self):
        ids = {json.loads(self.ask(get("/info")).body)["connection_id"] for _ in range(20)}
        self.assertEqual(len(ids), 20)

    def test_the_page_is_self_contained(self):
        reply = self.ask(get("/"))
        self.assertEqual(reply.headers["content-type"], "text/html; charset=utf-8")
        self.assertIn(b"fetch(\"/info\"", reply.body)
        self.assertNotRegex(reply.body, rb"(src|href)=.?(http|//)")
        self.assertTrue(reply.body.endswith(b"</html>\n"))

    def test_probes(self):
        self.assertEqual(self.ask(get("/healthz")).body, b"ok\n")
        self.assertEqual(self.ask(get("/readyz")).body, b"ready\n")

    def test_head_is_get_without_the_body(self):
        with Client(self.address) as c:
            for path in ("/pod", "/info", "/", "/nothing"):
                head = c.ask(get(path, method="HEAD"), head_only=True)
                body = c.ask(get(path))
                self.assertEqual(head.status, body.status)
                self.assertEqual(head.headers["content-type"], body.headers["content-type"])
                if path == "/pod":
                    self.assertEqual(head.headers["content-length"], str(len(POD)))

    def test_what_is_not_there_is_404_with_help(self):
        for path in ("/nothing", "/pod/", "/Pod", "/pod%2f", "//pod", "/metrics", "/faults", "/drain"):
            reply = self.ask(get(path))
            self.assertEqual(reply.status, 404, path)
            self.assertIn(b"/info", reply.body)

    def test_a_path_may_have_a_query_or_be_encoded(self):
        for path in ("/pod?", "/pod?a=b&c", "/%70od", "http://anything:1/pod", "HTTPS://[::1]/pod?x"):
            reply = self.ask(get(path))
            self.assertEqual((reply.status, reply.body), (200, POD.encode()), path)
            self.assertNotIn("connection", reply.headers)

    def test_other_methods_are_405_and_the_connection_lives(self):
        with Client(self.address) as c:
            for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
                reply = c.ask(get("/pod", method=method))
                self.assertEqual((reply.status, reply.headers["allow"]), (405, "GET, HEAD, OPTIONS"), method)
            for path in ("/pod", "*"):
                reply = c.ask(get(path, method="OPTIONS"))
                self.assertEqual((reply.status, reply.headers["allow"]), (204, "GET, HEAD, OPTIONS"))
                self.assertNotIn("content-length", reply.headers)
            self.assertEqual(c.ask(get("/pod")).headers["x-lbdemo-connection"].split()[1], "8")

    def test_bodies_are_read_and_requests_behind_them_answered(self):
        with Client(self.address) as c:
            chunked = "3\r\nabc\r\n10;name=value\r\n0123456789abcdef\r\n0\r\nTrailer: x\r\n\r\n"
            c.send(get("/pod", "Content-Length: 5", method="POST") + "GET /" + get("/info") +
                   get("/pod", "Transfer-Encoding: Chunked", "Via: x") + chunked +
                   get("/pod", "Content-Length: 4", "Connection: close") + "abcd")
            self.assertEqual(c.read().status, 405)
            self.assertEqual(json.loads(c.read().body)["request_ordinal"], 2)
            third = c.read()
            self.assertEqual((third.body, third.headers["x-lbdemo-proxy"]), (POD.encode(), "via"))
            self.assertEqual(third.headers["x-lbdemo-connection"].split()[1], "3")
            fourth = c.read()
            self.assertEqual((fourth.body, fourth.headers["connection"]), (POD.encode(), "close"))
            self.assertTrue(c.at_end())

    def test_a_body_in_pieces_and_an_expectation(self):
        with Client(self.address) as c:
            c.send(get("/pod", "Content-Length: 6", "Expect: 100-continue"))
            self.assertEqual(c.stream.readline(), b"HTTP/1.1 100 Continue\r\n")
            self.assertEqual(c.stream.readline(), b"\r\n")
            for piece in ("ab", "cd", "ef" + get("/pod")[:3]):
                c.send(piece)
                time.sleep(0.02)
            self.assertEqual(c.read().body, POD.encode())
            c.send(get("/pod")[3:])
            self.assertEqual(c.read().body, POD.encode())

    def test_pipelined_requests_are_answered_in_order(self):
        paths = ["/pod", "/healthz", "/nothing", "/readyz"] * 25
        with Client(self.address) as c:
            c.send("".join(get(p) for p in paths))
            for i, path in enumerate(paths):
                reply = c.read()
                self.assertEqual(reply.status, 404 if path == "/nothing" else 200)
                self.assertEqual(reply.headers["x-lbdemo-connection"].split()[1], str(i + 1))

    def test_a_request_in_single_bytes(self):
        with Client(self.address) as c:
            c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in ("\r\n" + get("/pod")) * 2:
                c.send(byte)
            for _ in range(2):
                self.assertEqual(c.read().body, POD.encode())

    def test_connections_are_kept_and_closed_as_asked(self):
        keep, close = ("Connection: keep-alive",), ("Connection: close",)
        cases = [("HTTP/1.1", (), False), ("HTTP/1.1", keep, False), ("HTTP/1.1", close, True),
                 ("HTTP/1.1", ("Connection: keep-alive, close",), True), ("HTTP/1.0", (), True),
                 ("HTTP/1.0", keep, False), ("HTTP/1.0", ("Connection: keep-alive, close",), True),
                 ("HTTP/1.9", (), False)]
        for version, headers, closed in cases:
            with Client(self.address) as c:
                reply = c.ask(get("/pod", *headers, version=version))
                self.assertEqual((reply.version, reply.body), ("HTTP/1.1", POD.encode()))
                if closed:
                    self.assertEqual(reply.headers["connection"], "close")
                    self.assertTrue(c.at_end())
                else:
                    expected = "keep-alive" if version == "HTTP/1.0" else None
                    self.assertEqual(reply.headers.get("connection"), expected)
                    self.assertEqual(c.ask(get("/pod")).status, 200)

    def test_nothing_is_answered_after_a_close(self):
        with Client(self.address) as c:
            c.send(get("/pod", "Connection: close") + get("/pod"))
            self.assertEqual(c.read().status, 200)
            self.assertTrue(c.at_end())

    def test_a_client_may_close_its_half_first(self):
        with Client(self.address) as c:
            c.send(get("/pod"))
            c.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(c.read().body, POD.encode())
            self.assertTrue(c.at_end())
        with Client(self.address) as c:
            c.send(get("/pod", "Content-Length: 3", method="POST") + "abc")
            c.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(c.read().status, 405)
            self.assertTrue(c.at_end())

    def test_1000_requests_on_one_connection(self):
        connection = http.client.HTTPConnection(self.address, timeout=lbtest.DEADLINE_S)
        self.addCleanup(connection.close)
        for i in range(1000):
            connection.request("GET", "/pod")
            reply = connection.getresponse()
            self.assertEqual(reply.read(), POD.encode())
        self.assertEqual(reply.headers["x-lbdemo-connection"].split()[1], "1000")

    def test_200_connections_at_once(self):
        clients = [Client(self.address) for _ in range(200)]
        for c in clients:
            c.send(get("/info"))
        ids = {json.loads(c.read().body)["connection_id"] for c in clients}
        self.assertEqual(len(ids), 200)
        for c in clients:
            self.assertEqual(c.ask(get("/pod")).body, POD.encode())
            c.__exit__()

    def test_new_connections_from_many_threads(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(lambda _: self.ask(get("/pod", "Connection: close")).body, range(400)))
        self.assertEqual(set(replies), {POD.encode()})


class BadInput(lbtest.Case):
    def setUp(self):
        super().setUp()
        self.process = self.server("--threads", 1, "--header-timeout", "300ms", "--body-timeout", "400ms",
                                   "--idle-timeout", "700ms")
        self.address = self.process.http

    def refused(self, data, status, message=None):
        """`data` is answered with `status`, then the connection ends, whatever follows it."""
        with Client(self.address) as c:
            c.send(data)
            try:
                c.send(get("/pod") * 3)
            except (BrokenPipeError, ConnectionResetError):
                pass
            reply = c.read()
            self.assertEqual((reply.status, reply.headers["connection"]), (status, "close"), message or data)
            self.assertEqual(reply.headers["x-lbdemo-pod"], POD)
            self.assertTrue(reply.body.endswith(b"\n"))
            self.assertTrue(c.at_end(), message or data)

    def test_ambiguous_requests_are_refused(self):
        length = "Content-Length: 3"
        for headers in (("Content-Length: 3", "Content-Length: 3"), ("Content-Length: 3", "content-length: 4"),
                        ("Content-Length: +3",), ("Content-Length : 3",), ("Content-Length: 3,3",),
                        ("Content-Length: 0x3",), ("Content-Length: ",), (length, "Transfer-Encoding: chunked"),
                        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), ("X: a\n b",), ("X: a", " b"),
                        ("X: a\0b",), ("X: a\rb",), ("X : a",), ("X",), (": a",), ("Host: b",), ("X: a\nY: b",)):
            for method in ("GET", "POST"):
                self.refused(get("/pod", *headers, method=method), 400, headers)

    def test_corrupt_chunks_are_refused(self):
        for body in ("x\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "-1\r\n", "3 \r\nabc\r\n", "2\r\nabc\r\n0\r\n\r\n", "3\nabc",
                     "fffffffffffffffff\r\n", "0\r\nX : y\r\n\r\n"):
            self.refused(get("/pod", "Transfer-Encoding: chunked", method="POST") + body, 400, body)
        self.refused(get("/pod", "Transfer-Encoding: chunked", method="POST") + "10001\r\n", 413)
        self.refused(get("/pod", "Transfer-Encoding: chunked", method="POST") + "1\r\na\r\n" * 40000, 413)

    def test_unknown_codings_methods_and_versions_are_refused(self):
        for value in ("gzip", "gzip, chunked", "xchunked", "chunked, gzip", "identity"):
            self.refused(get("/pod", f"Transfer-Encoding: {value}", method="POST"), 501)
        self.refused(get("/pod", method="BREW"), 501)
        self.refused(get("a:80", method="CONNECT"), 501)
        self.refused(get("/pod", version="HTTP/2.0"), 505)
        self.refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
        self.refused(get("/pod", "Expect: the-unexpected"), 417)

    def test_bad_hosts_and_targets_are_refused(self):
        self.refused(get("/pod", host=None), 400)
        self.refused(get("/pod", host="Host: a b"), 400)
        self.refused(get("/pod", "Host: a"), 400)
        for target in ("pod", "/%zz", "/%00", "/\x80", "ftp://a/pod", "http:///pod", "*", "/a b"):
            self.refused(get(target), 400, target)

    def test_a_body_where_none_may_be_is_refused(self):
        with Client(self.address) as c:
            reply = c.ask(get("/pod", "Content-Length: 28", method="HEAD") + get("/pod"), head_only=True)
            self.assertEqual((reply.status, reply.headers["connection"]), (400, "close"))
            self.assertTrue(c.at_end())

    def test_other_protocols_are_refused_at_once(self):
        self.refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400)
        self.refused("\r\n\r\n", 400)

    def test_too_much_is_refused(self):
        self.refused("GET /" + "a" * 8192, 414)
        self.refused(get("/" + "a" * 8192), 414)
        self.refused(get("/pod", "X: " + "a" * 32768), 431)
        self.refused(get("/pod", *["X: y"] * 100), 431)
        self.refused(get("/pod", "Content-Length: 65537", method="POST"), 413)
        self.refused(get("/pod", "Content-Length: 999999999999999999", method="POST"), 413)
        with Client(self.address) as c:
            self.assertEqual(c.ask(get("/" + "a" * 8000, "X: " + "a" * 20000)).status, 404)
            self.assertEqual(c.ask(get("/pod", "Content-Length: 65536", method="POST") + "a" * 65536).status, 405)

    def test_a_chunked_body_that_is_too_large_is_413(self):
        with Client(self.address) as c:
            c.send(get("/pod", "Transfer-Encoding: chunked", method="POST"))
            try:
                for _ in range(40):
                    c.send("1000\r\n" + "a" * 4096 + "\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                self.assertEqual(c.read().status, 413)
            except ConnectionResetError:
                pass  # the response was lost with what we had still sent
        self.assertEqual(self.answers(), POD.encode())

    def answers(self):
        with Client(self.address) as c:
            return c.ask(get("/pod")).body

    def test_a_slow_head_is_408_however_it_trickles(self):
        for pieces in (["GET /pod HT"], ["G"] + list("ET /pod HTTP/1.1\r\nHost: a\r\nX: " + "a" * 200)):
            with Client(self.address) as c:
                begun = time.monotonic()
                try:
                    for piece in pieces:
                        c.send(piece)
                        time.sleep(0.02)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                reply = c.read()
                self.assertEqual((reply.status, reply.headers["connection"]), (408, "close"))
                self.assertTrue(c.at_end())
                self.assertGreater(time.monotonic() - begun, 0.25)

    def test_a_slow_second_head_is_408(self):
        with Client(self.address) as c:
            self.assertEqual(c.ask(get("/pod") + "GET /").status, 200)
            self.assertEqual(c.read().status, 408)

    def test_a_slow_body_is_408(self):
        for framing, pieces in (("Content-Length: 500", ["a"] * 100), ("Transfer-Encoding: chunked", ["1\r\na\r\n"] * 100)):
            with Client(self.address) as c:
                c.send(get("/pod", framing, method="POST"))
                try:
                    for piece in pieces:
                        c.send(piece)
                        time.sleep(0.02)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.assertEqual(c.read().status, 408)

    def test_an_idle_connection_is_closed_but_not_too_soon(self):
        for request in ("", get("/pod")):
            with Client(self.address) as c:
                if request:
                    c.ask(request)
                begun = time.monotonic()
                self.assertTrue(c.at_end())
                self.assertGreater(time.monotonic() - begun, 0.6)

    def test_a_timeout_counts_from_the_last_response(self):
        with Client(self.address) as c:
            for _ in range(6):
                self.assertEqual(c.ask(get("/pod")).status, 200)
                time.sleep(0.2)

    def test_a_client_that_does_not_read_costs_no_memory(self):
        def resident_kib():
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
                return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))
        before = resident_kib()
        requests = get("/") * 50
        for _ in range(3):
            c = Client(self.address)
            self.addCleanup(c.__exit__)
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.socket.settimeout(0.3)
            try:
                for _ in range(2000):
                    c.send(requests)
            except (TimeoutError, BrokenPipeError, ConnectionResetError):
                pass
        grown = resident_kib() - before
        self.assertLess(grown, 60000)  # KiB; unbounded it would be 400 MB a client
        self.assertEqual(self.answers(), POD.encode())

    def test_random_bytes_do_not_hurt(self):
        for seed in range(200):
            data = bytearray(get("/pod", "Content-Length: 5", "Connection: keep-alive", method="POST").encode() + b"abcde")
            for i in range(1 + seed % 7):
                data[(seed * 7919 + i * 104729) % len(data)] = (seed * 31 + i * 17) % 256
            with Client(self.address) as c:
                c.send(bytes(data))
                c.socket.shutdown(socket.SHUT_WR)
                try:
                    c.stream.read()
                except ConnectionResetError:
                    pass
        self.assertEqual(self.answers(), POD.encode())


class Listening(lbtest.Case):
    def test_ipv6(self):
        try:
            server = self.server("--http-listen", "[::1]:0")
        except AssertionError as e:
            if "Cannot assign" in str(e) or "not supported" in str(e):
                self.skipTest("this machine has no IPv6")
            raise
        self.assertRegex(server.http, r"^\[::1\]:\d+$")
        with Client(server.http) as c:
            reply = c.ask(get("/info", host="Host: [::1]"))
            self.assertEqual(json.loads(reply.body)["peer_address"], "::1")

    def test_every_address(self):
        server = self.server("--http-listen", ":0")
        port = server.http.rsplit(":", 1)[1]
        with Client(f"127.0.0.1:{port}") as c:
            reply = c.ask(get("/info"))
            self.assertEqual(json.loads(reply.body)["peer_address"], "127.0.0.1")

    def test_a_unix_socket(self):
        address = "unix:" + self.path("http")
        server = self.server("--http-listen", address, "--threads", 2)
        self.assertEqual(server.http, address)
        for _ in range(10):
            with Client(address) as c:
                self.assertEqual(c.ask(get("/pod")).body, POD.encode())
                info = json.loads(c.ask(get("/info")).body)
                self.assertEqual((info["peer_address"], info["peer_port"]), ("unix:", 0))
        self.assert_refused("lbdemo-server", ["--http-listen", address, "--grpc-listen", "127.0.0.1:0"], 1,
                            address, "in use")
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(address[5:]))

    def test_a_unix_socket_of_a_killed_server_is_replaced(self):
        address = "unix:" + self.path("http")
        self.server("--http-listen", address).stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(address[5:]))
        server = self.server("--http-listen", address)
        with Client(server.http) as c:
            self.assertEqual(c.ask(get("/pod")).status, 200)

    def test_a_second_server_on_the_same_address_fails(self):
        for threads in (1, 2):
            server = self.server("--threads", threads)
            for other in (1, 2):
                self.assert_refused("lbdemo-server", ["--http-listen", server.http, "--grpc-listen", "127.0.0.1:0",
                                                      "--threads", other], 1, server.http, "in use")

    def test_bad_addresses_and_files_are_refused(self):
        self.assert_refused("lbdemo-server", ["--http-listen", "localhost"], 2, "--http-listen", "'localhost'")
        self.assert_refused("lbdemo-server", ["--http-listen", "127.0.0.1:99999"], 2, "65535")
        self.assert_refused("lbdemo-server", [], 2, "LBDEMO_HTTP_LISTEN", "'x'", env={"LBDEMO_HTTP_LISTEN": "x"})
        self.assert_refused("lbdemo-server", ["--http-listen", "192.0.2.1:0"], 1, "192.0.2.1:0")
        self.assert_refused("lbdemo-server", ["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0",
                                              "--port-file", "/nowhere/ports"], 1, "'/nowhere/ports'")
        self.assert_refused("lbdemo-server", ["--pod-name", "a\nb"], 2, "--pod-name", "0x0a")
        self.assert_refused("lbdemo-server", ["--threads", "65"], 2, "'65'", "64")

    def test_the_port_file_is_complete_and_goes_with_the_server(self):
        server = self.server()
        with open(server.port_file, encoding="ascii") as f:
            self.assertRegex(f.read(), r"\Ahttp 127\.0\.0\.1:\d+\ngrpc 127\.0\.0\.1:\d+\n(admin 127\.0\.0\.1:\d+\n)?\Z")
        self.assertEqual(os.listdir(os.path.dirname(server.port_file)), ["ports"])
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(server.port_file))


class Identity(lbtest.Case):
    def info(self, *args, env=None):
        server = self.server(*args, env=env)
        with Client(server.http) as c:
            return json.loads(c.ask(get("/info")).body)

    def test_the_downward_api_names_the_pod(self):
        env = {"POD_NAME": "p", "POD_NAMESPACE": "ns", "POD_IP": "10.1.2.3", "NODE_NAME": "n", "ZONE": "z", "VERSION": "v"}
        server = lbtest.Process(self.folder, [lbtest.program("lbdemo-server"), "--http-listen", "127.0.0.1:0",
                                              "--grpc-listen", "127.0.0.1:0", "--port-file", self.path("p")], env=env)
        self.addCleanup(server.end)
        lbtest.wait_until(lambda: os.path.exists(self.path("p")), "the port file")
        with open(self.path("p"), encoding="ascii") as f, Client(f.readline().split()[1]) as c:
            reply = c.ask(get("/info"))
        info = json.loads(reply.body)
        for key, value in (("name", "p"), ("namespace", "ns"), ("pod_ip", "10.1.2.3"), ("node", "n"), ("zone", "z"),
                           ("version", "v")):
            self.assertEqual(info[key], value)
        self.assertEqual(reply.headers["x-lbdemo-zone"], "z")
        self.assertEqual(reply.headers["x-lbdemo-version"], "v")
        self.assertEqual(reply.headers["x-lbdemo-node"], "n")

    def test_options_win_over_variables_and_ours_over_kubernetes(self):
        info = self.info("--pod-version", "option", env={"LBDEMO_POD_VERSION": "ours", "VERSION": "theirs",
                                                         "LBDEMO_ZONE": "ours", "ZONE": "theirs"})
        self.assertEqual((info["version"], info["zone"]), ("option", "ours"))

    def test_the_host_name_serves_as_pod_name(self):
        self.assertEqual(self.info(env={"POD_NAME": ""}, *["--pod-name", ""])["name"], socket.gethostname())


class Stop(lbtest.Case):
    def test_a_request_in_flight_is_finished(self):
        server = self.server()
        with Client(server.http) as c:
            self.assertEqual(c.ask(get("/pod")).status, 200)
            c.send("GET /pod HTTP/1.1\r\nHo")
            lbtest.wait_until(lambda: self.received(c), "the server to read")
            server.signal(signal.SIGTERM)
            lbtest.wait_until(lambda: self.refuses(server.http), "the listener to close")
            c.send("st: a\r\n\r\n")
            reply = c.read()
            self.assertEqual((reply.body, reply.headers["connection"]), (POD.encode(), "close"))
            self.assertTrue(c.at_end())
        self.assertEqual(server.wait(), 0)

    @staticmethod
    def received(c):
        """Whether the kernel has delivered all that was sent on `c`."""
        import fcntl
        import struct
        return struct.unpack("i", fcntl.ioctl(c.socket, 0x5411, b"\0\0\0\0"))[0] == 0  # SIOCOUTQ

    @staticmethod
    def refuses(address):
        try:
            lbtest.connect(address).close()
        except ConnectionRefusedError:
            return True
        return False

    def test_an_idle_connection_may_ask_once_more(self):
        server = self.server()
        with Client(server.http) as c:
            self.assertEqual(c.ask(get("/pod")).status, 200)
            server.signal(signal.SIGTERM)
            lbtest.wait_until(lambda: self.refuses(server.http), "the listener to close")
            reply = c.ask(get("/pod"))
            self.assertEqual((reply.status, reply.headers["connection"]), (200, "close"))
        self.assertEqual(server.wait(), 0)

    def test_idle_connections_do_not_hold_it_up(self):
        server = self.server()
        clients = [Client(server.http) for _ in range(10)]
        for c in clients[:5]:
            c.ask(get("/pod"))
        begun = time.monotonic()
        self.assertEqual(server.stop(signal.SIGINT), 0)
        self.assertLess(time.monotonic() - begun, 5)
        for c in clients:
            self.assertTrue(c.at_end())
            c.__exit__()

    def test_a_second_signal_ends_it_at_once(self):
        server = self.server("--header-timeout", "1h")
        with Client(server.http) as c:
            c.send("GET /pod")
            lbtest.wait_until(lambda: self.received(c), "the server to read")
            server.signal(signal.SIGTERM)
            lbtest.wait_until(lambda: self.refuses(server.http), "the listener to close")
            self.assertIsNone(server.popen.poll())
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 1)

    def test_sighup_is_survived(self):
        server = self.server()
        server.signal(signal.SIGHUP)
        with Client(server.http) as c:
            self.assertEqual(c.ask(get("/pod")).status, 200)
        self.assertEqual(server.stop(), 0)

    def test_it_stops_under_load_without_losing_a_request(self):
        server = self.server("--threads", 2)
        stopping = [False]

        def run():
            """Asks on one connection until the server says close; returns the requests without an answer."""
            with Client(server.http) as c:
                while True:
                    try:
                        reply = c.ask(get("/pod"))
                    except (EOFError, ConnectionError):
                        return 1
                    if reply.headers.get("connection") == "close":
                        return 0 if stopping[0] else 1

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            runs = [pool.submit(run) for _ in range(8)]
            time.sleep(0.3)
            stopping[0] = True
            server.signal(signal.SIGTERM)
            self.assertEqual(sum(r.result() for r in runs), 0)
        self.assertEqual(server.wait(), 0)


class Descriptors(lbtest.Case):
    def test_running_out_of_descriptors_is_survived(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
        server = self.server("--threads", 1, preexec_fn=limit)
        kept = Client(server.http)
        self.addCleanup(kept.__exit__)
        self.assertEqual(kept.ask(get("/pod")).status, 200)
        others = [lbtest.connect(server.http) for _ in range(100)]
        lbtest.wait_until(lambda: "Too many open files" in server.err(), "the server to run out")
        self.assertEqual(kept.ask(get("/pod")).status, 200)
        used = self.cpu_s(server.pid)
        time.sleep(0.5)
        self.assertLess(self.cpu_s(server.pid) - used, 0.25, "it must not spin")
        for s in others:
            s.close()
        with Client(server.http) as c:
            self.assertEqual(c.ask(get("/pod")).status, 200)
        self.assertLess(server.err().count("Too many open files"), 4)
        self.assertEqual(server.stop(), 0)

    @staticmethod
    def cpu_s(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    lbtest.main()
