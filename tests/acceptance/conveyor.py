"""Starts and drives the conveyor sample as its users would: a process, its ports, HTTP."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("MAMEY_BIN", ROOT / "build" / "release" / "bin"))
SERVICES = ("orders", "deliveries", "pricing")


def until(what, condition, seconds=30.0, every=0.02):
    """Polls `condition` until it is true; its last value is returned. Fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {value!r}")
        threading.Event().wait(every)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def request(port, method, path, body=None, headers=None, timeout=10.0):
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        payload = None if body is None else (body if isinstance(body, (str, bytes)) else json.dumps(body))
        given = {"Content-Type": "application/json"} if payload is not None else {}
        connection.request(method, path, payload, {**given, **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
    finally:
        connection.close()


class Process:
    """A mamey program: knows its ports from what it prints, ends by its pid."""

    def __init__(self, program, arguments, environment=None, cwd=None):
        # The log is in the machine's folder for such: the test's own may be on a disk that is full.
        self.log = tempfile.NamedTemporaryFile(mode="w+", prefix=f"{program}-", suffix=".log", delete=False)
        self.process = subprocess.Popen(
            [str(BINARIES / program), *arguments], stdout=self.log, stderr=subprocess.STDOUT, cwd=cwd,
            env={**os.environ, **(environment or {})})
        self.ports = {}

    def output(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def find_ports(self):
        self.ports.update({name: int(port) for name, port in re.findall(r"^(\w+) listens on http://[^\s:]+:(\d+)$", self.output(), re.M)})

    def wait_for_ports(self, names, seconds=30.0):
        def known():
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode} before it listened:\n{self.output()}")
            self.find_ports()
            return all(name in self.ports for name in names)

        until(f"ports of {names}", known, seconds)

    def wait_until_ready(self, names, seconds=30.0):
        self.wait_for_ports(names, seconds)
        for name in names:
            def ready(port=self.ports[name]):
                try:
                    return request(port, "GET", "/health/ready").status == 200
                except OSError:
                    return False

            until(f"{name} is ready", ready, seconds)

    def kill(self):
        """The power switch of a process: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=30.0):
        """An orderly end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"no end within {seconds} s of SIGTERM:\n{self.output()[-4000:]}")
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.log.close()
        pathlib.Path(self.log.name).unlink(missing_ok=True)


def refused_start(program, arguments, seconds=10.0, **surroundings):
    """Runs a program that must not start; returns its exit code and everything it said."""
    ended = subprocess.run([str(BINARIES / program), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=seconds, **surroundings)
    return ended.returncode, ended.stdout


class Conveyor:
    """All three services in one process, on free ports (the same ports after a restart)."""

    shape = "three services in one process"

    def __init__(self, data):
        self.data = data
        self.ports = {}
        self.running = None

    def start(self, *extra, environment=None):
        arguments = ["--data", str(self.data)]
        for name in SERVICES:
            arguments += [f"--{name}", str(self.ports.get(name, 0))]
        self.running = Process("conveyor", [*arguments, *extra], environment)
        self.running.wait_until_ready(SERVICES)
        self.ports = dict(self.running.ports)
        return self

    def kill(self):
        self.running.kill()
        self.running.close()

    def stop(self):
        code = self.running.stop()
        self.running.close()
        return code

    def create_order(self, order_id=None, timeout=10.0):
        """201 means: acknowledged, so it must survive everything."""
        body = {"orderId": order_id or str(uuid.uuid4()), "customerId": str(uuid.uuid4()), "lines": [{"sku": "sku-1", "quantity": 2}]}
        return body["orderId"], request(self.ports["orders"], "POST", "/orders", body, timeout=timeout)

    def order(self, order_id):
        return request(self.ports["orders"], "GET", f"/orders/{order_id}")

    def deliveries_of(self, order_id):
        return request(self.ports["deliveries"], "GET", f"/deliveries?orderId={order_id}").json()["items"]

    def wait_until_delivered(self, order_ids, seconds=60.0):
        left = list(order_ids)

        def all_delivered():
            left[:] = [each for each in left if self.order(each).json().get("status") != "delivered"]
            return not left

        try:
            until("every order is delivered", all_delivered, seconds, every=0.05)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; {len(left)} left, e.g. {left[0]}: {self.order(left[0]).body}") from None


def managed_port(running, name):
    """The port that the program prints for management."""
    def printed():
        assert running.process.poll() is None, running.output()
        return re.search(rf"^{name} is managed on https?://[^\s:]+:(\d+)$", running.output(), re.M)

    return int(until("the address of management", printed).group(1))
