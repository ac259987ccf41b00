"""Messages nobody can handle, one kind a test: each ends where docs/messaging.md says, with a reason, and the rest flows."""

import contextlib
import json
import uuid

import pika
import pytest

from troubled_service import BROKER_LIMIT, Service, channel, publish, until

QUICK = ["--messaging:immediateRetries=1", "--messaging:delayedRetries:0=00:00:00.050", "--messaging:delayedRetries:1=00:00:00.100"]


@pytest.fixture
def service():
    with contextlib.ExitStack() as ends:
        def make(name, *settings, variant=""):
            made = Service(name, *QUICK, *settings, variant=variant)
            ends.callback(made.close)
            return made

        yield make


def test_a_poison_message_goes_to_the_error_store_and_its_retry_to_the_handler_that_failed(service):
    failing, other = service("failing", variant="twoHandlers"), service("other")
    mine, theirs = failing.start(), other.start()
    theirs.mood("calm")
    before = mine.add()
    poison = mine.add("fail")
    after = mine.add()
    [record] = mine.wait_for_errors()
    assert (record["errorCode"], record["type"], record["attempts"]) == ("internal_error", "ThingAdded", 6)  # two tries, three times
    assert mine.error(record["id"])["body"]["id"] == poison
    failing.wait_until_handled(before, after)
    failing.wait_until_handled(before, poison, after, handler="count_thing")
    other.wait_until_handled(before, poison, after)
    status, words = until("health tells", lambda: mine.health() if mine.health()[0] == "degraded" else None)
    assert "1 message" in words and "error store" in words
    assert mine.metric("mamey_errors") == 1

    mine.mood("calm")
    mine.retry(record["id"])
    failing.wait_until_handled(poison)
    last = mine.add()
    for each in (failing, other):
        each.wait_until_handled(last)
    assert failing.handled(poison, "count_thing") == other.handled(poison) == 1
    assert mine.errors() == [] and theirs.errors() == []
    until("health is well again", lambda: mine.health()[0] == "healthy")


@pytest.mark.parametrize("kind, body, type, code", [
    ("undecodable", b"{no json", None, "validation_failed"),
    ("unknown", json.dumps({"colour": "green"}).encode(), "ThingPainted", "unknown_type"),
], ids=["undecodable", "unknown type"])
def test_a_message_that_cannot_be_read_goes_to_the_error_store_at_once(service, kind, body, type, code):
    reader = service(kind)
    instance = reader.start()
    sent = uuid.uuid4().hex
    publish(body, type=type, id=sent)
    good = instance.add()
    [record] = instance.wait_for_errors()
    assert (record["messageId"], record["attempts"], record["errorCode"]) == (sent, 1, code)
    assert record["errorReason"]
    reader.wait_until_handled(good)
    assert reader.number("select count(*) from handled") == 1
    assert until("health tells", lambda: "error store" in instance.health()[1])


def test_a_message_larger_than_a_consumer_takes_stays_until_one_takes_it_and_the_rest_flows(service):
    reader = service("oversize")
    instance = reader.start("--rabbitMq:maxMessageBytes=60000")
    large = str(uuid.uuid4())
    publish(json.dumps({"id": large, "deed": "ordinary", "note": "x" * 100_000}).encode(), id=uuid.uuid4().hex)
    reader.wait_until_handled(instance.add())
    told = until("health tells", lambda: instance.health("rabbitMq")[1])
    assert told.startswith("1 message is larger than rabbitMq.maxMessageBytes")
    assert instance.metric("mamey_rabbitmq_too_large_total") == 1
    reader.wait_until_handled(instance.add())
    assert reader.handled(large) == 0 and instance.errors() == []

    instance.close()
    reader.start()
    reader.wait_until_handled(large)


def test_messages_with_attributes_that_no_store_can_keep_are_handled_once_and_hold_nobody_up(service):
    reader = service("odd")
    instance = reader.start()
    nested = {}
    for _ in range(40):
        nested = {"deeper": nested}

    def fresh():
        return uuid.uuid4().hex.encode()

    odd = [dict(message_id=b"\xff" + fresh()), dict(message_id=b"a\0" + fresh()), dict(message_id=b"i" * 255), *(
        dict(message_id=fresh(), **one) for one in (
            dict(correlation_id=b"\xff\0"), dict(app_id=b"\xff"), dict(content_type=b"\0"), dict(headers={"nested": nested, "binary": b"\xff\0"}),
            dict(headers={str(i): "" for i in range(5000)}), dict(timestamp=2**63, priority=255, headers={"mamey-occurred-at": str(-2**63)})))]
    things = [str(uuid.uuid4()) for _ in odd]
    failing = str(uuid.uuid4())
    with channel() as connection:
        out = connection.channel()
        for thing, attributes in zip(things, odd):
            for _ in range(2):
                out.basic_publish("things", "thing_added", json.dumps({"id": thing}).encode(), pika.BasicProperties(**attributes))
        out.basic_publish("things", "thing_added", json.dumps({"id": failing, "deed": "fail"}).encode(),
                          pika.BasicProperties(message_id=b"\xff" + fresh(), correlation_id=b"\0"))
    reader.wait_until_handled(*things, instance.add())
    [record] = instance.wait_for_errors()
    assert (record["errorCode"], instance.error(record["id"])["body"]["id"]) == ("internal_error", failing)
    assert reader.number("select count(*) from handled") == len(things) + 1
    assert reader.number("select count(*) from mamey_delayed") == 0


@pytest.mark.parametrize("whose, length, settings", [
    ("ours", 100_000, ["--rabbitMq:maxMessageBytes=60000"]),
    ("brokers", BROKER_LIMIT + 10_000, []),
], ids=["for us", "for the broker"])
def test_a_message_too_large_to_publish_is_parked_and_the_rest_leaves(service, whose, length, settings):
    writer = service(f"large_{whose}", "--outbox:refusals=2", *settings)
    instance = writer.start()
    things = [instance.add() for _ in range(10)]
    large = instance.add(note="x" * length)
    things += [instance.add() for _ in range(10)]
    writer.wait_until_handled(*things)
    until("it is parked", lambda: instance.messages()["parked"] == 1)
    status, words = until("health tells", lambda: instance.health() if instance.health()[0] == "degraded" else None)
    assert "1 message" in words and "parked" in words
    assert writer.number(f"select count(*) from things where id = '{large}'") == 1
    assert writer.handled(large) == 0
    assert instance.metric("mamey_outbox_parked") == 1
    writer.wait_until_handled(instance.add())


def test_a_message_of_a_newer_version_waits_for_an_instance_that_understands_it(service):
    rollout = service("rollout", "--messaging:rolloutWindow=00:00:30", "--messaging:rolloutDelay=00:00:00.200")
    publisher = service("publisher", variant="newer").start()
    older = rollout.start()
    newer_things = [publisher.add() for _ in range(5)]
    until("the older instance delays them", lambda: rollout.number("select count(*) from mamey_delayed") == 5, every=0.05)
    for _ in range(5):
        publish(json.dumps({"id": str(uuid.uuid4())}).encode())
    until("the rest flows", lambda: rollout.number("select count(*) from handled") == 5, every=0.05)
    newer = rollout.start(variant="newer")
    rollout.wait_until_handled(*newer_things)
    assert rollout.number("select count(*) from handled where handler = 'book_thing green'") == 5
    assert older.errors() == newer.errors() == []


def test_a_message_of_a_newer_version_goes_to_the_error_store_after_the_window(service):
    rollout = service("waiting", "--messaging:rolloutWindow=00:00:01", "--messaging:rolloutDelay=00:00:00.200")
    publisher = service("waiting_publisher", variant="newer").start()
    older = rollout.start()
    thing = publisher.add()
    [record] = older.wait_for_errors()
    assert record["errorCode"] == "too_new"
    assert older.messages()["subscriptions"]
    newer = rollout.start(variant="newer")
    older.running.stop()
    newer.retry(record["id"])
    rollout.wait_until_handled(thing)


def test_a_message_whose_handler_ends_the_process_is_put_aside_unrun_and_its_neighbours_are_not(service):
    limit = 3
    fatal = service("fatal", f"--messaging:startLimit={limit}")
    instance = fatal.start()
    instance.running.stop()
    bad = str(uuid.uuid4())
    neighbours = [str(uuid.uuid4()) for _ in range(20)]
    for each in [*neighbours[:3], bad, *neighbours[3:]]:
        publish(json.dumps({"id": each, "deed": "abort" if each == bad else "dawdle"}).encode())
    instance.start(wait=False)

    def put_aside():
        if instance.dead():
            assert instance.running.process.returncode == -6
            instance.start(wait=False)  # what an orchestrator would do
        try:
            return instance.errors()
        except OSError:
            return []

    records = until("it is put aside", put_aside, seconds=60, every=0.05)
    fatal.wait_until_handled(*neighbours)
    [record] = instance.errors()
    assert record["errorCode"] == "start_limit_exceeded", records
    assert fatal.handled(bad) == 0
    assert instance.starts - 2 == limit  # the first start found an empty queue
    instance.mood("calm")
    instance.retry(record["id"])
    fatal.wait_until_handled(bad)
