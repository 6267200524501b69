"""An HTTP server that is not ours, for the client's tests: it notes what it saw."""
import http.server
import socket
import threading
import time


class Backend:
    """Answers every GET with `name`; `reply(handler)` may be replaced. `requests` has a dict a request."""

    def __init__(self, name="pod-a", host="127.0.0.1", port=0, reply=None, keep=True, tls=None):
        self.name = name
        self.requests = []
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keep else "HTTP/1.0"
            disable_nagle_algorithm = True

            def do_GET(self):
                backend.requests.append({"at": time.monotonic(), "peer": self.client_address[:2], "path": self.path,
                                         "headers": {k.lower(): v for k, v in self.headers.items()}})
                (reply or backend.answer)(self)

            def log_message(self, *_args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # clients that go away

        self._server = Server((host, port), Handler)
        self._server.backend = self
        if tls:  # the handshake is done by the connection's thread, with its first read
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, handler, status=200, body=None, headers=()):
        body = (self.name if body is None else body)
        body = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def connections(self):
        return len({r["peer"] for r in self.requests})

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Raw:
    """Accepts connections and answers each with `script(socket)`."""

    def __init__(self, script, host="127.0.0.1"):
        self._listener = socket.create_server((host, 0))
        self.address = f"{host}:{self._listener.getsockname()[1]}"
        self.accepted = 0
        self._script = script
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                s, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        try:
            with s:
                self._script(s)
        except OSError:
            pass

    def close(self):
        # Wakes accept, which close alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def read_request(s):
    """One request's head."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = s.recv(4096)
        if not got:
            raise OSError("closed")
        data += got
    return data


def free_port(host="127.0.0.1"):
    """A port that refuses connections: bound, so that nobody else gets it, and not listening. Keep the socket."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    s.bind((host, 0))
    return s, s.getsockname()[1]
