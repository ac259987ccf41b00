"""Every metric and every probe that docs/operations.md and docs/observability.md name is seen to move: a name in the docs that nobody makes move fails here."""

import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from conveyor import BINARIES, ROOT, request, until

pytestmark = pytest.mark.served

DOCS = ("docs/operations.md", "docs/observability.md")
MOVED = {}


def moves(*names):
    """The test makes these metrics move."""

    def mark(test):
        MOVED.update(dict.fromkeys(names, test.__name__))
        return test

    return mark


def named_in(text):
    """Metrics in backquotes; `…_sent_total` behind `mamey_outbox_attempts_total` has the first two words of that."""
    names, before = set(), ""
    for name in re.findall(r"`(…?[a-z]*_[a-z_]+)(?:\{[^`]*\})?`", text):
        if name.startswith("…"):
            name = before + name[1:]
        elif not name.startswith(("mamey_", "http_", "process_")):
            continue
        names.add(name)
        before = "_".join(name.split("_")[:2])
    return names


def moved_by_cpp_tests():
    """Asserted to be something else than 0 on a page, or read one by one."""
    moved = set()
    for path in (ROOT / "tests").rglob("*_test.cpp"):
        source = path.read_text().replace('\\"', "'")
        moved.update(re.findall(r'metric\("((?:mamey|process)_\w+)', source))
        moved.update(re.findall(r'"((?:mamey|process)_\w+)(?:\{[^}]*\})? [1-9]', source))
    return moved


def moved_by_the_tests_of_the_server():
    """Those read `metric(trouble, "NAME")` there."""
    return set(re.findall(r'"((?:mamey_)?http_\w+)', (ROOT / "tests/acceptance/test_pressure.py").read_text()))


def test_every_metric_of_the_docs_has_a_test_that_moves_it():
    documented = set().union(*(named_in((ROOT / page).read_text()) for page in DOCS))
    assert {"mamey_outbox_sent_total", "mamey_messages_attempts_total", "mamey_log_records_total"} <= documented, "the names are found"
    assert documented - set(MOVED) - moved_by_cpp_tests() - moved_by_the_tests_of_the_server() == set()


PROBES = {"store", "messaging", "certificate", "httpClient"}  # the last two by test_pressure.py and the unit tests of the host's settings


def test_every_probe_of_the_docs_has_a_test_that_turns_it_red():
    table = (ROOT / DOCS[0]).read_text().split("| probe | a failure means |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.M)) == PROBES


def value(page, name):
    """The sum over all labels."""
    found = re.findall(rf"^{re.escape(name)}(?:_count)?(?:\{{.*\}})? (\S+)$", page, re.M)
    assert found, f"{name} is not on the page"
    return sum(map(float, found))


class Watched:
    """A running service whose figures are looked at."""

    def __init__(self, port):
        self.port = port

    def page(self):
        return request(self.port, "GET", "/metrics").body

    def value(self, name):
        return value(self.page(), name)

    def wait_until_above(self, name, least):
        return until(f"{name} is above {least}", lambda: (seen := self.value(name)) > least and seen)

    def status_of(self, probe):
        checks = request(self.port, "GET", "/health/ready").json()["checks"]
        return next(each["status"] for each in checks if each["name"] == probe)


@pytest.fixture
def start(trouble_service):
    return lambda *arguments, **how: Watched(trouble_service(*arguments, **how).port)


@moves("mamey_handled_total", "mamey_handling_seconds", "mamey_log_records_total", "http_request_duration_seconds")
def test_handlers_and_log_lines_are_counted(start):
    trouble = start("--logger:level=verbose")
    before = trouble.page()
    assert request(trouble.port, "GET", "/fill/1").status == 200
    after = trouble.page()
    for name in ("mamey_handled_total", "mamey_handling_seconds"):
        assert value(after, name) == value(before, name) + 1
    duration = re.compile(r'^http_request_duration_seconds_count\{.*handler="/fill/\{bytes\}".*\} (\S+)$', re.M)
    assert not duration.search(before), "a route has no series until it has answered"
    until("its duration is counted", lambda: duration.findall(trouble.page()) == ["1"])
    trouble.wait_until_above("mamey_log_records_total", value(before, "mamey_log_records_total"))


@moves("mamey_job_missed_total", "mamey_job_next_timestamp_seconds", "mamey_job_last_timestamp_seconds")
def test_occurrences_of_a_job_that_pass_while_no_instance_runs_are_counted(trouble_service):
    trouble = trouble_service("--jobs:Tick:every=00:00:01")
    Watched(trouble.port).wait_until_above("mamey_job_runs_total", 0)
    trouble.running.close()
    stopped = time.time()
    until("three occurrences have passed", lambda: time.time() > stopped + 3)
    now = time.time()
    trouble.start()
    again = Watched(trouble.port)
    again.wait_until_above("mamey_job_missed_total", 1)
    again.wait_until_above("mamey_job_next_timestamp_seconds", now)
    again.wait_until_above("mamey_job_last_timestamp_seconds", now - 3)


@moves("mamey_log_records_dropped_total")
def test_a_log_that_cannot_keep_up_is_counted(start):
    trouble = start("--logger:queue=1")
    assert request(trouble.port, "GET", "/tell/10000").status == 200
    trouble.wait_until_above("mamey_log_records_dropped_total", 0)


@moves("mamey_log_sink_failures_total")
def test_a_console_that_takes_nothing_is_counted_and_told_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open("/dev/full", "w") as full, open(tmp_path / "stderr", "w+") as told:
        process = subprocess.Popen([str(BINARIES / "trouble"), "--data", str(tmp_path / "data"), "--urls", f"http://127.0.0.1:{port}", "--logger:level=verbose"],
                                   stdout=full, stderr=told)
        try:
            trouble = Watched(port)

            def failed():
                try:
                    request(port, "GET", "/fill/1")
                    return trouble.value("mamey_log_sink_failures_total") > 20
                except OSError:
                    return False

            until("the console's failures are counted", failed)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
    said = (tmp_path / "stderr").read_text()
    assert said.count("log sink fails") == 1, said
    assert "cannot write to standard output: No space left on device" in said


@moves("mamey_loop_stalls_total")
def test_a_loop_that_does_not_turn_is_counted_and_named(start, trouble_service):
    running = trouble_service("--runtime:stallWarning=00:00:00.100", "--runtime:threads=2")
    trouble = Watched(running.port)
    before = trouble.value("mamey_loop_stalls_total")  # on a busy machine the start itself may have stood still
    assert request(trouble.port, "GET", "/block/2000").status == 200
    trouble.wait_until_above("mamey_loop_stalls_total", before)
    until("the log names it", lambda: re.search(r"loop \d has not turned for .*\(handler /block/\{milliseconds\}\) blocks the thread", running.running.output()))
    until("and tells its end", lambda: re.search(r"loop \d turns again", running.running.output()))


@moves("mamey_outbox_pending", "mamey_outbox_oldest_seconds", "mamey_outbox_sent_total", "mamey_outbox_attempts_total", "mamey_messages_handled_total",
       "mamey_messages_attempts_total")
def test_messages_that_wait_and_messages_that_went_are_counted(tmp_path, trouble_service):
    waiting = trouble_service("--messaging:publishing=false")
    assert waiting.add()[1].status == 201
    trouble = Watched(waiting.port)
    trouble.wait_until_above("mamey_outbox_pending", 0)
    trouble.wait_until_above("mamey_outbox_oldest_seconds", 0)
    assert trouble.value("mamey_outbox_sent_total") == 0
    assert waiting.running.stop() == 0

    sending = trouble_service()
    trouble = Watched(sending.port)
    for name in ("mamey_outbox_sent_total", "mamey_outbox_attempts_total", "mamey_messages_attempts_total", "mamey_messages_handled_total"):
        trouble.wait_until_above(name, 0)
    until("nothing waits", lambda: trouble.value("mamey_outbox_pending") == 0 and trouble.value("mamey_outbox_oldest_seconds") == 0)


@moves("mamey_errors", "mamey_messages_failed_total", "mamey_messages_retried_total")
def test_messages_that_fail_are_counted_and_the_probe_degrades(start, trouble_service):
    running = trouble_service("--messaging:delayedRetries:0=00:00:00.010")
    trouble = Watched(running.port)
    assert trouble.status_of("messaging") == "healthy"
    assert running.add("throwInt")[1].status == 201
    for name in ("mamey_errors", "mamey_messages_failed_total", "mamey_messages_retried_total"):
        trouble.wait_until_above(name, 0)
    until("the probe says so", lambda: trouble.status_of("messaging") == "degraded")


@moves("mamey_messages_discarded_total")
def test_messages_that_a_rule_discards_are_counted(trouble_service):
    running = trouble_service("--messaging:recoverability:errorCodes:internal_error:reaction=discard")
    trouble = Watched(running.port)
    assert running.add("throwInt")[1].status == 201
    trouble.wait_until_above("mamey_messages_discarded_total", 0)
    assert running.get("/_messages").json()["errors"] == 0


@moves("mamey_subscription_paused")
@pytest.mark.parametrize("transport", ["inProcess", "sql"])
def test_a_subscription_that_a_failure_has_paused_is_shown_and_resumed(trouble_service, transport):
    running = trouble_service(f"--messaging:transport={transport}", "--messaging:recoverability:handlers:on_thing_added:reaction=pause")
    trouble = Watched(running.port)
    assert running.add("throwInt")[1].status == 201
    trouble.wait_until_above("mamey_subscription_paused", 0)
    until("the probe says so", lambda: trouble.status_of("messaging") == "degraded")
    assert "ThingAdded is paused: on_thing_added failed with internal_error" in running.get("/_messages").json()["trouble"]
    thing, _ = running.add()
    attempts = trouble.value("mamey_messages_attempts_total")
    until("a second message waits", lambda: trouble.value("mamey_outbox_pending") > 0 or trouble.value("mamey_outbox_sent_total") > 1)
    assert running.times(thing) == 0

    # The first message fails again, and pauses the subscription again.
    assert request(running.port, "POST", "/_messages/subscriptions/ThingAdded/resume").status == 204
    trouble.wait_until_above("mamey_messages_attempts_total", attempts)
    trouble.wait_until_above("mamey_subscription_paused", 0)

    # The next start ends the pause. Another rule lets the first message go.
    assert running.running.stop() == 0
    running.arguments[-1] = "--messaging:recoverability:handlers:on_thing_added:reaction=errorStore"
    running.start()
    running.wait_until_handled(thing)
    until("the first message is kept", lambda: running.get("/_messages").json()["errors"] == 1)


@moves("process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_threads", "process_open_fds", "process_max_fds",
       "process_start_time_seconds")
def test_figures_of_the_process_are_those_of_the_process(start, trouble_service):
    running = trouble_service()
    trouble = Watched(running.port)
    pid = running.running.process.pid
    page = trouble.page()
    status = dict(re.findall(r"^(\w+):\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))
    assert abs(value(page, "process_start_time_seconds") - time.time()) < 600
    assert value(page, "process_threads") == int(status["Threads"])
    assert value(page, "process_max_fds") >= value(page, "process_open_fds") > 3
    assert 0.2 < value(page, "process_resident_memory_bytes") / (int(status["VmRSS"]) * 1024) < 5
    assert 0.2 < value(page, "process_virtual_memory_bytes") / (int(status["VmSize"]) * 1024) < 5

    kept = [socket.create_connection(("127.0.0.1", trouble.port)) for _ in range(20)]
    trouble.wait_until_above("process_open_fds", value(page, "process_open_fds") + 15)
    for each in kept:
        each.close()

    def used_more():
        request(trouble.port, "GET", "/fill/1000000")
        return trouble.value("process_cpu_seconds_total") > value(page, "process_cpu_seconds_total")

    until("processor time grows", used_more)


def test_the_probe_of_the_store_is_red_when_its_disk_is_full(small_disk, trouble_service):
    running = trouble_service(data=small_disk.path / "data")
    trouble = Watched(running.port)
    assert trouble.status_of("store") == "healthy"
    until("the disk is full", lambda: running.add(note="x" * 20_000)[1].status == 503)
    until("the probe is red", lambda: running.add()[1].status == 503 and trouble.status_of("store") == "unhealthy")
    assert request(trouble.port, "GET", "/health/ready").status == 503
    small_disk.remount("size=32m")
    until("and green again", lambda: trouble.status_of("store") == "healthy")
