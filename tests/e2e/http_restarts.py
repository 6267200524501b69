"""Servers restarted one after the other behind HAProxy, which asks /readyz: no HTTP request fails."""
import threading
import time

import haproxy
import lbtest
from rawhttp import Client, get

DRAIN_DELAY = "600ms"  # HAProxy asks every 100 ms
CHECK = "check inter 100ms fall 1 rise 1"
WORKERS = 6
PAUSE_S = 0.01  # between two requests of a worker


class Load:
    """Asks through the proxy until it is stopped, on kept or on new connections."""

    def __init__(self, address, keep):
        self.address, self.keep = address, keep
        self.answered, self.failures = 0, []
        self.lock, self.ending = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(WORKERS)]
        for t in self.threads:
            t.start()

    def run(self):
        client = None
        while not self.ending.is_set():
            try:
                client = client or Client(self.address)
                reply = client.ask(get("/pod", *([] if self.keep else ["Connection: close"])))
                problem = None if reply.status == 200 else f"status {reply.status}"
            except (EOFError, OSError, ValueError) as e:
                problem = repr(e)
            with self.lock:
                self.answered += problem is None
                if problem:
                    self.failures.append(problem)
            if problem or not self.keep or "close" in reply.headers.get("connection", ""):
                client.__exit__()
                client = None
            time.sleep(PAUSE_S)
        if client:
            client.__exit__()

    def stop(self):
        self.ending.set()
        for t in self.threads:
            t.join()


class RollingRestart(lbtest.Case):
    def setUp(self):
        super().setUp()
        if not haproxy.BINARY:
            self.skipTest("haproxy is not installed")

    def start_one(self, n, address="127.0.0.1:0"):
        return self.server("--drain-delay", DRAIN_DELAY, "--threads", 1, "--http-listen", address, name=f"server-{n}")

    @staticmethod
    def checks(server):
        """How often the proxy was told that it is ready."""
        with Client(server.admin) as c:
            lines = c.ask(get("/metrics")).body.decode().splitlines()
        return sum(int(line.split()[-1]) for line in lines if '"/readyz",code="200"' in line
                   and line.startswith("lbdemo_requests_total"))

    def restart_all(self, mode, keep):
        servers = [self.start_one(n) for n in range(3)]
        proxy = haproxy.HAProxy(self.folder, [s.http for s in servers], mode=mode,
                                backend=["option httpchk GET /readyz", "http-check expect status 200"],
                                options=[CHECK] * 3)
        self.addCleanup(proxy.end)
        load = Load(proxy.address, keep)
        self.addCleanup(load.stop)
        boots = set()
        lbtest.wait_until(lambda: load.answered > 50, "some answers")
        for n, server in enumerate(servers):
            self.assertEqual(server.stop(), 0)
            again = self.start_one(n, server.http)
            boots.add(again.pid)
            asked = load.answered
            lbtest.wait_until(lambda: self.checks(again) > 1, "the proxy to find it")
            lbtest.wait_until(lambda: load.answered > asked, "the others' load to go on")
        load.stop()
        self.assertEqual(len(boots), 3)
        self.assertEqual(load.failures, [], f"beside {load.answered} answers")
        self.assertGreater(load.answered, 300)

    def test_behind_http_mode_on_kept_connections(self):
        self.restart_all("http", True)

    def test_behind_http_mode_on_new_connections(self):
        self.restart_all("http", False)

    def test_behind_tcp_mode_on_kept_connections(self):
        self.restart_all("tcp", True)

    def test_behind_tcp_mode_on_new_connections(self):
        self.restart_all("tcp", False)


if __name__ == "__main__":
    lbtest.main()
