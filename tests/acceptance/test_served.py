"""The programs of samples/ and of these tests, started, used and looked at as an operator does: every name on /metrics is one that stands in the code.
Built with a sanitizer this is where names kept beyond their time are found, and what is freed, leaked or undefined on the way up and down."""

import re
import shutil
import subprocess
import uuid

import pytest

from conveyor import SERVICES, Conveyor, Process, request

pytestmark = pytest.mark.served

HANDLERS = {
    "hello": {"/hello/{name}"},
    "tickets": {"open_ticket", "close_ticket", "get_ticket", "browse_tickets", "on_answer_accepted", "show_ticket"},
    "trouble": {"add_thing", "finish_thing", "tick", "get_thing", "on_thing_added", "/throw/{what}", "/sleep/{milliseconds}", "/block/{milliseconds}", "/tell/{lines}", "/fill/{bytes}"},
    "orders": {"create_order", "cancel_order", "get_order", "browse_orders", "on_delivery_started", "on_delivery_completed", "show_order"},
    "deliveries": {"on_order_created", "complete_delivery", "show_started", "show_completed", "browse_deliveries"},
    "pricing": {"get_order_pricing"},
}


def check_metrics(name, port):
    answer = request(port, "GET", "/metrics")
    assert answer.status == 200
    page = answer.body
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]", page), "a label shows memory"
    assert set(re.findall(r'^mamey_handled_total\{handler="([^"]*)"', page, re.M)) == HANDLERS[name]
    assert set(re.findall(r'^mamey_handling_seconds_count\{handler="([^"]*)"', page, re.M)) == HANDLERS[name]
    if shutil.which("promtool"):
        judged = subprocess.run(["promtool", "check", "metrics"], input=page.encode(), capture_output=True, timeout=60)
        assert judged.returncode == 0, judged.stderr.decode()
    return page


def check_framework(port):
    for path in ("/health/live", "/health/ready", "/health/startup", "/ping", "/", "/docs", "/openapi.json"):
        assert request(port, "GET", path).status == 200, path


@pytest.fixture
def program(tmp_path):
    """Starts a program of one application; stopped in order after the test, with nothing said by a sanitizer."""
    started = []

    def start(name, *arguments):
        started.append(Process(name, ["--urls", "http://127.0.0.1:0", *arguments], cwd=tmp_path))
        started[-1].wait_until_ready([name], seconds=60)
        return started[-1].ports[name]

    yield start
    for each in started:
        try:
            assert each.stop() == 0, each.output()
            assert "Sanitizer" not in each.output() and "runtime error:" not in each.output(), each.output()
        finally:
            each.close()


def test_hello(program):
    port = program("hello")
    assert request(port, "GET", "/hello/Ann").json() == {"text": "Hello, Ann!"}
    check_framework(port)
    assert 'mamey_handled_total{handler="/hello/{name}",outcome="ok"} 1' in check_metrics("hello", port)


def test_tickets(program):
    port = program("tickets", "--data", "data")
    opened = request(port, "POST", "/tickets", {"customerId": str(uuid.uuid4()), "subject": "it does not work"})
    assert opened.status == 201
    ticket = opened.headers["location"]
    assert request(port, "GET", ticket).json()["status"] == "open"
    assert request(port, "POST", "/tickets", {"subject": ""}).status == 400
    assert request(port, "POST", ticket + "/close").status == 200
    assert request(port, "GET", "/tickets").json()["items"]
    check_framework(port)
    assert 'mamey_handled_total{handler="open_ticket",outcome="refused"} 1' in check_metrics("tickets", port)


def test_trouble(program):
    port = program("trouble", "--data", "data", "--management:messages=true")
    for path, status in (("/fill/100000", 200), ("/sleep/1", 200), ("/block/1", 200), ("/throw/exception", 500), ("/throw/int", 500), ("/nothing", 404)):
        assert request(port, "GET", path).status == status, path
    assert request(port, "POST", "/things", {"id": str(uuid.uuid4()), "note": "x", "deed": "ordinary"}).status == 201
    assert request(port, "GET", "/_messages").status == 200
    check_framework(port)
    check_metrics("trouble", port)


def test_conveyor(tmp_path):
    conveyor = Conveyor(tmp_path / "data").start()
    try:
        order, created = conveyor.create_order()
        assert created.status == 201
        conveyor.wait_until_delivered([order])
        for name in SERVICES:
            check_framework(conveyor.ports[name])
            check_metrics(name, conveyor.ports[name])
        assert conveyor.running.stop() == 0, conveyor.running.output()
        assert "Sanitizer" not in conveyor.running.output(), conveyor.running.output()
    finally:
        conveyor.running.close()
