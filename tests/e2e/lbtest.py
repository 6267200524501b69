"""What the end-to-end tests share: real programs on ephemeral ports, deadlines instead of sleeps.

A test file defines lbtest.Case subclasses and ends with `lbtest.main()`. A test that needs what is
not there calls self.skipTest(reason); a file whose tests were all skipped exits 77.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ.get("LBDEMO_BIN", os.getcwd())
SOURCE = os.environ.get("LBDEMO_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
DEADLINE_S = 20.0  # generous: test machines are shared, sanitizers are slow


def program(name):
    """The path of one of our programs: the built one, or with LBDEMO_INSTALLED the one in PATH."""
    return name if os.environ.get("LBDEMO_INSTALLED") else os.path.join(BIN, name)


def wait_until(condition, what, seconds=DEADLINE_S):
    """Polls until `condition()` is true and returns its value; fails naming `what`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def clean_env(**extra):
    """This environment without what changes our programs' behaviour or language, plus `extra`."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("LBDEMO_") and k.lower() not in ("http_proxy", "https_proxy", "grpc_proxy")}
    env.pop("LANGUAGE", None)
    env["LC_ALL"] = "C"
    env.update({k: str(v) for k, v in extra.items()})
    return env


class Process:
    """A running program; its output goes to files, read at any time by `out()` and `err()`."""

    def __init__(self, folder, argv, env=None, **popen):
        self._out = tempfile.NamedTemporaryFile(dir=folder, suffix=".out")
        self._err = tempfile.NamedTemporaryFile(dir=folder, suffix=".err")
        self.argv = [str(a) for a in argv]
        self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err,
                                      env=clean_env(**(env or {})), **popen)
        self.pid = self.popen.pid

    @staticmethod
    def _read(file):
        with open(file.name, encoding="utf-8", errors="replace") as f:
            return f.read()

    def out(self):
        return self._read(self._out)

    def err(self):
        return self._read(self._err)

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=DEADLINE_S):
        """The exit status (negative: killed by that signal)."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv[0]} did not end in {seconds} s; it said: {self.err()}") from None

    def stop(self, number=15):  # SIGTERM; signal is the method here
        if self.popen.poll() is None:
            self.signal(number)
        return self.wait()

    def end(self):
        """For clean-up: ends it whatever it takes."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self._out.close()
        self._err.close()


class Server(Process):
    """lbdemo-server on ephemeral ports. `http`, `grpc` and `admin` are "HOST:PORT" texts or None."""

    def __init__(self, folder, *args, name="server-7c4bfd74d-29c69", env=None, **popen):
        self.port_file = os.path.join(tempfile.mkdtemp(dir=folder), "ports")
        given = " ".join(map(str, args))
        argv = [program("lbdemo-server"), "--port-file", self.port_file]
        if "--pod-name" not in given:
            argv += ["--pod-name", name]
        for listener in ("http", "grpc", "admin"):
            if f"--{listener}-listen" not in given and f"--{listener}-listen" in server_help():
                argv += [f"--{listener}-listen", "127.0.0.1:0"]
        super().__init__(folder, argv + list(args), env=env, **popen)
        self.listeners = {}
        try:
            wait_until(self._ready, "the server's port file")
        except AssertionError as e:
            err = self.err()
            self.end()
            raise AssertionError(f"{e}; it said: {err}") from None
        self.http = self.listeners.get("http")
        self.grpc = self.listeners.get("grpc")
        self.admin = self.listeners.get("admin")

    def _ready(self):
        if os.path.exists(self.port_file):
            with open(self.port_file, encoding="utf-8") as f:
                self.listeners = dict(line.split(" ", 1) for line in f.read().splitlines())
            return True
        if self.popen.poll() is not None:
            raise AssertionError(f"the server ended with status {self.popen.returncode}")
        return False


def server_help(_cache={}):
    """The text of lbdemo-server --help."""
    if "text" not in _cache:
        _cache["text"] = subprocess.run([program("lbdemo-server"), "--help"], env=clean_env(), check=True,
                                        capture_output=True, text=True, timeout=DEADLINE_S).stdout
    return _cache["text"]


def split(address):
    """("127.0.0.1", 80) of "127.0.0.1:80", ("::1", 80) of "[::1]:80"."""
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def connect(address, seconds=DEADLINE_S):
    """A TCP or unix socket connected to one of our addresses."""
    if address.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(seconds)
        s.connect(address[5:])
        return s
    return socket.create_connection(split(address), timeout=seconds)


class Case(unittest.TestCase):
    """A test with a folder of its own; what it started is ended after it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lbdemo-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, *args, **options):
        """One of our programs (or, with a slash, any) in the background."""
        argv = [name if "/" in name else program(name), *args]
        process = Process(self.folder, argv, **options)
        self.addCleanup(process.end)
        return process

    def server(self, *args, **options):
        server = Server(self.folder, *args, **options)
        self.addCleanup(server.end)
        return server

    def run_program(self, name, *args, env=None, seconds=DEADLINE_S, **options):
        """Runs one of our programs to its end: (status, stdout, stderr)."""
        done = subprocess.run([program(name), *map(str, args)], env=clean_env(**(env or {})), timeout=seconds,
                              stdin=options.pop("stdin", subprocess.DEVNULL), capture_output=True, check=False,
                              **options)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def assert_refused(self, name, args, status, *words, env=None, **options):
        """The program refuses `args` with `status` and one sentence that has all `words`."""
        code, out, err = self.run_program(name, *args, env=env, **options)
        self.assertEqual(code, status, f"{args}: {err}")
        self.assertEqual(out, "", args)
        self.assertTrue(err.startswith(f"{name}: ") and err.count("\n") == 1 and err.endswith("\n"), repr(err))
        for word in words:
            self.assertIn(word, err)


def main():
    """Runs the file's tests; exits 0, 1, or 77 when every one was skipped."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)
