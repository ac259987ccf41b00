"""Two message types that share one queue of a broker: each has its own handler, and a third type that comes into the queue is refused by name."""

import json
import uuid

import pika
import pytest

from rabbitmq_probe import NAMES, Probe
from rabbitmq_world import PATIENCE, Broker, eventually, request

QUEUE = "wire.bus/shared"
SECTION = {**NAMES, "queue": {"template": "{{assembly}}/shared", "declare": True, "durable": True}}
HOSTS = [f"shared-{number}" for number in range(7)]
HANDLER = {"probe": "on_probe", "note": "on_note"}
MEMBER = {"probe": "what", "note": "text"}


@pytest.fixture(scope="module")
def broker():
    running = Broker()
    running.add_hosts(HOSTS)
    yield running
    running.close()


@pytest.fixture
def host():
    return HOSTS.pop()


@pytest.fixture
def channel(broker, host):
    with broker.connection(host) as connection:
        made = connection.channel()
        made.confirm_delivery()
        yield made


@pytest.fixture
def start(broker, host):
    running = []

    def begin(mode="shared", **messaging):
        ours = Probe(broker, host, SECTION, arguments=[mode], messaging={"immediateRetries": 0, "delayedRetries": [], **messaging})
        running.append(ours)
        ours.wait_until_ready()
        eventually("both consumers", lambda: broker.consumers(host, QUEUE) == 2)
        return ours

    yield begin
    for each in running:
        each.close()


def send(channel, key, text="ok", exchange="wire", member=None, **properties):
    """Returns the correlation id, by which the runs of its handler are found."""
    sent = uuid.uuid4().hex
    body = json.dumps({member or MEMBER[key]: text})
    channel.basic_publish(exchange, key, body, pika.BasicProperties(**{"message_id": uuid.uuid4().hex, "correlation_id": sent, **properties}), mandatory=True)
    return sent


def ends(ours):
    """Handlers whose runs came to their end, by correlation id."""
    return {line["correlationId"]: line["handler"] for line in ours.lines() if line["event"] == "end"}


def runs(ours, correlation_id):
    return [line["handler"] for line in ours.lines() if line["event"] == "run" and line["correlationId"] == correlation_id]


def stop_and_count(ours, channel):
    """What is left in the queue: nothing that was settled."""
    ours.process.stop(PATIENCE)
    return channel.queue_declare(QUEUE, passive=True).method.message_count


def test_one_queue_is_bound_for_both_types_and_each_message_runs_the_handler_of_its_type_once(broker, host, channel, start):
    ours = start()
    found = broker.contents([host])[host]
    assert [each["name"] for each in found["queues"]] == [QUEUE]
    assert sorted((each["source"], each["routing_key"], each["destination"]) for each in found["bindings"]) == [("wire", "note", QUEUE), ("wire", "probe", QUEUE)]
    sent = {send(channel, key): key for _ in range(20) for key in ("probe", "note")}
    sent[send(channel, QUEUE, exchange="", member="text", type="Note")] = "note"  # put into the queue directly: its type says what it is
    eventually("an end of each", lambda: len(ends(ours)) == len(sent))
    assert ends(ours) == {each: HANDLER[key] for each, key in sent.items()}
    assert stop_and_count(ours, channel) == 0
    assert all(runs(ours, each) == [HANDLER[key]] for each, key in sent.items()), "each once"


def test_a_type_that_fails_waits_for_its_retries_while_the_other_is_handled(channel, start):
    ours = start(delayedRetries=["00:00:01", "01:00:00"])
    failing, later = [send(channel, "probe", "throw") for _ in range(20)], [send(channel, "probe", "throw_once") for _ in range(20)]
    notes = [send(channel, "note") for _ in range(20)]
    eventually("an end of each note, and of each probe that fails once", lambda: len(ends(ours)) == 40)
    assert ends(ours) == {**{each: "on_note" for each in notes}, **{each: "on_probe" for each in later}}

    def waiting():
        page = request(ours.port, "GET", "/_messages/delayed?limit=1000").json()["items"]
        return page if all(len(runs(ours, each)) == 2 for each in failing) and not any(each["running"] for each in page) and len(page) == len(failing) else None

    assert {each["correlationId"] for each in eventually("the second wait of those that always fail", waiting)} == set(failing)
    assert ours.errors() == {}
    assert stop_and_count(ours, channel) == 0, "those that wait are in the store"
    assert all(runs(ours, each) == ["on_probe"] * 2 for each in failing + later)
    assert all(runs(ours, each) == ["on_note"] for each in notes)


def test_many_failures_of_one_type_in_a_row_do_not_slow_the_queue_down_for_the_other(channel, start):
    """A queue of one type goes one message at a time then, with pauses of up to five seconds."""
    ours = start(delayedRetries=["01:00:00"])
    failing = [send(channel, "probe", "throw") for _ in range(300)]
    notes = [send(channel, "note") for _ in range(20)]
    eventually("an end of each note behind those that fail", lambda: len(ends(ours)) == len(notes))
    assert ends(ours) == {each: "on_note" for each in notes}
    assert stop_and_count(ours, channel) == 0
    assert all(runs(ours, each) == ["on_probe"] for each in failing)


def test_without_a_store_the_retries_of_each_type_wait_at_the_broker_and_come_back_to_its_handler(channel, start):
    """From a delay queue a message comes under the queue's name: what it was published to is remembered."""
    ours = start("storeless", delayedRetries=["00:00:01"])
    failing = {send(channel, key, "throw_once"): key for _ in range(5) for key in ("probe", "note")}
    eventually("an end of each", lambda: len(ends(ours)) == len(failing))
    assert all(runs(ours, each) == [HANDLER[key]] * 2 for each, key in failing.items())
    assert stop_and_count(ours, channel) == 0
    assert channel.queue_declare(f"{QUEUE}.delay-1000", passive=True).method.message_count == 0


def test_messages_of_one_key_and_one_type_keep_their_order_in_a_shared_queue(channel, start):
    ours = start("ordered", delayedRetries=["00:00:05"])

    def keyed(key, text, of):
        id = uuid.uuid4().hex
        return send(channel, key, text, message_id=id, headers={"mamey-id": id, "mamey-key": of})

    heads = [keyed("probe", "throw_once", "a"), keyed("note", "throw_once", "b")]
    followers = [keyed("probe", "ok", "a"), keyed("note", "ok", "b")]
    other = keyed("probe", "ok", "c")
    eventually("an end of each", lambda: len(ends(ours)) == 5)
    lines = [(line["correlationId"], line["event"]) for line in ours.lines()]
    for head, follower in zip(heads, followers):
        assert [each for each in lines if each[0] in (head, follower)] == [(head, "run"), (head, "run"), (head, "end"), (follower, "run"), (follower, "end")]
    assert lines.index((other, "end")) < lines.index((heads[0], "end")), "another key does not wait"


def test_a_message_of_the_error_store_is_retried_by_the_handler_of_its_type(channel, start):
    ours = start()
    sent = {send(channel, key, "throw_once"): [HANDLER[key]] * 2 for key in ("probe", "note")}
    records = eventually("their records", lambda: ours.errors().values() if len(ours.errors()) == len(sent) else None)
    for each in records:
        assert request(ours.port, "POST", f"/_messages/errors/{each['id']}/retry", "").status == 200
    eventually("their ends", lambda: len(ends(ours)) == len(sent))
    assert {each: runs(ours, each) for each in sent} == sent
    assert ours.errors() == {}


def test_a_third_type_goes_to_the_error_store_with_its_name_and_holds_up_nobody(channel, start):
    ours = start()
    channel.queue_bind(QUEUE, "wire", "invoice")  # as a .NET service would that handles one more type
    foreign = {
        send(channel, "invoice", member="total"): "a message without a type came to a queue of several types (Probe, Note)",
        send(channel, "invoice", member="total", type="Invoice"): "Invoice",
        send(channel, "probe", member="total", type="Shop.Invoice, Shop"): "Invoice",
        send(channel, QUEUE, exchange="", member="text"): "a message without a type came to a queue of several types (Probe, Note)",
    }
    notes = [send(channel, "note") for _ in range(3)]
    eventually("records of the foreign ones, and an end of each note", lambda: len(ours.errors()) == len(foreign) and len(ends(ours)) == len(notes))
    records = {each["correlationId"]: each for each in ours.errors().values()}
    for each, reason in foreign.items():
        assert records[each]["errorCode"] == "unknown_type" and reason in records[each]["errorReason"], records[each]
        assert records[each]["attempts"] <= 1 and runs(ours, each) == [], "refused at once, without a handler"
    assert stop_and_count(ours, channel) == 0
