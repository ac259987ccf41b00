"""A service without a store that is killed while a message is on its way into a delay queue: it comes again, at least once and never not at all."""

import contextlib
import socket
import threading
import time

import pika
import pytest

from test_rabbitmq_interop import PATIENCE, Ours

M0, M1 = "0191d7d1c0a07000a000000000000010", "0191d7d1c0a07000a000000000000011"


class Gate:
    """Between a service and the broker: keeps back what one of them says."""

    def __init__(self, server):
        self.server = server
        self.held = {"service": threading.Event(), "broker": threading.Event()}
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                service = self.listener.accept()[0]
                broker = socket.create_connection(("127.0.0.1", self.server))
                self.sockets += [service, broker]
                threading.Thread(target=self._forward, args=(service, broker, "service"), daemon=True).start()
                threading.Thread(target=self._forward, args=(broker, service, "broker"), daemon=True).start()

    def _forward(self, speaker, listener, name):
        with contextlib.suppress(OSError):
            while said := speaker.recv(65536):
                if not self.held[name].is_set():
                    listener.sendall(said)
            listener.shutdown(socket.SHUT_RDWR)  # whoever was killed is gone for the other, too

    def close(self):
        for each in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture(scope="module")
def broker():
    program = Ours()
    yield program
    program.close()


@pytest.fixture
def start():
    """Starts services; those that a failed test leaves behind are killed."""
    running = []

    def begin(port):
        running.append(Ours(port))
        return running[-1]

    yield begin
    for each in running:
        each.kill()


def depth(channel, name):
    return channel.queue_declare(name, passive=True).method.message_count


def wait_until(holds, deadline=PATIENCE):
    until = time.monotonic() + deadline
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("held, copies", [("broker", 2), ("service", 1)])
def test_killed_between_the_copy_in_the_delay_queue_and_the_acknowledgement(broker, start, held, copies):
    """The broker's confirm does not come back, or the copy does not get there."""
    name = f"stock-{held}"
    gate = Gate(broker.port)
    service = start(gate.port)
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port)) as connection:
        channel = connection.channel()
        service.ask(f"keep {name} orders {name}")
        service.hear("consuming")
        channel.basic_publish("orders", name, b"{}", pika.BasicProperties(message_id=M0, delivery_mode=2))
        service.hear("message")
        service.ask("back")  # opens the way into the delay queue
        assert service.hear("message")["id"] == M0
        service.ask("done")
        channel.basic_publish("orders", name, b"{}", pika.BasicProperties(message_id=M1, delivery_mode=2))
        assert service.hear("message")["id"] == M1
        gate.held[held].set()
        service.ask("back")
        if held == "broker":
            wait_until(lambda: depth(channel, f"{name}.delay-1000") == 1)
        service.kill()
        gate.close()
        after = start(broker.port)
        after.ask(f"keep {name} orders {name}")
        heard = [after.said.get(timeout=PATIENCE) for _ in range(copies + 1)]  # a message may come before word that it consumes
        assert [each["id"] for each in heard if each["event"] == "message"] == [M1] * copies
        after.ask("done")
        after.close()
        assert depth(channel, name) == 0 and depth(channel, f"{name}.delay-1000") == 0
