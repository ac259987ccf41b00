"""Starts and drives the service of trouble/main.cpp, whose handlers misbehave on demand."""

import uuid

from conveyor import Process, request, until


class Trouble:
    def __init__(self, data, *arguments, environment=None):
        self.data = data
        self.environment = environment
        self.arguments = ["--management:messages=true", *arguments]
        self.starts = 0
        self.running = None

    def start(self):
        self.restart()
        self.running.wait_for_ports(["trouble"])
        return self

    def restart(self):
        """Starts without waiting: it may end sooner than it listens."""
        if self.running:
            self.running.close()
        self.running = Process("trouble", ["--data", str(self.data), "--urls", "http://127.0.0.1:0", *self.arguments], self.environment)
        self.starts += 1

    @property
    def port(self):
        self.running.find_ports()
        return self.running.ports["trouble"]

    def get(self, path, **how):
        return request(self.port, "GET", path, **how)

    def add(self, deed="ordinary", **members):
        thing = {"id": str(uuid.uuid4()), "note": "", "deed": deed, **members}
        return thing["id"], request(self.port, "POST", "/things", thing)

    def times(self, thing):
        """How often the thing's event was handled."""
        return self.get(f"/things/{thing}").json()["times"]

    def wait_until_handled(self, thing):
        until("the message is handled", lambda: self.times(thing) == 1)
