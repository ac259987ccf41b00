"""The machine's clock is set back: timers, delayed messages and leases go on."""

import email.utils
import glob
import time

import pytest

from conveyor import Conveyor, request


class Clock:
    """The wall clock that a process sees, by libfaketime."""

    def __init__(self, file):
        library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        assert library, "libfaketime is missing: scripts/setup installs it"
        self.file = file
        self.environment = {"LD_PRELOAD": library[0], "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}

    def set(self, shift):
        replacement = self.file.with_suffix(".new")
        replacement.write_text(f"{shift}\n")
        replacement.rename(self.file)  # at once: a process never reads half of it

    @staticmethod
    def is_ahead(port):
        """Whether the process sees the shifted time; else the tests would show nothing."""
        told = email.utils.parsedate_to_datetime(request(port, "GET", "/ping").headers["date"]).timestamp()
        return told - time.time() > 3600


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


def test_a_clock_set_back_while_orders_are_under_way_stalls_none_of_them(tmp_path, clock):
    clock.set("+1d")
    conveyor = Conveyor(tmp_path / "data").start(environment=clock.environment)
    try:
        assert clock.is_ahead(conveyor.ports["orders"])
        before = [conveyor.create_order()[0] for _ in range(20)]
        clock.set("+0d")
        assert not clock.is_ahead(conveyor.ports["orders"])
        after = [conveyor.create_order()[0] for _ in range(20)]
        conveyor.wait_until_delivered([*before, *after], seconds=20)
        assert all(len(conveyor.deliveries_of(each)) == 1 for each in [*before, *after])
        assert conveyor.stop() == 0
    finally:
        conveyor.running.close()


def test_a_delayed_message_waits_no_longer_than_its_delay_when_the_clock_is_set_back(tmp_path, clock, trouble_service):
    clock.set("+1d")
    trouble = trouble_service(environment=clock.environment)
    assert clock.is_ahead(trouble.port)
    thing, answer = trouble.add(afterMilliseconds=1_500)
    assert answer.status == 201
    clock.set("+0d")
    started = time.monotonic()
    trouble.wait_until_handled(thing)
    assert time.monotonic() - started < 15


def test_leases_of_a_process_that_died_before_the_clock_was_set_back_are_over(tmp_path, clock):
    clock.set("+1d")
    conveyor = Conveyor(tmp_path / "data").start(environment=clock.environment)
    try:
        orders = [conveyor.create_order()[0] for _ in range(40)]
        conveyor.kill()
        clock.set("+0d")
        conveyor.start(environment=clock.environment)
        conveyor.wait_until_delivered(orders, seconds=20)
        assert all(len(conveyor.deliveries_of(each)) == 1 for each in orders)
        assert conveyor.stop() == 0
    finally:
        conveyor.running.close()
