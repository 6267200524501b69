"""lbdemo-server under a service manager: sockets it is given, and what it tells."""
import os
import signal
import socket
import sys

import lbtest
from rawhttp import Client, get

POD = b"server-7c4bfd74d-29c69"

# Puts the listening sockets where systemd would, then becomes the server.
LAUNCHER = """
import os, sys
fds = [int(fd) for fd in sys.argv[1].split(",")]
for i, fd in enumerate(os.dup(fd) for fd in [os.dup2(fd, 50 + i) for i, fd in enumerate(fds)]):
    os.dup2(fd, 100 + i)
for i in range(len(fds)):
    os.dup2(100 + i, 3 + i)
    os.set_inheritable(3 + i, True)
os.closerange(3 + len(fds), 200)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Systemd(lbtest.Case):
    def listening(self):
        s = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(s.close)
        return s, "127.0.0.1:%d" % s.getsockname()[1]

    def launch(self, sockets, *args, env=None):
        fds = [s.fileno() for s in sockets]
        ports = self.path("ports")
        argv = [sys.executable, "-c", LAUNCHER, ",".join(map(str, fds)), lbtest.program("lbdemo-server"),
                "--pod-name", POD.decode(), "--port-file", ports, "--http-listen", "127.0.0.1:0",
                "--grpc-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", *args]
        process = lbtest.Process(self.folder, argv, env=env, pass_fds=fds)
        self.addCleanup(process.end)
        return process, ports

    def listeners(self, process, ports):
        lbtest.wait_until(lambda: os.path.exists(ports) or process.popen.poll() is not None, "the port file")
        self.assertIsNone(process.popen.poll(), process.err())
        with open(ports, encoding="ascii") as f:
            return dict(line.split() for line in f)

    def pod(self, address):
        with Client(address) as c:
            return c.ask(get("/pod")).body

    def test_sockets_are_taken_by_name(self):
        (admin, admin_address), (http, http_address) = self.listening(), self.listening()
        process, ports = self.launch([admin, http], "--threads", "2", env={"LISTEN_FDNAMES": "admin:http"})
        found = self.listeners(process, ports)
        self.assertEqual((found["http"], found["admin"]), (http_address, admin_address))
        for _ in range(20):
            self.assertEqual(self.pod(http_address), POD)
        with Client(admin_address) as c:
            self.assertEqual(c.ask(get("/readyz")).status, 200)
        self.assertEqual(process.stop(), 0)

    def test_sockets_without_a_name_are_taken_in_order(self):
        sockets = [self.listening() for _ in range(3)]
        process, ports = self.launch([s for s, _ in sockets], env={"LISTEN_FDNAMES": "a.socket:a.socket:a.socket"})
        self.assertEqual(self.listeners(process, ports), dict(zip(("http", "grpc", "admin"), (a for _, a in sockets))))
        self.assertEqual(self.pod(sockets[0][1]), POD)

    def test_a_unix_socket_stays_for_the_next_start(self):
        path = self.path("s")
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.bind(path)
        s.listen()
        process, ports = self.launch([s])
        self.listeners(process, ports)
        self.assertEqual(self.pod("unix:" + path), POD)
        self.assertEqual(process.stop(), 0)
        self.assertTrue(os.path.exists(path))

    def test_what_is_no_listening_socket_is_refused(self):
        loose = socket.socket()
        self.addCleanup(loose.close)
        with open(os.devnull, "rb") as null:
            for bad in (loose, null):
                process, _ = self.launch([bad])
                self.assertEqual(process.wait(), 1)
                self.assertIn("descriptor 3", process.err())
        process, _ = self.launch([self.listening()[0]] * 2, env={"LISTEN_FDNAMES": "http:http"})
        self.assertEqual(process.wait(), 1)
        self.assertIn("'http'", process.err())

    def test_another_process_s_variables_are_not_heard(self):
        server = self.server(env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
        self.assertEqual(self.pod(server.http), POD)

    def test_nonsense_is_refused(self):
        common = ["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--admin-listen", ""]
        self.assert_refused("lbdemo-server", common, 1, "LISTEN_PID", env={"LISTEN_PID": "x", "LISTEN_FDS": "1"})

    def test_the_manager_is_told(self):
        for address in (self.path("notify"), "\0lbdemo-test-%d" % os.getpid()):
            notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.addCleanup(notify.close)
            notify.bind(address)
            notify.settimeout(lbtest.DEADLINE_S)
            server = self.server("--drain-delay", "200ms", env={"NOTIFY_SOCKET": address.replace("\0", "@")})
            self.assertEqual(notify.recv(100), b"READY=1")
            server.signal(signal.SIGTERM)
            self.assertEqual(notify.recv(100), b"STOPPING=1")
            self.assertEqual(server.wait(), 0)

    def test_a_manager_that_is_not_there_is_logged(self):
        server = self.server(env={"NOTIFY_SOCKET": self.path("nobody")})
        lbtest.wait_until(lambda: "cannot tell the service manager" in server.err(), "the log")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    lbtest.main()
