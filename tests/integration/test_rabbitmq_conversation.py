"""Our orders talk with a recorded .NET deliveries service: what it hears of us, and what we make of its answer."""

import json
import re

import pika
import pytest

from rabbitmq_world import Broker, Orders, Process, Vectors, eventually, request

SECTION = {"conventionsCasing": "snakeCase", "exchange": {"name": "orders", "type": "topic", "declare": True, "durable": True},
           "queue": {"declare": True, "durable": True}, "context": {"enabled": True}}
RECORDED = Vectors("rabbitmq", "conversation.json").document["mamey_orders_convey_deliveries"]
ORDER_CREATED, DELIVERY_STARTED = RECORDED["published"]
CALLER = json.dumps({"correlationId": ORDER_CREATED["properties"]["correlation_id"], "user": {"id": "u1", "isAuthenticated": True, "role": "admin", "claims": {"permissions": "a"}},
                     "name": "create_order"}, separators=(",", ":"))


@pytest.fixture
def broker():
    running = Broker()
    running.add_hosts(["conversation"])
    yield running
    running.close()


@pytest.fixture
def orders(broker):
    pricing = Process("pricing", ["--urls", "http://127.0.0.1:0"])
    running = None
    try:
        pricing.wait_for_ports(["pricing"])
        with broker.connection("conversation") as connection:  # as Convey's deliveries declares its own at its start
            connection.channel().exchange_declare("deliveries", "topic", durable=True)
        running = Orders(broker, "conversation", SECTION, httpClient={"services": {"pricing": f"http://127.0.0.1:{pricing.ports['pricing']}"}})
        yield running.wait_until_ready()
    finally:
        if running:
            running.close()
        pricing.close()


def test_a_dotnet_service_hears_of_our_order_with_its_callers_context_and_we_hear_of_its_delivery(broker, orders):
    recorded = json.loads(ORDER_CREATED["body"])
    with broker.connection("conversation") as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, ORDER_CREATED["exchange"], ORDER_CREATED["routing_key"])
        order = {"orderId": recorded["orderId"], "customerId": recorded["customerId"], "lines": [{"sku": "a", "quantity": 1}]}
        answer = request(orders.port, "POST", "/orders", order, headers={"Correlation-Context": CALLER})
        assert answer.status == 201, answer.body

        heard = eventually("the event", lambda: next((got for got in [channel.basic_get(queue, auto_ack=True)] if got[0]), None))
        _, properties, body = heard
        assert json.loads(body) == recorded
        assert properties.correlation_id == ORDER_CREATED["properties"]["correlation_id"]
        assert re.fullmatch("[0-9a-f]{32}", properties.message_id) and properties.timestamp
        assert properties.headers["message_context"] == CALLER, "word for word"
        assert re.fullmatch("[0-9a-f]{1,32}:[0-9a-f]{1,16}:[0-9a-f]+:[0-9a-f]{1,2}", properties.headers["span_context"])

        theirs = DELIVERY_STARTED["properties"]
        channel.confirm_delivery()
        channel.basic_publish(DELIVERY_STARTED["exchange"], DELIVERY_STARTED["routing_key"], DELIVERY_STARTED["body"].encode(),
                              pika.BasicProperties(message_id=theirs["message_id"], correlation_id=theirs["correlation_id"], timestamp=theirs["timestamp"], delivery_mode=theirs["delivery_mode"],
                                                   headers={name: each["value"] for name, each in theirs["headers"].items()}), mandatory=True)

    def order_here():
        return request(orders.port, "GET", f"/orders/{recorded['orderId']}").json()

    assert eventually("the order is being delivered", lambda: order_here() if order_here()["status"] == "delivering" else None) == RECORDED["order_at_mamey"]
