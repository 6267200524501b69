"""Envoy before servers, for tests: it binds port 0 itself and its admin interface tells which port that was."""
import json
import os
import urllib.request

import lablib
import lbtest

NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
H2 = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "explicit_http_config": {"http2_protocol_options": {}}}}
CHECKS = {"http": {"http_health_check": {"path": "/readyz"}}, "grpc": {"grpc_health_check": {}}}


def socket_address(address):
    host, port = lbtest.split(address)
    return {"address": {"socket_address": {"address": host, "port_value": port}}}


def listener(protocol):
    route = {"cluster": protocol, "timeout": "0s"}
    manager = {
        "@type": MANAGER, "stat_prefix": protocol,
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [
            {"name": protocol, "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}]}}
    return {"name": protocol, **socket_address("127.0.0.1:0"), "filter_chains": [
        {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}


def cluster(protocol, addresses, interval):
    check = {"timeout": "1s", "interval": interval, "no_traffic_interval": interval, "unhealthy_threshold": 1,
             "healthy_threshold": 1, **CHECKS[protocol]}
    # By default Envoy heeds a change up to a second late, when there was another just before.
    out = {"name": protocol, "type": "STATIC", "health_checks": [check],
           "common_lb_config": {"update_merge_window": "0s"}, "load_assignment": {
        "cluster_name": protocol,
        "endpoints": [{"lb_endpoints": [{"endpoint": socket_address(a)} for a in addresses]}]}}
    if protocol == "grpc":
        out["typed_extension_protocol_options"] = H2
    return out


class Envoy(lbtest.Process):
    """An HTTP and a gRPC listener before `servers`, lbtest.Servers whose readiness it asks every `interval`. It tries nothing twice.
    Each of its workers has upstream connections of its own."""

    def __init__(self, folder, servers, interval, workers=1):
        clusters = {p: cluster(p, [getattr(s, p) for s in servers], interval) for p in CHECKS}
        config, admin_file = os.path.join(folder, "envoy.json"), os.path.join(folder, "envoy.admin")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"admin": socket_address("127.0.0.1:0"), "static_resources": {
                "listeners": [listener(p) for p in CHECKS], "clusters": list(clusters.values())}}, f)
        super().__init__(folder, [lablib.envoy(), "-c", config, "--admin-address-path", admin_file, "--concurrency",
                                  workers, "--disable-hot-restart", "--log-level", "warning"])
        lbtest.wait_until(lambda: self._written(admin_file) or self.popen.poll() is not None, "Envoy")
        if self.popen.poll() is not None:
            raise AssertionError(f"Envoy ended: {self.err()}")
        with open(admin_file, encoding="utf-8") as f:
            admin = f.read().strip()
        ports = lbtest.wait_until(lambda: self._ports(admin), "Envoy's listeners")
        self.http, self.grpc = (f"127.0.0.1:{ports[p]}" for p in ("http", "grpc"))

    @staticmethod
    def _written(path):
        return os.path.exists(path) and os.path.getsize(path) > 0

    @staticmethod
    def _ports(admin):
        with NO_PROXY.open(f"http://{admin}/listeners?format=json", timeout=lbtest.DEADLINE_S) as reply:
            statuses = json.load(reply).get("listener_statuses", [])
        ports = {s["name"]: s["local_address"]["socket_address"]["port_value"] for s in statuses}
        return ports if set(ports) == set(CHECKS) and all(ports.values()) else None
