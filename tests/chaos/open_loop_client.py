"""A client that sends a command at each of its moments, whether the earlier ones are answered or not, as many users do.

It keeps connections and tries nothing again. Run alone it sends until its standard input ends, then prints what it saw as JSON.
usage: open_loop_client.py PORT RATE
"""

import asyncio
import json
import sys
import time
import uuid

ANSWER_WITHIN = 15.0


class Connection(asyncio.Protocol):
    """One kept connection; one request at a time on it."""

    def __init__(self, client):
        self.client = client
        self.transport = self.request = None
        self.received = bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def send(self, request):
        self.request = request
        self.transport.write(request.text)

    def data_received(self, data):
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = self.received[:end].decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        if len(self.received) < end + 4 + int(headers.get("content-length", 0)):
            return
        request, self.request = self.request, None
        self.received.clear()
        if headers.get("connection", "").lower() == "close":
            self.transport.close()
        else:
            self.client.idle.append(self)
        self.client.answered(request, int(lines[0].split()[1]))

    def connection_lost(self, failure):
        if self in self.client.idle:
            self.client.idle.remove(self)
        if self.request:
            self.client.troubled(self.request, f"connection ended without an answer: {failure!r}")
        self.request = None


class Request:
    def __init__(self):
        self.id = str(uuid.uuid4())
        body = json.dumps({"id": self.id})
        self.text = f"POST /things HTTP/1.1\r\nHost: things\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        self.due = time.monotonic()
        self.done = False


class Client:
    def __init__(self, port, rate):
        self.port, self.rate = port, rate
        self.idle, self.open = [], {}
        self.acknowledged, self.troubles, self.statuses, self.latencies = [], [], {}, []
        self.connections = self.sent = 0

    async def send_until(self, end):
        start = time.monotonic()
        while not end.is_set():
            behind = int((time.monotonic() - start) * self.rate) - self.sent
            for _ in range(behind):
                self.begin()
            await asyncio.sleep(1 / self.rate)
        self.seconds = time.monotonic() - start
        deadline = time.monotonic() + ANSWER_WITHIN
        while self.open and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for request in list(self.open.values()):
            self.troubled(request, f"no answer within {ANSWER_WITHIN} s")

    def begin(self):
        self.sent += 1
        request = Request()
        self.open[request.id] = request
        if self.idle:
            self.idle.pop().send(request)
        else:
            asyncio.get_running_loop().create_task(self.connect_and_send(request))

    async def connect_and_send(self, request):
        try:
            self.connections += 1
            _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(self), "127.0.0.1", self.port)
            connection.send(request)
        except OSError as failure:
            self.troubled(request, f"connecting: {failure!r}")

    def answered(self, request, status):
        if not self.open.pop(request.id, None):
            return
        self.latencies.append(time.monotonic() - request.due)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 201:
            self.acknowledged.append(request.id)
        else:
            self.troubles.append([request.id, f"status {status}"])

    def troubled(self, request, what):
        if self.open.pop(request.id, None):
            self.troubles.append([request.id, what])

    def report(self):
        ordered = sorted(self.latencies) or [0]
        return {"sent": self.sent, "rate": self.sent / self.seconds, "seconds": self.seconds, "connections": self.connections, "statuses": self.statuses,
                "p50_ms": 1000 * ordered[len(ordered) // 2], "p99_ms": 1000 * ordered[len(ordered) * 99 // 100], "max_ms": 1000 * ordered[-1],
                "acknowledged": self.acknowledged, "troubles": self.troubles}


async def main(port, rate):
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: sys.stdin.readline() or end.set())
    client = Client(port, rate)
    await client.send_until(end)
    print(json.dumps(client.report()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
