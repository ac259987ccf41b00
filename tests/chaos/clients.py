"""Those who send commands. Each command has an id, so that one whose answer did not come can be sent again."""

import collections
import http.client
import json
import random
import threading
import time
import uuid

ACCOUNTS = 24
POISON = 0.003       # share of commands whose message can never be handled
GIVE_UP = 0.1        # chance that somebody who got no answer does not ask again: such a command may be done or not
ANSWER_WITHIN = 4.0  # seconds


class Clients:
    """`rate` commands a second from `threads` clients, until `finish`."""

    def __init__(self, instances, rate, seed, threads=24):
        self.instances, self.rate = instances, rate
        self.guard = threading.Lock()
        self.asked = 0
        self.acknowledged, self.unknown = {}, {}  # id ⇒ application
        self.outcomes = collections.Counter()
        self.unexpected = []
        self.slowest = 0.0
        self.finished = threading.Event()
        self.patience = float("inf")
        self.started = time.monotonic()
        self.threads = [threading.Thread(target=self.work, args=(random.Random(f"{seed} {n}"),), daemon=True) for n in range(threads)]
        for each in self.threads:
            each.start()

    def finish(self, seconds):
        """No new commands; those under way have `seconds` to be acknowledged."""
        self.patience = time.monotonic() + seconds
        self.finished.set()
        for each in self.threads:
            each.join()

    def work(self, dice):
        connections = {}
        while not self.finished.is_set():
            with self.guard:
                number = self.asked
                self.asked += 1
            # Late ones do not wait: what an outage held up is sent after it.
            if self.finished.wait(max(0.0, self.started + number / self.rate - time.monotonic())):
                with self.guard:
                    self.asked -= 1
                break
            self.run_command(dice, connections)

    def run_command(self, dice, connections):
        application = dice.choice(("notes", "accounts"))
        command = {"id": str(uuid.uuid4()), "poison": dice.random() < POISON}
        if application == "accounts":
            command["account"] = f"account-{dice.randrange(ACCOUNTS)}"
        begun, tries = time.monotonic(), 0
        while True:
            tries += 1
            done = self.attempt(dice.choice(self.instances), application, command, connections, tries)
            if done or (not done and dice.random() < GIVE_UP) or time.monotonic() > self.patience:
                break
            threading.Event().wait(dice.uniform(0.05, 0.3))  # as a client that backs off
        with self.guard:
            (self.acknowledged if done else self.unknown)[command["id"]] = application
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def attempt(self, instance, application, command, connections, tries):
        """Whether the command is done for sure."""
        port = instance.clients[application].port
        connection = connections.get(port) or http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN)
        connections[port] = connection
        try:
            connection.request("POST", "/commands", json.dumps(command), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as failure:
            connection.close()
            self.count(type(failure).__name__)
            return False
        if answer.status in (200, 201, 202, 204):
            self.count("acknowledged")
            return True
        try:
            code = json.loads(body)["code"]
        except (ValueError, KeyError):
            code = body[:100]
        self.count(f"{answer.status} {code}")
        if answer.status == 409 and code in ("known", "already_exists"):
            if tries == 1:
                self.report(f"command {command['id']} was known before it was sent: {body}")
            return True
        if answer.status not in (409, 503, 504):
            self.report(f"command {command['id']}: {answer.status} {body}")
        return False

    def count(self, outcome):
        with self.guard:
            self.outcomes[outcome] += 1

    def report(self, what):
        with self.guard:
            self.unexpected.append(what)
