"""Peers of the gRPC client for the end-to-end tests: foreign servers, and a name server of ours."""
import concurrent.futures
import os
import socket
import struct
import subprocess
import threading
import time

import lbtest
import grpclib
import grpc

grpclib.generate(os.path.join(lbtest.SOURCE, "proto"), "api/protobuf/pod.proto")
from api.protobuf import pod_pb2, pod_pb2_grpc  # pylint: disable=import-error,wrong-import-position


class Peer(pod_pb2_grpc.podServicer):
    """The demonstration's service, from its .proto alone, in this process. Notes what it saw."""

    def __init__(self, name="server-7c4bfd74d-29c69", address="127.0.0.1:0", delay=0.0, barrier=None, options=(),
                 credentials=None):
        self.name, self.delay, self.barrier = name, delay, barrier
        self.peers, self.times, self.metadata, self.remaining, self.authorities = [], [], [], [], []
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(32),
                                   options=[("grpc.so_reuseport", 0), *options])
        pod_pb2_grpc.add_podServicer_to_server(self, self._server)
        self.port = (self._server.add_secure_port(address, credentials) if credentials
                     else self._server.add_insecure_port(address))
        if self.port == 0:
            raise OSError(f"cannot listen on {address}")
        self.address = address if address.startswith("unix:") else f"{address.rsplit(':', 1)[0]}:{self.port}"
        self._server.start()

    def getInfo(self, request, context):  # pylint: disable=invalid-name
        self.peers.append(context.peer())
        self.times.append(time.monotonic())
        self.metadata.append({key: value for key, value in context.invocation_metadata()})
        self.remaining.append(context.time_remaining())
        self.authorities.append(context._rpc_event.call_details.host.decode())  # pylint: disable=protected-access
        if self.barrier:
            self.barrier.wait(lbtest.DEADLINE_S)
        time.sleep(self.delay)
        return pod_pb2.response(name=self.name)

    def stop(self):
        self._server.stop(0).wait()


class Certificates:
    """A certificate authority in a folder, by the openssl program."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self.path("ca.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=test-ca", "-keyout", self.path("ca.key"), "-out", self.ca)

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)

    def issue(self, name, *names):
        """A certificate for the DNS names: the paths of certificate and key."""
        key, request, cert, ext = (self.path(name + suffix) for suffix in (".key", ".csr", ".pem", ".ext"))
        with open(ext, "w", encoding="ascii") as f:
            f.write("subjectAltName=" + ",".join(f"DNS:{n}" for n in names or [name]))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.path("ca.key"),
                      "-CAcreateserial", "-days", "2", "-extfile", ext, "-out", cert)
        return cert, key

    def server_credentials(self, *names, client_ca=None):
        """For a Peer; with `client_ca`, clients must have a certificate of it."""
        def read(path):
            with open(path, "rb") as f:
                return f.read()

        cert, key = self.issue("server", *names)
        return grpc.ssl_server_credentials([(read(key), read(cert))], read(client_ca) if client_ca else None,
                                           client_ca is not None)


class RawPeer:
    """Answers every method with what `answer(method, request, context)` returns, as it is."""

    def __init__(self, answer):
        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                return grpc.unary_unary_rpc_method_handler(
                    lambda request, context: answer(details.method, request, context))

        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=(Handler(),),
                                   options=[("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self):
        self._server.stop(0).wait()


class SocketPeer:
    """Hands each TCP connection it accepts to `serve(connection)` in a thread of its own."""

    def __init__(self, serve):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def stop(self):
        """Listens no longer; again is no error."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()


class NameServer:
    """Answers A questions from `names` (name -> IPv4 addresses) over UDP; other names do not exist.

    With `turning` each answer begins with another of the addresses, as a cluster's DNS does."""

    def __init__(self, names, turning=False):
        self.names = names
        self._turning, self._turn = turning, 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._ended = False
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        known = self.names.get(".".join(labels).lower())
        found = known if known and kind == 1 else []
        if self._turning and found:
            self._turn = (self._turn + 1) % len(found)
            found = found[self._turn:] + found[:self._turn]
        answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(a) for a in found)
        flags = 0x8180 if known else 0x8183
        return query[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + question + answers

    def _serve(self):
        while not self._ended:
            try:
                query, sender = self._socket.recvfrom(4096)
                self._socket.sendto(self._reply(query), sender)
            except TimeoutError:
                continue
        self._socket.close()

    def stop(self):
        self._ended = True
