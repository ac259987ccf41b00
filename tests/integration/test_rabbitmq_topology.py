"""What a Convey service declares in the 26 recorded sections, and a service of ours beside it: either may start first, and all messages are handled."""

import concurrent.futures
import json
import uuid

import pytest

from rabbitmq_world import Broker, Convey, Deliveries, Vectors, eventually

SECTIONS = {each["name"]: each for each in Vectors("rabbitmq", "topology.json").document}
QUEUE = {name: ("Wire.Bus/orders.OrderCreated", "OrderCreated") if name == "casing_absent" else ("wire.bus/orders.order_created", "order_created") for name in SECTIONS}

# Where Convey alone does not start, hears nothing, or shares its queue with nobody, and what we do there.
ALONE = {
    "exchange_without_type": "consumes",  # Convey: the start fails
    "queue_template_only": "consumes",  # Convey: nobody declares the queue
    "dead_letter_not_declared": "consumes",  # Convey: deaf, for want of the dead-letter exchange
    "dead_letter_exchange_not_declared": "consumes",  # likewise
    "dead_letter_without_exchange_section": "consumes",  # Convey: deaf
    "queue_exclusive": "consumes alone",  # as Convey: the queue is the connection's
    "dead_letter_no_prefix": "deadLetter needs a prefix or a suffix",  # Convey: the start fails
    "qos_prefetch_size": "qos.prefetchSize must be 0",  # Convey: deaf
}
STARTS = [name for name in SECTIONS if ALONE.get(name, "consumes").startswith("consumes")]
TOGETHER = [(name, order) for name in STARTS if name != "queue_exclusive" for order in ("convey first", "mamey first")]


def test_the_table_of_those_where_convey_alone_does_not_consume_is_whole():
    deaf = {name for name, each in SECTIONS.items() if each["convey"]["subscriptions_alive"] == 0}
    exclusive = {name for name, each in SECTIONS.items() if any(queue["exclusive"] for queue in each["convey"]["broker_has"]["queues"] if not queue["name"].startswith("dlx-"))}
    assert deaf | exclusive == set(ALONE)


def can_hear(section):
    return section["convey"]["subscriptions_alive"] == 1


def host_of(name, what):
    return f"{name}-{what.replace(' ', '-')}"


def orders(count):
    return [json.dumps({"orderId": str(uuid.uuid4()), "customerId": str(uuid.uuid4()), "totalAmount": 20.5}).encode() for _ in range(count)]


class Meeting:
    """Both services with the same section; then six messages."""

    def __init__(self, broker, name, order):
        self.host = host_of(name, order)
        queue, key = QUEUE[name]
        section = SECTIONS[name]
        ours = theirs = None
        try:
            if order == "mamey first":
                ours = self._start(broker, section, queue, 1)
            if section["convey"]["running"]:
                theirs = Convey(broker, self.host, section["convey"]["sent"])
            if order == "convey first":
                ours = self._start(broker, section, queue, 2 if can_hear(section) else 1)
            expected = 1 + can_hear(section)
            eventually(f"{expected} consumers of {queue}", lambda: broker.consumers(self.host, queue) >= expected)
            self.routed = broker.publish(self.host, "orders", key, orders(6))
            eventually("six of six handled", lambda: ours.handled() + (theirs.handled if theirs else 0) >= self.routed)
            self.handled_by_us, self.handled_by_them = ours.handled(), theirs.handled if theirs else 0
            self.refused, self.log = theirs.refused if theirs else [], ours.log()
        finally:
            if theirs:
                theirs.stop()
            if ours:
                ours.close()

    def _start(self, broker, section, queue, consumers):
        ours = Deliveries(broker, self.host, section["rabbitMq"]).wait_until_ready()
        eventually(f"our consumer of {queue}: {ours.log()}", lambda: broker.consumers(self.host, queue) >= consumers)
        return ours


@pytest.fixture(scope="module")
def broker():
    running = Broker()
    running.add_hosts([host_of(name, "alone") for name in SECTIONS] + [host_of(*each) for each in TOGETHER])
    yield running
    running.close()


@pytest.fixture(scope="module")
def alone(broker):
    """What the broker has when we alone have started with each section."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda name: Deliveries(broker, host_of(name, "alone"), SECTIONS[name]["rabbitMq"]).wait_until_ready(), STARTS))
        try:
            list(pool.map(lambda name: eventually("our consumer", lambda: broker.consumers(host_of(name, "alone"), QUEUE[name][0])), STARTS))
            found = broker.contents([host_of(name, "alone") for name in STARTS])
            return {name: found[host_of(name, "alone")] for name in STARTS}
        finally:
            list(pool.map(Deliveries.close, started))


@pytest.fixture(scope="module")
def meetings(broker):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = {each: pool.submit(Meeting, broker, *each) for each in TOGETHER}
    return futures


def in_lines(contents):
    return {f"{kind}: {json.dumps(each, sort_keys=True)}" for kind, all in contents.items() for each in all}


def test_the_broker_has_what_convey_would_have_declared_and_what_is_refused_names_its_key(broker, alone):
    with Vectors("rabbitmq", "topology.json") as recorded:
        for name, section in SECTIONS.items():
            if name in STARTS:
                theirs, ours = in_lines(section["convey"]["broker_has"]), in_lines(alone[name])
                recorded.compare(name, f"only there: {sorted(theirs - ours)}", f"only here: {sorted(ours - theirs)}", theirs == ours)
                continue
            refused = Deliveries(broker, host_of(name, "alone"), section["rabbitMq"])
            try:
                said = refused.refusal()
                assert ALONE[name] in said and "appsettings.json:1" in said, said
                recorded.compare(name, "runs, deaf, or dies of the broker's refusal", ALONE[name])
            finally:
                refused.close()


@pytest.mark.parametrize("name, order", TOGETHER, ids=[f"{name}-{order.split()[0]}" for name, order in TOGETHER])
def test_either_may_start_first_and_six_of_six_are_handled(meetings, name, order):
    met = meetings[name, order].result()
    assert not any("406" in each for each in met.refused), met.refused
    if can_hear(SECTIONS[name]):
        assert met.refused == []
    assert "PRECONDITION_FAILED" not in met.log
    assert (met.routed, met.handled_by_us + met.handled_by_them) == (6, 6)
    if not can_hear(SECTIONS[name]):
        assert met.handled_by_us == 6


def test_whoever_comes_second_to_an_exclusive_queue_says_by_which_key(broker):
    section = SECTIONS["queue_exclusive"]
    host = host_of("queue_exclusive", "alone")
    theirs = Convey(broker, host, section["convey"]["sent"])
    ours = Deliveries(broker, host, section["rabbitMq"]).wait_until_ready()
    try:
        eventually("word of the trouble", lambda: "rabbitMq.queue.exclusive" in ours.log())
        assert broker.publish(host, "orders", "order_created", orders(6)) == 6
        eventually("six of six at the first", lambda: theirs.handled == 6)
    finally:
        theirs.stop()
        ours.close()
