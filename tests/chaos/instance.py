"""One instance of the service under fire, each of its connections by a link of its own."""

import os
import re
import signal
import subprocess

from conveyor import BINARIES, request
from private_servers import die_with_parent, free_port

APPLICATIONS = ("notes", "accounts")

# Short spans, so that what takes minutes in a company takes seconds here.
SETTINGS = {
    "logger:console:format": "human", "logger:minimumLevelOverrides:mamey": "information",
    "management:messages": "true",
    "outbox:lease": "00:00:06", "outbox:confirmTimeout": "00:00:03", "outbox:leaseMargin": "00:00:01",
    "messaging:lease": "00:00:06", "messaging:handlerTimeout": "00:00:11",  # longer than the broker waits
    "messaging:immediateRetries": "1",  # a delayed message whose claim was lost waits for all tries and half a minute
    **{f"messaging:delayedRetries:{n}": f"00:00:{seconds:02}" for n, seconds in enumerate((1, 2, 4, 8, 15))},
    "postgres:readConnections": "2", "postgres:flushConnections": "4", "postgres:interactiveConnections": "4", "postgres:relayConnections": "2",
    "postgres:connectTimeout": "00:00:02", "postgres:commandTimeout": "00:00:05", "postgres:answerBound": "00:00:05", "postgres:acquireTimeout": "00:00:05",
    "rabbitMq:requestedHeartbeat": "00:00:03", "rabbitMq:requestedConnectionTimeout": "00:00:03", "rabbitMq:handshakeContinuationTimeout": "00:00:03",
    "rabbitMq:continuationTimeout": "00:00:05", "rabbitMq:socketWriteTimeout": "00:00:05", "rabbitMq:networkRecoveryInterval": "00:00:02",
}
POISON_ONLY = re.compile(r"\d+ messages? (is|are) in the error store")


class Instance:
    def __init__(self, name, folder, proxy, database, broker):
        self.name, self.log = name, folder / f"{name}.log"
        self.ports = {each: free_port() for each in APPLICATIONS}
        self.database = proxy.link(f"{name}-database", database.port)
        self.broker = proxy.link(f"{name}-broker", broker.port)
        self.clients = {each: proxy.link(f"{name}-{each}", port) for each, port in self.ports.items()}
        self.settings = {**SETTINGS, "postgres:connectionString": database.connection_string_by(self.database.port),
                         "rabbitMq:hostNames:0": "127.0.0.1", "rabbitMq:port": str(self.broker.port), "rabbitMq:conventionsCasing": "snakeCase"}
        self.data = folder / f"{name}-data"
        self.process = None
        self.starts = self.refused_starts = 0
        self.has_served = False

    def start(self):
        words = [word for each, port in self.ports.items() for word in (f"--{each}", str(port))]
        words += [f"--{key}={value}" for key, value in self.settings.items()]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BINARIES / "chaos_service", "--data", str(self.data), *words], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        self.starts += 1
        self.has_served = False

    def start_again_if_refused(self):
        """As an orchestrator does: a start without a database is refused, with code 1. One that has served never ends by itself."""
        if self.process is not None and not self.has_served and self.process.poll() == 1:
            self.refused_starts += 1
            self.start()

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process is None:  # another fault was quicker
            return
        self.process.kill()
        self.process.wait()
        self.process = None

    def freeze(self):
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        if self.is_alive():  # else another fault was quicker
            os.kill(self.process.pid, number)

    def trouble(self):
        """Empty when both applications are ready and nothing is degraded but for the poison that was put aside; asked past the proxy."""
        for name, port in self.ports.items():
            try:
                answer = request(port, "GET", "/health/ready", timeout=2)
            except OSError as failure:
                return f"{name}: {failure}"
            unwell = [each for each in answer.json()["checks"] if each["status"] != "healthy" and not POISON_ONLY.fullmatch(each.get("message", ""))]
            if answer.status != 200 or unwell:
                return f"{name}: {answer.body}"
            self.has_served = True
        return ""

    def stall_next_message(self, seconds):
        request(self.ports["notes"], "POST", f"/stall/{int(seconds * 1000)}", timeout=2)

    def stop(self, seconds=40):
        """An orderly end; returns the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def close(self):
        if self.is_alive():
            self.kill()
