"""lbdemo-server's faults over HTTP: by option, by request and by the admin listener."""
import concurrent.futures
import time

import lbtest
from rawhttp import Client, get

POD = b"server-7c4bfd74d-29c69"


class Faults(lbtest.Case):
    def ask(self, address, data):
        with Client(address) as c:
            return c.ask(data)

    def test_a_status_is_injected_where_it_should_be(self):
        server = self.server("--fault", "status=503")
        for path in ("/pod", "/info", "/"):
            reply = self.ask(server.http, get(path))
            self.assertEqual((reply.status, reply.body), (503, b"503: injected fault\n"))
            self.assertEqual(reply.headers["x-lbdemo-pod"].encode(), POD)
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.ask(server.http, get(path)).status, 200)
        self.assertEqual(self.ask(server.http, get("/nothing")).status, 404)
        self.assertEqual(self.ask(server.admin, get("/metrics")).status, 200)

    def test_a_share_is_about_that(self):
        server = self.server("--fault", "status=503:30%")
        with Client(server.http) as c:
            c.send(get("/pod") * 500)
            failed = sum(c.read().status == 503 for _ in range(500))
        self.assertLess(abs(failed - 150), 60)
        text = self.ask(server.admin, get("/metrics")).body.decode()
        self.assertIn(f'lbdemo_faults_injected_total{{protocol="http",kind="status"}} {failed}\n', text)
        self.assertIn(f'lbdemo_requests_total{{protocol="http",method="/pod",code="503"}} {failed}\n', text)

    def test_delays_do_not_hold_up_the_thread(self):
        server = self.server("--fault", "delay=400ms", "--threads", 1)
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            replies = list(pool.map(lambda _: self.ask(server.http, get("/pod")), range(40)))
        took = time.monotonic() - begun
        self.assertTrue(all(r.body == POD for r in replies))
        self.assertGreater(took, 0.4)
        self.assertLess(took, 6)
        self.assertEqual(self.ask(server.http, get("/healthz")).status, 200)

    def test_delayed_requests_stay_in_order_and_are_counted_once(self):
        server = self.server("--fault", "delay=50ms:50%")
        with Client(server.http) as c:
            c.send((get("/pod") + get("/pod", "Content-Length: 3") + "abc" + get("/healthz")) * 5)
            for i in range(15):
                reply = c.read()
                self.assertEqual(reply.status, 200)
                self.assertEqual(reply.headers["x-lbdemo-connection"].split()[1], str(i + 1))
        text = self.ask(server.admin, get("/metrics")).body.decode()
        self.assertIn('lbdemo_requests_total{protocol="http",method="/pod",code="200"} 10\n', text)
        self.assertIn('lbdemo_requests_in_flight{protocol="http"} 0\n', text)

    def test_a_delayed_request_survives_its_client_s_half_close_and_its_end(self):
        server = self.server("--fault", "delay=200ms")
        for request in (get("/pod"), get("/pod", "Content-Length: 3") + "abc"):
            with Client(server.http) as c:
                c.send(request)
                c.socket.shutdown(1)
                self.assertEqual(c.read().body, POD)
            with Client(server.http) as c:
                c.send(request)
        time.sleep(0.3)
        self.assertEqual(self.ask(server.http, get("/healthz")).status, 200)

    def test_a_stop_waits_for_delayed_requests(self):
        server = self.server("--fault", "delay=600ms")
        with Client(server.http) as c, Client(server.http) as with_body:
            c.send(get("/pod"))
            with_body.send(get("/pod", "Content-Length: 3") + "abc")
            lbtest.wait_until(lambda: b'in_flight{protocol="http"} 2' in self.ask(server.admin, get("/metrics")).body,
                              "the requests to be in flight")
            server.signal(15)
            self.assertEqual(c.read().body, POD)
            self.assertEqual(with_body.read().body, POD)
        self.assertEqual(server.wait(), 0)

    def test_a_reset_is_a_reset(self):
        server = self.server("--fault", "reset")
        for request in (get("/pod"), get("/pod", "Content-Length: 3") + "abc"):
            with Client(server.http) as c:
                c.send(request)
                with self.assertRaises(ConnectionResetError):
                    c.read()
        counted = b'lbdemo_connections_closed_total{protocol="http",reason="fault"} 2\n'
        lbtest.wait_until(lambda: counted in self.ask(server.admin, get("/metrics")).body, "both to be counted")

    def test_only_the_named_pod_is_hit(self):
        hit = self.server("--fault", "status=503;name=a", name="a")
        missed = self.server("--fault", "status=503;name=a", name="b")
        self.assertEqual(self.ask(hit.http, get("/pod")).status, 503)
        self.assertEqual(self.ask(missed.http, get("/pod")).status, 200)

    def test_a_caller_may_ask_if_that_is_allowed(self):
        server = self.server("--allow-faults")
        wishes = {"status=500": 500, f"status=429;name={POD.decode()}": 429, "status=500;name=other": 200, "delay=1ms": 200}
        for wish, status in wishes.items():
            self.assertEqual(self.ask(server.http, get("/pod", f"X-Lbdemo-Fault: {wish}")).status, status)
            encoded = wish.replace("=", "%3D").replace(";", "%3B")
            self.assertEqual(self.ask(server.http, get(f"/pod?a=b&fault={encoded}")).status, status)
            self.assertEqual(self.ask(server.http, get(f"/pod?fault={wish}")).status, status)
            self.assertEqual(self.ask(server.http, get("/pod", f"x-lbdemo-fault: {wish}", "Content-Length: 1") + "a").status,
                             status)
        reply = self.ask(server.http, get("/pod", "x-lbdemo-fault: delay=2h"))
        self.assertEqual(reply.status, 400)
        self.assertIn(b"2h", reply.body)
        begun = time.monotonic()
        self.ask(server.http, get("/pod", "x-lbdemo-fault: delay=300ms"))
        self.assertGreater(time.monotonic() - begun, 0.29)

    def test_a_caller_who_may_not_ask_is_not_heard(self):
        server = self.server()
        self.assertEqual(self.ask(server.http, get("/pod?fault=status=500", "x-lbdemo-fault: status=500")).status, 200)
        self.assertEqual(self.ask(server.http, get("/pod", "x-lbdemo-fault: junk")).status, 200)

    def test_the_admin_listener_sets_and_shows_them(self):
        server = self.server("--fault", "status=503")

        def post(text):
            return self.ask(server.admin, get("/faults", f"Content-Length: {len(text)}", method="POST") + text)
        self.assertEqual(self.ask(server.admin, get("/faults")).body, b"status=503\n")
        reply = post("status=500:100%\n")
        self.assertEqual((reply.status, reply.body), (200, b"status=500:100%\n"))
        self.assertEqual(self.ask(server.http, get("/pod")).status, 500)
        reply = post("status=99")
        self.assertEqual(reply.status, 400)
        self.assertIn(b"99", reply.body)
        self.assertEqual(self.ask(server.http, get("/pod")).status, 500)
        self.assertEqual(post("").status, 200)
        self.assertEqual(self.ask(server.http, get("/pod")).status, 200)
        self.assertEqual(self.ask(server.http, get("/faults", "Content-Length: 5", method="POST") + "reset").status, 404)

    def test_bad_options_are_refused(self):
        self.assert_refused("lbdemo-server", ["--fault", "delay=2h"], 2, "--fault", "2h")
        self.assert_refused("lbdemo-server", ["--fault", "status=503:200%"], 2, "200")


if __name__ == "__main__":
    lbtest.main()
