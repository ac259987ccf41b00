"""SIGTERM under load: every request that was sent is answered, completely, and the exit code is 0."""

import json
import signal
import socket
import threading
import uuid

import pytest

from conveyor import SERVICES, Conveyor, Process, until


class Client:
    """A client that keeps its connection, as balancers do, and notices how each ends."""

    def __init__(self, port, make_request):
        self.port, self.make_request = port, make_request
        self.answered, self.troubles = 0, []

    def run(self):
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
            except ConnectionRefusedError:
                return  # the listener is closed: a balancer goes elsewhere
            except OSError as failure:
                return self.troubles.append(f"connecting: {failure!r}")
            with connection:
                if not self.use(connection):
                    return

    def use(self, connection):
        """Requests until the server ends the connection; false when it ended wrongly."""
        incoming = connection.makefile("rb")
        while True:
            if self.was_closed(connection):
                return True  # before anything was sent
            try:
                connection.sendall(self.make_request())
                status, closes = self.read_answer(incoming)
            except (OSError, EOFError, ValueError) as failure:
                self.troubles.append(f"after {self.answered} answers: {failure!r}")
                return False
            if status >= 500:
                self.troubles.append(f"status {status}")
            self.answered += 1
            if closes:
                return True

    @staticmethod
    def was_closed(connection):
        connection.setblocking(False)
        try:
            return connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        finally:
            connection.settimeout(20)

    @staticmethod
    def read_answer(incoming):
        status = incoming.readline()
        if not status.endswith(b"\r\n"):
            raise EOFError(f"no answer: {status!r}")
        headers = {}
        while (line := incoming.readline()) != b"\r\n":
            if not line:
                raise EOFError("half a header")
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        length = int(headers["content-length"])
        if len(incoming.read(length)) != length:
            raise EOFError("half a body")
        return int(status.split()[1]), headers.get("connection", "").lower() == "close"


def ping():
    return b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"


def create_order():
    body = json.dumps({"orderId": str(uuid.uuid4()), "customerId": str(uuid.uuid4())})
    return f"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize("round", range(3))
def test_under_load_no_connection_is_reset_and_no_request_is_left_without_its_answer(tmp_path, round):
    conveyor = Conveyor(tmp_path / "data").start()
    try:
        clients = [Client(conveyor.ports["orders"], create_order) for _ in range(6)]
        clients += [Client(conveyor.ports[name], ping) for name in SERVICES for _ in range(2)]
        threads = [threading.Thread(target=each.run) for each in clients]
        for each in threads:
            each.start()
        until("every client is at work", lambda: all(each.answered > 20 for each in clients))
        conveyor.running.process.send_signal(signal.SIGTERM)
        for each in threads:
            each.join(30)
        assert [each.troubles for each in clients] == [[] for _ in clients]
        assert conveyor.running.process.wait(30) == 0
        assert "failed while stopping" not in conveyor.running.output()
    finally:
        conveyor.running.close()


def test_silent_connections_do_not_hold_up_the_end(tmp_path):
    conveyor = Conveyor(tmp_path / "data").start()
    with socket.create_connection(("127.0.0.1", conveyor.ports["orders"])), socket.create_connection(("127.0.0.1", conveyor.ports["pricing"])) as used:
        used.sendall(ping())
        Client.read_answer(used.makefile("rb"))
        assert conveyor.running.stop(seconds=8) == 0  # less than the drain timeout
    conveyor.running.close()


def test_a_stop_waits_for_the_request_under_way_and_a_second_signal_does_not(tmp_path):
    for signals, expected in [(1, 0), (2, 130)]:
        trouble = Process("trouble", ["--data", str(tmp_path / "data"), "--urls", "http://127.0.0.1:0"])
        try:
            trouble.wait_until_ready(["trouble"])
            with socket.create_connection(("127.0.0.1", trouble.ports["trouble"]), timeout=20) as client:
                client.sendall(b"GET /sleep/1500 HTTP/1.1\r\nHost: a\r\n\r\n")
                trouble.process.send_signal(signal.SIGTERM)
                if signals == 2:
                    until("the first signal was seen", lambda: "stopping" in trouble.output())
                    trouble.process.send_signal(signal.SIGTERM)
                else:
                    assert Client.read_answer(client.makefile("rb")) == (200, True)
                assert trouble.process.wait(20) == expected
        finally:
            trouble.close()
