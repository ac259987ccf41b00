"""Three instances behind HAProxy, each restarted in turn while clients send: nobody notices. Killed instead of stopped: unanswered requests, nothing else."""

import json
import pathlib
import subprocess
import sys

import pytest

from troubled_service import Service, free_port, lasts, request, servers, until

RATE = 500
# As docs/operations.md has them: marked down within 2 x 500 ms + 250 ms of the first refusal, so the instance goes on for two seconds.
PROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 75s
    timeout server 40s
    timeout check 250ms
    retries 0
    option httpchk GET /health/ready
    default-server inter 500ms fall 2 rise 2
listen things
    bind 127.0.0.1:{port}
    balance roundrobin
{instances}
"""


class Fleet:
    """`count` instances behind a proxy, and a client that sends."""

    def __init__(self, name, count=3):
        self.service = Service(name, "--shutdown:drainDelay=00:00:02")
        self.proxy = self.client = None
        self.instances = [self.service.start(wait=False) for _ in range(count)]
        for each in self.instances:
            each.running.wait_until_ready(["troubled"])
        self.port = free_port()
        configuration = servers().folder / f"{name}-haproxy.cfg"
        configuration.write_text(PROXY.format(port=self.port, instances="\n".join(
            f"    server {name}-{i} 127.0.0.1:{each.port} check" for i, each in enumerate(self.instances))))
        self.proxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(configuration)], stdin=subprocess.DEVNULL)
        until("the proxy takes requests", self.reachable)

    def reachable(self):
        try:
            return request(self.port, "GET", "/ping").status == 200
        except OSError:
            return False

    def send(self):
        self.client = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("open_loop_client.py")), str(self.port), str(RATE)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lasts(1)

    def replace(self, each, end):
        """Ends an instance and starts it again; returns when the proxy has had the time to see both."""
        end(each)
        each.start()
        lasts(1.5)

    def stop_sending(self):
        told = json.loads(self.client.communicate(timeout=60)[0])
        print(f"\n{self.service.name}: " + ", ".join(f"{key} {value if not isinstance(value, float) else round(value, 1)}"
                                                    for key, value in told.items() if key not in ("acknowledged", "troubles")), flush=True)
        return told

    def judge(self, acknowledged):
        """Each acknowledged command has its row, each row's event was handled once, and nothing was put aside."""
        number = self.service.number
        until("every event is handled", lambda: number("select count(*) from things t where not exists (select 1 from handled h where h.thing = t.id)") == 0, 60, every=0.2)
        until("the outbox is empty", lambda: number("select count(*) from mamey_outbox") == 0, 30, every=0.2)
        rows = {each[0] for each in self.service.rows("select id from things")}
        assert set(acknowledged) - rows == set()
        assert number("select count(*) from handled") == number("select count(distinct thing) from handled") == len(rows)
        assert number("select count(*) from mamey_errors") == 0
        return rows

    def close(self):
        for process in (self.client, self.proxy):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self.service.close()


@pytest.fixture
def fleet(request):
    running = Fleet(request.node.name.split("[")[0].replace("test_", "")[:20])
    yield running
    running.close()


def stop(each):
    code = each.running.stop()
    assert code == 0, each.running.output()[-3000:]


def restart_in_turn(fleet, rounds):
    fleet.send()
    for _ in range(rounds):
        for each in fleet.instances:
            fleet.replace(each, stop)
    told = fleet.stop_sending()
    assert told["troubles"] == [], told["troubles"][:10]
    assert told["rate"] > 0.95 * RATE
    assert len(told["acknowledged"]) == told["sent"]
    assert fleet.judge(told["acknowledged"]) == set(told["acknowledged"])


def test_rolling_restart_is_seen_by_no_client(fleet):
    restart_in_turn(fleet, 1)


@pytest.mark.long
def test_two_rolling_restarts_are_seen_by_no_client(fleet):
    restart_in_turn(fleet, 2)


@pytest.mark.long
def test_killed_instances_lose_no_acknowledged_command(fleet):
    fleet.send()
    for _ in range(2):
        for each in fleet.instances:
            fleet.replace(each, lambda it: it.running.kill())
    told = fleet.stop_sending()
    rows = fleet.judge(told["acknowledged"])
    unanswered = [id for id, what in told["troubles"]]
    reasons = {}
    for _, what in told["troubles"]:
        reasons[what] = reasons.get(what, 0) + 1
    print(f"of {told['sent']} commands {len(unanswered)} without a good answer: {reasons}; {len(rows & set(unanswered))} of them done all the same")
    assert rows - set(told["acknowledged"]) <= set(unanswered)
