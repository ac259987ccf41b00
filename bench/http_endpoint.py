#!/usr/bin/env python3
"""CPU time a request of the server process (user + system, from /proc), mamey beside nginx, a raw epoll loop and Go's net/http in the same run.

The servers take turns, so that what else the machine does meets all of them; the ratio is the median of the rounds' ratios, the lowest and the highest
beside it. All answers have the same length on the wire. Needs wrk and nginx; Go is left out when it is not installed.
MAMEY_BIN: where bench_http_server and bench_raw_epoll are. SECONDS_EACH: of a measurement. ROUNDS: how many of each.
"""
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(os.environ.get("MAMEY_BIN", HERE.parent / "build/bench/bin"))
SECONDS = int(os.environ.get("SECONDS_EACH", "2"))
ROUNDS = int(os.environ.get("ROUNDS", "7"))
CONNECTIONS = 32
TARGET = "/hello/world"
NGINX_BODY = '{"text" : "Hello, world!"}'  # two spaces for what its own headers are shorter than ours
TICK = os.sysconf("SC_CLK_TCK")

PIPELINE = """
init = function(args) batch = string.rep(wrk.format("GET", "%s"), 16) end
request = function() return batch end
""" % TARGET

NGINX = """
daemon off; master_process off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{body}'; }} }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process that prints its port, or is told one."""

    def __init__(self, name, command, port=None):
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE if port is None else subprocess.DEVNULL, text=True)
        self.port = port or int(self.process.stdout.readline())
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            if self.process.poll() is not None:
                sys.exit(f"{name} did not start")

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()


def measure(server, script=None):
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://127.0.0.1:{server.port}{TARGET}"]
    if script:
        command[1:1] = ["-s", script]
    before = server.cpu_seconds()
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = server.cpu_seconds() - before
    requests = int(re.search(r"(\d+) requests in", printed).group(1))
    if re.search(r"Non-2xx|Socket errors", printed):
        sys.exit(f"{server.name}: {printed}")
    return used / requests * 1e6


def answer_size(server):
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(f"GET {TARGET} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n".encode())
        return len(s.recv(4096))


def rounds(servers, script=None):
    """CPU time a request of each server, by name, one figure a round."""
    measured = {server.name: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            measured[server.name].append(measure(server, script))
    return measured


def start_all(directory):
    yield Server("mamey", [BIN / "bench_http_server", "0"])
    yield Server("raw epoll", [BIN / "bench_raw_epoll", "0"])
    port = free_port()
    config = Path(directory) / "nginx.conf"
    config.write_text(NGINX.format(dir=directory, port=port, body=NGINX_BODY))
    yield Server("nginx", ["nginx", "-c", str(config), "-p", directory], port)
    go = shutil.which("go") or ("/usr/local/go/bin/go" if Path("/usr/local/go/bin/go").exists() else None)
    if go:
        program = Path(directory) / "http_net"
        subprocess.run([go, "build", "-o", program, HERE / "http_net.go"], check=True, env={**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off"})
        yield Server("Go net/http", [program, "0"])


def report(title, figures, goals):
    print(f"{title}: CPU µs a request (median of {ROUNDS} rounds)")
    for name, values in figures.items():
        print(f"  {name:12} {statistics.median(values):7.2f}   ({min(values):.2f} to {max(values):.2f})")
    for other, goal in goals:
        ratios = [ours / theirs for ours, theirs in zip(figures["mamey"], figures[other])]
        ratio = statistics.median(ratios)
        print(f"  mamey / {other}: {ratio:.2f}   ({min(ratios):.2f} to {max(ratios):.2f})" +
              (f"   goal <= {goal}: {'met' if ratio <= goal else 'MISSED'}" if goal else ""))


def main():
    with tempfile.TemporaryDirectory() as directory:
        servers = []
        try:
            servers.extend(start_all(directory))
            script = Path(directory) / "pipeline.lua"
            script.write_text(PIPELINE)
            print("bytes of an answer: " + ", ".join(f"{s.name} {answer_size(s)}" for s in servers))
            kept = rounds(servers)
            piped = rounds([s for s in servers if s.name != "Go net/http"], script)
        finally:
            for server in servers:
                server.stop()
    report("keep-alive", kept, [("nginx", 0.95), ("raw epoll", 1.4)] + [(n, None) for n in kept if n.startswith("Go")])
    report("pipelined x16", piped, [("nginx", 0.2), ("raw epoll", None)])


if __name__ == "__main__":
    main()
