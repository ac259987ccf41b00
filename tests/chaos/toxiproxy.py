"""The proxy between an instance and what it talks to: every link is a port of its own, which can be cut, slowed down, or made to swallow what it is given."""

import http.client
import json
import pathlib

from conveyor import until
from private_servers import Server, free_port

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "build" / "servers" / "toxiproxy"


class Toxiproxy:
    def __init__(self, folder):
        folder.mkdir()
        self.port = free_port()
        self.server = Server(folder, "", str(PROGRAM), ["-host", "127.0.0.1", "-port", str(self.port)])
        until("toxiproxy answers", self.answers)

    def answers(self):
        try:
            return self.ask("GET", "/proxies") is not None
        except OSError:
            return False

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 300:
                raise RuntimeError(f"toxiproxy {method} {path}: {answer.status} {text}")
            return text
        finally:
            connection.close()

    def link(self, name, to_port):
        return Link(self, name, to_port)

    def stop(self):
        self.server.stop()


class Link:
    def __init__(self, proxy, name, to_port):
        self.proxy, self.name, self.port, self.cuts, self.toxics = proxy, name, free_port(), 0, 0
        proxy.ask("POST", "/proxies", {"name": name, "listen": f"127.0.0.1:{self.port}", "upstream": f"127.0.0.1:{to_port}", "enabled": True})

    def cut(self):
        """Its connections are closed, new ones are refused; returns what heals it."""
        self.cuts += 1
        self.enable(False)

        def heal():
            self.cuts -= 1
            if self.cuts == 0:
                self.enable(True)
        return heal

    def enable(self, on):
        self.proxy.ask("POST", f"/proxies/{self.name}", {"enabled": on})

    def poison(self, kind, toxicity=1.0, **attributes):
        """Adds a toxic in both directions; returns what removes it."""
        self.toxics += 1
        names = [f"{kind}-{self.toxics}-{stream}" for stream in ("upstream", "downstream")]
        for name in names:
            self.proxy.ask("POST", f"/proxies/{self.name}/toxics", {
                "name": name, "type": kind, "stream": name.rpartition("-")[2], "toxicity": toxicity, "attributes": attributes})

        def heal():
            for name in names:
                self.proxy.ask("DELETE", f"/proxies/{self.name}/toxics/{name}")
        return heal
