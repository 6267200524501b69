#!/usr/bin/env python3
"""schemas.py FILE: the schemas that contrib/k8s is validated against, as one JSON document.

They come from Go modules, of pinned versions and hashes, through `go mod download`: Kubernetes' own API (the
oldest version we support, so that all newer ones know each field) and the CRDs of Istio, the Gateway API and
Prometheus' operator. Linkerd has no module; its four kinds are described here. FILE becomes
{"modules": ..., "definitions": ..., "kinds": {"GROUP/VERSION KIND": JSON Schema}}; every object is closed:
fields that are not named in it are errors. If FILE is there and of these modules, nothing is done.
"""
import json
import os
import subprocess
import sys
import tempfile
import zipfile

import yaml

MODULES = {
    "k8s.io/kubernetes@v1.30.14": "h1:MrlKXh9uhLIJpyxOeXhcndzRVSvwiV9iJ8NgH8nqPsg=",
    "istio.io/api@v1.31.4": "h1:AcnncYrlDj1PJkym7h88Gggkef4MAra8QpGaXRMsr+E=",
    "sigs.k8s.io/gateway-api@v1.3.0": "h1:q6okN+/UKDATola4JY7zXzx40WO4VISk7i9DIfOvr9M=",
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
}
OPENAPI = "api/openapi-spec/swagger.json"
CRDS = ("kubernetes/customresourcedefinitions.gen.yaml", "config/crd/standard/",
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml")
META = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}


def obj(required=(), **properties):
    return {"type": "object", "required": list(required), "properties": properties}


TEXT = {"type": "string", "minLength": 1}
REFERENCE = obj(("kind", "name"), group={"type": "string"}, kind=TEXT, name=TEXT)
SELECTOR = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"}
LINKERD = {
    "policy.linkerd.io/v1beta3 Server": obj(
        ("port", "podSelector"), accessPolicy=TEXT, podSelector=SELECTOR, port={"type": ["integer", "string"]},
        proxyProtocol={"enum": ["unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS"]}),
    "policy.linkerd.io/v1alpha1 AuthorizationPolicy": obj(
        ("targetRef", "requiredAuthenticationRefs"), targetRef=REFERENCE,
        requiredAuthenticationRefs={"type": "array", "items": REFERENCE}),
    "policy.linkerd.io/v1alpha1 MeshTLSAuthentication": obj(
        ("identities",), identities={"type": "array", "items": TEXT}),
}


def closed(schema):
    """The schema as JSON Schema has it, with an end to the fields of each object that names some."""
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        schema["type"] = ["integer", "string"]
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {name: closed(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = closed(schema[key])
    return schema


def whole(schema, version, kind):
    """A custom resource's schema with what Kubernetes adds to each."""
    properties = {**schema.get("properties", {}), "apiVersion": {"const": version}, "kind": {"const": kind},
                  "metadata": META}
    return closed({**schema, "properties": properties, "required": ["apiVersion", "kind", "metadata", "spec"]})


def custom(text):
    """{"GROUP/VERSION KIND": schema} of the CRDs in a file."""
    found = {}
    for crd in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if not crd or crd["kind"] != "CustomResourceDefinition":
            continue
        for version in crd["spec"]["versions"]:
            name, kind = f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]
            if version["served"] and not version.get("deprecated"):
                found[f"{name} {kind}"] = whole(version["schema"]["openAPIV3Schema"], name, kind)
    return found


def native(document):
    """Kubernetes' definitions, and {"GROUP/VERSION KIND": schema} of its kinds."""
    definitions = {name: closed(value) for name, value in document["definitions"].items()}
    kinds = {}
    for name, value in definitions.items():
        for gvk in value.get("x-kubernetes-group-version-kind", ()):
            version = f"{gvk['group']}/{gvk['version']}".lstrip("/")
            kinds[f"{version} {gvk['kind']}"] = {"$ref": f"#/definitions/{name}"}
    return definitions, kinds


def download():
    """The modules' archives; an error if one is not what it was."""
    with tempfile.TemporaryDirectory(prefix="lbdemo-schemas-") as folder:
        with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as f:
            f.write("module schemas\n")
        done = subprocess.run(["go", "mod", "download", "-json", *MODULES], cwd=folder, capture_output=True, text=True,
                              check=False)
    decoder, text, archives = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        module, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        name = f"{module['Path']}@{module['Version']}"
        if module.get("Error"):
            sys.exit(module["Error"])
        if module["Sum"] != MODULES[name]:
            sys.exit(f"{name} has another hash")
        archives.append((name, module["Zip"]))
    if len(archives) != len(MODULES):
        sys.exit(done.stderr.strip() or "go downloaded nothing")
    return archives


def main(path):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            if json.load(f)["modules"] == MODULES:
                return
    definitions, kinds = {}, {}
    for module, archive in download():
        with zipfile.ZipFile(archive) as z:
            for name in z.namelist():
                inside = name[len(module) + 1:]
                if inside == OPENAPI:
                    definitions, found = native(json.loads(z.read(name)))
                    kinds.update(found)
                elif inside.startswith(CRDS) and inside.endswith(".yaml"):
                    kinds.update(custom(z.read(name)))
    for name, spec in LINKERD.items():
        version, kind = name.split(" ")
        kinds[name] = whole(obj(("spec",), spec=spec), version, kind)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump({"modules": MODULES, "definitions": definitions, "kinds": kinds}, f)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main(sys.argv[1])
