"""Exchanges and queues whose names, forms or owners are not what a section says: what flows all the same, and what is said of the rest."""

import json
import pathlib
import tempfile
import uuid

import pika
import pytest

from rabbitmq_world import Broker, Deliveries, Process, eventually

HOSTS = [f"names-{number}" for number in range(16)]
DURABLE = {"declare": True, "durable": True}
SNAKE = {"conventionsCasing": "snakeCase"}
QUEUE = "wire.bus/orders.order_created"


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
def start(broker, host):
    running = []

    def begin(section, **more):
        running.append(Deliveries(broker, host, section, **more))
        return running[-1]

    yield begin
    for each in running:
        each.close()


@pytest.fixture
def channel(broker, host):
    with broker.connection(host) as connection:
        yield connection.channel()


def an_order():
    return json.dumps({"orderId": str(uuid.uuid4())}).encode()


def send(channel, exchange, key="order_created"):
    channel.basic_publish(exchange, key, an_order(), pika.BasicProperties(message_id=uuid.uuid4().hex))


def test_an_owner_that_comes_second_declares_its_exchange_in_a_form_of_its_own(broker, host, start, channel):
    """MassTransit's default: a durable fanout exchange, declared when it first publishes."""
    ours = start({**SNAKE, "foreignExchange": {"wait": "01:00:00"}})
    ours.process.wait_until_ready(["deliveries"], 180)
    eventually("that it waits for the owner", lambda: "the exchange orders is not there" in ours.log())
    channel.exchange_declare("orders", "fanout", durable=True)  # a 406 would close the channel
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) == 1)
    send(channel, "orders", "")
    eventually("the message", lambda: ours.handled() == 1)
    assert ours.log().count("the exchange orders is not there") == 1, "told once"


def test_an_owner_that_came_first_keeps_its_form(broker, host, start, channel):
    channel.exchange_declare("orders", "fanout", durable=False, auto_delete=False)
    ours = start(SNAKE).wait_until_ready()
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) == 1)
    send(channel, "orders", "")
    eventually("the message", lambda: ours.handled() == 1)
    assert "PRECONDITION_FAILED" not in ours.log()


def test_an_owner_that_does_not_come_is_stood_in_for(broker, host, start):
    ours = start(SNAKE).wait_until_ready()
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) == 1)
    found = broker.contents([host])[host]
    assert [(each["name"], each["type"], each["durable"]) for each in found["exchanges"]] == [("orders", "topic", True), ("wire.bus", "topic", True)], "and ours, which is the assembly's"
    assert "the exchange orders was not there: declared as a durable topic exchange" in ours.log()


def test_an_exchange_of_ours_that_others_must_declare_is_missed_with_its_key_and_nothing_is_lost(broker, host, start, channel):
    channel.exchange_declare("orders", "topic", durable=True)
    ours = start({**SNAKE, "exchange": {"name": "deliveries"}}).wait_until_ready()
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) == 1)
    send(channel, "orders")
    eventually("the message", lambda: ours.handled() == 1)
    eventually("word of the exchange", lambda: "no exchange 'deliveries'" in ours.log())
    assert "set rabbitMq.exchange.declare to true" in ours.log()
    assert "the broker is away" not in ours.log()
    eventually("more tries", lambda: ours.figure("mamey_rabbitmq_faults_total") >= 3)
    assert ours.log().count("the broker closed a publishing channel") == 1, "told once"
    channel.exchange_declare("deliveries", "topic", durable=True)
    channel.queue_declare("started", durable=True)
    channel.queue_bind("started", "deliveries", "delivery_started")
    eventually("what it had to say", lambda: channel.queue_declare("started", passive=True).method.message_count == 1)


def test_an_exchange_that_a_message_names_is_declared_with_the_first_of_them(broker, host, start, channel):
    """The sample's events go to `deliveries`, whatever the application's own exchange is."""
    channel.exchange_declare("orders", "topic", durable=True)
    ours = start({**SNAKE, "exchange": {"name": "Main.Exchange", **DURABLE}}).wait_until_ready()
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) == 1)
    send(channel, "orders")
    eventually("the exchange of its events", lambda: "deliveries" in [each["name"] for each in broker.contents([host])[host]["exchanges"]])
    names = [each["name"] for each in broker.contents([host])[host]["exchanges"]]
    assert names == ["Main.Exchange", "deliveries", "main.exchange", "orders"], "and our own as written and as it is published to"


def test_without_conventions_casing_names_are_as_written_and_queues_of_the_old_spelling_are_named(broker, host, start, channel):
    channel.exchange_declare("orders", "topic", durable=True)
    channel.queue_declare(QUEUE, durable=True)
    channel.queue_bind(QUEUE, "orders", "order_created")
    for _ in range(3):
        send(channel, "orders")
    eventually("three in the old queue", lambda: channel.queue_declare(QUEUE, passive=True).method.message_count == 3)
    ours = start({}).wait_until_ready()
    eventually("our consumer", lambda: broker.consumers(host, "Wire.Bus/orders.OrderCreated") == 1)
    assert f"3 messages wait in the queue {QUEUE}, which is called Wire.Bus/orders.OrderCreated as rabbitMq.conventionsCasing is not set" in ours.log()
    send(channel, "orders", "OrderCreated")
    eventually("the message", lambda: ours.handled() == 1)


def test_a_queue_that_survives_more_than_we_would_ask_for_is_used_as_it_is(broker, host, start, channel):
    """An earlier mamey declared it durable where the section does not say."""
    channel.exchange_declare("orders", "topic", durable=True)
    channel.queue_declare(QUEUE, durable=True)
    ours = start({**SNAKE, "queue": {"declare": True}}).wait_until_ready()
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) == 1)
    assert "used as it is" in ours.log()


def test_a_queue_in_another_form_is_said_once_with_the_key(broker, host, start, channel):
    channel.exchange_declare("orders", "topic", durable=True)
    channel.queue_declare(QUEUE, durable=True, arguments={"x-max-priority": 5})
    ours = start(SNAKE).wait_until_ready()
    eventually("word of it", lambda: "cannot consume" in ours.log())
    assert "change rabbitMq.queue.maxPriority" in ours.log()
    assert "the broker is away" not in ours.log()
    channel.queue_delete(QUEUE)
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) == 1)
    assert ours.log().count("cannot consume") == 1, "told once"


def test_who_may_not_declare_uses_what_is_there_and_else_says_who_must(broker, host, start, channel):
    broker.evaluate(f"""begin catch rabbit_auth_backend_internal:add_user(<<"plain">>, <<"plain">>, <<"test">>),
        rabbit_auth_backend_internal:set_permissions(<<"plain">>, <<"{host}">>, <<"^$">>, <<".*">>, <<".*">>, <<"test">>) end.""")
    channel.exchange_declare("orders", "topic", durable=True)
    channel.queue_declare(QUEUE, durable=True)
    channel.queue_bind(QUEUE, "orders", "order_created")
    login = {"username": "plain", "password": "plain"}
    first = start({**SNAKE, **login}).wait_until_ready()
    eventually("word of our exchange", lambda: "the exchange wire.bus, which this user may not declare" in first.log())
    assert "the broker is away" not in first.log()
    channel.exchange_declare("wire.bus", "topic", durable=True)
    second = start({**SNAKE, **login}).wait_until_ready()
    eventually("our consumer", lambda: broker.consumers(host, QUEUE) >= 1)
    send(channel, "orders")
    eventually("the message", lambda: first.handled() + second.handled() == 1)


def test_every_remark_on_the_section_has_its_place(start):
    ours = start({**SNAKE, "retries": 3, "logger": {"enabled": True}, "queue": {"declare": True}})
    ours.wait_until_ready()
    for key in ("retries has no effect", "logger.enabled has no effect", "queue.durable is not true"):
        assert f"appsettings.json:1: rabbitMq.{key}" in ours.log(), ours.log()


def test_in_a_host_of_several_a_line_says_whose_it_is(broker, host, channel):
    """Of three applications in one process it is `orders` whose queue has another form."""
    channel.queue_declare("orders/deliveries.delivery_started", durable=True, arguments={"x-max-priority": 5})
    section = {**SNAKE, "hostNames": ["127.0.0.1"], "port": broker.port, "virtualHost": host}
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "appsettings.json").write_text(json.dumps({"rabbitMq": section}))
        ours = Process("conveyor", ["--data", folder, "--orders", "0", "--deliveries", "0", "--pricing", "0"], cwd=folder)
        try:
            eventually("word of the queue", lambda: "cannot consume orders/deliveries.delivery_started" in ours.output())
            lines = [line for line in ours.output().splitlines() if "cannot consume" in line]
            assert all("[orders]" in line for line in lines), lines
        finally:
            ours.stop(180)
            ours.close()
