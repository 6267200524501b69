"""gRPC for the end-to-end tests: stubs generated from .proto files, and raw messages sent by curl."""
import os
import subprocess
import sys
import tempfile

import lbtest

try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(77)

_generated = tempfile.TemporaryDirectory(prefix="lbdemo-stubs-")
sys.path.insert(0, _generated.name)


def generate(root, *protos):
    """Generates messages and stubs of `protos`, paths below `root`; import them afterwards."""
    out = _generated.name
    subprocess.run(["protoc", f"-I{root}", f"--python_out={out}", *protos], check=True)
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", f"--grpc_python_out={out}", *protos],
                   check=True)


def generate_ours():
    """The stubs of lbdemo.v1, as modules (messages, stubs)."""
    generate(os.path.join(lbtest.SOURCE, "proto"), "lbdemo/v1/pod.proto")
    from lbdemo.v1 import pod_pb2, pod_pb2_grpc  # pylint: disable=import-error,import-outside-toplevel
    return pod_pb2, pod_pb2_grpc


def channel(address, *options):
    """A channel that shares its connection with no other, without a proxy."""
    target = address if address.startswith("unix:") else "dns:///" + address
    if address.startswith("["):
        target = "ipv6:" + address
    return grpc.insecure_channel(target, options=[("grpc.enable_http_proxy", 0),
                                                  ("grpc.use_local_subchannel_pool", 1), *options])


def frame(message, flags=0, length=None):
    """A gRPC length-prefixed message."""
    return bytes([flags]) + (len(message) if length is None else length).to_bytes(4, "big") + message


def post(folder, address, path, body, *headers):
    """Sends `body` as it is, by curl: (headers and trailers as a dictionary, response body). Both are
    empty when there was no response."""
    request, reply = os.path.join(folder, "request"), os.path.join(folder, "reply")
    with open(request, "wb") as f:
        f.write(body)
    argv = ["curl", "-s", "--noproxy", "*", "--max-time", str(lbtest.DEADLINE_S), "--http2-prior-knowledge",
            "-X", "POST", "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "user-agent: test",
            "--data-binary", "@" + request, "-D", "-", "-o", reply]
    for header in headers:
        argv += ["-H", header]
    done = subprocess.run([*argv, f"http://{address}{path}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:  # the stream was reset, say
        return {}, b""
    fields = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    with open(reply, "rb") as f:
        return fields, f.read()
