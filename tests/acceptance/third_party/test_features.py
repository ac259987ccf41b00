"""Features of somebody else, built on the installed package alone, as clients and operators see them."""

import http.server
import pathlib
import signal
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from conveyor import Process, managed_port, refused_start, request, until  # noqa: E402

pytestmark = pytest.mark.third_party


@pytest.fixture
def service(tmp_path):
    """Starts the program with arguments; it is gone after the test."""
    started = []

    def start(*arguments):
        started.append(Process("third_party", ["--urls", "http://127.0.0.1:0", "--data", str(tmp_path / "data"), *arguments], cwd=tmp_path))
        started[-1].wait_until_ready(["acme"])
        return started[-1], started[-1].ports["acme"]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def pricing():
    """Instances of another service, each of which answers with its number."""
    servers = []

    def start(number):
        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b'{"from":"%d %s"}' % (number, self.path.encode())
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


def test_an_access_rule_answers_401_403_and_200(service):
    _, port = service()
    nobody = request(port, "GET", "/secret")
    assert (nobody.status, nobody.json()["code"]) == (401, "unauthorized")
    assert request(port, "GET", "/secret", headers={"X-Acme-User": "bob guest"}).status == 403
    ann = request(port, "GET", "/secret", headers={"X-Acme-User": "ann clerk admin"})
    assert (ann.status, ann.json()) == (200, {"text": "the secret"})


def test_cross_origin_headers_stand_on_every_answer(service):
    _, port = service("--acmeCors:origin=https://shop.example")
    for path, status in (("/hello", 200), ("/secret", 401), ("/broken", 409), ("/nowhere", 404), ("/health/ready", 200)):
        answer = request(port, "GET", path)
        assert (answer.status, answer.headers.get("access-control-allow-origin")) == (status, "https://shop.example"), path
    preflight = request(port, "OPTIONS", "/secret", headers={"Access-Control-Request-Method": "GET", "Origin": "https://shop.example"})
    assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (204, "GET, POST")
    assert 'http_requests_received_total{code="204",method="OPTIONS",controller="filter",action="acme cors"} 1' in request(port, "GET", "/metrics").body


def test_pages_are_behind_their_guards(service):
    _, port = service("--management:apiKey=k")
    assert request(port, "GET", "/acme").body == "acme for everybody"
    assert request(port, "GET", "/acme/members").status == 401
    assert request(port, "GET", "/acme/members", headers={"X-Acme-User": "bob"}).body == "acme for members"
    assert request(port, "GET", "/acme/operator").status == 401
    assert request(port, "GET", "/acme/operator", headers={"X-Api-Key": "k"}).body == "acme for the operator"
    document = request(port, "GET", "/openapi.json").json()
    assert "/acme" in document["paths"] and "/acme/members" not in document["paths"]


def test_a_page_for_operators_stands_where_management_is_when_that_has_a_listener_of_its_own(service):
    running, port = service("--management:urls:0=http://127.0.0.1:0")
    management = managed_port(running, "acme")
    assert request(management, "GET", "/acme/operator").body == "acme for the operator"
    assert request(port, "GET", "/acme/operator").status == 404
    assert request(port, "GET", "/acme").body == "acme for everybody"
    assert request(management, "GET", "/acme").status == 404


def metric(port, name):
    lines = [line for line in request(port, "GET", "/metrics").body.splitlines() if line.startswith(name + " ")]
    return float(lines[0].split()[-1]) if lines else 0


def test_work_in_the_background_is_restarted_and_seen(service):
    _, port = service("--acmeTicker:failures=3", "--management:apiKey=k")
    health = lambda: request(port, "GET", "/health/ready", headers={"X-Api-Key": "k"}).body  # noqa: E731
    until("the ticker is degraded", lambda: "the ticker stumbled" in health())
    until("it has begun again", lambda: metric(port, 'mamey_background_restarts_total{work="acme ticker"}') == 3)
    until("it ticks", lambda: metric(port, "acme_ticks_total") > 5)
    assert metric(port, 'mamey_background_running{work="acme ticker"}') == 1
    assert "the ticker stumbled" not in health()


def test_a_layer_of_the_configuration_wins_and_is_followed(service, tmp_path):
    layer = tmp_path / "layer.txt"
    layer.write_text("greeting:text=from the layer\n")
    running, port = service(f"--acmeLayer:file={layer}", "--greeting:text=from the command line")
    text = lambda: request(port, "GET", "/greeting").json()["text"]  # noqa: E731
    assert text() == "from the layer"
    layer.write_text("greeting:text=changed\ngreeting:colour=red\n")
    until("the change has arrived", lambda: text() == "changed")
    until("the key nobody takes is named", lambda: "greeting:colour has another value now" in running.output())


def test_a_wrong_value_of_a_layer_is_reported_with_its_place_and_a_broken_layer_with_its_name(service, tmp_path):
    layer = tmp_path / "layer.txt"
    layer.write_text("\nserver:maxBodyBytes=many\n")
    code, said = refused_start("third_party", [f"--acmeLayer:file={layer}", "--urls", "http://127.0.0.1:0"], cwd=tmp_path)
    assert code == 1 and f"{layer}:2: server:maxBodyBytes: expected" in said, said
    code, said = refused_start("third_party", [f"--acmeLayer:file={tmp_path}/none", "--urls", "http://127.0.0.1:0"], cwd=tmp_path)
    assert code == 1 and "layer acme file of the configuration" in said and "cannot read" in said, said


def test_a_resolver_finds_the_instances_of_a_service(service, pricing):
    one, two = pricing(1), pricing(2)
    _, port = service("--httpClient:type=phonebook", f"--phonebook:pricing:0={one}/base/", f"--phonebook:pricing:1={two}")
    seen = {request(port, "GET", "/price").json()["from"] for _ in range(4)}
    assert seen == {"1 /base/price", "2 /price"}


def test_a_retry_goes_to_another_instance(service, pricing):
    _, port = service("--httpClient:type=phonebook", "--phonebook:pricing:0=http://127.0.0.1:1", f"--phonebook:pricing:1={pricing(2)}")
    assert [request(port, "GET", "/price").status for _ in range(4)] == [200] * 4


def test_a_service_without_an_address_is_named(service):
    running, port = service("--httpClient:type=phonebook")
    assert request(port, "GET", "/price").status == 503
    until("the log says why", lambda: "the service pricing has no address: phonebook knows none" in running.output())


def test_the_stop_flushes_spans_and_lines_and_passes_steps_that_misbehave(service, tmp_path):
    spans, lines, farewell = tmp_path / "spans.txt", tmp_path / "lines.txt", tmp_path / "farewell.txt"
    running, port = service(f"--acmeSpans:file={spans}", f"--acmeSink:file={lines}", f"--acmeFarewell:file={farewell}", "--shutdown:stepTimeout=00:00:00.3")
    for path in ("/hello", "/secret", "/acme"):
        request(port, "GET", path)
    assert not spans.exists()
    assert running.stop() == 0, running.output()
    names = spans.read_text().splitlines()
    assert "GET /secret" in names and "GET /acme" in names and "GET /hello" not in names
    assert farewell.read_text() == f"goodbye from http://127.0.0.1:{port}\n"
    said = running.output()
    assert "acme: acme broken failed while stopping: std::runtime_error: the registry is away" in said, said
    assert "acme: acme slow failed while stopping" in said, said
    assert "acme broken failed while stopping" in lines.read_text()


def test_work_that_nobody_can_cancel_is_named_and_does_not_hold_up_the_stop(service, tmp_path):
    spans = tmp_path / "spans.txt"
    running, port = service("--acmeStubborn:enabled=true", f"--acmeSpans:file={spans}", "--shutdown:drainTimeout=00:00:00.3")
    request(port, "GET", "/acme")
    assert running.stop() == -signal.SIGABRT, running.output()
    assert "background work acme stubborn has not ended" in running.output()
    assert "GET /acme" in spans.read_text().splitlines(), "the stages after it ran"


def test_services_own_metrics_and_probes(service):
    _, port = service("--management:apiKey=k")
    assert request(port, "GET", "/stock").json() == {"text": "3"}
    assert metric(port, "acme_stock_looks_total") == 1
    health = request(port, "GET", "/health/ready", headers={"X-Api-Key": "k"}).json()
    assert {"name": "acme stock", "status": "degraded"}.items() <= next(each for each in health["checks"] if each["name"] == "acme stock").items()
