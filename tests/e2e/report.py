"""lbdemo-report: reading, merging, judging, comparing."""
import copy
import json
import os
import random
import subprocess

import lbtest

MAKE = os.path.join(lbtest.BIN, "tests", "report", "make_reports")
SCHEMA = os.path.join(lbtest.SOURCE, "src", "report", "lbdemo-report.schema.json")


class ReportCase(lbtest.Case):
    def make(self, count=1, folder="runs", **settings):
        """Writes `count` simulated reports into a folder and returns their paths."""
        path = self.path(folder)
        os.makedirs(path, exist_ok=True)
        before = set(os.listdir(path))
        subprocess.run([MAKE, path, str(count), *(f"{k}={v}" for k, v in settings.items())], check=True,
                       timeout=lbtest.DEADLINE_S)
        return [os.path.join(path, name) for name in sorted(set(os.listdir(path)) - before)]

    def report(self, *args, status=0, **options):
        code, out, err = self.run_program("lbdemo-report", *args, **options)
        self.assertEqual(code, status, err)
        return out

    def merged(self, *args):
        return json.loads(self.report("--json", *args))


class Inputs(ReportCase):
    def test_files_folders_patterns_and_stdin_are_the_same(self):
        files = self.make(5)
        folder = os.path.dirname(files[0])
        by_files = self.report("--json", *files)
        self.assertEqual(self.report("--json", folder), by_files)
        self.assertEqual(self.report("--json", os.path.join(folder, "run-*.json")), by_files)
        with open(files[0], "rb") as first:
            self.assertEqual(self.report("--json", *files[1:], "-", stdin=first), by_files)
        self.assertEqual(len(json.loads(by_files)["runs"]), 5)

    def test_folders_are_searched_below_and_other_files_are_not_read(self):
        self.make(1, folder="all/a")
        self.make(1, folder="all/b/c", seed=9, prefix="other")
        with open(self.path("all/notes.txt"), "w", encoding="utf-8") as f:
            f.write("not a report")
        self.assertEqual(len(self.merged(self.path("all"))["runs"]), 2)

    def test_what_is_not_there_is_refused(self):
        os.mkdir(self.path("empty"))
        for argument, word in ((self.path("missing.json"), "No such file"), (self.path("*.json"), "no file matches"),
                               (self.path("empty"), "no *.json in the folder")):
            self.assert_refused("lbdemo-report", [argument], 2, argument, word)
        self.assert_refused("lbdemo-report", [], 2, "no report is given")
        self.assert_refused("lbdemo-report", ["-", "-"], 2, "standard input")

    def test_the_same_report_twice_counts_once_in_any_order(self):
        files = self.make(6)
        once = self.report("--json", *files)
        self.assertEqual(self.report("--json", *reversed(files), *files), once)

    def test_a_merged_report_can_be_merged_again(self):
        files = self.make(6)
        with open(self.path("half.json"), "w", encoding="utf-8") as f:
            f.write(self.report("--json", *files[:3]))
        self.assertEqual(self.report("--json", self.path("half.json"), *files[2:]), self.report("--json", *files))

    def test_large_and_small_reports_are_the_same_in_any_order(self):
        files = self.make(32, requests=4096)
        for name, some in (("large-1.json", files[:14]), ("large-2.json", files[14:28])):
            with open(self.path(name), "w", encoding="utf-8") as f:
                f.write(self.report("--json", *some))
        self.assertGreater(os.path.getsize(self.path("large-1.json")), 1 << 20)
        mixed = [files[28], self.path("large-1.json"), files[29], self.path("large-2.json"), *files[30:]]
        whole = self.report("--json", *files)
        self.assertEqual(self.report("--json", *mixed), whole)
        self.assertEqual(self.report("--json", *reversed(mixed)), whole)


class Refusals(ReportCase):
    def setUp(self):
        super().setUp()
        self.good, other = self.make(2, requests=40)
        with open(other, encoding="utf-8") as f:
            self.document = json.load(f)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return self.path(name)

    def test_each_kind_of_bad_report_is_one_sentence_with_its_place(self):
        text = json.dumps(self.document)
        newer = dict(self.document, version=2)
        hole = copy.deepcopy(self.document)
        del hole["runs"][0]["segments"][0]["first"]
        hostile = copy.deepcopy(self.document)
        hostile["runs"][0]["segments"][0]["backends"][0]["answers"] = "\x1b[31m"
        for name, content, words in (
                ("cut.json", text[:len(text) // 2], ("ends in the middle",)),
                ("empty.json", "", ("is empty",)),
                ("foreign.json", {"kind": "List"}, ("is not an lbdemo report",)),
                ("list.json", [], ("is not an lbdemo report",)),
                ("text.json", "hello", ("line 1",)),
                ("newer.json", newer, ("/version", "newer")),
                ("hole.json", hole, ("/runs/0/segments/0/first: is missing",)),
                ("hostile.json", hostile, ("/runs/0/segments/0/backends/0/answers: is a string",)),
                ("deep.json", "[" * 100000, ("line 1",)),
                ("twice.json", '{"format": "lbdemo-report", "format": "lbdemo-report"}', ("duplicate",))):
            path = self.write(name, content)
            self.assert_refused("lbdemo-report", [self.good, path], 2, path, *words)

    def test_the_others_are_merged_only_with_keep_going(self):
        bad = self.write("bad.json", "{}")
        code, out, err = self.run_program("lbdemo-report", "--json", bad, self.good)
        self.assertEqual((code, out), (2, ""))
        code, out, err = self.run_program("lbdemo-report", "--json", "-k", bad, self.good, self.path("missing"))
        self.assertEqual(code, 2)
        self.assertEqual(err.count("\n"), 2)
        self.assertEqual(len(json.loads(out)["runs"]), 1)
        self.assert_refused_all([bad])

    def test_of_many_the_first_bad_one_is_named(self):
        files = self.make(60, folder="many")
        for i in (20, 21, 50):
            with open(files[i], "w", encoding="utf-8") as f:
                f.write("{}")
        self.assert_refused("lbdemo-report", files, 2, files[20])
        code, out, err = self.run_program("lbdemo-report", "--json", "-k", *files)
        self.assertEqual(code, 2)
        self.assertEqual([line.split(":")[1].split()[0] for line in err.splitlines()], [files[i] for i in (20, 21, 50)])
        self.assertEqual(len(json.loads(out)["runs"]), 57)

    def test_nothing_waits_for_a_pipe_that_is_not_its_turn(self):
        os.mkfifo(self.path("pipe"))
        self.assert_refused("lbdemo-report", [self.good, self.write("bad.json", "{}"), self.path("pipe"), "-"], 2,
                            "bad.json")

    def assert_refused_all(self, paths):
        code, out, err = self.run_program("lbdemo-report", "-k", *paths)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("no report could be read", err)

    def test_two_runs_of_one_id_are_refused(self):
        stranger = copy.deepcopy(self.document)
        stranger["runs"][0]["client"] = "somebody else"
        path = self.write("stranger.json", stranger)
        original = self.write("original.json", self.document)
        self.assert_refused("lbdemo-report", [original, path], 2, path, "another client")

    def test_mutated_reports_never_crash(self):
        """Each mutant is read or refused with one sentence; a crash or a sanitizer's report is neither."""
        rng = random.Random(20261123)
        with open(self.good, "rb") as f:
            text = bytearray(f.read())
        mutants = []
        for i in range(200):
            mutant = bytearray(text)
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(len(mutant))
                kind = rng.randrange(4)
                if kind == 0:
                    mutant[at] = rng.choice(b'0123456789-"[]{},:.eE\\ntf')
                elif kind == 1:
                    del mutant[at:at + rng.randint(1, 40)]
                elif kind == 2:
                    mutant[at:at] = rng.choice((b"9" * 30, b"-1", b"null", b"1e999", b"[]", b'"\\u0000"'))
                else:
                    mutant[at] ^= 1 << rng.randrange(8)
            path = self.path(f"m{i}.json")
            with open(path, "wb") as f:
                f.write(mutant)
            mutants.append(path)
        code, _, err = self.run_program("lbdemo-report", "-k", "--html", self.path("page.html"), *mutants, self.good)
        self.assertEqual(code, 2, err)
        for line in err.splitlines():
            self.assertTrue(line.startswith("lbdemo-report: "), line)
            self.assertLess(len(line), 700)

    def test_mutated_values_are_read_or_refused(self):
        """Every number of the document replaced by ones that do not fit, one at a time."""
        paths = []

        def walk(node, place):
            for key, value in (node.items() if isinstance(node, dict) else enumerate(node)):
                if isinstance(value, (dict, list)):
                    walk(value, place + [key])
                elif isinstance(value, int) and not isinstance(value, bool):
                    paths.append(place + [key])

        walk(self.document["runs"], ["runs"])
        rng = random.Random(7)
        written = []
        for i, place in enumerate(rng.sample(paths, min(len(paths), 400))):
            mutant = copy.deepcopy(self.document)
            node = mutant
            for key in place[:-1]:
                node = node[key]
            node[place[-1]] = rng.choice((-1, 0, 1, 7, 255, 65536, 2**31, 2**32, 2**53 - 1, 2**62))
            written.append(self.write(f"v{i}.json", mutant))
        code, _, err = self.run_program("lbdemo-report", "-k", "--json", self.good, *written)
        self.assertEqual(code, 2, err)
        for line in err.splitlines():
            self.assertTrue(line.startswith("lbdemo-report: "), line)


class Judging(ReportCase):
    def test_the_whole_is_judged_from_its_counts(self):
        files = self.make(10, balancer="per-connection")
        verdict = self.merged(*files)["verdict"]
        self.assertEqual((verdict["requests"], verdict["runs"], verdict["clients"]), (480, 10, 10))
        self.assertEqual((verdict["outcome"], verdict["layer"]), ("balanced", "per-connection"))
        self.assertEqual(sum(s["answers"] for s in verdict["shares"]), 480)
        text = self.report(*files)
        self.assertIn("balanced: over 3 backends (per-connection balancing, L4)", text)
        self.assertIn("10 runs of 10 clients", text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_each_client_by_itself(self):
        self.make(4, protocol="grpc", connections=1, requests=40, target="dns:///shop:30051")
        fleet = self.merged("--by", "client", self.path("runs"))
        self.assertIsNone(fleet["verdict"])
        self.assertEqual(len(fleet["groups"]), 4)
        for group in fleet["groups"]:
            self.assertEqual(group["verdict"]["seen"], 1)
        self.assert_refused("lbdemo-report", ["--by", "protocol,colour", self.path("runs")], 2, "'colour'")

    def test_expectations_set_the_status(self):
        files = self.make(10, balancer="per-connection")
        self.report("--expect", "balanced", *files)
        self.report("--expect", "per-connection", "--expect-backends", "3", "--max-errors", "0", *files)
        for args, status in ((["--expect", "per-request"], 1), (["--expect-backends", "2"], 1)):
            code, _, err = self.run_program("lbdemo-report", *args, *files)
            self.assertEqual(code, status, args)
            self.assertTrue(err.startswith("lbdemo-report: http http://shop.example:8080/pod: "), err)
        failing = self.make(1, prefix="failing", fail=10)
        self.report("--max-errors", "3", *failing, status=1)
        few = self.make(1, prefix="few", requests=2)
        self.report("--expect", "balanced", *few, status=3)
        self.assert_refused("lbdemo-report", ["--max-errors", "many", *few], 2, "'many'")

    def test_shares_of_groups_are_judged_by_weights(self):
        # Of three backends two are in zone-a.
        files = self.make(3, balancer="per-request", requests=400)
        by_zone = ["--group-by", "zone", "--expect-weights"]
        out = self.report(*by_zone, "zone-a=2,zone-b=1", *files)
        self.assertRegex(out, r"zone-a +[67]\d(\.\d)? %  expected 66\.7 %")
        self.assertIn("uneven: ", self.report(*by_zone, "zone-a=1,zone-b=1", *files, status=1))
        self.assertIn("uneven: ", self.report("--group-by", "zone", *files))
        judging = json.loads(self.report("--json", *by_zone, "zone-a=2,zone-b=1", *files))["judging"]
        self.assertEqual(judging["group_by"], "zone")
        self.assertEqual({w["name"]: w["weight"] for w in judging["weights"]}, {"zone-a": 2, "zone-b": 1})
        for args, words in ((["--expect-weights", "v1"], "'v1'"), (["--expect-weights", "a=0"], "all weights are 0"),
                            (["--group-by", "colour"], "colour")):
            self.assert_refused("lbdemo-report", [*args, *files], 2, words)

    def test_the_matrix_has_a_row_a_path_and_a_column_a_protocol(self):
        for path, balancer in (("L4", "per-connection"), ("L7", "per-request")):
            common = {"path": path, "balancer": balancer, "connections": 1}
            self.make(1, prefix=f"{path}-h", mode="new", requests=60, **common)
            self.make(1, prefix=f"{path}-hp", mode="diagnose", requests=200, **common)
            self.make(1, prefix=f"{path}-g", requests=60, protocol="grpc", target="shop:30051", **common)
            self.make(1, prefix=f"{path}-gp", mode="diagnose", requests=200, protocol="grpc",
                      target="shop:30051", **common)
        self.assertEqual(self.report("--matrix", self.path("runs")).splitlines(), [
            "path  HTTP/1.1 (new connections)       gRPC (one channel)",
            "L4    balanced over 3, per connection  pinned to 1 of 3, per connection",
            "L7    balanced over 3, per request     balanced over 3, per request"])
        text = self.report(self.path("runs"))
        self.assertIn("the layer is known by its probe", text)
        self.assertIn("pinned: 1 of 3 backends got all 60 requests (per-connection balancing, L4)", text)


class Expected(ReportCase):
    def expected(self, *wanted, **document):
        path = self.path("expected.json")
        whole = {"format": "lbdemo-expected", "version": 1, "expected": list(wanted), **document}
        with open(path, "w", encoding="utf-8") as f:
            json.dump(whole, f)
        return path

    def check(self, status, *wanted):
        return self.report("--check", self.expected(*wanted), self.path("runs"), status=status)

    def test_what_was_expected_is_compared_with_what_was_seen(self):
        self.make(3, connections=40, requests=400, balancer="per-connection", path="service")
        http = {"name": "HTTP", "protocol": "http", "outcome": "balanced", "layer": "per-connection"}
        self.assertRegex(self.check(0, http), r"^HTTP +balanced over 3, per connection +as expected\n$")
        self.check(0, {**http, "labels": {"path": "service"}})
        out = self.check(1, {**http, "layer": "per-request"})
        self.assertIn("expected balanced, per-request", out)
        self.assertIn("expected pinned", self.check(1, http, {"name": "x", "protocol": "http", "outcome": "pinned"}))
        for absent in ({"protocol": "grpc"}, {"labels": {"path": "other"}}):
            self.assertIn("no report", self.check(1, {**http, **absent}))

    def test_shares_by_weights_of_groups(self):
        # Of three backends two are in zone-a.
        self.make(3, requests=400, balancer="per-request")
        zones = {"name": "zones", "protocol": "http", "outcome": "balanced", "layer": "per-request", "group_by": "zone"}
        out = self.check(0, {**zones, "weights": {"zone-a": 2, "zone-b": 1}}, {**zones, "outcome": "uneven"})
        self.assertEqual(out.splitlines()[0].split("  ")[0], "zones")
        self.assertEqual(out.count("over 2, per request"), 2, out)
        self.check(1, {**zones, "weights": {"zone-a": 9, "zone-b": 1}})
        self.check(1, {**zones, "weights": {"other": 1}})

    def test_what_could_not_be_told_is_not_called_wrong(self):
        self.make(1, connections=2, requests=4, balancer="per-connection")
        self.check(3, {"name": "HTTP", "protocol": "http", "outcome": "balanced"})

    def test_a_bad_list_is_one_sentence_with_its_place(self):
        files = self.make(1)
        good = {"name": "x", "protocol": "http", "outcome": "balanced"}
        for wanted, document, place in (
                ([], {}, "/expected: has 0 elements"), (["x"], {}, "/expected/0: is no object"),
                ([{**good, "outcome": "fine"}], {}, "/expected/0/outcome: 'fine' is no outcome"),
                ([{**good, "layer": "L4"}], {}, "/expected/0/layer: 'L4' is no layer"),
                ([{**good, "labels": {"path": 1}}], {}, "/expected/0/labels/path: is no string"),
                ([{"protocol": "http", "outcome": "balanced"}], {}, "/expected/0/name: is no string"),
                ([{**good, "group_by": "colour"}], {}, "/expected/0/group_by: 'colour' is nothing to group by"),
                ([{**good, "group_by": ""}], {}, "/expected/0/group_by: '' is nothing to group by"),
                ([{**good, "weights": []}], {}, "/expected/0/weights: is no object of 1 to"),
                ([{**good, "weights": {"a": "1"}}], {}, "/expected/0/weights/a: is no number"),
                ([{**good, "weights": {"a": -1}}], {}, "/expected/0/weights/a: is no number"),
                ([good, {**good, "weights": {"a": 0}}], {}, "/expected/1/weights: has only weights of 0"),
                ([good], {"version": 2}, "/version:"), ([good], {"format": "other"}, "no list of expected verdicts")):
            self.assert_refused("lbdemo-report", ["--check", self.expected(*wanted, **document), files[0]], 2, place)
        self.assert_refused("lbdemo-report", ["--check", self.path("none"), files[0]], 2, "No such file")
        self.assert_refused("lbdemo-report", ["--check", self.expected(good), "--json", files[0]], 2, "excludes")


class Comparing(ReportCase):
    def test_the_same_traffic_has_not_changed(self):
        a, = self.make(1, requests=600, balancer="per-request")
        b, = self.make(1, requests=600, balancer="per-request", prefix="again", seed=5)
        out = self.report("--compare", a, b)
        self.assertIn(" chance ", out)
        self.assertNotIn("changed", out)
        for line in out.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_what_changed_is_named(self):
        a, = self.make(1, requests=600, balancer="per-request")
        b, = self.make(1, requests=600, balancer="per-connection", slow=4, fail=20, prefix="other")
        changes = json.loads(self.report("--compare", "--json", a, b, status=1))[0]["changes"]
        changed = {c["what"] for c in changes if c["changed"]}
        self.assertLessEqual({"layer", "errors", "p50", "p90"}, changed)
        layer = next(c for c in changes if c["what"] == "layer")
        self.assertEqual((layer["a"], layer["b"]), ("per-request", "per-connection"))

    def test_bad_usage(self):
        a, = self.make(1)
        self.assert_refused("lbdemo-report", ["--compare", a], 2, "two reports")
        self.assert_refused("lbdemo-report", ["--compare", "--matrix", a, a], 2, "--matrix")
        self.make(2, folder="b", target="http://other", path="x")
        self.make(1, folder="b", target="http://third", path="x", prefix="third")
        self.assert_refused("lbdemo-report", ["--compare", a, self.path("b")], 2, "nothing to compare")


class Format(ReportCase):
    def test_reports_fit_the_schema(self):
        try:
            import jsonschema  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        with open(SCHEMA, encoding="utf-8") as f:
            schema = json.load(f)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        files = []
        for i, mode in enumerate(("rounds", "new", "diagnose")):
            for k, balancer in enumerate(("per-connection", "per-request", "round-robin")):
                files += self.make(1, prefix=f"{mode}-{balancer}", mode=mode, balancer=balancer, requests=100,
                                   backends=12 * i + 1, fail=13 * k, path="a\\b" if i else "c")
        for path in files:
            with open(path, encoding="utf-8") as f:
                validator.validate(json.load(f))
        expecting = self.report("--json", "--expect", "balanced", "--max-errors", "9", *files[:1], status=3)
        validator.validate(json.loads(expecting))
        validator.validate(self.merged(*files))
        broken = self.merged(files[0])
        broken["runs"][0]["segments"][0]["backends"][0]["answers"] = "many"
        self.assertFalse(validator.is_valid(broken))

    def test_a_real_client_writes_what_is_read(self):
        server = self.server("--pod-name", "server-a")
        for _ in range(2):
            self.assertEqual(self.run_program(
                "lbdemo-http-client", "--count", "20", "--interval", "0", "--reuse-connection", "--connections", "3",
                "--label", "path=direct", "--report", self.path("real.json"), "http://" + server.http)[0], 0)
        document = self.merged(self.path("real.json"))
        run, = document["runs"]
        self.assertEqual(run["labels"], {"path": "direct"})
        self.assertEqual(document["verdict"]["requests"], 20)
        self.assertEqual(document["verdict"]["shares"][0]["name"], "server-a")
        self.assertEqual(len(run["segments"][0]["raw"]["sent_ns"]), 20)


if __name__ == "__main__":
    lbtest.main()
