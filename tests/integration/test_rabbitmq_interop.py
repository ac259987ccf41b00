"""A foreign client (pika) on the other side: what a Convey service would publish we understand, what we publish it reads, and we share queues."""

import json
import os
import pathlib
import queue
import subprocess
import threading

import pika
import pytest

PROGRAM = pathlib.Path(os.environ["MAMEY_BIN"]) / "rabbitmq_interop"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
START = 900  # seconds: of a broker, on a fresh machine that is busy; nothing else is measured from before it is there
PATIENCE = 300
SPAN = "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1"


class Ours:
    """The program of rabbitmq_interop.cpp and its private node."""

    def __init__(self, port=None):
        self.process = subprocess.Popen([str(PROGRAM)] + ([str(port)] if port else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.hear("broker", START)
        self.port = int(self.hear("started", PATIENCE)["port"])

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):  # others are the log's
                self.said.put(json.loads(line))

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, event, seconds=PATIENCE):
        got = self.said.get(timeout=seconds)
        assert got["event"] == event, got
        return got

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=PATIENCE)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def ours():
    program = Ours()
    yield program
    program.close()


@pytest.fixture
def channel(ours):
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", ours.port)) as connection:
        yield connection.channel()


def receive(channel, name):
    for method, properties, body in channel.consume(name, inactivity_timeout=PATIENCE, auto_ack=True):
        assert method is not None, "nothing came"
        channel.cancel()
        return method, properties, body


def as_convey(**headers):
    """Properties as Convey sets them: no content type, no type, transient unless told, header values as long strings."""
    return pika.BasicProperties(message_id="5f1b5a0e4c1e4b579f3c0d3a6a3a7b11", correlation_id="a" * 32, timestamp=1700000000, headers=headers)


def test_what_convey_publishes_is_understood(ours, channel):
    channel.exchange_declare("deliveries", "topic", durable=True)
    ours.ask("consume orders-service/deliveries.delivery_started deliveries delivery_started")
    ours.hear("consuming")
    channel.basic_publish("deliveries", "delivery_started", b'{"deliveryId":"1"}',
                          as_convey(message_context='{"user":{"id":"mia"}}', span_context="af7651916cd43dd8448eb211c80319c:7ad6b7169203331:0:1", Saga="pending"))
    got = ours.hear("message")
    assert got["id"] == "5f1b5a0e4c1e4b579f3c0d3a6a3a7b11"
    assert got["correlation_id"] == "a" * 32
    assert got["body"] == '{"deliveryId":"1"}'
    assert got["type"] == "" and got["version"] == "1", "the subscription knows the type"
    assert got["content_type"] == "application/json"
    assert got["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-07ad6b7169203331-01"
    assert got["header Saga"] == "pending"
    assert got["header message_context"] == '{"user":{"id":"mia"}}'
    assert got["user"] == "", "unsigned: anonymous"
    assert got["occurred_at"] == "1700000000000000"


def test_what_we_publish_is_what_convey_reads(ours, channel):
    channel.exchange_declare("orders", "topic", durable=True)
    channel.queue_declare("deliveries-service/orders.order_created", durable=True)
    channel.queue_bind("deliveries-service/orders.order_created", "orders", "order_created")
    ours.ask("publish 0191d7d1c0a07000a000000000000001 orders order_created")
    assert ours.hear("outcome")["result"] == "confirmed"
    method, properties, body = receive(channel, "deliveries-service/orders.order_created")
    assert body == b'{"orderId":"5f1b5a0e-4c1e-4b57-9f3c-0d3a6a3a7b11"}'
    assert (method.exchange, method.routing_key) == ("orders", "order_created")
    assert properties.message_id == "0191d7d1c0a07000a000000000000001"
    assert properties.correlation_id == "0191d7d1c0a07000a0000000000000cc"
    assert properties.timestamp == 1700000000
    assert properties.headers["message_context"] == '{"user":{"id":"mia"}}'
    assert properties.headers["span_context"] == SPAN
    assert properties.headers["Saga"] == "pending"
    assert properties.delivery_mode == 2
    assert properties.content_type == "application/json"
    assert properties.type == "OrderCreated"
    assert properties.headers["traceparent"] == TRACE
    assert properties.headers["mamey-version"] == "2"
    assert all(isinstance(value, str) for value in properties.headers.values()), "all long strings"
    assert not any(name.startswith("x-") for name in properties.headers), "traces of dead letters are not published again"


def test_headers_copied_onto_another_message_count_for_nothing(ours, channel):
    """A .NET service that handles our message publishes its own with our headers on it."""
    channel.exchange_declare("pricing", "topic", durable=True)
    channel.queue_declare("copies", durable=True)
    channel.queue_bind("copies", "orders", "order_priced")
    ours.ask("publish 0191d7d1c0a07000a000000000000002 orders order_priced")
    assert ours.hear("outcome")["result"] == "confirmed"
    _, handled, _ = receive(channel, "copies")
    ours.ask("consume orders-service/pricing.price_changed pricing price_changed")
    ours.hear("consuming")
    copied = dict(handled.headers, span_context="00000000000000000000000000000001:2:0:1")
    channel.basic_publish("pricing", "price_changed", b"{}", as_convey(**copied))
    got = ours.hear("message")
    assert got["version"] == "1" and got["key"] == "" and got["user"] == "" and got["source"] == ""
    assert got["traceparent"] == "00-00000000000000000000000000000001-0000000000000002-01", "span_context wins"
    assert not any(name.startswith("header mamey") for name in got)


DEAD_LETTERS = {"enabled": True, "prefix": "dlx-", "suffix": "-x", "declare": True, "durable": True, "ttl": 60000}

# Our section, how the queue is ordered, and what a .NET service (or whoever shares the queue) declares it with.
FORMS = {
    "plain": ({}, "", {}),
    "transient": ({"queue": {"durable": False, "autoDelete": True}}, "", {}),
    "classic": ({"queue": {"type": "classic"}}, "", {"x-queue-type": "classic"}),
    "quorum": ({"queue": {"type": "quorum"}}, "", {"x-queue-type": "quorum"}),
    "priority": ({"queue": {"maxPriority": 5}}, "", {"x-max-priority": 5}),
    "lazy": ({"queue": {"mode": "lazy"}}, "", {"x-queue-mode": "lazy"}),
    "ordered": ({}, "ordered", {"x-single-active-consumer": True}),
    "ordered-quorum": ({"queue": {"type": "quorum"}}, "ordered", {"x-queue-type": "quorum", "x-single-active-consumer": True}),
    "dead-letters": ({"deadLetter": DEAD_LETTERS, "exchange": {"name": "Own"}}, "", {"x-dead-letter-exchange": "dlx-Own-x"}),
}


def declare_as_convey(channel, name, section, exchange, arguments):
    how = section.get("queue", {})
    if "deadLetter" in section:
        arguments = dict(arguments, **{"x-dead-letter-routing-key": f"dlx-{name}-x"})
        channel.exchange_declare("dlx-Own-x", "direct", durable=True)
    channel.queue_declare(name, durable=how.get("durable", True), exclusive=False, auto_delete=how.get("autoDelete", False), arguments=arguments)
    channel.queue_bind(name, exchange, name)
    if "deadLetter" in section:
        channel.queue_declare(f"dlx-{name}-x", durable=True,
                              arguments={"x-dead-letter-exchange": exchange, "x-dead-letter-routing-key": name, "x-message-ttl": 60000})
        channel.queue_bind(f"dlx-{name}-x", "dlx-Own-x", f"dlx-{name}-x")


@pytest.mark.parametrize("form", FORMS)
def test_queues_shared_with_convey_are_the_same_to_the_broker(ours, channel, form):
    """Declared by one side, then by the other: no PRECONDITION_FAILED either way, and messages come."""
    section, ordered, arguments = FORMS[form]
    channel.exchange_declare("shared", "topic", durable=True)
    ours.ask("with " + json.dumps(section))
    ours.hear("opened")
    for name, first in ((f"{form}-first-by-convey", "convey"), (f"{form}-first-by-us", "us")):
        if first == "convey":
            declare_as_convey(channel, name, section, "shared", arguments)
        ours.ask(f"consume {name} shared {name} {ordered}")
        ours.hear("consuming")
        if first == "us":
            declare_as_convey(channel, name, section, "shared", arguments)
        channel.basic_publish("shared", name, b"{}", as_convey())
        assert ours.hear("message")["routing_key"] == name
    ours.ask("with {}")
    ours.hear("opened")


def test_the_broker_refuses_another_form_and_we_say_of_what(ours, channel):
    channel.exchange_declare("shared", "topic", durable=True)
    channel.queue_declare("other-form", durable=True, arguments={"x-queue-type": "quorum"})
    ours.ask("consume other-form shared k")
    assert "other-form" in ours.hear("error")["reason"]
    ours.ask("consume other-form-dead shared k")
    ours.hear("consuming")


def test_an_event_nobody_is_bound_to_is_told(ours, channel):
    channel.exchange_declare("orders", "topic", durable=True)
    ours.ask("publish 0191d7d1c0a07000a000000000000003 orders nobody_listens")
    got = ours.hear("outcome")
    assert got["result"] == "unroutable" and "NO_ROUTE" in got["reason"]


def test_the_user_of_a_foreign_message_counts_from_a_trusted_exchange(ours, channel):
    channel.exchange_declare("trusted", "topic", durable=True)
    ours.ask('with {"trustUnsignedFrom": ["trusted"]}')
    ours.hear("opened")
    ours.ask("consume trusting trusted k")
    ours.hear("consuming")
    channel.basic_publish("trusted", "k", b"{}", as_convey(message_context='{"user":{"id":"mia"}}'))
    assert ours.hear("message")["user"] == '{"user":{"id":"mia"}}'
