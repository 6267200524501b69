"""Server reflection of lbdemo-server, v1 and v1alpha: every kind of request, and a tool that has no files."""
import os
import shutil
import subprocess

import lbtest
import grpclib
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICES = ["api.protobuf.pod", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection", "lbdemo.v1.PodService"]
pb, stubs = grpclib.generate_ours("grpc/reflection/v1/reflection.proto")
NOT_FOUND, INVALID_ARGUMENT = 5, 3


class Reflection(lbtest.Case):
    def setUp(self):
        super().setUp()
        self.lbserver = self.server()
        self.addCleanup(lambda: self.assertEqual(self.lbserver.stop(), 0, self.lbserver.err()))
        self.channel = grpclib.channel(self.lbserver.grpc)
        self.addCleanup(self.channel.close)

    def ask(self, *requests, version="v1"):
        method = self.channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                                            request_serializer=pb.ServerReflectionRequest.SerializeToString,
                                            response_deserializer=pb.ServerReflectionResponse.FromString)
        return list(method(iter(requests), timeout=lbtest.DEADLINE_S))

    def ask_one(self, **request):
        asked = pb.ServerReflectionRequest(host="a.host", **request)
        replies = self.ask(asked)
        self.assertEqual(len(replies), 1)
        self.assertEqual(replies[0].valid_host, "a.host")
        self.assertEqual(replies[0].original_request, asked)
        return replies[0]

    def names_of_files(self, reply):
        self.assertEqual(reply.WhichOneof("message_response"), "file_descriptor_response")
        return [descriptor_pb2.FileDescriptorProto.FromString(b).name
                for b in reply.file_descriptor_response.file_descriptor_proto]

    def assert_error(self, reply, code, words):
        self.assertEqual(reply.WhichOneof("message_response"), "error_response")
        self.assertEqual(reply.error_response.error_code, code)
        self.assertIn(words, reply.error_response.error_message)

    def test_both_versions_list_all_services(self):
        for version in ("v1", "v1alpha"):
            replies = self.ask(pb.ServerReflectionRequest(list_services=""), version=version)
            self.assertEqual([s.name for s in replies[0].list_services_response.service], SERVICES)

    def test_files_are_those_protoc_makes(self):
        root = os.path.join(lbtest.SOURCE, "proto")
        for name in ("lbdemo/v1/pod.proto", "api/protobuf/pod.proto", "grpc/health/v1/health.proto"):
            subprocess.run(["protoc", f"-I{root}", "-o", self.path("set"), name], check=True)
            with open(self.path("set"), "rb") as f:
                expected = descriptor_pb2.FileDescriptorSet.FromString(f.read()).file[0]
            reply = self.ask_one(file_by_filename=name)
            got = reply.file_descriptor_response.file_descriptor_proto
            self.assertEqual([descriptor_pb2.FileDescriptorProto.FromString(b) for b in got], [expected])

    def test_every_kind_of_symbol_leads_to_its_file(self):
        for symbol, file in (("lbdemo.v1.PodService", "lbdemo/v1/pod.proto"),
                             ("lbdemo.v1.PodService.Watch", "lbdemo/v1/pod.proto"),
                             ("lbdemo.v1.GetInfoResponse", "lbdemo/v1/pod.proto"),
                             ("lbdemo.v1.GetInfoResponse.pod_ip", "lbdemo/v1/pod.proto"),
                             ("api.protobuf.pod", "api/protobuf/pod.proto"),
                             ("api.protobuf.response", "api/protobuf/pod.proto"),
                             ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"),
                             ("grpc.health.v1.HealthCheckResponse.NOT_SERVING", "grpc/health/v1/health.proto"),
                             ("grpc.reflection.v1.ServerReflectionRequest.message_request",
                              "grpc/reflection/v1/reflection.proto")):
            self.assertEqual(self.names_of_files(self.ask_one(file_containing_symbol=symbol)), [file], symbol)

    def test_what_is_not_there_is_not_found(self):
        self.assert_error(self.ask_one(file_by_filename="no/such.proto"), NOT_FOUND, "no/such.proto")
        for symbol in ("no.such.Symbol", "", "lbdemo.v1", "lbdemo.v1.PodService.", "lbdemo.descriptor.File"):
            self.assert_error(self.ask_one(file_containing_symbol=symbol), NOT_FOUND, f"'{symbol}'")
        extension = pb.ExtensionRequest(containing_type="lbdemo.v1.Header", extension_number=100)
        self.assert_error(self.ask_one(file_containing_extension=extension), NOT_FOUND, "lbdemo.v1.Header")
        self.assert_error(self.ask_one(all_extension_numbers_of_type="no.such.Type"), NOT_FOUND, "no.such.Type")
        self.assert_error(self.ask_one(file_containing_symbol="x" * 5000), NOT_FOUND, "x" * 180)

    def test_messages_have_no_extensions(self):
        reply = self.ask_one(all_extension_numbers_of_type="lbdemo.v1.Header")
        self.assertEqual(reply.all_extension_numbers_response.base_type_name, "lbdemo.v1.Header")
        self.assertEqual(list(reply.all_extension_numbers_response.extension_number), [])

    def test_a_request_for_nothing_is_an_error_in_the_stream(self):
        self.assert_error(self.ask_one(), INVALID_ARGUMENT, "asks for nothing")

    def test_many_requests_on_one_stream_are_answered_in_order(self):
        files = ["lbdemo/v1/pod.proto", "nothing", "api/protobuf/pod.proto"] * 50
        replies = self.ask(*[pb.ServerReflectionRequest(file_by_filename=f) for f in files])
        self.assertEqual([r.original_request.file_by_filename for r in replies], files)
        self.assertEqual([r.HasField("error_response") for r in replies], [f == "nothing" for f in files])

    def test_no_request_is_no_error(self):
        self.assertEqual(self.ask(), [])

    def test_garbage_ends_the_stream(self):
        method = self.channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        for messages in ([b"\xff\xff"], [b"", b"\xff\xff"]):
            with self.assertRaises(grpc.RpcError) as caught:
                list(method(iter(messages), timeout=lbtest.DEADLINE_S))
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_a_client_without_files_can_call(self):
        reply = self.ask_one(file_containing_symbol="lbdemo.v1.PodService")
        pool = descriptor_pool.DescriptorPool()
        for b in reply.file_descriptor_response.file_descriptor_proto:
            pool.AddSerializedFile(b)
        method = pool.FindServiceByName("lbdemo.v1.PodService").methods_by_name["GetInfo"]
        output = message_factory.MessageFactory(pool).GetPrototype(method.output_type)
        info = self.channel.unary_unary("/lbdemo.v1.PodService/GetInfo", response_deserializer=output.FromString)(
            b"", timeout=lbtest.DEADLINE_S)
        self.assertEqual(info.name, "server-7c4bfd74d-29c69")

    def test_streams_left_open_end_with_the_server(self):
        server = self.server()
        held = []

        def requests():
            yield pb.ServerReflectionRequest(list_services="")
            lbtest.wait_until(lambda: server.popen.poll() is not None, "the server's end")

        with grpclib.channel(server.grpc) as channel:
            stream = stubs.ServerReflectionStub(channel).ServerReflectionInfo(requests())
            held.append(next(stream))
            self.assertEqual(server.stop(), 0)
            with self.assertRaises(grpc.RpcError) as caught:
                next(stream)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def tool(self, name, *args, status=0):
        """What a tool prints, if it is installed."""
        if not shutil.which(name):
            self.skipTest(f"{name} is not installed")
        done = subprocess.run([name, *args], capture_output=True, text=True, check=False, timeout=lbtest.DEADLINE_S)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_grpcurl(self):
        at = self.lbserver.grpc
        self.assertEqual(self.tool("grpcurl", "-plaintext", at, "list").split(), SERVICES)
        self.assertIn("rpc GetInfo ( .lbdemo.v1.GetInfoRequest ) returns ( .lbdemo.v1.GetInfoResponse );",
                      self.tool("grpcurl", "-plaintext", at, "describe", "lbdemo.v1.PodService"))
        self.assertIn('"name": "server-7c4bfd74d-29c69"',
                      self.tool("grpcurl", "-plaintext", at, "lbdemo.v1.PodService/GetInfo"))

    def test_ghz(self):
        out = self.tool("ghz", "--insecure", "--call", "lbdemo.v1.PodService.GetInfo", "-n", "200", "-c", "5",
                        self.lbserver.grpc)
        self.assertRegex(out, r"\[OK\]\s+200 responses")

    def test_grpc_health_probe(self):
        name = "grpc_health_probe" if shutil.which("grpc_health_probe") else "grpc-health-probe"
        self.tool(name, "-addr", self.lbserver.grpc)
        self.tool(name, "-addr", self.lbserver.grpc, "-service", "lbdemo.v1.PodService")
        self.tool(name, "-addr", self.lbserver.grpc, "-service", "nope", status=3)


if __name__ == "__main__":
    lbtest.main()
