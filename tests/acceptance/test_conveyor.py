"""The conveyor sample from outside: three services, their contracts, and what happens when they are killed."""

import os
import random
import threading
import uuid

import pytest

from conveyor import SERVICES, Conveyor, Process, request, until


@pytest.fixture
def conveyor(tmp_path):
    running = Conveyor(tmp_path / "data")
    running.start()
    yield running
    running.running.close()


def test_an_order_is_placed_priced_and_delivered(conveyor):
    order_id, created = conveyor.create_order()
    assert created.status == 201
    assert created.headers["location"] == f"/orders/{order_id}"
    shown = conveyor.order(order_id)
    assert shown.status == 200  # read-your-writes: no waiting between the 201 and this
    assert '"totalAmount":20.50' in shown.body
    assert set(shown.json()) == {"id", "customerId", "totalAmount", "status"}
    conveyor.wait_until_delivered([order_id])
    assert len(conveyor.deliveries_of(order_id)) == 1


def test_orders_are_browsed_in_pages(conveyor):
    ids = {conveyor.create_order()[0] for _ in range(3)}
    page = request(conveyor.ports["orders"], "GET", "/orders?resultsPerPage=2&page=2").json()
    assert (page["currentPage"], page["resultsPerPage"], page["totalPages"], page["totalResults"]) == (2, 2, 2, 3)
    first = request(conveyor.ports["orders"], "GET", "/orders?resultsPerPage=2").json()
    assert {each["id"] for each in first["items"] + page["items"]} == ids


def test_what_is_wrong_with_a_request_is_said_with_its_place(conveyor):
    answer = request(conveyor.ports["orders"], "POST", "/orders", {"lines": [{"sku": "", "quantity": "three"}]})
    assert answer.status == 400
    paths = {each["path"] for each in answer.json()["errors"]}
    assert "lines[0].quantity" in paths
    assert request(conveyor.ports["orders"], "GET", f"/orders/{uuid.uuid4()}").status == 404
    assert request(conveyor.ports["orders"], "DELETE", "/orders").status == 405


def test_an_order_that_exists_is_refused(conveyor):
    order_id, _ = conveyor.create_order()
    _, again = conveyor.create_order(order_id)
    assert again.status == 409
    assert again.json()["code"] == "order_exists"


def test_an_order_on_its_way_cannot_be_cancelled(conveyor):
    order_id, _ = conveyor.create_order()
    conveyor.wait_until_delivered([order_id])
    answer = request(conveyor.ports["orders"], "POST", f"/orders/{order_id}/cancel")
    assert (answer.status, answer.json()["code"]) == (400, "order_not_cancellable")


def test_health_metrics_and_ping_answer_on_every_service(conveyor):
    for name in SERVICES:
        port = conveyor.ports[name]
        assert request(port, "GET", "/ping").body == "pong"
        assert request(port, "GET", "/health/live").status == 200
        assert request(port, "GET", "/health/startup").status == 200
        metrics = request(port, "GET", "/metrics").body
        for family in ("http_requests_total", 'mamey_loop_lag_seconds{loop="system"}', "mamey_http_connections", "mamey_http_client_tries_total"):
            assert family in metrics
        assert ("mamey_sqlite_syncs_total" in metrics) == (name != "pricing")


def test_an_orderly_stop_leaves_with_zero(conveyor):
    assert conveyor.stop() == 0


def test_the_services_run_as_processes_of_their_own_with_the_same_data(tmp_path):
    data = ["--data", str(tmp_path / "data")]
    pricing = Process("pricing", [*data, "--urls", "http://127.0.0.1:0"])
    deliveries = orders = None
    try:
        pricing.wait_until_ready(["pricing"])
        orders = Process("orders", [*data, "--urls", "http://127.0.0.1:0", f"--httpClient:services:pricing=http://127.0.0.1:{pricing.ports['pricing']}"])
        deliveries = Process("deliveries", [*data, "--urls", "http://127.0.0.1:0"])
        orders.wait_until_ready(["orders"])
        deliveries.wait_until_ready(["deliveries"])
        order_id = str(uuid.uuid4())
        port = orders.ports["orders"]
        assert request(port, "POST", "/orders", {"orderId": order_id, "customerId": str(uuid.uuid4())}).status == 201
        until("delivered", lambda: request(port, "GET", f"/orders/{order_id}").json()["status"] == "delivered")
        assert [each.stop() for each in (orders, deliveries, pricing)] == [0, 0, 0]
    finally:
        for each in (orders, deliveries, pricing):
            if each:
                each.close()


@pytest.mark.kill
def test_kill_at_random_moments_loses_no_acknowledged_order_and_delivers_each_once(tmp_path):
    rounds = int(os.environ.get("MAMEY_KILL_ROUNDS", "20"))
    seed = int(os.environ.get("MAMEY_KILL_SEED", random.randrange(1 << 30)))
    print(f"seed {seed}: MAMEY_KILL_SEED={seed} plays the same moments")
    moments = random.Random(seed)
    conveyor = Conveyor(tmp_path / "data")
    acknowledged = []
    for _ in range(rounds):
        conveyor.start()
        stop = threading.Event()

        def load():
            while not stop.is_set():
                try:
                    order_id, answer = conveyor.create_order(timeout=5)
                except OSError:
                    continue  # the process is gone, or going
                except Exception as failure:  # half an answer: not acknowledged
                    if "IncompleteRead" not in repr(failure) and "BadStatusLine" not in repr(failure):
                        raise
                    continue
                if answer.status == 201:
                    acknowledged.append(order_id)

        workers = [threading.Thread(target=load) for _ in range(4)]
        for each in workers:
            each.start()
        threading.Event().wait(moments.uniform(0.05, 0.6))
        conveyor.kill()
        stop.set()
        for each in workers:
            each.join()
    conveyor.start()
    assert acknowledged
    conveyor.wait_until_delivered(acknowledged, seconds=120)
    for order_id in acknowledged:
        found = conveyor.deliveries_of(order_id)
        assert len(found) == 1, f"order {order_id} was delivered {len(found)} times"
    assert conveyor.stop() == 0
    print(f"{len(acknowledged)} acknowledged orders over {rounds} kills: none lost, each delivered once")
