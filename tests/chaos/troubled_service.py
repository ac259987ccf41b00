"""Starts the service of troubled/main.cpp on a private PostgreSQL and RabbitMQ, which the tests of one run share, and drives it."""

import atexit
import functools
import pathlib
import shutil
import sys
import tempfile
import threading
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "acceptance"), str(ROOT / "scripts" / "lib")]

from conveyor import Process, request, until  # noqa: E402
from private_servers import USER, PostgreSQL, RabbitMQ, free_port  # noqa: E402

import pika  # noqa: E402

lasts = threading.Event().wait  # seconds of load, or of a fault: they are the test
BROKER_LIMIT = 300_000  # bytes a message


class Servers:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mamey-fire-"))
        self.folder.chmod(0o711)  # the server's user passes through
        atexit.register(self.stop)
        self.broker = RabbitMQ(self.folder / "rabbitmq", max_message_size=BROKER_LIMIT)
        self.database = PostgreSQL(self.folder / "postgres", max_connections=200)
        self.database.wait_until_ready()
        self.broker.wait_until_ready()

    def stop(self):
        for name in ("database", "broker"):
            if hasattr(self, name):
                getattr(self, name).stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def servers():
    return Servers()


def channel():
    """For a foreign publisher: a pika channel, to be used in a with statement."""
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", servers().broker.port))


def publish(*bodies, type=None, id=None, **headers):
    """As another service would; each body is a message."""
    with channel() as connection:
        out = connection.channel()
        for body in bodies:
            out.basic_publish("things", "thing_added", body, pika.BasicProperties(
                message_id=id or uuid.uuid4().hex, type=type, delivery_mode=2, headers=headers or None))


class Service:
    """A service: a schema, a queue, any number of instances."""

    def __init__(self, name, *settings, variant=""):
        self.name, self.settings, self.variant = name, settings, variant
        self.instances = []

    def start(self, *settings, variant=None, wait=True):
        self.instances.append(Instance(self, settings, self.variant if variant is None else variant))
        return self.instances[-1].start(wait)

    def rows(self, statement):
        return servers().database.rows(f"set search_path to {self.name}; {statement}")

    def number(self, statement):
        return int(self.rows(statement)[0][0])

    def handled(self, thing, handler="book_thing"):
        """Rows this handler's runs have left."""
        return self.number(f"select count(*) from handled where thing = '{thing}' and handler like '{handler}%'")

    def wait_until_handled(self, *things, handler="book_thing", seconds=30):
        for each in things:
            until(f"{handler} has handled {each}", lambda: self.handled(each, handler), seconds, every=0.05)
            assert self.handled(each, handler) == 1

    def close(self):
        for each in self.instances:
            each.close()
        with channel() as connection:
            connection.channel().queue_delete(f"{self.name}/things.thing_added")


class Instance:
    def __init__(self, service, settings, variant):
        self.service, self.settings, self.variant = service, settings, variant
        self.port = free_port()
        self.starts, self.running = 0, None

    def start(self, wait=True):
        if self.running:
            self.running.close()
        self.starts += 1
        self.running = Process("troubled", [
            "--urls", f"http://127.0.0.1:{self.port}", f"--app:assembly={self.service.name}", f"--postgres:schema={self.service.name}",
            "--management:messages=true", *self.service.settings, *self.settings], {
                "TROUBLED_AS": self.variant, "POSTGRES__CONNECTIONSTRING": servers().database.connection_string,
                "RABBITMQ__HOSTNAMES__0": "127.0.0.1", "RABBITMQ__PORT": str(servers().broker.port),
                "RABBITMQ__CONVENTIONSCASING": "snakeCase", "RABBITMQ__FOREIGNEXCHANGE__WAIT": "00:00:00"}, cwd=servers().folder)
        if wait:
            self.running.wait_until_ready(["troubled"])
        return self

    def dead(self):
        return self.running.process.poll() is not None

    def add(self, deed="ordinary", note=""):
        thing = str(uuid.uuid4())
        answer = request(self.port, "POST", "/things", {"id": thing, "deed": deed, "note": note})
        assert answer.status == 201, answer.body
        return thing

    def mood(self, mood):
        assert request(self.port, "POST", f"/mood/{mood}").status == 200

    def messages(self):
        return request(self.port, "GET", "/_messages").json()

    def errors(self):
        return request(self.port, "GET", "/_messages/errors").json()["items"]

    def wait_for_errors(self, number=1, seconds=30):
        def there():
            found = self.errors()
            return found if len(found) >= number else None

        found = until(f"{number} in the error store of {self.service.name}", there, seconds, every=0.05)
        assert len(found) == number, found
        return found

    def error(self, id):
        return request(self.port, "GET", f"/_messages/errors/{id}").json()

    def retry(self, id):
        answer = request(self.port, "POST", f"/_messages/errors/{id}/retry")
        assert answer.status == 200, answer.body

    def health(self, probe="messaging"):
        """The status, and what the probe says."""
        answer = request(self.port, "GET", "/health/ready")
        assert answer.status == 200, answer.body
        told = answer.json()
        return told["status"], next(each.get("message", "") for each in told["checks"] if each["name"] == probe)

    def metrics(self):
        return request(self.port, "GET", "/metrics").body.splitlines()

    def metric(self, name):
        for line in self.metrics():
            if line.startswith(name) and line[len(name)] in " {":
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name}")

    def close(self):
        if self.running:
            self.running.close()
