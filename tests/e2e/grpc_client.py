"""lbdemo-grpc-client against foreign servers and against lbdemo-server."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import lbtest
import grpclib  # skips without grpc  # pylint: disable=unused-import
import grpc
from grpcpeer import NameServer, Peer, RawPeer, SocketPeer

CLIENT = "lbdemo-grpc-client"
NAME = "server-7c4bfd74d-29c69"


def field(number, content):
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2, len(content)]) + content


class Case(lbtest.Case):
    def peer(self, *args, kind=Peer, **options):
        peer = kind(*args, **options)
        self.addCleanup(peer.stop)
        return peer

    def peers(self, count):
        return [self.peer(f"pod-{i}") for i in range(count)]

    def requests(self, *args, env=None):
        """The run's requests, as --output ndjson has them, in the order of sending."""
        _, out, err = self.run_program(CLIENT, "--output", "ndjson", *args, env=env)
        found = [json.loads(line) for line in out.splitlines()]
        self.assertTrue(found, err)
        return sorted((r for r in found if "request" in r), key=lambda r: r["request"])

    def one(self, *args, env=None):
        return self.requests("--count", "1", *args, env=env)[0]

    def refused_address(self):
        """An address that refuses connections: bound, so that nobody else listens there."""
        s = socket.socket()
        self.addCleanup(s.close)
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


class Demonstration(Case):
    def test_one_call_a_second_for_ever_on_one_channel_a_line_each(self):
        peer = self.peer()
        start = time.monotonic()
        client = self.start(CLIENT, peer.address)
        lbtest.wait_until(lambda: client.out().count("\n") >= 3, "three lines")
        self.assertEqual(client.out(), "".join(f"#{i}: {NAME}\n" for i in (1, 2, 3)))
        self.assertIsNone(client.popen.poll())
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(), 0, client.err())
        self.assertRegex(client.out(), rf"{NAME} +3 +100\.0%")
        self.assertEqual(len(set(peer.peers)), 1)
        for n, at in enumerate(peer.times):  # a busy machine makes them later, never earlier
            self.assertGreater(at - start, n)

    def test_the_target_is_also_an_option_or_in_the_environment(self):
        peer = self.peer()
        for args, env in ((["--host", peer.address], {}), (["--url", peer.address], {}),
                          ([], {"LBDEMO_HOST": peer.address}), ([], {"LBDEMO_URL": peer.address})):
            status, out, err = self.run_program(CLIENT, "-n", "1", *args, env=env)
            self.assertIn(f"#1: {NAME}\n", out, err)
            self.assertEqual(status, 0, err)

    def test_our_server_tells_which_connection_and_request_it_was(self):
        server = self.server("--pod-version", "v1", "--zone", "west", "--node", "n1")
        for method in ("api.protobuf.pod/getInfo", "lbdemo.v1.PodService/GetInfo"):
            found = self.requests(server.grpc, "-n", "6", "-i", "0", "-c", "2", "--method", method,
                                  "--metadata", "x-request-id: 7")
            for r in found:
                self.assertEqual((r["outcome"], r["backend"], r["version"], r["zone"], r["node"]),
                                 ("ok", NAME, "v1", "west", "n1"))
                self.assertRegex(r["boot_id"], r"^[0-9a-f]{8,}$")
                self.assertRegex(r["server_peer"], r"^127\.0\.0\.1:\d+$")
                self.assertEqual(r["ordinal"], r["server_ordinal"])
                self.assertIn("x-request-id", r["proxy_headers"])
                self.assertEqual(r["remote"], server.grpc)
            pairs = {(r["connection"], r["server_connection"], r["server_peer"]) for r in found}
            self.assertEqual(len(pairs), 2)
            self.assertEqual({r["connection"] for r in found}, {1, 2})


class Connections(Case):
    def test_as_many_connections_as_asked_for(self):
        peer = self.peer()
        found = self.requests(peer.address, "-n", "16", "-i", "0", "--connections", "4")
        self.assertEqual(len(set(peer.peers)), 4)
        self.assertEqual({r["connection"] for r in found}, {1, 2, 3, 4})

    def test_a_new_connection_for_each_request(self):
        peer = self.peer()
        found = self.requests(peer.address, "-n", "5", "-i", "0", "--new-connection")
        self.assertEqual([r["connection"] for r in found], [1, 2, 3, 4, 5])
        self.assertEqual({r["ordinal"] for r in found}, {1})
        self.assertEqual(len(set(peer.peers)), 5)

    def test_200_channels_at_once_carry_1000_calls(self):
        found = self.requests(self.server().grpc, "-n", "1000", "-i", "0", "-c", "200", "--timeout", "30s")
        self.assertEqual({r["outcome"] for r in found}, {"ok"})
        used = [r["connection"] for r in found]
        self.assertEqual({n: used.count(n) for n in set(used)}, {n: 5 for n in range(1, 201)})

    def test_many_calls_in_flight_on_one_connection(self):
        peer = self.peer(barrier=threading.Barrier(8))
        found = self.requests(peer.address, "-n", "8", "-i", "0", "--streams", "8")
        self.assertEqual({r["outcome"] for r in found}, {"ok"})
        self.assertEqual(len(set(peer.peers)), 1)

    def test_a_server_that_comes_back_is_a_new_connection(self):
        peer = self.peer("before")
        client = self.start(CLIENT, peer.address, "-i", "20ms", "--output", "ndjson")

        def seen(wanted):
            return lambda: wanted in client.out()

        lbtest.wait_until(seen('"backend":"before"'), "the first reply")
        peer.stop()
        refused = f"UNAVAILABLE: connect {peer.address}: Connection refused"
        lbtest.wait_until(seen(refused), "a refused connection")
        self.peer("after", peer.address)
        lbtest.wait_until(seen('"backend":"after"'), "the server that is back", 5)
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(), 0)
        found = [o for o in map(json.loads, client.out().splitlines()) if "request" in o]
        numbers = {r["backend"]: r["connection"] for r in found if r["outcome"] == "ok"}
        self.assertEqual(numbers, {"before": 1, "after": 2})
        self.assertNotIn("connection", next(r for r in found if r.get("error") == refused))

    def test_calls_that_fail_at_once_do_not_keep_it_from_connecting_again(self):
        peer = self.peer("before")
        client = self.start(CLIENT, peer.address, "-i", "0", "--streams", "8", "--quiet")
        lbtest.wait_until(lambda: len(peer.times) > 100, "a hundred requests")
        peer.stop()
        time.sleep(2)  # for several attempts to fail
        after = self.peer("after", peer.address)
        lbtest.wait_until(lambda: after.times, "a request to the server that is back", 1.8)
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(), 0)
        self.assertEqual(len(set(after.peers)), 1)

    def test_a_server_that_ends_connections_by_age_makes_new_ones(self):
        peer = self.peer(options=[("grpc.max_connection_age_ms", 300)])
        found = self.requests(peer.address, "-d", "1500ms", "-i", "10ms")
        used = {r["connection"] for r in found if "connection" in r}
        self.assertGreaterEqual(len(used), 3)
        self.assertEqual(len(used), len(set(peer.peers)))
        self.assertEqual(used, set(range(1, len(used) + 1)))


class Goaway(Case):
    """A call that a GOAWAY meets before the server has looked at it was no failure of the server's."""

    def target(self, on_goaway=lambda: None):
        """Ends its first connection with a GOAWAY that excludes the call on it, then answers."""
        connections = []

        def serve(connection):
            connections.append(connection)
            self.addCleanup(connection.close)
            connection.recv(len(grpclib.PREFACE), socket.MSG_WAITALL)
            connection.sendall(grpclib.h2_frame(grpclib.SETTINGS))
            stream = grpclib.h2_read(connection, grpclib.HEADERS)
            if len(connections) == 1:
                on_goaway()
                connection.sendall(grpclib.h2_frame(grpclib.GOAWAY, bytes(8)))
            else:
                connection.sendall(grpclib.h2_reply(stream, field(1, b"pod")))

        self.connections = connections
        return self.peer(serve, kind=SocketPeer)

    def test_it_goes_out_again(self):
        request = self.one(self.target().address)
        self.assertEqual((request["outcome"], request["backend"]), ("ok", "pod"), request)
        self.assertEqual((request["connection"], request["ordinal"]), (1, 1))
        self.assertEqual(len(self.connections), 2)

    def test_also_when_it_is_large(self):
        with open(self.path("large"), "wb") as f:
            f.write(bytes(1 << 20))
        request = self.one("--data", "@" + self.path("large"), self.target().address)
        self.assertEqual(request["outcome"], "ok", request)

    def test_without_another_connection_it_was_on_none(self):
        target = self.target(lambda: target.stop())  # pylint: disable=unnecessary-lambda
        request = self.one(target.address)
        self.assertIn("Connection refused", request["error"])
        self.assertNotIn("connection", request)


class Targets(Case):
    def test_ipv6(self):
        if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6 here")
        peer = self.peer(address="[::1]:0")
        for target in (peer.address, f"ipv6:{peer.address}", f"dns:///{peer.address}"):
            found = self.one(target)
            self.assertEqual((found["backend"], found["remote"]), (NAME, peer.address))

    def test_unix(self):
        path = self.path("a socket")
        self.peer(address=f"unix:{path}")
        for target in (f"unix:{path}", f"unix://{path}"):
            found = self.one(target)
            self.assertEqual((found["backend"], found["remote"]), (NAME, f"unix:{path}"))

    def test_a_host_name(self):
        peer = self.peer()
        found = self.one(f"localhost:{peer.port}")
        self.assertEqual((found["backend"], found["remote"]), (NAME, peer.address))
        self.assertEqual(peer.authorities, [f"localhost:{peer.port}"])

    def test_round_robin_over_a_list_of_addresses(self):
        peers = self.peers(3)
        target = "ipv4:" + ",".join(p.address for p in peers)
        found = self.requests(target, "-n", "60", "-i", "1ms", "--lb-policy", "round_robin")
        self.assertEqual({r["backend"] for r in found}, {"pod-0", "pod-1", "pod-2"})
        ways = {(r["connection"], r["remote"], r["backend"]) for r in found}
        self.assertEqual(len(ways), 3)
        self.assertEqual({w[1] for w in ways}, {p.address for p in peers})
        self.assertEqual([len(set(p.peers)) for p in peers], [1, 1, 1])
        for p in peers:
            self.assertGreaterEqual(len(p.peers), 15)

    def test_a_policy_that_cannot_act_is_said(self):
        peer = self.peer()
        for target in (peer.address, f"dns:///localhost:{peer.port}"):
            _, out, _ = self.run_program(CLIENT, "-n", "3", "-i", "0", "--lb-policy", "round_robin", target)
            self.assertRegex(out, r"(?s)resolved to one address:\s+round_robin\s+has\s+nothing\s+to\s+choose")

    def test_pick_first_stays_with_one_of_a_list(self):
        peers = self.peers(3)
        target = "ipv4:" + ",".join(p.address for p in peers)
        for args in ([], ["--lb-policy", "pick_first"]):
            found = self.requests(target, "-n", "9", "-i", "1ms", *args)
            self.assertEqual({r["backend"] for r in found}, {"pod-0"})

    def test_a_service_config_chooses_the_policy(self):
        peers = self.peers(2)
        with open(self.path("config"), "w", encoding="utf-8") as f:
            f.write('{"loadBalancingConfig": [{"unheard_of": {}}, {"round_robin": {}}]}')
        found = self.requests("ipv4:" + ",".join(p.address for p in peers), "-n", "20", "-i", "5ms",
                              "--service-config", self.path("config"))
        self.assertEqual({r["backend"] for r in found}, {"pod-0", "pod-1"})

    def test_names_are_asked_of_the_dns_server_in_the_target(self):
        first = self.peer("pod-1")
        try:
            others = [self.peer(f"pod-{i}", f"127.0.0.{i}:{first.port}") for i in (2, 3)]
        except (OSError, RuntimeError):
            self.skipTest("the port is taken on 127.0.0.2 or 127.0.0.3")
        names = self.peer({"pods.test": ["127.0.0.1", "127.0.0.2", "127.0.0.3"]}, kind=NameServer)
        target = f"dns://{names.address}/pods.test:{first.port}"
        found = self.requests(target, "-n", "60", "-i", "1ms", "--lb-policy", "round_robin")
        self.assertEqual({r["backend"] for r in found}, {"pod-1", "pod-2", "pod-3"})
        self.assertEqual({r["remote"] for r in found}, {p.address for p in (first, *others)})
        found = self.requests(target, "-n", "9", "-i", "1ms")
        self.assertEqual(len({r["backend"] for r in found}), 1)
        _, out, _ = self.run_program(CLIENT, "-n", "9", "-i", "1ms", "--lb-policy", "round_robin", target)
        self.assertIn("resolved to 3 addresses", out)
        self.assertEqual(self.one(f"dns://{names.address}/nosuch.test:80")["error"],
                         "UNAVAILABLE: look up nosuch.test:80: Domain name not found")

    def test_proxies_of_the_environment_are_ignored_unless_asked_for(self):
        peer = self.peer()
        asked = []

        def proxy(connection):
            asked.append(connection.recv(4096))
            connection.close()

        proxied = self.peer(proxy, kind=SocketPeer)
        env = {name: f"http://{proxied.address}" for name in ("http_proxy", "https_proxy", "grpc_proxy")}
        self.assertEqual(self.one(peer.address, env=env)["backend"], NAME)
        self.assertEqual(asked, [])
        self.assertEqual(self.one(peer.address, "--use-proxy", env=env)["outcome"], "error")
        self.assertTrue(asked[0].startswith(b"CONNECT " + peer.address.encode()), asked)


class Probe(Case):
    def test_source_addresses_are_varied_while_one_backend_answers(self):
        peer = self.peer()
        found = self.requests("--diagnose", peer.address)
        local = {r["local"].rsplit(":", 1)[0] for r in found if "local" in r}
        self.assertGreaterEqual(len(local), 4)
        seen = {re.sub(r"^ipv4:(.*):\d+$", r"\1", p) for p in peer.peers}
        self.assertEqual(seen, local | {"127.0.0.1"})
        self.assertEqual({r["remote"] for r in found}, {peer.address})
        self.assertEqual(len({r["connection"] for r in found}), len(set(peer.peers)))

    def test_a_metadata_entry_is_varied_when_asked_for(self):
        peer = self.peer()
        self.requests("--diagnose", "--vary", "header:X-User", peer.address)
        self.assertGreater(len({m.get("x-user") for m in peer.metadata}), 4)

    def test_each_address_of_a_list_is_tried(self):
        peers = self.peers(2)
        found = self.requests("--diagnose", "ipv4:" + ",".join(p.address for p in peers))
        self.assertEqual({r["remote"] for r in found}, {p.address for p in peers})
        for p in peers:
            self.assertGreater(len(p.peers), 3)


class Errors(Case):
    def test_an_error_is_printed_and_the_run_goes_on(self):
        address = self.refused_address()
        status, out, err = self.run_program(CLIENT, "-n", "3", "-i", "1ms", address)
        self.assertEqual(out.splitlines()[:3],
                         [f"#{i}: error: UNAVAILABLE: connect {address}: Connection refused" for i in (1, 2, 3)])
        self.assertEqual(status, 3, err)

    def test_a_deadline_is_told_to_the_server_and_kept(self):
        peer = self.peer(delay=1.0)
        started = time.monotonic()
        found = self.one(peer.address, "--timeout", "200ms")
        self.assertLess(time.monotonic() - started, lbtest.DEADLINE_S)
        self.assertEqual((found["outcome"], found["error"]),
                         ("timeout", "DEADLINE_EXCEEDED: no reply within 200ms"))
        self.assertLessEqual(peer.remaining[0], 0.2)
        self.assertGreaterEqual(found["latency_us"], 200000)

    def test_an_earlier_deadline_of_the_service_config_is_kept(self):
        peer = self.peer(delay=2)
        with open(self.path("config"), "w", encoding="utf-8") as f:
            f.write('{"methodConfig": [{"name": [{}], "timeout": "0.1s"}]}')
        found = self.one(peer.address, "--service-config", self.path("config"))
        self.assertEqual((found["outcome"], found["error"]), ("timeout", "DEADLINE_EXCEEDED: Deadline Exceeded"))
        self.assertLess(found["latency_us"], 2000000)

    def test_who_never_answers_the_connection_runs_into_the_deadline(self):
        silent = self.peer(lambda connection: threading.Event().wait(lbtest.DEADLINE_S), kind=SocketPeer)
        found = self.one(silent.address, "--timeout", "300ms")
        self.assertEqual((found["outcome"], found["error"]),
                         ("timeout", "DEADLINE_EXCEEDED: no connection within 300ms"))

    def test_an_unknown_method(self):
        found = self.one(self.peer().address, "--method", "no.Such/Method")
        self.assertEqual((found["outcome"], found["status"]), ("status", 12))
        self.assertTrue(found["error"].startswith("UNIMPLEMENTED: "), found)

    def test_what_is_no_grpc_server(self):
        def http1(connection):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            connection.close()

        for serve in (http1, lambda connection: connection.close()):
            peer = self.peer(serve, kind=SocketPeer)
            found = self.one(peer.address)
            self.assertEqual(found["outcome"], "error")
            self.assertTrue(found["error"].startswith(f"UNAVAILABLE: connect {peer.address}: "), found)

    def test_replies_that_are_not_what_they_should_be(self):
        replies = {b"garbage\xff": "no protobuf message", b"": "no field 1", field(2, b"x"): "no field 1",
                   b"\x0a\xff\xff\xff\xff\x7f": "no protobuf message",
                   b"\x0a\xac\x02" + b"x" * 300: "more than 256", b"\0" * 5000000: "RESOURCE_EXHAUSTED"}
        for reply, words in replies.items():
            peer = self.peer(lambda *_, reply=reply: reply, kind=RawPeer)
            found = self.one(peer.address)
            self.assertNotEqual(found["outcome"], "ok", found)
            self.assertIn(words, found["error"])

    def test_control_characters_do_not_reach_the_terminal(self):
        peer = self.peer(lambda *_: field(1, b"a\x1b[2J\nb"), kind=RawPeer)
        _, out, _ = self.run_program(CLIENT, "-n", "1", peer.address)
        self.assertNotIn("\x1b", out)
        self.assertRegex(out.splitlines()[0], r"^#1: a\\x1b\[2J\\x0ab$")

    def test_output_into_a_closed_pipe_ends_the_run(self):
        client = subprocess.Popen([lbtest.program(CLIENT), "-i", "10ms", self.peer().address], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=lbtest.clean_env())
        self.addCleanup(client.stderr.close)
        self.assertEqual(client.stdout.readline(), f"#1: {NAME}\n".encode())
        client.stdout.close()
        self.assertEqual(client.wait(lbtest.DEADLINE_S), 1)
        self.assertEqual(client.stderr.read(), b"lbdemo-grpc-client: cannot write to standard output: Broken pipe\n")

    def test_ctrl_c_ends_a_run_that_waits(self):
        peer = self.peer(delay=lbtest.DEADLINE_S / 2)
        client = self.start(CLIENT, peer.address, "--timeout", "1m")
        lbtest.wait_until(lambda: peer.times, "the request")
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(3), 3, client.err())
        self.assertIn("1 more abandoned", client.out())

    def test_lines_are_flushed_into_a_pipe_and_a_closed_one_ends_the_run(self):
        client = subprocess.Popen([lbtest.program(CLIENT), "-i", "10ms", self.peer().address], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=lbtest.clean_env())
        self.addCleanup(client.stderr.close)
        self.addCleanup(client.kill)
        self.assertEqual(client.stdout.readline(), f"#1: {NAME}\n".encode())
        client.stdout.close()
        self.assertEqual(client.wait(lbtest.DEADLINE_S), 1)
        self.assertEqual(client.stderr.read(), b"lbdemo-grpc-client: cannot write to standard output: Broken pipe\n")

    def test_output_that_cannot_be_written_is_a_failure(self):
        peer = self.peer()
        for args in (["-n", "1"], ["-n", "1", "-q"], ["-n", "1", "-o", "json"], ["-n", "1", "-o", "ndjson"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([lbtest.program(CLIENT), *args, peer.address], stdout=full,
                                      stderr=subprocess.PIPE, env=lbtest.clean_env(), timeout=lbtest.DEADLINE_S,
                                      check=False)
            self.assertEqual(done.returncode, 1, args)
            self.assertRegex(done.stderr, rb"^lbdemo-grpc-client: .*cannot write to standard output: No space left on device\n$", args)

    def test_a_server_killed_in_mid_run_is_an_error_a_request_and_the_run_goes_on(self):
        server = self.server()
        client = self.start(CLIENT, "-i", "10ms", server.grpc)
        lbtest.wait_until(lambda: "#5: " in client.out(), "five replies")
        server.popen.kill()
        refused = f": error: UNAVAILABLE: connect {server.grpc}: Connection refused\n"
        lbtest.wait_until(lambda: client.out().count(refused) > 5, "five more requests")
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(), 0, client.err())
        numbers = [int(n) for n in re.findall(r"^#(\d+): ", client.out(), re.MULTILINE)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))


class Identity(Case):
    def test_any_field_of_any_method_names_the_backend(self):
        seen = []

        def answer(method, request, _):
            seen.append((method, request))
            return field(1, b"no") + field(2, field(1, b"yes") + b"\x10\x2a")

        peer = self.peer(answer, kind=RawPeer)
        args = [peer.address, "--method", "shop.Cart/Get", "--data", "hex:08ac02"]
        self.assertEqual(self.one(*args, "--id-field", "2.1")["backend"], "yes")
        self.assertEqual(self.one(*args, "--id-field", "2.2")["backend"], "42")
        self.assertEqual(self.one(*args, "--id-field", "3")["error"], "the reply has no field 3")
        self.assertEqual(seen[0], ("/shop.Cart/Get", b"\x08\xac\x02"))

    def test_a_field_may_be_named_when_the_server_has_reflection(self):
        server = self.server("--pod-version", "v7")
        info = [server.grpc, "--method", "lbdemo.v1.PodService/GetInfo", "--metadata", "via: x"]
        self.assertEqual(self.one(server.grpc, "--id-field", "name")["backend"], NAME)
        self.assertEqual(self.one(*info, "--id-field", "version")["backend"], "v7")
        self.assertEqual(self.one(*info, "--id-field", "proxy_headers.name")["backend"], "via")
        for names, words in (("pod", "has no field 'pod'; it has name"), ("name.x", "no message"),
                             ("proxy_headers", "neither a string nor an integer")):
            found = self.requests(*info, "-n", "2", "-i", "0", "--id-field", names)
            self.assertEqual({r["outcome"] for r in found}, {"error"})
            self.assertIn(words, found[1]["error"])
        self.assertIn("reflection cannot be asked: UNIMPLEMENTED", self.one(self.peer().address, "--id-field",
                                                                             "name")["error"])

    def test_only_the_older_reflection_will_do_and_garbage_will_not(self):
        asked = []

        def answer(method, request, context):
            if "reflection" not in method:
                return field(1, b"x")
            asked.append((method, request))
            if ".v1." in method:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "no v1 here")
            return b"\x22\xff\xff\xff\xff\x0f"

        peer = self.peer(answer, kind=RawPeer)
        found = self.one(peer.address, "--id-field", "name")
        self.assertEqual(found["error"], "--id-field name: reflection answers with no files")
        self.assertEqual([m for m, _ in asked],
                         [f"/grpc.reflection.{v}.ServerReflection/ServerReflectionInfo" for v in ("v1", "v1alpha")])
        self.assertEqual(asked[0][1], field(4, b"api.protobuf.pod"))

    def test_the_request_may_be_a_file(self):
        seen = []
        peer = self.peer(lambda _, request, __: seen.append(request) or field(1, b"x"), kind=RawPeer)
        with open(self.path("request"), "wb") as f:
            f.write(bytes(range(256)))
        self.one(peer.address, "--data", "@" + self.path("request"))
        self.assertEqual(seen, [bytes(range(256))])

    def test_metadata_names_the_backend(self):
        def answer(_, __, context):
            context.send_initial_metadata((("x-pod", "from-header"),))
            context.set_trailing_metadata((("x-late", "from-trailer"),))
            return b""

        peer = self.peer(answer, kind=RawPeer)
        self.assertEqual(self.one(peer.address, "--id-metadata", "X-Pod")["backend"], "from-header")
        self.assertEqual(self.one(peer.address, "--id-metadata", "x-late")["backend"], "from-trailer")
        self.assertEqual(self.one(peer.address, "--id-metadata", "x-none")["error"],
                         "the reply has no metadata 'x-none'")

    def test_metadata_and_authority_are_sent(self):
        peer = self.peer()
        self.one(peer.address, "--metadata", "X-Tenant: blue: 1", "--metadata", "b:2", "--authority", "pods:80")
        self.assertEqual((peer.metadata[0]["x-tenant"], peer.metadata[0]["b"]), ("blue: 1", "2"))
        self.assertEqual(peer.authorities, ["pods:80"])
        self.assertTrue(peer.metadata[0]["user-agent"].startswith("lbdemo-grpc-client/"))


class BadInput(Case):
    def test_each_is_one_sentence_and_status_2(self):
        with open(self.path("config"), "w", encoding="utf-8") as f:
            f.write('{"loadBalancingConfig": [{"roundrobin": {}}]}')
        cases = [([], "target"), (["pods"], "'pods'", "no port"), (["pods:99999"], "'pods:99999'", "65535"),
                 (["xdns:///pods:80"], "'xdns:///pods:80'", "scheme"), (["http://pods:80"], "scheme"),
                 (["ipv4:pods:80"], "no IPv4"), (["::1:80"], "brackets"), (["xds:///pods"], "GRPC_XDS_BOOTSTRAP"),
                 (["a:1", "--lb-policy", "random"], "'random'", "pick_first, round_robin"),
                 (["a:1", "--service-config", self.path("config")], "config", "none of pick_first, round_robin"),
                 (["a:1", "--service-config", self.path("none")], self.path("none")),
                 (["a:1", "--method", "getInfo"], "'getInfo'", "pkg.Service/Method"),
                 (["a:1", "--id-field", "na me"], "'na me'", "2.1"), (["a:1", "--data", "{}"], "'{}'", "hex:"),
                 (["a:1", "--data", "@" + self.path("none")], self.path("none")),
                 (["a:1", "--metadata", "x"], "'x'", "NAME: VALUE"), (["a:1", "--metadata", "te: x"], "'te'"),
                 (["a:1", "--id-metadata", "a b"], "'a b'"), (["a:1", "--authority", "a b"], "'a b'"),
                 (["a:1", "--id-field", "1", "--id-metadata", "x"], "exclude"), (["a:1", "b:2"], "'b:2'")]
        for args, *words in cases:
            self.assert_refused(CLIENT, args, 2, *words)

    def test_the_http_client_does_without_the_grpc_library(self):
        for name, wanted in ((CLIENT, True), ("lbdemo-http-client", False)):
            path = shutil.which(lbtest.program(name))
            if not path:
                self.skipTest(f"{name} is not built")
            done = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True)
            self.assertEqual(bool(re.search(r"NEEDED.*libgrpc", done.stdout)), wanted, name)


if __name__ == "__main__":
    unittest.util._MAX_LENGTH = 2000  # pylint: disable=protected-access
    lbtest.main()
