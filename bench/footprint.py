#!/usr/bin/env python3
"""What the conveyor sample takes: time from start to ready, memory at rest, size of the stripped binary."""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "acceptance"))
from conveyor import SERVICES, Process, request  # noqa: E402

BINARY = pathlib.Path(os.environ.get("MAMEY_BIN", ROOT / "build" / "bench" / "bin")) / "conveyor"


def start_once(data):
    begin = time.monotonic()
    process = Process("conveyor", ["--data", data, *(word for name in SERVICES for word in (f"--{name}", "0"))])
    process.wait_until_ready(SERVICES)
    return process, time.monotonic() - begin


def verdict(value, goal):
    return f"goal < {goal}: {'met' if value < goal else 'MISSED'}"


def main():
    times, memory = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(7):
            process, seconds = start_once(f"{folder}/data")
            times.append(seconds)
            time.sleep(1)
            status = pathlib.Path(f"/proc/{process.process.pid}/status").read_text()
            memory = max(memory, int(status.split("VmRSS:")[1].split()[0]))
            process.stop()
            process.close()
        stripped = pathlib.Path(folder) / "conveyor"
        shutil.copy(BINARY, stripped)
        subprocess.run(["strip", stripped], check=True)
        size = stripped.stat().st_size
    ready = statistics.median(times) * 1000
    print(f"start to ready    {ready:6.0f} ms    {verdict(ready, 50)} (polled every 20 ms: an upper bound)")
    print(f"memory at rest    {memory / 1024:6.1f} MiB   {verdict(memory / 1024, 20)}")
    print(f"stripped binary   {size / 2**20:6.1f} MiB   {verdict(size / 2**20, 15)}")


if __name__ == "__main__":
    main()
