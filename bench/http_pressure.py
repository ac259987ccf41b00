#!/usr/bin/env python3
"""What good clients notice of an attack that costs little: 4 200 connections that ask for much and read nothing. The 99th percentile of their answers beside
the attack over that without, in turns on fresh servers; the ratio is the median of the rounds.

MAMEY_BIN: where the sample `tickets` is. SECONDS_EACH: of a measurement. ROUNDS: how many of each. CONNECTIONS: of the attack.
"""
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(os.environ.get("MAMEY_BIN", HERE.parent / "build/bench/bin"))
SECONDS = float(os.environ.get("SECONDS_EACH", "10"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CONNECTIONS = int(os.environ.get("CONNECTIONS", "4200"))
GOOD_CLIENTS = 4
PAUSE = 0.002  # between the requests of a good client: they measure, they are no load
ASKED = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 16


class Server:
    def __init__(self, directory):
        self.log = open(Path(directory) / "log", "w+")
        self.process = subprocess.Popen([BIN / "tickets", "--data", str(Path(directory) / "data"), "--urls", "http://127.0.0.1:0"], stdout=self.log,
                                        stderr=subprocess.STDOUT, cwd=directory)
        deadline = time.monotonic() + 30
        while not (found := re.search(r"listens on http://127\.0\.0\.1:(\d+)", Path(self.log.name).read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("tickets did not start:\n" + Path(self.log.name).read_text())
            time.sleep(0.02)
        self.port = int(found.group(1))

    def resident(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1)) / 1024

    def cpu(self):
        """CPU time so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_until_idle(self):
        """Until it has answered what it can: less than a tenth of a core over a third of a second."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            before = self.cpu()
            time.sleep(0.33)
            if self.cpu() - before < 0.033:
                return
        sys.exit("the server does not come to rest beside connections that read nothing")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def ask(port, until, seconds, failures):
    """A good client: small requests, one after the other."""
    request = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        while not until():
            begun = time.perf_counter()
            client.sendall(request)
            answer = client.recv(65536)
            seconds.append(time.perf_counter() - begun)
            if not answer.startswith(b"HTTP/1.1 200 "):
                failures.append(answer[:30])
                return
            time.sleep(PAUSE)


def attack(port):
    held = []
    for number in range(CONNECTIONS):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        client.bind((f"127.0.0.{2 + number % 50}", 0))
        client.settimeout(30)
        client.connect(("127.0.0.1", port))
        client.sendall(ASKED)
        held.append(client)
    return held


def measure(with_attack):
    """The 99th percentile in milliseconds, failures, and resident memory in MiB at the end."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(directory)
        held = attack(server.port) if with_attack else []
        server.wait_until_idle()  # their requests are work like any other; what is measured is what they hold up afterwards
        seconds, failures = [], []
        end = time.monotonic() + SECONDS
        clients = [threading.Thread(target=ask, args=(server.port, lambda: time.monotonic() > end, seconds, failures)) for _ in range(GOOD_CLIENTS)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        memory = server.resident()
        for each in held:
            each.close()
        server.stop()
    return statistics.quantiles(seconds, n=100)[98] * 1e3, len(failures), memory


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(measure(False))
        beside.append(measure(True))
    for name, rounds in (("alone", alone), (f"beside {CONNECTIONS} connections that read nothing", beside)):
        p99 = [each[0] for each in rounds]
        print(f"{name}: p99 {statistics.median(p99):.2f} ms ({min(p99):.2f} to {max(p99):.2f}), {sum(each[1] for each in rounds)} requests failed, "
              f"{statistics.median(each[2] for each in rounds):.0f} MiB resident")
    ratios = [attacked[0] / quiet[0] for quiet, attacked in zip(alone, beside)]
    ratio, failed = statistics.median(ratios), sum(each[1] for each in beside)
    print(f"  p99 beside the attack / alone: {ratio:.2f}   ({min(ratios):.2f} to {max(ratios):.2f})   goal < 2, nothing failed: "
          f"{'met' if ratio < 2 and failed == 0 else 'MISSED'}")


if __name__ == "__main__":
    main()
