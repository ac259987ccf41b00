"""What goes wrong while a service runs: disks, clocks, clients, handlers. It answers, lives on, and loses nothing it acknowledged."""

import socket
import time
import uuid

import pytest

from conveyor import until


@pytest.fixture
def trouble(trouble_service):
    return trouble_service("--server:requestTimeout=00:00:00.200")


# Handlers

@pytest.mark.parametrize("what", ["int", "text", "exception"])
def test_whatever_a_handler_throws_is_a_500_without_detail_and_the_process_lives(trouble, what):
    answer = trouble.get(f"/throw/{what}")
    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    assert "xyzzy" not in answer.body and "42" not in answer.json()["reason"]
    assert trouble.get("/ping").status == 200
    assert trouble.running.stop() == 0


def test_a_handler_that_outlives_its_deadline_is_answered_504(trouble):
    started = time.monotonic()
    answer = trouble.get("/sleep/60000")
    assert (answer.status, answer.json()["code"]) == (504, "deadline_exceeded")
    assert time.monotonic() - started < 10
    assert trouble.get("/sleep/1").status == 200


def test_a_message_whose_handler_throws_no_exception_goes_to_the_error_store_and_the_rest_flows(trouble_service):
    trouble = trouble_service("--messaging:delayedRetries:0=00:00:00.010")
    bad, answer = trouble.add("throwInt")
    assert answer.status == 201
    good, _ = trouble.add()
    trouble.wait_until_handled(good)
    errors = until("the message is in the error store", lambda: trouble.get("/_messages/errors").json()["items"])
    assert [each["errorCode"] for each in errors] == ["internal_error"]
    assert trouble.times(bad) == 0
    assert trouble.running.stop() == 0


@pytest.mark.parametrize("transport", ["sql", "inProcess"])
@pytest.mark.parametrize("way", ["event", "sent later"])
def test_a_message_that_kills_the_process_is_parked_unrun_after_its_starts_and_the_rest_flows(trouble_service, transport, way):
    limit = 3
    # Short leases: a dead process gives nothing back.
    trouble = trouble_service(f"--messaging:transport={transport}", f"--messaging:startLimit={limit}", "--messaging:lease=00:00:01",
                              "--messaging:delayedRetries:0=00:00:00.010", "--outbox:lease=00:00:01",
                              "--outbox:confirmTimeout=00:00:00.500", "--outbox:leaseMargin=00:00:00.100")
    later = {"afterMilliseconds": 1} if way == "sent later" else {}
    good, first = trouble.add(**later)
    assert first.status == 201
    trouble.wait_until_handled(good)
    bad = str(uuid.uuid4())
    try:
        _, answer = trouble.add("abort", id=bad, **later)
        assert answer.status == 201
    except ConnectionError:  # its event is handled as soon as the commit is known, maybe before the answer is out
        pass

    def parked():
        if trouble.running.process.poll() is not None:
            assert trouble.running.process.returncode == -6
            trouble.restart()  # what a supervisor would do
        try:
            return trouble.get("/_messages/errors").json()["items"]
        except (OSError, KeyError):  # gone again, maybe before it listened
            return []

    errors = until("the message is parked", parked, seconds=60)
    assert len(errors) == 1
    assert errors[0]["errorCode"] == "start_limit_exceeded", errors
    # A message that was on its way to a durable queue when the process died may be there twice, each copy with a count of its own.
    most = 2 * limit if way == "event" and transport == "sql" else limit
    assert limit <= trouble.starts - 1 <= most
    after, answer = trouble.add(**later)
    trouble.wait_until_handled(after)
    assert trouble.times(good) == 1
    assert trouble.times(bad) == 0
    assert trouble.running.stop() == 0


# Clients

def answer_to(port, text):
    """What the server says to raw bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(text)
        said = b""
        while chunk := client.recv(65536):
            said += chunk
    return said.decode()


def test_a_header_over_the_limit_is_answered_431(trouble):
    said = answer_to(trouble.port, b"GET /ping HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 40_000 + b"\r\n\r\n")
    assert said.startswith("HTTP/1.1 431 ")
    assert trouble.get("/ping").status == 200


def test_a_body_over_the_limit_is_answered_413_whether_announced_or_not(trouble):
    head = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    said = answer_to(trouble.port, head + b"Content-Length: 5000000\r\n\r\n")
    assert said.startswith("HTTP/1.1 413 ")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    said = answer_to(trouble.port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 70)
    assert said.startswith("HTTP/1.1 413 ")
    assert trouble.get("/ping").status == 200


def test_clients_gone_in_the_middle_of_an_answer_harm_nobody(trouble):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", trouble.port), timeout=10) as client:
            client.sendall(b"GET /fill/30000000 HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
            assert client.recv(10).startswith(b"HTTP/1.1 ")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets
    assert trouble.get("/ping").status == 200
    assert trouble.get("/fill/3").json()["text"] == "xxx"
    assert trouble.running.stop() == 0


# The disk

def test_a_full_disk_is_503_reads_go_on_and_nothing_acknowledged_is_lost(trouble_service, small_disk):
    trouble = trouble_service(data=small_disk.path / "data")
    acknowledged, refused = [], None
    while not refused:
        thing, answer = trouble.add(note="x" * 20_000)
        if answer.status == 201:
            acknowledged.append(thing)
        else:
            refused = answer
        assert len(acknowledged) < 1_000
    assert acknowledged
    assert (refused.status, refused.json()["code"]) == (503, "disk_full")
    assert all(trouble.get(f"/things/{each}").status == 200 for each in acknowledged)
    assert trouble.get("/ping").status == 200
    # Readiness tells the balancer as long as not even something small can be written.
    def unready():
        _, answer = trouble.add()
        return answer.status == 503 and trouble.get("/health/ready").status == 503

    until("unready", unready)
    assert trouble.get("/health/live").status == 200

    small_disk.remount("size=32m")
    until("ready again", lambda: trouble.get("/health/ready").status == 200)
    thing, answer = trouble.add()
    assert answer.status == 201
    for each in [*acknowledged, thing]:
        trouble.wait_until_handled(each)
    assert trouble.get("/_messages/errors").json()["total"] == 0
    assert trouble.running.stop() == 0
    trouble.start()
    assert all(trouble.times(each) == 1 for each in acknowledged)
