"""nginx before servers, for tests: it inherits a listening socket made here, so that no port is guessed."""
import os
import socket

import lablib
import lbtest

BINARY = lablib.find("nginx")


class Nginx(lbtest.Process):
    """proxy_pass to `servers` ("HOST:PORT"), with so many idle upstream connections kept, 0 for none."""

    def __init__(self, folder, servers, keepalive):
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.set_inheritable(True)
        port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        own = os.path.join(folder, f"nginx-{port}")
        os.mkdir(own)
        paths = "".join(f"{kind}_temp_path {own}/{kind}; "
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        upstream = "".join(f"server {s}; " for s in servers) + (f"keepalive {keepalive};" if keepalive else "")
        with open(os.path.join(own, "conf"), "w", encoding="utf-8") as f:
            f.write(f"""daemon off; worker_processes 1; pid {own}/pid; error_log stderr;
events {{ worker_connections 500; }}
http {{
    access_log off; {paths} keepalive_requests 100000;
    upstream servers {{ {upstream} }}
    server {{
        listen {self.address};
        location / {{ proxy_pass http://servers; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
""")
        with listener:
            super().__init__(folder, [BINARY, "-p", own, "-e", "stderr", "-c", "conf"],
                             env={"NGINX": f"{listener.fileno()};"}, pass_fds=[listener.fileno()])

    def end(self):
        """The master ends its worker when asked; killed, it would leave it behind."""
        try:
            self.stop()
        finally:
            super().end()
