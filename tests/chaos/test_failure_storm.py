"""Everything fails for a while: it is tried one message at a time, nothing is put aside that the end of the fault would have cured, and the pace comes back by itself."""

import json
import subprocess
import time
import uuid

import pytest

from troubled_service import USER, Service, lasts, publish, request, servers, until

PATIENT = ["--messaging:immediateRetries=1", *(f"--messaging:delayedRetries:{i}=00:00:{seconds:02}" for i, seconds in enumerate([1, 2, 4, 8, 16, 32]))]
ALONE = "one message at a time now"


@pytest.fixture
def service(request):
    made = Service(request.node.name.split("[")[0].replace("test_", "")[:24], *PATIENT)
    yield made
    made.close()


def failures(instance):
    """Tries that failed, so far."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in instance.metrics() if line.startswith("mamey_handled_total{") and 'outcome="failed"' in line)


class TableDropped:
    def __init__(self, service):
        self.service = service

    def __enter__(self):
        self.service.rows("alter table handled rename to handled_away")

    def __exit__(self, *failure):
        self.service.rows("alter table handled_away rename to handled")


class TableLocked:
    """By somebody who forgot to commit."""

    def __init__(self, service):
        self.service = service

    def __enter__(self):
        database = servers().database
        self.session = subprocess.Popen([database.programs / "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(database.port), "-U", USER, "-d", "postgres"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write(f"begin; lock table {self.service.name}.handled in access exclusive mode;\n\\echo locked\n")
        self.session.stdin.flush()
        assert self.session.stdout.readline() == "locked\n"

    def __exit__(self, *failure):
        self.session.communicate("rollback;\n")


def told(messages):
    """Another service tells of so many things."""
    publish(*[json.dumps({"id": str(uuid.uuid4())}).encode() for _ in range(messages)])


def handled(service, messages):
    """Seconds until so many are handled."""
    started = time.monotonic()
    until("everything is handled", lambda: service.number("select count(*) from handled") >= messages, 90, every=0.1)
    return time.monotonic() - started


def weather(service, fault, seconds, messages):
    instance = service.start("--postgres:commandTimeout=00:00:01")
    told(1)
    handled(service, 1)
    with fault(service):
        told(messages)
        until("one at a time", lambda: ALONE in instance.running.output())
        lasts(seconds / 3)  # those that had begun end
        before, since = failures(instance), time.monotonic()
        lasts(2 * seconds / 3)
        pace = (failures(instance) - before) / (time.monotonic() - since)
        figures = instance.messages()["subscriptions"][0]
        assert figures["running"] <= 1, figures
        assert instance.errors() == []
        assert request(instance.port, "GET", "/health/ready").status == 200
    cured = handled(service, 1 + messages)
    assert service.number("select count(*) from handled") == service.number("select count(distinct thing) from handled") == 1 + messages
    assert instance.errors() == []
    assert service.number("select count(*) from mamey_delayed") == 0
    told(messages)
    again = handled(service, 1 + 2 * messages)
    print(f"\n{service.name}: {pace:.1f} tries/s of {messages} messages for {seconds} s; all handled {cured:.1f} s after its end, as many again within {again:.1f} s", flush=True)
    assert pace < 10
    assert again < 10


def test_while_a_table_is_missing_messages_are_tried_one_at_a_time_and_none_is_lost(service):
    weather(service, TableDropped, 6, 200)


@pytest.mark.long
def test_while_a_table_is_locked_for_a_minute_none_is_lost(service):
    weather(service, TableLocked, 60, 500)


def test_messages_that_are_wrong_by_themselves_slow_nobody_down(service):
    instance = service.start()
    bad = [instance.add("refuse") for _ in range(40)]
    good = [instance.add() for _ in range(40)]
    service.wait_until_handled(*good)
    instance.wait_for_errors(len(bad))
    assert {each["errorCode"] for each in instance.errors()} == {"refused"}
    assert ALONE not in instance.running.output()
