"""HAProxy before servers, for tests: its listening socket is made here and inherited, so that no port is guessed."""
import os
import shutil
import socket

import lbtest

BINARY = shutil.which("haproxy") or ("/usr/sbin/haproxy" if os.path.exists("/usr/sbin/haproxy") else None)


class HAProxy(lbtest.Process):
    """One frontend before `servers` ("HOST:PORT"); `backend` has more lines of its configuration, `bind` more words
    of its frontend's."""

    def __init__(self, folder, servers, mode="tcp", balance="roundrobin", backend=(), options=None, bind=""):
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.set_inheritable(True)
        self.address = "127.0.0.1:%d" % listener.getsockname()[1]
        lines = ["global", "  maxconn 1000", "defaults", f"  mode {mode}", "  timeout connect 5s", "  timeout client 30s",
                 "  timeout server 30s", "  timeout check 30s", "frontend in", f"  bind fd@{listener.fileno()} {bind}",
                 "  default_backend out", "backend out", f"  balance {balance}", *("  " + line for line in backend)]
        for n, server in enumerate(servers):
            lines.append(f"  server s{n} {server} {(options or [''] * len(servers))[n]}")
        config = os.path.join(folder, "haproxy-%d.cfg" % listener.getsockname()[1])
        with open(config, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        with listener:
            super().__init__(folder, [BINARY, "-db", "-f", config], pass_fds=[listener.fileno()])
