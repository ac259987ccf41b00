"""Clients that cost themselves little and want much of the server: nobody else notices, and memory is bounded and given back."""

import http.client
import json
import pathlib
import re
import resource
import socket
import subprocess
import threading
import time
import uuid

import pytest

from conveyor import refused_start, until

MIB = 1 << 20


def resident(process):
    """Resident memory in bytes."""
    return int(re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.M).group(1)) * 1024


def metric(trouble, name, labels=""):
    """The sum of a metric's samples, those whose labels hold a text."""
    found = [float(value) for of, value in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", trouble.get("/metrics").body, re.M) if labels in of]
    return sum(found) if found else None


class GoodClient(threading.Thread):
    """Asks one thing after the other on a connection that it keeps, and notes what does not go well."""

    def __init__(self, port, method="GET", path="/ping", body=None):
        super().__init__(daemon=True)
        self.port, self.method, self.path, self.body = port, method, path, body
        self.answered, self.failed, self.stopping = 0, [], threading.Event()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.stopping.is_set():
            try:
                body = None if self.body is None else json.dumps({**self.body, "id": str(uuid.uuid4())})
                connection.request(self.method, self.path, body, {"Content-Type": "application/json"} if body else {})
                answer = connection.getresponse()
                answer.read()
                if answer.status >= 400:
                    self.failed.append(answer.status)
                self.answered += 1
            except OSError as error:
                self.failed.append(repr(error))
                connection.close()
        connection.close()

    def end(self):
        self.stopping.set()
        self.join(60)


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 9000:
        pytest.skip(f"needs 9 000 descriptors, the system allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def good_clients():
    """Starts clients on a port; they end with the test."""
    clients = []

    def start(port):
        clients.extend([GoodClient(port, path="/things/" + str(uuid.uuid4())), GoodClient(port, path="/health/live"),
                        GoodClient(port, "POST", "/things", {"note": "n"})])
        clients[0].path = "/ping"
        for each in clients:
            each.start()
        return clients

    yield start
    for each in clients:
        each.end()


def test_thousands_of_connections_that_read_nothing_harm_nobody(trouble_service, many_descriptors, good_clients):
    trouble = trouble_service()
    process = trouble.running.process
    asked = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 16
    good = good_clients(trouble.port)
    held, peak = [], 0
    for number in range(4200):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        client.bind((f"127.0.0.{2 + number % 50}", 0))
        client.settimeout(60)
        client.connect(("127.0.0.1", trouble.port))
        client.sendall(asked)
        held.append(client)
        if number % 100 == 0:
            peak = max(peak, resident(process))
    seen = [each.answered for each in good]
    until("good clients go on", lambda: all(each.answered >= before + 100 for each, before in zip(good, seen)), seconds=60)
    until("the server has answered those who do not read",
          lambda: metric(trouble, "mamey_http_answers_waiting") > 1000 or metric(trouble, "mamey_http_timed_out_total") > 0, seconds=60)
    peak = max(peak, resident(process))
    # Of 4 200 requests that come within a moment, those beyond server:maxInFlight may be shed. Those of good clients are not.
    assert [each.failed for each in good] == [[], [], []]
    assert peak < 256 * MIB, f"{peak / MIB:.0f} MiB"
    for client in held:
        client.close()
    until("memory is given back", lambda: resident(process) < 64 * MIB, seconds=60)
    assert trouble.running.stop() == 0


def test_bodies_that_are_never_finished_are_bounded_and_harm_nobody(trouble_service, good_clients):
    trouble = trouble_service("--server:maxBufferedBytes=67108864")
    process = trouble.running.process
    size = 4 * MIB
    head = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
    body = b'{"note":"' + b"a" * (size - 10)
    good = good_clients(trouble.port)
    held, peak = [], 0
    for _ in range(400):
        client = socket.create_connection(("127.0.0.1", trouble.port), timeout=60)
        client.sendall(head)
        client.sendall(body)
        held.append(client)
        peak = max(peak, resident(process))
    seen = [each.answered for each in good]
    until("good clients go on", lambda: all(each.answered >= before + 100 for each, before in zip(good, seen)), seconds=60)
    assert [each.failed for each in good] == [[], [], []]
    assert metric(trouble, "mamey_http_shed_total") >= 300
    assert metric(trouble, "mamey_http_buffered_bytes") <= 64 * MIB
    assert peak < 160 * MIB, f"{peak / MIB:.0f} MiB"
    assert held[0].recv(4096).startswith(b"HTTP/1.1 503 ")
    for client in held:
        client.close()
    until("memory is given back", lambda: resident(process) < 64 * MIB, seconds=60)
    said = trouble.running.output()
    assert 1 <= said.count("server:maxBufferedBytes") <= 8, said
    assert trouble.running.stop() == 0


def test_liveness_readiness_and_metrics_answer_when_nothing_else_does(trouble_service):
    trouble = trouble_service("--server:maxInFlight=1")
    # The one place may be taken by the look below, so the sleeper tries until it has it.
    busy = threading.Thread(target=until, args=("the sleeper has its place", lambda: trouble.get("/sleep/3000", timeout=30).status == 200))
    busy.start()
    until("there is no room", lambda: trouble.get("/fill/1").status == 503)
    for path in ("/health/live", "/health/ready", "/health/startup", "/metrics", "/ping"):
        assert trouble.get(path).status == 200, path
    assert metric(trouble, "mamey_http_in_flight") >= 1
    assert metric(trouble, "mamey_http_shed_total") >= 1
    busy.join()
    assert trouble.get("/fill/1").status == 200


def test_what_is_in_progress_is_seen_while_it_is(trouble_service):
    trouble = trouble_service()
    sleeper = threading.Thread(target=lambda: trouble.get("/sleep/3000", timeout=30))
    sleeper.start()
    until("it is in progress", lambda: metric(trouble, "http_requests_in_progress", 'action="Sleep"') == 1)
    sleeper.join()
    assert metric(trouble, "http_requests_in_progress", 'action="Sleep"') == 0
    assert metric(trouble, "http_requests_in_progress", 'action="/metrics"') == 1, "the scrape itself"


def test_every_metric_of_the_server_moves(trouble_service):
    trouble = trouble_service("--server:headerTimeout=00:00:00.200", "--server:maxConnections=3")
    before = metric(trouble, "mamey_http_connections_total")
    trouble.get("/fill/10")
    assert metric(trouble, "mamey_http_connections_total") > before
    assert metric(trouble, "http_requests_received_total", 'action="Fill"') == 1
    assert metric(trouble, "http_requests_total", 'handler="/fill/{bytes}"') == 1
    assert metric(trouble, "http_request_duration_seconds_count", 'action="Fill"') == 1
    with socket.create_connection(("127.0.0.1", trouble.port)) as broken:
        broken.sendall(b"nonsense\r\n\r\n")
        assert broken.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert metric(trouble, "mamey_http_refused_total") == 1
    with socket.create_connection(("127.0.0.1", trouble.port)) as half:
        half.sendall(b"GET / HTTP")
        until("it is held", lambda: metric(trouble, "mamey_http_buffered_bytes") or metric(trouble, "mamey_http_timed_out_total"))
        assert metric(trouble, "mamey_http_connections") >= 2
        until("it is told", lambda: metric(trouble, "mamey_http_timed_out_total") == 1)
    with socket.create_connection(("127.0.0.1", trouble.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /fill/20000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        until("its answer waits", lambda: metric(trouble, "mamey_http_answers_waiting") == 1)
        assert metric(trouble, "mamey_http_buffered_bytes") > MIB


def test_idle_connections_give_way_to_new_clients(trouble_service):
    trouble = trouble_service("--server:maxConnections=20")
    idle = [socket.create_connection(("127.0.0.1", trouble.port)) for _ in range(20)]

    def served():
        try:
            return trouble.get("/ping").status == 200
        except OSError:
            return False

    until("a new client is served", served)
    for each in idle:
        each.close()


def test_running_out_of_descriptors_is_told(trouble_service):
    trouble = trouble_service()
    process = trouble.running.process
    used = len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 5, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    clients = [socket.create_connection(("127.0.0.1", trouble.port)) for _ in range(40)]
    until("the log says so", lambda: "clients wait: Too many open files" in trouble.running.output())
    for each in clients:
        each.close()
    until("it recovers", lambda: trouble.get("/ping").status == 200)
    assert trouble.running.output().count("clients wait") == 1


def test_a_wrong_management_key_is_challenged_for_what_is_asked_and_told(trouble_service):
    trouble = trouble_service("--management:apiKey=right")
    for key in ({"X-Api-Key": "wrong"}, {"X-Api-Key": "wrong too"}, {}):
        refused = trouble.get("/_messages", headers=key)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("ApiKey ")
    assert trouble.get("/_messages", headers={"X-Api-Key": "right"}).status == 200
    until("the log says so", lambda: "wrong management key" in trouble.running.output())
    assert trouble.running.output().count("wrong management key") == 1
    assert "wrong too" not in trouble.running.output()


def test_a_body_needs_its_type_unless_clients_are_known_to_send_none(trouble_service):
    trouble = trouble_service()
    thing = {"id": str(uuid.uuid4()), "note": "n"}

    def post(at):
        connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=10)
        connection.request("POST", "/things", json.dumps(thing))
        status = connection.getresponse().status
        connection.close()
        return status

    assert post(trouble) == 415
    trouble.running.stop()
    trouble.arguments.append("--server:bodiesWithoutContentType=true")
    assert post(trouble.start()) == 201


@pytest.mark.parametrize("setting, says", [
    ("server:maxInFlight=0", "server:maxInFlight: expected 1 to 10000000, got 0"),
    ("server:headerTimeout=0", "server:headerTimeout: expected more than 0 and at most 365 days, got 0 ms"),
    ("server:headerTimeout=-1", 'server:headerTimeout: expected a duration that is not negative (hh:mm:ss or d.hh:mm:ss), got "-1"'),
    ("server:retryAfter=-00:00:05", 'server:retryAfter: expected a duration that is not negative (hh:mm:ss or d.hh:mm:ss), got "-00:00:05"'),
    ("server:retryAfter=366.00:00:00", "server:retryAfter: expected 0 (none) or up to 365 days, got 31622400000 ms"),
    ("server:maxBufferedBytes=100000", "server:maxBufferedBytes: expected at least maxBodyBytes"),
])
def test_limits_that_would_refuse_everybody_refuse_the_start(tmp_path, setting, says):
    code, said = refused_start("hello", ["--urls", "http://127.0.0.1:0", f"--{setting}"], cwd=tmp_path)
    assert code == 1
    assert says in said
    assert f"argument --{setting.split('=')[0]}" in said


def certificate(folder, days):
    """A key and a certificate that says so itself; negative days: expired."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", "next.key", "-out", "next.csr")
    openssl("x509", "-req", "-in", "next.csr", "-signkey", "next.key", "-days", str(days), "-out", "next.pem")
    (folder / "next.key").rename(folder / "server.key")
    (folder / "next.pem").rename(folder / "server.pem")


def test_an_expired_certificate_is_told_and_its_replacement_needs_no_restart(trouble_service, tmp_path):
    certificate(tmp_path, -1)
    trouble = trouble_service("--urls", "http://127.0.0.1:0;https://127.0.0.1:0", f"--server:tls:certificateFile={tmp_path}/server.pem",
                              f"--server:tls:keyFile={tmp_path}/server.key")
    until("the log says so", lambda: "has expired" in trouble.running.output())
    assert metric(trouble, "mamey_http_certificate_expiry_seconds") < 0

    def probe():
        ready = trouble.get("/health/ready")
        assert ready.status == 200, "it can answer those who do not mind"
        return next(each["status"] for each in ready.json()["checks"] if each["name"] == "certificate")

    assert probe() == "degraded"
    certificate(tmp_path, 30)
    until("the new one is in use", lambda: probe() == "healthy")
    assert metric(trouble, "mamey_http_certificate_expiry_seconds") > 29 * 86400
    assert trouble.running.stop() == 0
