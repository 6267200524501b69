"""A kubectl without a cluster, for the tests of contrib/k8s/kube.sh: run as `kubectl ARG...`.

FAKE names a folder: `objects` holds what is in the cluster, a line an object (NAMESPACE KIND/NAME
LABEL=VALUE,...); `calls` a line a call; `reports/JOB.json` is what a Job's pod logs. `fail` and `hang`, if
there, hold a regular expression: calls that it matches end with an error, or do not end by themselves.
FAKE_KUBECTL is the real one, which builds the overlays.
"""
import os
import re
import signal
import sys

import yaml

FOLDER = os.environ["FAKE"]
MARK = "app.kubernetes.io/part-of"
COMPONENT = "app.kubernetes.io/component"


def path(name):
    return os.path.join(FOLDER, name)


def text(name):
    if not os.path.exists(path(name)):
        return ""
    with open(path(name), encoding="utf-8") as f:
        return f.read()


def load():
    """{(namespace, KIND/NAME): labels}"""
    rows = (line.split(" ") for line in text("objects").splitlines())
    return {(ns, name): dict(pair.split("=") for pair in labels.split(",") if pair) for ns, name, labels in rows}


def save(objects):
    with open(path("objects"), "w", encoding="utf-8") as f:
        for (ns, name), labels in objects.items():
            f.write(f"{ns} {name} {','.join('='.join(pair) for pair in labels.items())}\n")


def selected(selector, labels):
    """Whether labels meet `a=b`, `a in (b, c)`, `a notin (b, c)`."""
    key, operator, values = re.fullmatch(r"([\w./-]+)(=| in | notin )\(?([^)]*)\)?", selector).groups()
    return (labels.get(key) in re.split(r",\s*", values)) != (operator == " notin ")


def read(file):
    """[(KIND/NAME, labels, object)] of a file of objects."""
    with (sys.stdin if file == "-" else open(file, encoding="utf-8")) as f:
        return [(f"{o['kind'].lower()}/{o['metadata']['name']}", o["metadata"].get("labels", {}), o)
                for o in yaml.safe_load_all(f) if o]


class Kubectl:
    def __init__(self, args):
        self.namespace, self.selector, self.file, self.output = "default", None, None, ""
        self.words = []
        args = iter(args)
        for arg in args:
            if arg in ("--namespace", "-l", "-f", "-o"):
                setattr(self, {"--namespace": "namespace", "-l": "selector", "-f": "file", "-o": "output"}[arg],
                        next(args))
            elif not arg.startswith("-"):
                self.words.append(arg)
        self.objects = load()

    def found(self, *kinds):
        """Names of this namespace's objects of these kinds that the selector takes."""
        return [name for (ns, name), labels in self.objects.items()
                if ns == self.namespace and name.split("/")[0] in kinds
                and (not self.selector or selected(self.selector, labels))]

    def create(self):
        for name, labels, _ in read(self.file):
            self.objects["", name] = labels

    def apply(self):
        for name, labels, _ in read(self.file):
            if selected(self.selector, labels):
                self.objects[self.namespace, name] = labels
                print(f"{name} created")

    def delete(self):
        if self.words[1:2] == ["namespace"]:
            self.objects = {key: labels for key, labels in self.objects.items()
                            if self.words[2] not in (key[0], key[1].split("/")[1] if not key[0] else None)}
        elif self.file:
            for name, _, _ in read(self.file):
                self.objects.pop((self.namespace, name), None)
        else:
            for name in self.found(*(kind.rstrip("s") for kind in self.words[1].split(","))):
                del self.objects[self.namespace, name]

    def get(self):
        what = self.words[1]
        if what == "namespace":
            labels = self.objects.get(("", f"namespace/{self.words[2]}"))
            if labels is not None:
                print({"name": f"namespace/{self.words[2]}", "jsonpath={.status.phase}": "Active"}.get(
                    self.output, labels.get(MARK, "")))
        elif what == "deployments":
            print("\n".join(self.found("deployment")))
        elif what == "deployment" and "deployment/server" not in self.found("deployment"):
            sys.exit('Error from server (NotFound): deployments.apps "server" not found')
        elif what == "deployment":
            print("server")  # its containers' names
        elif what == "jobs":
            print("\n".join("1" for _ in self.found("job")))
        elif what == "pods" and self.output.startswith("jsonpath"):
            print("\n".join(f"{name.split('/')[1]}-x5f2k 0" for name in self.found("job")))
        else:
            print(f"(the {what})")

    def logs(self):
        name = self.words[1]
        print(text(f"reports/{name.rsplit('-', 1)[0]}.json") or f"(the logs of {name})")

    def run(self):
        verb = self.words[0]
        if verb not in ("version", "rollout", "wait", "config"):
            getattr(self, verb)()
            save(self.objects)


def main(args):
    line = " ".join(args)
    with open(path("calls"), "a", encoding="utf-8") as f:
        f.write(line + "\n")
    if args[0] == "kustomize":
        os.execv(os.environ["FAKE_KUBECTL"], ["kubectl", *args])
    if text("fail") and re.search(text("fail"), line):
        sys.exit(f"error: the fake was told to fail at: {line}")
    if text("hang") and re.search(text("hang"), line):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with open(path("hangs"), "w", encoding="utf-8"):
            signal.pause()
    Kubectl(args).run()


if __name__ == "__main__":
    main(sys.argv[1:])
