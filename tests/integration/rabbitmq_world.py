"""A broker of the test's own, what is in it, a .NET service replayed from its recorded frames, and a service of ours beside it."""

import base64
import json
import pathlib
import re
import sys
import tempfile
import threading
import uuid

import pika
import pika.exceptions

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "acceptance"), str(TESTS / "support"), str(TESTS.parent / "scripts" / "lib")]
from conveyor import Process, request, until  # noqa: E402
from private_servers import RabbitMQ  # noqa: E402
from vectors import Vectors  # noqa: E402, F401

PATIENCE = 180  # seconds: for what takes a moment on a machine that has nothing else to do


class Broker:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mamey-broker-")
        self.node = RabbitMQ(pathlib.Path(self.folder.name, "rabbitmq"))
        self.node.wait_until_ready()
        self.port = self.node.port

    def evaluate(self, expression):
        """Runs Erlang in the node; returns what it prints."""
        return self.node.control("eval", " ".join(expression.split()))

    def add_hosts(self, names):
        listed = ", ".join(f'<<"{each}">>' for each in names)
        self.evaluate(f"""[begin rabbit_vhost:add(N, <<"test">>),
            rabbit_auth_backend_internal:set_permissions(<<"guest">>, N, <<".*">>, <<".*">>, <<".*">>, <<"test">>) end || N <- [{listed}]].""")

    def contents(self, hosts):
        """What there is in each, as the vectors write it: exchanges but for the broker's own, queues, bindings but for the default ones."""
        listed = ", ".join(f'<<"{each}">>' for each in hosts)
        text = self.evaluate(f"""begin
            Table = fun(L) -> maps:from_list([{{K, V}} || {{K, _, V}} <- L]) end,
            Row = fun(L) -> maps:from_list([case E of {{arguments, A}} -> {{arguments, Table(A)}}; {{name, {{resource, _, _, N}}}} -> {{name, N}}; _ -> E end || E <- L]) end,
            base64:encode(rabbit_json:encode([#{{host => H,
                exchanges => [Row(E) || E <- rabbit_exchange:info_all(H, [name, type, durable, auto_delete, internal, arguments])],
                queues => [Row(E) || E <- rabbit_amqqueue:info_all(H, [name, durable, auto_delete, exclusive, arguments])],
                bindings => [Row(E) || E <- rabbit_binding:info_all(H, [source_name, destination_name, routing_key, arguments])]}} || H <- [{listed}]])) end.""")
        encoded = "".join(re.findall(r'"([^"]*)"', text))
        found = {}
        for each in json.loads(base64.b64decode(encoded)):
            found[each["host"]] = {
                "exchanges": sorted((e for e in each["exchanges"] if e["name"] and not e["name"].startswith("amq.")), key=lambda e: e["name"]),
                "queues": sorted(each["queues"], key=lambda e: e["name"]),
                "bindings": sorted(({"source": e["source_name"], "destination": e["destination_name"], "destination_type": "queue", "routing_key": e["routing_key"], "arguments": e["arguments"]}
                                    for e in each["bindings"] if e["source_name"]), key=lambda e: (e["source"], e["destination"])),
            }
        return found

    def connection(self, host):
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.port, host, heartbeat=0, blocked_connection_timeout=PATIENCE))

    def consumers(self, host, queue):
        """How many consume it; 0 where it is not there."""
        with self.connection(host) as connection:
            try:
                return connection.channel().queue_declare(queue, passive=True).method.consumer_count
            except pika.exceptions.ChannelClosedByBroker as closed:
                return 1 if closed.reply_code == 405 else 0  # another connection's alone

    def publish(self, host, exchange, key, bodies):
        """How many of them found a queue."""
        with self.connection(host) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            routed = 0
            for body in bodies:
                try:
                    channel.basic_publish(exchange, key, body, pika.BasicProperties(message_id=uuid.uuid4().hex, correlation_id=uuid.uuid4().hex), mandatory=True)
                    routed += 1
                except pika.exceptions.UnroutableError:
                    pass
            return routed

    def close(self):
        self.node.stop()
        self.folder.cleanup()


def arguments_of(table):
    return {name: each["value"] for name, each in table.items()}


class Convey:
    """What a Convey service sent to its broker, sent again. Its initializer's refusals end the process, its subscriber's leave it deaf."""

    def __init__(self, broker, host, frames):
        self.handled = 0
        self.refused = []
        self.alive = True
        self.stopping = False
        self.declared = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(broker, host, frames), daemon=True)
        self.thread.start()
        assert self.declared.wait(PATIENCE), "the broker did not answer a replayed client"

    def _run(self, broker, host, frames):
        try:
            with broker.connection(host) as connection:
                channel = connection.channel()
                for frame in frames:
                    self._send(channel, frame)
                self.declared.set()
                while not self.stopping:
                    connection.process_data_events(time_limit=0.1)
        except pika.exceptions.AMQPError as refused:
            self.alive = False
            self.refused.append(str(refused))
        finally:
            self.declared.set()

    def _send(self, channel, frame):
        kind = frame["m"]
        if kind == "exchange.declare":
            channel.exchange_declare(frame["exchange"], frame["type"], durable=frame["durable"], auto_delete=frame["auto_delete"])
        elif kind == "queue.declare":
            channel.queue_declare(frame["queue"], durable=frame["durable"], exclusive=frame["exclusive"], auto_delete=frame["auto_delete"], arguments=arguments_of(frame["arguments"]))
        elif kind == "queue.bind":
            channel.queue_bind(frame["queue"], frame["exchange"], frame["routing_key"])
        elif kind == "basic.qos":
            channel.basic_qos(prefetch_count=frame["prefetch_count"], global_qos=frame["global"])
        elif kind == "basic.consume":
            channel.basic_consume(frame["queue"], self._take, exclusive=frame["exclusive"])

    def _take(self, channel, method, properties, body):
        self.handled += 1
        channel.basic_ack(method.delivery_tag)

    def stop(self):
        self.stopping = True
        self.thread.join(PATIENCE)


class Sample:
    """A service of the samples, on a file and a broker, with a section `rabbitMq`."""

    program = None

    def __init__(self, broker, host, section, arguments=(), **more):
        self.folder = tempfile.TemporaryDirectory(prefix=f"mamey-{self.program}-")
        where = {"hostNames": ["127.0.0.1"], "port": broker.port, "virtualHost": host, "foreignExchange": {"wait": "00:00:01"}}
        settings = {"app": {"assembly": "Wire.Bus"}, "rabbitMq": {**section, **where}, "server": {"urls": ["http://127.0.0.1:0"]}, "management": {"messages": True}, **more}
        pathlib.Path(self.folder.name, "appsettings.json").write_text(json.dumps(settings))
        self.process = Process(self.program, [*arguments, "--data", str(pathlib.Path(self.folder.name, "data"))], cwd=self.folder.name)

    @property
    def port(self):
        return self.process.ports[self.program]

    def wait_until_ready(self):
        self.process.wait_until_ready([self.program], PATIENCE)
        return self

    def refusal(self):
        """What it says, where it does not start."""
        code = self.process.process.wait(PATIENCE)
        assert code != 0, self.process.output()
        return self.process.output()

    def figure(self, name, label=""):
        found = re.search(rf'^{name}({{[^}}]*{label}[^}}]*}})? ([0-9.e+]+)', request(self.port, "GET", "/metrics").body, re.M)
        return int(float(found[2])) if found else 0

    def log(self):
        return self.process.output()

    def close(self):
        try:
            if self.process.process.poll() is None:
                self.process.stop(PATIENCE)
        finally:
            self.process.close()
            self.folder.cleanup()


class Deliveries(Sample):
    program = "deliveries"

    def handled(self):
        return self.figure("mamey_messages_handled_total", 'subscription="OrderCreated"')


class Orders(Sample):
    program = "orders"


def eventually(what, condition):
    return until(what, condition, PATIENCE, every=0.05)
