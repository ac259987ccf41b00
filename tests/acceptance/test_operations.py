"""What operators and strangers send beside what the service is for."""

import uuid

import pytest

from conveyor import Conveyor, request, until

pytestmark = pytest.mark.served


@pytest.mark.parametrize("query, status, keeps_id", [("", 200, True), ("?enforce=true", 200, True), ("?force=false&x=force=true", 200, True),
                                                     ("?force=true", 200, False), ("?force=maybe", 400, None)])
def test_a_failed_message_is_handled_as_a_new_one_only_when_that_is_asked_for(trouble_service, query, status, keeps_id):
    trouble = trouble_service("--messaging:delayedRetries:0=00:00:00.010", "--messaging:immediateRetries=0")
    assert trouble.add("throwInt")[1].status == 201
    failed = until("it is in the error store", lambda: trouble.get("/_messages/errors").json()["items"])[0]
    answer = request(trouble.port, "POST", f"/_messages/errors/{failed['id']}/retry{query}")
    assert answer.status == status, answer.body
    if keeps_id is not None:
        assert (answer.json()["messageId"] == failed["messageId"]) == keeps_id


@pytest.mark.parametrize("baggage", ["k=" + "(" * 12_000, ",".join(f"k{i}={'!' * 100}" for i in range(200)), "k=" + "%21" * 4_000])
def test_baggage_of_any_size_fails_no_request_that_calls_another_service(tmp_path, baggage):
    conveyor = Conveyor(tmp_path / "data").start()
    try:
        order = {"orderId": str(uuid.uuid4()), "customerId": str(uuid.uuid4())}
        created = request(conveyor.ports["orders"], "POST", "/orders", order, headers={"baggage": baggage})
        assert created.status == 201, created.body
        conveyor.wait_until_delivered([order["orderId"]])
    finally:
        conveyor.running.close()
