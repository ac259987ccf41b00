"""The conveyor's modules as processes on PostgreSQL and RabbitMQ, or on PostgreSQL alone, by configuration alone: the story of scripts/demo --distributed."""

import pathlib
import re
import subprocess
import sys

import pytest

STORY = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib" / "demo_distributed.py"


@pytest.mark.parametrize("with_broker", [True, False], ids=["on PostgreSQL and RabbitMQ", "on PostgreSQL alone"])
def test_every_acknowledged_order_is_delivered_once_while_instances_are_killed(with_broker):
    told = subprocess.run([sys.executable, str(STORY), "--once", *([] if with_broker else ["--without-broker"])], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=1500)  # two servers start first, on a machine that may be busy
    print(told.stdout)
    assert told.returncode == 0
    assert re.search(r"(\d+) acknowledged orders: every one is there, every one was delivered exactly once", told.stdout)
    assert ('"name":"rabbitMq"' in told.stdout) == with_broker  # a probe that only this transport has
    for file in ("orders-", "pricing.json", "deliveries.json"):  # lines of one trace
        assert re.search(rf"^    [0-9:.]+  {file}", told.stdout, re.M)
