"""SIGTERM under load: every request that was sent is answered, completely, and the exit code is 0."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import uuid

import pytest

from conveyor import BINARIES, SERVICES, Conveyor, Process, request, until


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


class StartedTrouble:
    """The service with a request under way that takes `milliseconds`."""

    def __init__(self, tmp_path, milliseconds):
        self.running = Process("trouble", ["--data", str(tmp_path / "data"), "--urls", "http://127.0.0.1:0", "--shutdown:drainTimeout=00:05:00"])
        self.milliseconds = milliseconds

    def __enter__(self):
        self.running.wait_until_ready(["trouble"])
        self.client = socket.create_connection(("127.0.0.1", self.running.ports["trouble"]), timeout=60)
        self.client.sendall(f"GET /sleep/{self.milliseconds} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return self

    def __exit__(self, *_):
        self.client.close()
        self.running.close()

    def signal(self):
        self.running.process.send_signal(signal.SIGTERM)

    def wait_until_it_stops(self):
        until("the first signal was seen", lambda: "stopping" in self.running.output())

    def answer(self):
        return Client.read_answer(self.client.makefile("rb"))


def test_a_stop_waits_for_the_request_under_way(tmp_path):
    with StartedTrouble(tmp_path, 1500) as trouble:
        trouble.signal()
        assert trouble.answer() == (200, True)
        assert trouble.running.process.wait(30) == 0


def test_a_second_signal_ends_the_process_at_once(tmp_path):
    with StartedTrouble(tmp_path, 25_000) as trouble:
        trouble.signal()
        trouble.wait_until_it_stops()

        def ended():  # signals within half a second are one
            trouble.signal()
            return trouble.running.process.poll() is not None

        until("the end", ended, every=0.3)
        assert trouble.running.process.returncode == 130


def test_signals_within_half_a_second_are_one(tmp_path):
    with StartedTrouble(tmp_path, 1500) as trouble:
        trouble.signal()  # as timeout(1) does: the process, then its group
        trouble.signal()
        trouble.wait_until_it_stops()
        assert trouble.answer() == (200, True)
        assert trouble.running.process.wait(30) == 0


# A reader of stdout that has stopped reading


class Unread:
    """The service, writing into a pipe that nobody reads; filled before the start or by what is logged."""

    def __init__(self, tmp_path, full_at_the_start):
        self.ends = os.pipe()
        if full_at_the_start:
            os.set_blocking(self.ends[1], False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(self.ends[1], b"x" * 4096)
            os.set_blocking(self.ends[1], True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen([str(BINARIES / "trouble"), "--data", str(tmp_path / "data"), "--urls", f"http://127.0.0.1:{self.port}",
                                         "--logger:level=verbose"], stdout=self.ends[1], stderr=self.ends[1])

    def __enter__(self):
        until("it serves", self.serves, seconds=60)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for end in self.ends:
            os.close(end)

    def serves(self):
        try:
            return request(self.port, "GET", "/health/ready").status == 200
        except OSError:
            return False


@pytest.mark.parametrize("full_at_the_start", [True, False])
def test_a_reader_that_stopped_reading_stdout_holds_up_neither_start_nor_requests_nor_the_end(tmp_path, full_at_the_start):
    with Unread(tmp_path, full_at_the_start) as trouble:
        for _ in range(600):  # some lines each: more than a pipe holds
            assert request(trouble.port, "GET", "/fill/1").status == 200
        trouble.process.send_signal(signal.SIGTERM)
        assert trouble.process.wait(30) == 0


def test_a_terminal_that_goes_away_stops_the_service_in_order_and_nohup_keeps_it(tmp_path):
    running = Process("trouble", ["--data", str(tmp_path / "data"), "--urls", "http://127.0.0.1:0"])
    running.wait_until_ready(["trouble"])
    running.process.send_signal(signal.SIGHUP)
    assert running.process.wait(30) == 0
    assert "stopping" in running.output()
    running.close()

    log = tmp_path / "log"
    with open(log, "w") as output:
        kept = subprocess.Popen(["nohup", str(BINARIES / "trouble"), "--data", str(tmp_path / "kept"), "--urls", "http://127.0.0.1:0"],
                                stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        until("it listens", lambda: "trouble listens on" in log.read_text())
        port = int(log.read_text().split("trouble listens on http://")[1].split()[0].rsplit(":", 1)[1])
        kept.send_signal(signal.SIGHUP)
        kept.send_signal(signal.SIGPIPE)
        for _ in range(20):
            assert request(port, "GET", "/health/ready").status == 200
        assert "stopping" not in log.read_text()
        kept.send_signal(signal.SIGTERM)
        assert kept.wait(30) == 0
    finally:
        if kept.poll() is None:
            kept.kill()
            kept.wait()


def test_a_start_without_a_console_gives_its_descriptors_to_nobody(tmp_path):
    command = f'exec "{BINARIES}/trouble" --data "{tmp_path}/data" --urls http://127.0.0.1:0 0<&- 1>&- 2>&-'
    started = subprocess.Popen(["sh", "-c", command])
    folder = f"/proc/{started.pid}/fd"

    def open_files():
        with contextlib.suppress(OSError):
            return {name: os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
        return {}

    try:
        until("its database is open", lambda: any(each.endswith("trouble.db") for each in open_files().values()))
        assert {name: open_files()[name] for name in ("0", "1", "2")} == {"0": "/dev/null", "1": "/dev/null", "2": "/dev/null"}
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()
