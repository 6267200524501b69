"""lbdemo-lab up, run, down, list and logs: what stands, what is said, and that nothing is left."""
import os
import re
import shutil
import signal
import stat
import subprocess
import urllib.request

import lablib
import lbtest


NOBODY = 65534


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=lbtest.DEADLINE_S) as reply:
        return reply.read().decode()


class Standing(lablib.LabCase):
    def test_it_stands_and_ctrl_c_ends_all_of_it(self):
        lab = self.up("--l7", "haproxy")
        started = lablib.descendants(lab.pid)
        self.assertEqual(len(started), 5, "3 servers and 2 balancers")
        described = self.standing()
        self.assertEqual([s["name"] for s in described["servers"]], lablib.PODS)
        self.assertEqual([p["path"] for p in described["paths"]], ["L4", "L7"])
        for path in described["paths"]:
            self.assertIn(path["http"], lab.out())
            self.assertIn(path["grpc"], lab.out())
            self.assertEqual({fetch(path["http"]) for _ in range(9)}, set(lablib.PODS))
        self.assertEqual(lab.stop(signal.SIGINT), 0, lab.err())
        self.assertEqual(lab.err(), "")
        self.assert_gone(started)
        self.assertFalse(os.path.exists(os.path.join(self.state, "lab.json")))

    def test_nothing_outlives_a_lab_that_is_killed(self):
        lab = self.up("--l4", "nginx", "--l7", "haproxy")
        started = lablib.descendants(lab.pid)
        self.assertEqual(len(started), 6, "3 servers, HAProxy, nginx and its worker")
        lab.stop(signal.SIGKILL)
        self.assert_gone(started)
        status, _, err = self.lab("down")
        self.assertEqual(status, 1)
        self.assertIn("no lab stands", err)

    def test_a_server_may_end_but_without_its_balancer_the_lab_ends(self):
        lab = self.up("--l7", "haproxy")
        started = lablib.descendants(lab.pid)
        server = self.standing()["servers"][1]
        os.kill(server["pid"], signal.SIGKILL)
        lbtest.wait_until(lambda: f"{server['name']} was killed by signal 9" in lab.err(), "word of the server's end")
        self.assertIsNone(lab.popen.poll())
        os.kill(lablib.running(started, "haproxy-tcp"), signal.SIGKILL)
        self.assertEqual(lab.wait(), 1)
        self.assertIn("lbdemo-lab: haproxy-tcp-roundrobin was killed by signal 9", lab.err())
        self.assert_gone(started)

    def test_detached_it_is_listed_used_and_ended_from_elsewhere(self):
        self.detached("--l7", "haproxy", "--servers", "2")
        status, out, err = self.lab("list")
        self.assertEqual((status, err), (0, ""))
        for path in self.standing()["paths"]:
            self.assertIn(path["http"], out)
        pids = [s["pid"] for s in self.standing()["servers"]]
        status, out, err = self.lab("run", "http", "L4", "--count", "4", "--interval", "10ms")
        self.assertEqual(status, 0, err)
        self.assertEqual(set(lablib.names(out)), set(lablib.PODS[:2]))
        status, out, err = self.lab("run", "grpc", "l4", "--count", "4", "--interval", "10ms")
        self.assertEqual(status, 0, err)
        self.assertEqual(len(set(lablib.names(out))), 1)
        self.assertEqual(self.lab("down")[0], 0)
        self.assertEqual(lablib.alive(pids), [])
        status, out, err = self.lab("run", "http", "L4")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no lab stands", err)

    def test_logs_are_named_and_printed(self):
        self.detached("--l7", "haproxy")
        status, out, err = self.lab("logs")
        self.assertEqual((status, err), (0, ""))
        self.assertIn(f"  {lablib.PODS[0]}.log", out.splitlines())
        self.assertIn("haproxy-tcp-roundrobin.cfg", out)
        status, out, err = self.lab("logs", "haproxy-tcp-roundrobin.cfg")
        self.assertEqual(status, 0, err)
        self.assertIn("mode tcp", out)
        self.assertEqual(self.lab("logs", "../lock")[0], 1)
        self.assertEqual(self.lab("logs", "no-such.log")[0], 1)

    def test_a_state_folder_has_one_lab(self):
        lab = self.up("--l7", "haproxy")
        status, out, err = self.lab("up", "--l7", "haproxy")
        self.assertEqual((status, out), (1, ""))
        self.assertIn(f"process {lab.pid} stands already", err)
        self.assertIsNone(lab.popen.poll())
        self.assertEqual(self.lab("down")[0], 0)
        self.assertEqual(lab.wait(), 0)

    def test_logs_go_where_they_are_wanted(self):
        logs = self.path("else where")
        self.up("--l4", "nginx", "--l7", "nginx", "--logs", logs)
        self.assertIn(f"{lablib.PODS[0]}.log", os.listdir(logs))
        self.assertEqual(self.standing()["logs"], os.path.realpath(logs))


class Failing(lablib.LabCase):
    def test_a_balancer_that_fails_is_shown_with_its_logs_end(self):
        env = self.fake("haproxy", "echo 'first line' >&2; echo '[ALERT] no such thing: bind' >&2; exit 3")
        status, out, err = self.lab("up", env=env)
        self.assertEqual((status, out), (1, ""))
        self.assertIn("    [ALERT] no such thing: bind\n", err)
        self.assertIn("lbdemo-lab: haproxy-tcp-roundrobin ended with status 3; its log is", err)
        self.assertEqual(self.lab("up", "--detach", env=env)[0], 1)

    def test_a_program_that_cannot_be_run_is_named(self):
        status, _, err = self.lab("up", "--l7", "envoy", env={"LBDEMO_ENVOY": "/nonexistent/envoy"})
        self.assertEqual(status, 1)
        self.assertIn("'/nonexistent/envoy'", err)

    def test_the_kernel_needs_root_and_says_so(self):
        options = {}
        if os.geteuid() == 0:
            os.chmod(self.folder, 0o755)
            os.mkdir(self.state)
            os.chown(self.state, NOBODY, NOBODY)
            options = {"user": NOBODY, "cwd": self.folder}
        try:
            status, out, err = self.lab("up", "--l4", "kernel", **options)
        except PermissionError:
            self.skipTest("another user cannot run the programs where they are")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(err, "lbdemo-lab: the kernel topologies need root: they make network namespaces\n")

    def test_state_folders_that_others_may_write_to_are_refused(self):
        os.mkdir(self.state)
        os.chmod(self.state, 0o777)
        status, _, err = self.lab("up")
        self.assertEqual(status, 1)
        self.assertIn("others can write", err)
        os.rmdir(self.state)
        os.symlink(self.folder, self.state)
        self.assertIn("is not a folder", self.lab("up")[2])
        os.unlink(self.state)
        with open(self.state, "w", encoding="utf-8"):
            pass
        self.assertIn("is not a folder", self.lab("up")[2])

    def test_a_state_folder_is_made_for_its_user_alone(self):
        self.lab("list")
        self.assertEqual(stat.S_IMODE(os.stat(self.state).st_mode), 0o700)

    def test_wrong_command_lines_are_refused(self):
        env = self.environment()
        for args, word in ((["fly"], "'fly'"), ([], "a command is missing"), (["--servers", "3", "up"], "'up'"),
                           (["up", "--l4", "envoy"], "'envoy' is none of haproxy, nginx, kernel"),
                           (["up", "--l7", "kernel"], "'kernel' is none of envoy, haproxy, nginx"),
                           (["up", "--topology", "x"], "no topology 'x'"),
                           (["up", "--servers", "0"], "'0' is not a whole number from 1 to 50"),
                           (["up", "--servers", "51"], "'51'"), (["up", "--repeat", "2"], "'--repeat'"),
                           (["up", "more"], "'more'"), (["matrix", "--repeat", "0"], "'0'"),
                           (["demo", "--servers", "1"], "at least 2 servers"),
                           (["matrix", "--servers", "1"], "at least 2 servers"),
                           (["demo", "--l4", "haproxy-tcp-source"], "spreads evenly"),
                           (["run"], "needs a client"), (["run", "ftp", "L4"], "'ftp' is no client")):
            with self.subTest(args=args):
                self.assert_refused("lbdemo-lab", args, 2, word, env=env)

    def test_a_path_the_lab_has_not_is_refused(self):
        self.detached("--l7", "haproxy")
        self.assert_refused("lbdemo-lab", ["run", "http", "L5"], 2, "'L5'", "L4 (haproxy-tcp-roundrobin)",
                            env=self.environment())


class Installed(lablib.LabCase):
    def test_it_finds_the_server_in_sbin_beside_bin(self):
        if os.environ.get("LBDEMO_INSTALLED"):
            self.skipTest("the installed programs are tested as they are")
        for folder, name in (("bin", "lbdemo-lab"), ("sbin", "lbdemo-server")):
            os.makedirs(self.path(folder))
            shutil.copy(lbtest.program(name), self.path(folder))
        env = lbtest.clean_env(LBDEMO_STATE=self.state, PATH="/usr/bin:/bin")
        lab = os.path.join(self.path("bin"), "lbdemo-lab")
        done = subprocess.run([lab, "up", "--detach", "--l7", "haproxy"], env=env, capture_output=True, text=True,
                              timeout=lbtest.DEADLINE_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        subprocess.run([lab, "down"], env=env, timeout=lbtest.DEADLINE_S, check=True)

    def test_the_list_fits_80_columns_also_where_programs_are_missing(self):
        for more in ([], ["--envoy", os.path.join(self.path("a-folder-with-a-long-name"), "envoy")]):
            out = self.lab("list", *more)[1]
            self.assertEqual([line for line in out.splitlines() if len(line) > 80 and "long-name" not in line], [])
        self.assertEqual(out.count("a-folder-with-a-long-name"), 1, out)

    def test_the_man_page_has_every_topology(self):
        out = self.lab("list")[1]
        offered = set(re.findall(r"^([a-z0-9]\S*) ", out, re.MULTILINE))
        self.assertGreater(len(offered), 20)
        with open(os.path.join(lbtest.SOURCE, "man", "lbdemo-lab.1"), encoding="utf-8") as f:
            described = set(re.findall(r"^\.It Cm (\S+-\S+)$", f.read(), re.MULTILINE))
        self.assertEqual(offered, described)


if __name__ == "__main__":
    lablib.need("haproxy", "nginx")
    lbtest.main()
