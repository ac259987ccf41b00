"""The same story with every service a process of its own, on PostgreSQL and RabbitMQ: what differs is samples/conveyor/appsettings.distributed.json.
`--without-broker`: on PostgreSQL alone, whose durable queues carry the messages."""

import contextlib
import json
import pathlib
import signal
import sys
import tempfile

from demo import ROOT, play, say, stay
from private_servers import PostgreSQL, RabbitMQ

from conveyor import Conveyor, Process, request, until

INSTANCES = {"pricing": "pricing", "deliveries": "deliveries", "orders-1": "orders", "orders-2": "orders"}
FIXED_PORTS = {"pricing": 5003, "deliveries": 5001, "orders-1": 5002, "orders-2": 5012}


class Distributed(Conveyor):
    """Two instances of orders, one of deliveries, one of pricing. `kill` takes one of orders, in turn; `start` starts what is away."""

    def __init__(self, folder, database, broker, ports):
        super().__init__(folder)
        self.of_instances = dict(ports)
        self.instances = {}
        self.asked = self.killed = 0
        self.shape = "four processes on PostgreSQL and RabbitMQ" if broker else "four processes on PostgreSQL alone"
        carrier = {"RABBITMQ__PORT": str(broker.port)} if broker else {"MESSAGING__TRANSPORT": "sql"}
        self.environment = {"POSTGRES__CONNECTIONSTRING": database.connection_string, **carrier}

    def start(self):
        for name in INSTANCES:
            if name not in self.instances:
                self.start_instance(name)
        self.ports = {"orders": self.of_instances["orders-1"], "deliveries": self.of_instances["deliveries"], "pricing": self.of_instances["pricing"]}
        return self

    def start_instance(self, name):
        program = INSTANCES[name]
        pricing = {"HTTPCLIENT__SERVICES__PRICING": f"http://127.0.0.1:{self.of_instances['pricing']}"} if program == "orders" else {}
        self.instances[name] = Process(
            program,
            ["--environment", "distributed", "--data", str(self.data), "--urls", f"http://127.0.0.1:{self.of_instances.get(name, 0)}",
             f"--logger:file:path={self.log_of(name)}", "--logger:file:interval=infinite"],
            {**self.environment, **pricing}, cwd=ROOT / "samples" / "conveyor")
        self.instances[name].wait_until_ready([program])
        self.of_instances[name] = self.instances[name].ports[program]

    def wait_until_they_listen(self):
        """The first time ever: deliveries binds when orders has made its exchange, and what was published before that is not for it. Until then it is ready, and degraded."""
        for name, port in self.of_instances.items():
            until(f"{name} listens", lambda port=port: request(port, "GET", "/health/ready").json()["status"] == "healthy", seconds=60)

    def log_of(self, name):
        return self.data / f"{name}.json"

    def create_order(self, *arguments, **named):
        self.asked += 1  # a balancer would do this
        self.ports = {**self.ports, "orders": self.of_instances[f"orders-{1 + self.asked % 2}"]}
        return super().create_order(*arguments, **named)

    def kill(self):
        name = f"orders-{1 + self.killed % 2}"
        self.killed += 1
        self.instances[name].kill()
        self.instances.pop(name).close()

    def stop(self):
        codes = [each.stop() for each in reversed(self.instances.values())]
        return max(codes, key=abs)

    def close(self):
        for each in self.instances.values():
            each.close()

    def records(self, name):
        """What an instance wrote into its file; the last line may be half there."""
        for line in self.log_of(name).read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                yield json.loads(line)


def show_trace(conveyor):
    """One order's trace, from the request through the broker and back, in the files of all services."""
    order_id, answer = conveyor.create_order()
    conveyor.wait_until_delivered([order_id])
    trace = answer.headers["x-request-id"]
    needed = {"orders", "deliveries", "pricing"}

    def found():
        lines = [(name, each) for name in INSTANCES for each in conveyor.records(name) if trace in json.dumps(each)]
        return lines if {INSTANCES[name] for name, _ in lines} == needed else None

    lines = until(f"trace {trace} is in the log files of {needed}", found, seconds=30)
    say(f"order {order_id}, trace {trace}, in the log files:")
    for name, each in sorted(lines, key=lambda line: line[1]["time"]):
        print(f"    {each['time'][11:23]}  {name + '.json':16} {each['message']}", flush=True)


def main():
    once = "--once" in sys.argv
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # in order, so that nothing stays behind
    with tempfile.TemporaryDirectory(prefix="mamey-demo-") as folder, contextlib.ExitStack() as ends:
        folder = pathlib.Path(folder)
        folder.chmod(0o711)  # the server's user passes through
        with_broker = "--without-broker" not in sys.argv
        say("starting a private PostgreSQL" + (" and a private RabbitMQ" if with_broker else ""))
        broker = RabbitMQ(folder / "rabbitmq") if with_broker else None
        if broker:
            ends.callback(broker.stop)
        database = PostgreSQL(folder / "postgres")
        ends.callback(database.stop)
        database.wait_until_ready()
        if broker:
            broker.wait_until_ready()
        conveyor = Distributed(folder / "data", database, broker, {} if once else FIXED_PORTS)
        conveyor.data.mkdir()
        ends.callback(conveyor.close)
        conveyor.start()
        conveyor.wait_until_they_listen()
        failed = play(conveyor)
        show_trace(conveyor)
        if embedded := [each.name for each in conveyor.data.glob("*.db*")]:
            say(f"FAILED: {embedded} were stored beside the servers")
            failed = 1
        if not once:
            stay(conveyor)
        code = conveyor.stop()
        say(f"stopped in order, exit code {code}")
        return failed or code


if __name__ == "__main__":
    sys.exit(main())
