"""Management on listeners of its own: what is served there and what no longer elsewhere, and that it answers when nothing else does."""

import http.client
import os
import re
import signal
import socket
import ssl
import stat
import subprocess

import pytest

from conveyor import Process, managed_port, refused_start, request, until

MANAGED = ("/metrics", "/health/live", "/health/ready", "/health/startup", "/_messages")
HEALTH = ("/health/live", "/health/ready", "/health/startup")


@pytest.fixture
def managed(trouble_service):
    """The service with management on a free port, and that port."""
    def start(*arguments, url="http://127.0.0.1:0", **surroundings):
        trouble = trouble_service(f"--management:urls:0={url}", *arguments, **surroundings)
        return trouble, managed_port(trouble.running, "trouble")

    return start


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self.path))


def ask_unix(path, target):
    connection = UnixConnection(path)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def level(port, headers=None):
    return request(port, "POST", "/logging/level?level=information&category=some.category", headers=headers)


def test_management_is_served_there_and_not_where_the_service_listens(managed):
    trouble, port = managed()
    for path in MANAGED:
        assert request(port, "GET", path).status == 200, path
    assert level(port).status == 200
    for path in ("/metrics", "/_messages", "/_messages/errors"):
        assert trouble.get(path).status == 404, path
    assert level(trouble.port).status == 404
    for path in HEALTH:
        assert trouble.get(path).status == 200, "probes of an orchestrator ask what serves"
    assert trouble.get("/ping").status == 200
    for path in ("/ping", "/", "/docs", "/openapi.json", "/sleep/0"):
        assert request(port, "GET", path).status == 404, path
    metrics = request(port, "GET", "/metrics").body
    assert re.search(r'^http_requests_received_total{code="200",method="GET",controller="",action="/ping"} 1$', metrics, re.M), "the service's figures"
    assert trouble.running.stop() == 0, trouble.running.output()


def test_health_may_be_there_alone_too(managed):
    trouble, port = managed("--management:publicHealth=false")
    for path in HEALTH:
        assert trouble.get(path).status == 404
        assert request(port, "GET", path).status == 200


def test_details_of_health_are_shown_there_and_to_operators_only(managed):
    trouble, port = managed("--httpClient:type=fabio")
    shown = request(port, "GET", "/health/ready")
    assert shown.json()["status"] == "degraded" and "httpClient:type is fabio" in shown.body
    assert "httpClient:type is fabio" not in request(port, "GET", "/health/ready", headers={"Host": "orders.example"}).body
    public = trouble.get("/health/ready")
    assert public.json()["status"] == "degraded" and "httpClient:type" not in public.body


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_the_guard_holds_there_too(managed, headers):
    _, port = managed()
    assert level(port, headers).status == 403
    assert request(port, "GET", "/_messages", headers=headers).status == 403


def test_with_a_key_the_key_decides_there(managed):
    _, port = managed("--management:apiKey=s3cret")
    assert level(port).status == 401
    assert level(port, {"X-Api-Key": "s3cret", "Host": "orders.example"}).status == 200


# Trouble


def held_requests(port, count, path="/sleep/20000"):
    """Connections with a request each that is not answered for a while."""
    held = []
    for _ in range(count):
        held.append(socket.create_connection(("127.0.0.1", port), timeout=60))
        held[-1].sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return held


def let_go(held):
    for each in held:
        each.close()


def manage_everything(port):
    for path in MANAGED:
        assert request(port, "GET", path, timeout=60).status == 200, path
    assert level(port).status == 200


def is_shed(port):
    try:
        return request(port, "GET", "/sleep/0").status == 503
    except OSError:  # a connection above the bound is closed
        return True


@pytest.mark.parametrize("bound", ["server:maxInFlight=8", "server:maxConnections=8", "runtime:maxFibers=64"])
def test_it_answers_when_the_service_has_no_room_left(managed, bound):
    trouble, port = managed(f"--{bound}", "--shutdown:drainTimeout=00:00:01")
    held = []

    def full():
        held.extend(held_requests(trouble.port, 10))
        return is_shed(trouble.port)

    try:
        for _ in range(3):
            until("requests are shed", full)
            manage_everything(port)
    finally:
        let_go(held)


def test_it_answers_while_handlers_block_every_loop(managed):
    trouble, port = managed("--runtime:threads=1")
    held = held_requests(trouble.port, 1, "/block/6000")
    try:
        until("the loop stands still", lambda: "mamey_loop_stalls_total{loop=\"0\"} 1" in request(port, "GET", "/metrics").body)
        manage_everything(port)
        held[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[0].recv(1)
    finally:
        let_go(held)


def test_its_own_connections_are_few_and_idle_ones_give_way(managed):
    trouble, port = managed("--management:maxConnections=4")
    held = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(4)]
    for each in held:
        each.sendall(b"GET /metrics HTTP/1.1\r\n")  # half a request: not idle

    def refused():
        with socket.create_connection(("127.0.0.1", port), timeout=60) as more:
            more.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                return more.recv(100).startswith(b"HTTP/1.1 503")
            except ConnectionResetError:
                return False

    until("a fifth is refused", refused)
    assert trouble.get("/ping").status == 200, "nothing of it concerns the service"
    until("slow ones are gone, and others are served", lambda: not refused(), seconds=60)
    let_go(held)


# The way up and down


def test_it_listens_before_the_start_is_over(tmp_path):
    silent = socket.create_server(("127.0.0.1", 0))  # a database that does not answer
    database = f"Host=127.0.0.1;Port={silent.getsockname()[1]};Username=u;Database=d"
    running = Process("orders", ["--data", str(tmp_path / "data"), "--urls", "http://127.0.0.1:0", "--management:urls:0=http://127.0.0.1:0", "--persistence:store=postgres",
                                 f"--postgres:connectionString={database}", "--postgres:startTimeout=00:05:00", "--httpClient:services:pricing=http://127.0.0.1:1"])
    try:
        port = managed_port(running, "orders")
        assert request(port, "GET", "/health/live").status == 200
        assert request(port, "GET", "/health/startup").status == 503
        assert request(port, "GET", "/health/ready").status == 503
        assert request(port, "GET", "/metrics").status == 200
        assert level(port).status == 200
        assert "listens on" not in running.output()
        assert running.stop() == 0, running.output()
    finally:
        running.close()
        silent.close()


def test_the_way_down_is_seen_there_to_its_end(managed):
    trouble, port = managed("--shutdown:drainTimeout=00:05:00")
    scraper = http.client.HTTPConnection("127.0.0.1", port, timeout=60)  # keeps its connection, which holds up nothing
    scraper.request("GET", "/metrics")
    scraper.getresponse().read()
    held = held_requests(trouble.port, 1, "/sleep/4000")
    until("the request is under way", lambda: "mamey_http_in_flight 1" in request(port, "GET", "/metrics").body)
    public = trouble.port
    trouble.running.process.send_signal(signal.SIGTERM)

    def closed():
        try:
            socket.create_connection(("127.0.0.1", public), timeout=60).close()
            return False
        except OSError:
            return True

    until("the service has closed its listener", closed)
    ready = request(port, "GET", "/health/ready")
    assert ready.status == 503
    assert request(port, "GET", "/health/live").status == 200
    assert "mamey_http_in_flight 1" in request(port, "GET", "/metrics").body
    assert held[0].recv(100).startswith(b"HTTP/1.1 200"), "what was under way ends as ever"
    let_go(held)
    assert trouble.running.process.wait(30) == 0, trouble.running.output()
    scraper.close()
    assert "failed while stopping" not in trouble.running.output()


# Where it listens


def test_a_socket_in_the_file_system(trouble_service, tmp_path):
    path = tmp_path / "management.sock"
    old = os.umask(0)
    try:
        trouble = trouble_service(f"--management:urls:0=http://unix:{path}")
    finally:
        os.umask(old)
    assert f"trouble is managed on http://unix:{path}\n" in trouble.running.output()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    for target in MANAGED:
        assert ask_unix(path, target)[0] == 200, target
    assert trouble.get("/metrics").status == 404
    trouble.running.kill()
    assert path.exists(), "nobody was there to remove it"
    trouble.restart()
    trouble.running.wait_for_ports(["trouble"])
    assert ask_unix(path, "/health/live")[0] == 200
    assert trouble.running.stop() == 0
    assert not path.exists()


def test_a_socket_s_permissions_are_set_and_several_listeners_serve_the_same(trouble_service, tmp_path):
    path = tmp_path / "management.sock"
    trouble = trouble_service("--management:urls:0=http://127.0.0.1:0", f"--management:urls:1=http://unix:{path}", "--management:socketMode=0600")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert request(managed_port(trouble.running, "trouble"), "GET", "/metrics").status == 200
    assert ask_unix(path, "/metrics")[0] == 200


def test_https_has_the_certificate_of_the_service(managed, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")], check=True, capture_output=True)
    _, port = managed(f"--server:tls:certificateFile={tmp_path / 'certificate.pem'}", f"--server:tls:keyFile={tmp_path / 'key.pem'}", url="https://127.0.0.1:0")
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=ssl.create_default_context(cafile=str(tmp_path / "certificate.pem")))
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert answer.status == 200
    assert "mamey_http_certificate_expiry_seconds" in answer.read().decode()
    connection.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_the_address_of_the_service_is_refused(tmp_path):
    port = free_port()
    code, said = refused_start("trouble", ["--data", str(tmp_path / "data"), "--urls", f"http://*:{port}", f"--management:urls:0=http://127.0.0.1:{port}"])
    assert code == 1
    assert f"management:urls:0: http://127.0.0.1:{port} is where the service listens" in said


def test_an_address_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused_start("trouble", ["--data", str(tmp_path / "data"), "--urls", "http://127.0.0.1:0", f"--management:urls:0=http://127.0.0.1:{port}"])
    assert code == 1
    assert f"cannot listen on http://127.0.0.1:{port}" in said


def test_several_applications_have_an_address_each(tmp_path):
    arguments = ["--data", str(tmp_path / "data"), "--orders", "0", "--deliveries", "0", "--pricing", "0"]
    code, said = refused_start("conveyor", [*arguments, "--management:urls:0=http://127.0.0.1:9001"])
    assert code == 1
    assert "management:urls:0: this program runs several applications" in said
    running = Process("conveyor", [*arguments, "--orders:management:urls:0=http://127.0.0.1:0"])
    try:
        running.wait_until_ready(["orders", "pricing"])
        assert request(managed_port(running, "orders"), "GET", "/metrics").status == 200
        assert request(running.ports["orders"], "GET", "/metrics").status == 404
        assert request(running.ports["pricing"], "GET", "/metrics").status == 200, "which says nothing of its own"
        assert running.stop() == 0, running.output()
    finally:
        running.close()
