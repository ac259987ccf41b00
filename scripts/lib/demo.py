"""The story scripts/demo tells, against the real program."""

import http.client
import pathlib
import random
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "acceptance"))

from conveyor import SERVICES, Conveyor, request  # noqa: E402

ROUNDS = 3


def say(text):
    print(f"\033[1m▸\033[0m {text}" if sys.stdout.isatty() else f"- {text}", flush=True)


def place_orders(conveyor, acknowledged, stop):
    while not stop.is_set():
        try:
            order_id, answer = conveyor.create_order(timeout=3)
            if answer.status == 201:
                acknowledged.append(order_id)
        except (OSError, http.client.HTTPException):  # killed under us: not acknowledged, so not promised
            time.sleep(0.01)


def play(conveyor):
    say(f"{conveyor.shape}: " + ", ".join(f"{n} http://127.0.0.1:{conveyor.ports[n]}" for n in SERVICES))
    order_id, created = conveyor.create_order()
    say(f"POST /orders → {created.status}, Location {created.headers['location']}")
    say(f"GET {created.headers['location']} → {conveyor.order(order_id).body}")
    conveyor.wait_until_delivered([order_id])
    say(f"its delivery, by events through outbox and inbox → {conveyor.order(order_id).body}")

    acknowledged = [order_id]
    for number in range(1, ROUNDS + 1):
        stop = threading.Event()
        workers = [threading.Thread(target=place_orders, args=(conveyor, acknowledged, stop)) for _ in range(4)]
        for each in workers:
            each.start()
        time.sleep(random.uniform(0.3, 0.8))
        conveyor.kill()
        stop.set()
        for each in workers:
            each.join()
        say(f"kill -9 number {number} in the middle of the load; {len(acknowledged)} orders are acknowledged so far; starting again")
        conveyor.start()
    conveyor.wait_until_delivered(acknowledged, seconds=120)
    twice = [each for each in acknowledged if len(conveyor.deliveries_of(each)) != 1]
    if twice:
        say(f"FAILED: {len(twice)} of {len(acknowledged)} orders were not delivered exactly once, e.g. {twice[0]}")
        return 1
    say(f"{len(acknowledged)} acknowledged orders: every one is there, every one was delivered exactly once")
    for path in ("/health/ready", "/metrics"):
        lines = request(conveyor.ports["orders"], "GET", path).body.splitlines()
        say(f"GET {path} → {lines[0][:200]}{' …' if len(lines) > 1 else ''}")
    return 0


def stay(conveyor):
    port = conveyor.ports["orders"]
    say(f"it stays up: http://127.0.0.1:{port}/orders · http://127.0.0.1:{port}/health/ready · http://127.0.0.1:{port}/metrics · Ctrl-C ends it")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()


def main():
    with tempfile.TemporaryDirectory(prefix="mamey-demo-") as data:
        conveyor = Conveyor(pathlib.Path(data) / "data")
        if "--once" not in sys.argv:
            conveyor.ports = {"orders": 5002, "deliveries": 5001, "pricing": 5003}
        conveyor.start()
        try:
            failed = play(conveyor)
            if "--once" not in sys.argv:
                stay(conveyor)
            code = conveyor.stop()
            say(f"stopped in order, exit code {code}")
            return failed or code
        finally:
            conveyor.running.close()


if __name__ == "__main__":
    sys.exit(main())
