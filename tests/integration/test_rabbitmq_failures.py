"""Failing handlers and unreadable messages, as a .NET service was recorded with them, through a broker to a service of ours: what a user sees of each."""

import concurrent.futures
import json

import pika
import pytest

from rabbitmq_probe import NAMES, Probe
from rabbitmq_world import PATIENCE, Broker, Vectors, eventually

FAILURES = Vectors("rabbitmq", "failures.json").document
POISON = Vectors("rabbitmq", "poison.json").document
QUEUE, DEAD_LETTERS = "wire.bus/wire.probe", "dlx-wire.bus/wire.probe"
CONTEXT = '{"user":{"id":"u1"}}'
LOOP = "without end"


class Replay:
    """The messages of one recorded section, sent to a service of ours with that section; what became of each."""

    def __init__(self, broker, section):
        self.host, self.cases = section["section"], section["cases"]
        settings = section["rabbitMq"]
        retries = settings.get("retries", 0)
        # What these keys mean in .NET, under the names that they have here; no delayed retries, which .NET has not.
        messaging = {"immediateRetries": 3 if retries < 0 else retries, "delayedRetries": []}
        if "messageProcessingTimeout" in settings:
            messaging["handlerTimeout"] = settings["messageProcessingTimeout"]
        ours = Probe(broker, self.host, {**NAMES, **settings}, arguments=["silent" if section["mapper"] == "none" else "mapper"], messaging=messaging)
        try:
            ours.wait_until_ready()
            eventually("our consumer", lambda: broker.consumers(self.host, QUEUE) == 1)
            with broker.connection(self.host) as connection:
                channel = connection.channel()
                self._listen(channel)
                for number, case in enumerate(self.cases):
                    channel.basic_publish("wire", "probe", bytes.fromhex(case["body_hex"]), self._properties(number, case))
                expected = sum(len(case["published"]) for case in self.cases)
                eventually(f"an outcome of each message of {self.host}", lambda: ours.ended() >= len(self.cases))
                eventually(f"{expected} events of {self.host}", lambda: self._waiting(channel, self.rejected) >= expected)
                self.errors = ours.errors()
                ours.process.stop(PATIENCE)
                self.lines, self.log = ours.lines(), ours.log()
                self.left = self._waiting(channel, QUEUE)
                self.dead_letters = self._waiting(channel, DEAD_LETTERS) if "deadLetter" in settings else 0
                self.published = self._take_all(channel)
        finally:
            ours.close()

    @staticmethod
    def _correlation_of(number, case):
        return (case["handler_saw"] or {}).get("correlationId") or f"{20_000_000 + number:032}"

    @staticmethod
    def _message_id(number):
        return f"{10_000_000 + number:032}"

    def _properties(self, number, case):
        given = {"headers": {"message_context": CONTEXT}, **(case.get("properties") or {})}
        return pika.BasicProperties(message_id=self._message_id(number), correlation_id=self._correlation_of(number, case), **given)

    def _listen(self, channel):
        self.rejected = channel.queue_declare("rejected", durable=True).method.queue
        channel.queue_bind(self.rejected, "wire", "probe_rejected")

    @staticmethod
    def _waiting(channel, queue):
        return channel.queue_declare(queue, passive=True).method.message_count

    def _take_all(self, channel):
        found = []
        while (got := channel.basic_get(self.rejected, auto_ack=True))[0]:
            method, properties, body = got
            found.append({"exchange": method.exchange, "routing_key": method.routing_key, "correlation_id": properties.correlation_id,
                          "message_context": properties.headers["message_context"], "body": body.decode()})
        return found

    def outcomes(self):
        """Of each case: its name, itself, its runs, the line of its end, its record in the error store, and what was published of it."""
        for number, case in enumerate(self.cases):
            correlation = self._correlation_of(number, case)
            mine = [line for line in self.lines if line["correlationId"] == correlation]
            told = [each for each in self.published if each["correlation_id"] == correlation]
            yield (case["name"], case, sum(line["event"] == "run" for line in mine), next((line for line in mine if line["event"] == "end"), None),
                   self.errors.get(self._message_id(number)), told)


@pytest.fixture(scope="module")
def replays():
    sections = [*FAILURES, POISON]
    broker = Broker()
    broker.add_hosts([each["section"] for each in sections])
    try:
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            yield dict(zip([each["section"] for each in sections], pool.map(lambda each: Replay(broker, each), sections)))
    finally:
        broker.close()


def test_every_message_is_acknowledged_and_none_is_a_dead_letter(replays):
    for name, replay in replays.items():
        assert (replay.left, replay.dead_letters) == (0, 0), name
        for case, _, _, end, record, _ in replay.outcomes():
            assert (end is None) != (record is None), f"{name} {case}: either handled or in the error store"


def test_every_recorded_setting_that_has_no_effect_here_is_named_at_the_start(replays):
    idle = ("retries", "retryInterval", "requeueFailedMessages", "messageProcessingTimeout")
    for section in FAILURES:
        for key in idle:
            named = f"rabbitMq.{key} has no effect" in replays[section["section"]].log
            assert named == (key in section["rabbitMq"]), f"{section['section']}: {key}"


def event(published):
    context = published["message_context"]
    return [published["exchange"], published["routing_key"], published["correlation_id"], context["value"] if isinstance(context, dict) else context, published["body"]]


def test_a_failing_message_is_run_told_and_left_as_in_convey_or_the_difference_is_listed(replays):
    with Vectors("rabbitmq", "failures.json") as recorded:
        for section in FAILURES:
            for name, case, runs, end, record, told in replays[section["section"]].outcomes():
                name, wire = f"{section['section']} {name}", case["wire"]
                loops = any(LOOP in step for step in wire)
                recorded.compare(f"{name}, runs", LOOP if loops and case["handler_runs"] else case["handler_runs"], runs)
                recorded.compare(f"{name}, handled", wire == ["deliver", "ack"] and not case["name"].startswith("map_"), end is not None)
                recorded.compare(f"{name}, told", [event(each) for each in case["published"]], [event(each) for each in told])
                left = "itself, without end" if loops else "a dead letter" if case["dead_letter_queue"] else "nothing"
                recorded.compare(f"{name}, left", left, "a record in the error store" if record else "nothing")


def test_a_foreign_or_broken_message_is_read_as_in_convey_or_the_difference_is_listed(replays):
    with Vectors("rabbitmq", "poison.json") as recorded:
        for name, case, runs, end, record, _ in replays["poison"].outcomes():
            there = here = "refused"
            if saw := case["handler_saw"]:
                body = saw["body"]
                there = [body["What"] or "", body["Number"], body["Id"], body["Colour"], saw["correlationId"], saw["context"]]
            if end:
                here = [end["what"], end["number"], end["id"], end["colour"], end["correlationId"], json.loads(end["context"] or "null")]
            recorded.compare(name, there, here)
            assert runs == (1 if end else 0), f"{name}: a message that nobody can read runs no handler, and is not tried again"
            if record:
                assert record["errorCode"] and record["errorReason"] and record["attempts"] <= 1, record
