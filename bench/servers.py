"""The servers `make bench` measures: lbdemo-server and its peers, each started the way it is meant to
run on one core, on a loopback port nobody else has. A server that cannot be had raises Missing."""
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

POD_NAME = "server-7c4bfd74d-29c69"
START_DEADLINE_S = 10.0
STOP_DEADLINE_S = 5.0
BUILD_DEADLINE_S = 600.0  # the first build of grpc-go downloads and compiles it

NGINX_CONF = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    default_type text/plain;
    {temporary}
    server {{
        listen 127.0.0.1:{port}{tls};
        location = /pod {{ return 200 "{name}"; }}
    }}
}}
"""
NGINX_TLS = " ssl; ssl_certificate {}; ssl_certificate_key {}"
NGINX_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Missing(Exception):
    """A server or tool is not on this machine; the text says which and why."""


def tool(name):
    """The path of a program, also one of the administrator's."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/go/bin")
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def output_of(*argv):
    """What a program says, standard error included; for versions."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    return done.stdout.strip()


class Server:
    """One server. `http` and `grpc` are its (host, port) while it runs, or None.

    Subclasses set `name` and `version` and implement _launch(), which returns the Popen, and
    _await(), which returns once requests are served and sets the addresses.
    """
    name = version = ""

    def __init__(self, cpu):
        self._cpu = cpu  # the one core to run on, or None
        self._popen = None
        self._folder = None
        self.http = self.grpc = None

    def start(self):
        """Starts the server; returns the seconds from exec to serving."""
        self._folder = tempfile.TemporaryDirectory(prefix="lbdemo-bench-")
        self.http = self.grpc = None
        begin = time.monotonic()
        self._deadline = begin + START_DEADLINE_S
        self._popen = self._launch()
        self._await()
        return time.monotonic() - begin

    def stop(self):
        """Ends the server whatever it takes; nothing to do if it does not run."""
        if self._popen:
            self._popen.send_signal(signal.SIGTERM)
            try:
                self._popen.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
            if self._popen.stdout:
                self._popen.stdout.close()
            self._popen = None
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def _spawn(self, argv, **options):
        cpu = self._cpu
        pin = None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})
        # A session of its own: Ctrl-C reaches the measurement only, which then ends its servers.
        with open(self._said(), "wb") as said:
            return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stderr=said, preexec_fn=pin,
                                    start_new_session=True, **options)

    def _said(self):
        return os.path.join(self._folder.name, "said")

    def _failed(self, how):
        with open(self._said(), encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
        return RuntimeError(f"{self.name} {how}; it said: {lines[-1] if lines else 'nothing'}")

    def _check_alive(self, what):
        if self._popen.poll() is not None:
            raise self._failed(f"ended with status {self._popen.returncode} before {what}")
        if time.monotonic() > self._deadline:
            raise self._failed(f"did not show {what} in {START_DEADLINE_S:g} s")

    def pids(self):
        """Its process and the processes that one started."""
        pid = self._popen.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [pid, *map(int, f.read().split())]

    def cpu_seconds(self):
        """CPU time all its threads have used, by the processes' CPU clocks: utime + stime of
        /proc/PID/stat, in nanoseconds instead of ticks (Linux' encoding of clock_getcpuclockid)."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def memory_mb(self):
        """(resident, private) megabytes: VmRSS and RssAnon, summed over its processes."""
        resident = private = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                fields = dict(re.findall(r"^(VmRSS|RssAnon):\s+(\d+) kB", f.read(), re.MULTILINE))
            resident += int(fields["VmRSS"])
            private += int(fields["RssAnon"])
        return resident * 1024 / 1e6, private * 1024 / 1e6


class Lbdemo(Server):
    """Ours: HTTP and gRPC in one process, one thread each way."""
    name = "lbdemo-server"

    def __init__(self, cpu, path, tls=None):
        super().__init__(cpu)
        if not os.access(path, os.X_OK):
            raise Missing("it is not built")
        self._path = path
        self._options = ["--tls-cert", tls[0], "--tls-key", tls[1]] if tls else []
        self.version = output_of(path, "--version").splitlines()[0]
        help_text = output_of(path, "--help")
        self._listeners = [kind for kind in ("http", "grpc", "admin") if f"--{kind}-listen" in help_text]

    def _launch(self):
        self._port_file = os.path.join(self._folder.name, "ports")
        argv = [self._path, "--pod-name", POD_NAME, "--threads", "1", "--port-file", self._port_file, *self._options]
        for kind in self._listeners:
            argv += [f"--{kind}-listen", "127.0.0.1:0"]
        return self._spawn(argv)

    def _await(self):
        while not os.path.exists(self._port_file):
            self._check_alive("its port file")
            time.sleep(0.0002)
        with open(self._port_file, encoding="ascii") as f:
            lines = dict(line.split() for line in f)
        address = {kind: ("127.0.0.1", int(at.rsplit(":", 1)[1])) for kind, at in lines.items()}
        self.http = address.get("http")
        self.grpc = address.get("grpc")


class Nginx(Server):
    """nginx with one worker and a fixed answer: as little as an HTTP server can do."""
    name = "nginx return 200"

    def __init__(self, cpu, connections=1024, tls=None):
        super().__init__(cpu)
        self._path = tool("nginx")
        self._connections, self._tls = connections, tls
        self.version = output_of(self._path, "-v").replace("nginx version: ", "")

    def _launch(self):
        folder = self._folder.name
        os.chmod(folder, 0o755)  # the worker is another user when nginx is started by root
        with socket.create_server(("127.0.0.1", 0), backlog=511) as listener:
            port = listener.getsockname()[1]
            temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in NGINX_TEMPORARY)
            conf = os.path.join(folder, "conf")
            with open(conf, "w", encoding="ascii") as f:
                f.write(NGINX_CONF.format(folder=folder, port=port, name=POD_NAME, temporary=temporary,
                                          connections=self._connections, descriptors=self._connections + 64,
                                          tls=NGINX_TLS.format(*self._tls) if self._tls else ""))
            # nginx takes over the listening socket named here, so its port needs no guessing.
            env = dict(os.environ, NGINX=f"{listener.fileno()};")
            popen = self._spawn([self._path, "-p", folder, "-c", conf, "-e", "stderr"], env=env,
                                pass_fds=(listener.fileno(),))
        self.http = ("127.0.0.1", port)
        return popen

    def _await(self):
        # The socket listens from the start, so only an answer says that nginx is there.
        get_pod(self.http, START_DEADLINE_S, self._tls)
        self._check_alive("its first answer")


class Go(Server):
    """A Go program that prints the address it listens on."""

    def __init__(self, cpu, path):
        super().__init__(cpu)
        self._path = path

    def _launch(self):
        env = dict(os.environ, GOMAXPROCS="1")
        return self._spawn([self._path, POD_NAME], env=env, stdout=subprocess.PIPE)

    def _await(self):
        line = self._popen.stdout.readline().decode().strip()
        if not line:
            raise self._failed("ended before it printed its address")
        self._listening(("127.0.0.1", int(line.rsplit(":", 1)[1])))

    def _listening(self, address):
        raise NotImplementedError


class GoHttp(Go):
    """Go's own HTTP server."""
    name = "Go net/http"

    def __init__(self, cpu, sources, cache):
        go = tool("go")
        path = os.path.join(cache, "http-peer")
        run_build([go, "build", "-o", path, os.path.join(sources, "http.go")], cache)
        super().__init__(cpu, path)
        self.version = output_of(go, "version").replace("go version ", "")

    def _listening(self, address):
        self.http = address


class GoGrpc(Go):
    """grpc-go with code generated from the same .proto."""
    name = "grpc-go"

    def __init__(self, cpu, sources, protos, cache):
        folder = os.path.join(cache, "grpc")
        super().__init__(cpu, os.path.join(folder, "bin", "grpc-peer"))
        go, protoc = tool("go"), tool("protoc")
        os.makedirs(os.path.join(folder, "pod"), exist_ok=True)
        for file in ("go.mod", "go.sum", "main.go"):
            shutil.copyfile(os.path.join(sources, "grpc", file), os.path.join(folder, file))
        run_build([go, "build", "-o", "bin/", "google.golang.org/protobuf/cmd/protoc-gen-go",
                   "google.golang.org/grpc/cmd/protoc-gen-go-grpc"], folder)
        package = "lbdemo.example/bench/pod"
        options = [f"--{plugin}_{key}" for plugin in ("go", "go-grpc")
                   for key in ("out=pod", f"opt=Mapi/protobuf/pod.proto={package},module={package}")]
        run_build([protoc, f"--proto_path={protos}", *options, "api/protobuf/pod.proto"], folder,
                  PATH=os.path.join(folder, "bin") + ":" + os.environ["PATH"])
        run_build([go, "build", "-o", "bin/grpc-peer", "."], folder)
        with open(os.path.join(folder, "go.mod"), encoding="ascii") as f:
            self.version = re.search(r"google.golang.org/grpc v\S+", f.read()).group()

    def _listening(self, address):
        self.grpc = address


def run_build(argv, folder, **env):
    """Runs one step of building a peer; a failure means that the peer cannot be had here."""
    os.makedirs(folder, exist_ok=True)
    done = subprocess.run(argv, cwd=folder, env=dict(os.environ, **env), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=BUILD_DEADLINE_S, check=False)
    if done.returncode != 0:
        raise Missing(f"it could not be built: {(done.stdout.strip() or 'no reason given').splitlines()[-1]}")


def get_pod(address, seconds, tls=False):
    """The body of GET /pod; raises RuntimeError unless it is the pod name with status 200."""
    insecure = ssl._create_unverified_context()  # pylint: disable=protected-access
    connection = (http.client.HTTPSConnection(*address, timeout=seconds, context=insecure) if tls
                  else http.client.HTTPConnection(*address, timeout=seconds))
    try:
        connection.request("GET", "/pod")
        response = connection.getresponse()
        body = response.read().decode()
    finally:
        connection.close()
    if response.status != 200 or body != POD_NAME:
        raise RuntimeError(f"GET /pod at port {address[1]} answered {response.status} {body!r}")
