"""HTTP over a raw socket: what a well-behaved client library would not let a test do."""
import lbtest


class Reply:
    """One response read from a socket: `status`, `version`, `headers` (lower-case names), `body`."""

    def __init__(self, stream, head_only=False):
        line = stream.readline()
        if not line:
            raise EOFError("the server closed the connection")
        self.version, status, self.reason = line.decode().rstrip("\r\n").split(" ", 2)
        self.status = int(status)
        self.headers = {}
        for line in iter(stream.readline, b"\r\n"):
            name, value = line.decode("latin-1").rstrip("\r\n").split(": ", 1)
            assert name.lower() not in self.headers, f"{name} twice"
            self.headers[name.lower()] = value
        length = int(self.headers.get("content-length", 0))
        self.body = b"" if head_only else stream.read(length)


class Client:
    """A raw connection."""

    def __init__(self, address):
        self.socket = lbtest.connect(address)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def read(self, head_only=False):
        return Reply(self.stream, head_only)

    def ask(self, data, head_only=False):
        self.send(data)
        return self.read(head_only)

    def at_end(self):
        """Waits for the server to close; true if nothing more came before."""
        try:
            return self.stream.read() == b""
        except ConnectionResetError:
            return True


def get(path, *headers, method="GET", version="HTTP/1.1", host="Host: a"):
    lines = [f"{method} {path} {version}", *([host] if host else []), *headers]
    return "\r\n".join(lines) + "\r\n\r\n"
