"""Completions in the real shells: every option's name, choices, files, folders, the lab's commands."""
import os
import pty
import re
import shutil
import subprocess
import termios

import lbtest

PROGRAMS = ("lbdemo-server", "lbdemo-http-client", "lbdemo-grpc-client", "lbdemo-report", "lbdemo-lab")
GENERATED = os.path.join(lbtest.BIN, "contrib", "completions")  # none when installed: the shells know where
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
# The key that writes the line typed so far to a file; means nothing to a terminal whose shell does not
# read it raw yet.
DUMP = "\x18\x14"
KILL = "\x15"


class Shell:
    """An interactive shell on a terminal of its own. `complete(text)`: the line after text and TAB."""

    def __init__(self, folder, argv, env):
        self.line_file = os.path.join(folder, "line")
        self.ready_file = os.path.join(folder, "ready")
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(argv[0], argv, {"PATH": os.environ["PATH"], "TERM": "dumb", "LC_ALL": "C.UTF-8",
                                       "HOME": folder, "LINE": self.line_file, "READY": self.ready_file, **env})
        termios.tcsetwinsize(self.terminal, (50, 200))
        os.set_blocking(self.terminal, False)
        self.said = b""
        self._await(self.ready_file)

    def _await(self, path):
        def there():
            try:
                self.said += os.read(self.terminal, 65536)
            except OSError:
                pass
            return os.path.exists(path)
        try:
            lbtest.wait_until(there, f"{path} of the shell")
        except AssertionError as e:
            raise AssertionError(f"{e}; it said: {self.said[-2000:]}") from None

    def complete(self, text):
        if os.path.exists(self.line_file):
            os.remove(self.line_file)
        os.write(self.terminal, (text + "\t" + DUMP).encode())
        self._await(self.line_file)
        with open(self.line_file, encoding="utf-8") as f:
            line = f.read().rstrip()
        os.write(self.terminal, KILL.encode())
        return line

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


class Fish:
    """fish tells what it would offer without a terminal; what all have in common is what TAB adds."""

    def __init__(self, folder):
        self.folder = folder

    def complete(self, text):
        script = (f"set -g fish_complete_path {GENERATED}/fish $fish_complete_path; complete -C " +
                  "'" + text.replace("'", "\\'") + "'")
        # It completes for commands that exist only.
        env = {"PATH": f"{lbtest.BIN}:{os.environ['PATH']}", "HOME": self.folder, "XDG_CONFIG_HOME": self.folder,
               "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["fish", "--private", "-c", script], cwd=self.folder, env=env, capture_output=True,
                              text=True, check=True, timeout=lbtest.DEADLINE_S)
        offered = [row.split("\t")[0] for row in done.stdout.splitlines()]
        head, _, word = text.rpartition(" ")
        offered = [name for name in offered if name.startswith(word)]
        return f"{head} {os.path.commonprefix(offered)}" if offered else text

    def end(self):
        pass


def bash(folder):
    os.makedirs(os.path.join(folder, "user"))
    os.symlink(os.path.join(GENERATED, "bash"), os.path.join(folder, "user", "completions"))
    rc = os.path.join(folder, "rc")
    with open(rc, "w", encoding="utf-8") as f:
        f.write(f"PS1='$ '\nbind 'set bell-style none'\n. {BASH_COMPLETION}\n"
                r"""bind -x '"\C-x\C-t": printf "%s\n" "$READLINE_LINE" >"$LINE.new"; mv "$LINE.new" "$LINE"'"""
                "\n: >\"$READY\"\n")
    return Shell(folder, ["bash", "--rcfile", rc, "-i"], {"BASH_COMPLETION_USER_DIR": os.path.join(folder, "user")})


def zsh(folder):
    with open(os.path.join(folder, ".zshrc"), "w", encoding="utf-8") as f:
        f.write(f"PS1='$ '\nunsetopt beep\nfpath=({GENERATED}/zsh $fpath)\nautoload -Uz compinit\ncompinit -u -D\n"
                "dump() { print -r -- $BUFFER >$LINE.new; mv $LINE.new $LINE }\nzle -N dump\n"
                "bindkey -e\nbindkey '^X^T' dump\n: >$READY\n")
    return Shell(folder, ["zsh", "-i"], {"ZDOTDIR": folder})


class InAShell:
    """What holds in each shell; a class a shell follows."""
    name = None

    def setUp(self):
        super().setUp()
        if not shutil.which(self.name) or not os.path.exists(BASH_COMPLETION):
            self.skipTest(f"{self.name} or bash-completion is not installed")
        os.makedirs(self.path("folder"))
        for name in ("report one.json", "folder/x.json"):
            with open(self.path(name), "w", encoding="utf-8"):
                pass
        self.shell = {"bash": bash, "zsh": zsh, "fish": Fish}[self.name](self.folder)
        self.addCleanup(self.shell.end)

    def completes(self, text, *expected):
        """TAB after `text` makes one of `expected` of the last word."""
        line = self.shell.complete(text)
        self.assertIn(line, [f"{text.rpartition(' ')[0]} {word}" for word in expected])

    def check_options(self, command):
        help_text = self.run_program(*command.split(), "--help")[1]
        options = re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", help_text, re.MULTILINE)
        self.assertGreater(len(options), 2)
        for option in options:
            common = os.path.commonprefix([other for other in options if other.startswith(option[:-1])])
            self.completes(f"{command} {option[:-1]}", common, common + "=")

    def test_every_option_is_completed(self):
        for program in PROGRAMS[:-1]:
            self.check_options(program)
        for command in ("up", "run", "down", "list", "logs", "demo", "matrix"):
            self.check_options(f"lbdemo-lab {command}")

    def test_choices_are_completed(self):
        self.completes("lbdemo-server --log-level w", "warning", "warn")
        self.completes("lbdemo-http-client --expect per-c", "per-connection")
        self.completes("lbdemo-grpc-client --lb-policy round", "round_robin")
        line = self.shell.complete("lbdemo-http-client --output=nd")
        self.assertEqual(line, "lbdemo-http-client --output=ndjson")

    def test_files_and_folders_are_completed(self):
        quoted = ("report\\ one.json", "report one.json")
        self.completes("lbdemo-report rep", *quoted)
        self.completes("lbdemo-http-client --report rep", *quoted)
        self.completes("lbdemo-lab up --logs fold", "folder/", "folder")
        self.completes("lbdemo-lab up --logs rep", "rep")

    def test_no_file_is_offered_where_none_is_taken(self):
        self.completes("lbdemo-http-client --count rep", "rep")
        self.completes("lbdemo-server rep", "rep")

    def test_the_labs_commands_are_completed(self):
        for command in ("up", "run", "down", "list", "logs", "demo", "matrix"):
            self.completes(f"lbdemo-lab {command[:-1]}", command)
        self.completes("lbdemo-lab run gr", "grpc")


class Bash(InAShell, lbtest.Case):
    name = "bash"


class Zsh(InAShell, lbtest.Case):
    name = "zsh"


class FishShell(InAShell, lbtest.Case):
    name = "fish"


if __name__ == "__main__":
    lbtest.main()
