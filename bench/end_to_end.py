#!/usr/bin/env python3
"""What one order costs from POST /orders to the row of its delivery, at the rates of most services: order and outbox row in one commit, RabbitMQ, inbox row
and delivery in one commit. mamey and the same two services with Watermill (Go) take turns on one PostgreSQL with fsync and one RabbitMQ; beside them the
bare statements by pgbench, which is the least that PostgreSQL can use.

CPU is read from /proc, so that what else the machine does changes little. Prints ratios of the same run.
usage: end_to_end.py        MAMEY_BIN: where bench_end_to_end_service is. SECONDS_EACH: of a rate, at most 30. RATES: orders per second, 0 is full load.
"""
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "scripts" / "lib")]
from private_servers import PostgreSQL, RabbitMQ, die_with_parent, free_port  # noqa: E402

BIN = pathlib.Path(os.environ.get("MAMEY_BIN", HERE.parent / "build/bench/bin"))
SECONDS = min(30, int(os.environ.get("SECONDS_EACH", "15")))
IDLE_SECONDS = int(os.environ.get("IDLE_SECONDS", "30"))
RATES = [int(each) for each in os.environ.get("RATES", "20 200 1000 0").split()]
CONNECTIONS = 32
TICK = os.sysconf("SC_CLK_TCK")


# -- what was used ---------------------------------------------------------------------------------------------------------

def processes():
    """Of every process: parent, and seconds of CPU with those of children that have ended."""
    found = {}
    for each in pathlib.Path("/proc").iterdir():
        if not each.name.isdigit():
            continue
        try:
            fields = (each / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        found[int(each.name)] = (int(fields[1]), sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICK)
    return found


def cpu_of(root):
    """Seconds of a process and all that descend from it."""
    all_of_them, total = processes(), 0.0
    for number, (_, seconds) in all_of_them.items():
        above = number
        while above in all_of_them and above != root:
            above = all_of_them[above][0]
        total += seconds if above == root else 0
    return total


def precise_cpu_of(process):
    """Seconds of a process that starts no others and ends no threads: /proc/stat counts in hundredths, which an idle one does not reach."""
    return sum(int((each / "schedstat").read_text().split()[0]) for each in pathlib.Path(f"/proc/{process.pid}/task").iterdir()) / 1e9


class Use:
    """CPU, statements and log of a span of time."""

    def __init__(self, world, services):
        self.world, self.services = world, services
        world.database.rows("select pg_stat_statements_reset()")
        self.before = {**self.read_log(), **self.read_cpu()}
        self.began = time.monotonic()

    def read_cpu(self):
        return {"services": sum(precise_cpu_of(each) for each in self.services), "PostgreSQL": cpu_of(self.world.database.server.process.pid),
                "RabbitMQ": cpu_of(self.world.broker.node.process.pid)}

    def read_log(self):
        (commits, position), = self.world.database.rows("select pg_stat_get_db_xact_commit(oid), pg_current_wal_lsn() - '0/0' from pg_database where datname = 'postgres'")
        return {"commits": float(commits), "WAL": float(position)}

    def end(self):
        self.seconds = time.monotonic() - self.began
        after = {**self.read_cpu(), **self.read_log()}  # in this order: our own questions are not counted
        self.used = {name: after[name] - value for name, value in self.before.items()}
        self.statements = sorted(((int(calls), float(milliseconds), re.sub(r"\s+", " ", text)) for calls, milliseconds, text in self.world.database.rows(
            "select calls, total_exec_time, translate(query, E'\\n\\t', '  ') from pg_stat_statements where query not like '%pg_stat%'")), reverse=True)
        return self


# -- servers and services ----------------------------------------------------------------------------------------------------

class World:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        self.database = PostgreSQL(self.folder / "postgres", shared_preload_libraries="pg_stat_statements", track_commit_timestamp="on", max_wal_size="4GB",
                                   shared_buffers="128MB", max_connections="120", ssl="off")
        self.broker = RabbitMQ(self.folder / "rabbitmq")
        self.database.wait_until_ready()
        self.broker.wait_until_ready()
        self.database.rows("create extension pg_stat_statements")

    def close(self):
        self.broker.stop()
        self.database.stop()


def start(command, log):
    return subprocess.Popen([str(each) for each in command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


class Subject:
    """Two services under one name."""

    def __init__(self, world, name, schemas):
        self.world, self.name, self.schemas, self.port, self.logs, self.services = world, name, schemas, free_port(), [], []

    def log(self, name):
        self.logs.append(open(self.world.folder / f"{self.name}-{name}.log", "w+"))
        return self.logs[-1]

    def place(self):
        """One order, for the start."""
        return asyncio.run(Load(self.port, 0, CONNECTIONS).once())

    def wait_until_ready(self):
        def served():
            for each in self.services:
                if each.poll() is not None:
                    for log in self.logs:
                        log.seek(0)
                        sys.stderr.write(log.read()[-2000:])
                    raise RuntimeError(f"a service of {self.name} has ended")
            try:
                return self.place() == 201
            except OSError:
                return False

        wait_for(f"{self.name} takes orders", served)
        wait_for(f"{self.name} delivers", lambda: self.delivered() > 0)

    def count(self, table):
        return int(self.world.database.rows(f"select count(*) from {table}")[0][0])

    def placed(self):
        return self.count(f"{self.schemas[0]}.orders")

    def delivered(self):
        return self.count(f"{self.schemas[1]}.deliveries")

    def latencies(self, skip):
        """Milliseconds from the commit's record, its sync included, to the start of the handler; of the later ones."""
        return [float(row[0]) for row in self.world.database.rows(
            f"select extract(epoch from d.started_at - pg_xact_commit_timestamp(o.xmin)) * 1000 as span from {self.schemas[0]}.orders o join {self.schemas[1]}.deliveries d "
            f"on d.order_id = o.id order by d.started_at offset {skip}")]

    def stop(self):
        for each in self.services:
            each.send_signal(signal.SIGTERM)
        for each in self.services:
            try:
                each.wait(15)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


class Mamey(Subject):
    def __init__(self, world):
        super().__init__(world, "mamey", ("orders", "deliveries"))
        for role, port in (("deliveries", free_port()), ("orders", self.port)):
            self.services.append(start([BIN / "bench_end_to_end_service", role, "--urls", f"http://127.0.0.1:{port}", "--logger:level=warning",
                                        f"--postgres:connectionString={world.database.connection_string};SSL Mode=Disable", "--rabbitMq:hostNames:0=127.0.0.1",
                                        f"--rabbitMq:port={world.broker.port}"], self.log(role)))
            wait_for(f"{role} is ready", lambda: is_ready(port))  # the queue first, or nobody gets the first order
        self.wait_until_ready()


class Watermill(Subject):
    def __init__(self, world, program):
        super().__init__(world, "Watermill", ("watermill", "watermill"))
        world.database.rows("create schema watermill; create table watermill.orders (id uuid primary key, sku text not null, quantity integer not null); create table "
                            "watermill.inbox (message_id text primary key, handled_at timestamptz not null); create table watermill.deliveries (order_id uuid primary key, "
                            "started_at timestamptz not null)")
        where = [f"postgres://conveyor@127.0.0.1:{world.database.port}/postgres?sslmode=disable", f"amqp://guest:guest@127.0.0.1:{world.broker.port}/"]
        self.services.append(start([program, "deliveries", *where], self.log("deliveries")))
        wait_for("Watermill's consumers", lambda: "ready" in pathlib.Path(self.logs[0].name).read_text())
        self.services.append(start([program, "orders", *where, self.port], self.log("orders")))
        self.wait_until_ready()


def build_watermill(folder):
    go = shutil.which("go") or ("/usr/local/go/bin/go" if pathlib.Path("/usr/local/go/bin/go").exists() else None)
    program = folder / "watermill_orders"
    if go is None or subprocess.run([go, "build", "-o", program, "./orders"], cwd=HERE / "watermill").returncode != 0:
        print("NOT compared with Watermill: Go is not here, or cannot fetch it")
        return None
    return program


# -- load --------------------------------------------------------------------------------------------------------------------

class Load:
    """POST /orders at a rate, whether the earlier ones are answered or not; rate 0: as fast as `connections` are answered."""

    BODY = json.dumps({"sku": "bench-1", "quantity": 2})
    TEXT = f"POST /orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode()

    def __init__(self, port, rate, connections):
        self.port, self.rate, self.connections, self.statuses, self.idle = port, rate, connections, {}, []

    async def exchange(self):
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self.TEXT)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if length:
            await reader.readexactly(int(length.group(1)))
        self.idle.append((reader, writer))
        status = int(head.split(b" ", 2)[1])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return status

    async def once(self):
        return await self.exchange()

    async def again_and_again(self, until):
        while time.monotonic() < until:
            await self.exchange()

    async def run(self, seconds):
        begin = time.monotonic()
        if self.rate == 0:
            await asyncio.gather(*(self.again_and_again(begin + seconds) for _ in range(self.connections)))
            return
        running = []
        while time.monotonic() - begin < seconds:
            due = int((time.monotonic() - begin) * self.rate) - len(running)
            running.extend(asyncio.create_task(self.exchange()) for _ in range(due))
            await asyncio.sleep(0.5 / self.rate)
        await asyncio.gather(*running)


def measure(subject, rate):
    before, delivered = subject.placed(), subject.delivered()
    use = Use(subject.world, subject.services)
    load = Load(subject.port, rate, CONNECTIONS)
    asyncio.run(load.run(SECONDS))
    took = time.monotonic() - use.began
    arrived = lambda: subject.delivered() >= subject.placed()  # noqa: E731
    if rate == 0 or rate >= 1000:
        wait_for("all are delivered", arrived, 120)
    else:
        time.sleep(0.5)  # enough, and asking would cost PostgreSQL more than the orders
    use.end()
    if not arrived():
        wait_for("all are delivered", arrived, 120)
        use.end()
    orders = subject.placed() - before
    if set(load.statuses) != {201}:
        print(f"  answers by status: {load.statuses}")
    spans = sorted(subject.latencies(delivered))
    return {"use": use, "orders": orders, "rate": orders / took, "p50": statistics.median(spans), "p99": spans[int((len(spans) - 1) * 0.99)]}


def name_of(statement):
    for sign, name in ((r"update mamey_outbox o set maybe_sent", "claim of the outbox"), (r"update mamey_delayed d set attempts", "claim of delayed messages"),
                       (r"delete from mamey_outbox ", "marks: delete from mamey_outbox"), (r"with .* select .*mamey_delayed", "next delayed message")):
        if re.search(sign, statement):
            return name
    return statement[:90]


def milliseconds(seconds, orders):
    return seconds * 1000 / max(orders, 1)


def print_rate(name, rate, found):
    use, orders = found["use"], found["orders"]
    per = {part: milliseconds(use.used[part], orders) for part in ("services", "PostgreSQL", "RabbitMQ")}
    found["per"] = per
    said = f"{rate}/s" if rate else "full load"
    print(f"{name}, {said} ({found['rate']:.0f}/s): CPU ms per order: services {per['services']:.3f}  PostgreSQL {per['PostgreSQL']:.3f}  RabbitMQ {per['RabbitMQ']:.3f}   "
          f"commit to handler p50 {found['p50']:.2f} ms, p99 {found['p99']:.2f} ms   commits per order {use.used['commits'] / orders:.2f}, WAL bytes {use.used['WAL'] / orders:.0f}")
    for calls, spent, text in use.statements[:12]:
        if calls / orders >= 0.02:
            print(f"    {calls / orders:6.2f} per order  {spent / orders * 1000:7.1f} µs  {name_of(text)}")
    sys.stdout.flush()


def measure_idle(subject):
    time.sleep(3)
    use = Use(subject.world, subject.services)
    time.sleep(IDLE_SECONDS)
    use.end()
    statements = sum(calls for calls, _, _ in use.statements) * 60 / use.seconds
    share = use.used["services"] / use.seconds * 100
    print(f"{subject.name}, idle: {statements:.0f} statements per minute of both services, {share:.3f} % of a core")
    for calls, _, text in use.statements[:8]:
        print(f"    {calls * 60 / use.seconds:6.1f} per minute  {name_of(text)}")
    sys.stdout.flush()
    return {"statements": statements, "share": share}


def show_system_calls(subject, rate=200, seconds=5):
    """Of each service, by strace, whose own cost is why it has a run of its own."""
    if not shutil.which("strace"):
        return print("system calls: NOT counted, strace is not here")
    summaries = [subject.world.folder / f"strace-{number}" for number in range(len(subject.services))]
    tracers = [subprocess.Popen(["strace", "-f", "-c", "-o", summary, "-p", str(each.pid)], stderr=subprocess.DEVNULL) for summary, each in zip(summaries, subject.services)]
    try:
        time.sleep(1)
        before = subject.placed()
        asyncio.run(Load(subject.port, rate, CONNECTIONS).run(seconds))
        wait_for("all are delivered", lambda: subject.delivered() >= subject.placed(), 120)
        orders = subject.placed() - before
    finally:
        for each in tracers:
            each.send_signal(signal.SIGINT)
            each.wait(20)
    for summary, role in zip(summaries, ("deliveries", "orders")):
        rows = []
        for line in summary.read_text().splitlines()[2:]:
            words = line.split()
            if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                rows.append((int(words[3]), int(words[4]) if len(words) == 6 else 0, words[-1]))
        print(f"{subject.name}, system calls of {role} per order at {rate}/s: " + ", ".join(
            f"{name} {calls / orders:.1f}" + (f" ({errors / orders:.1f} failed)" if errors / orders >= 0.05 else "")
            for calls, errors, name in sorted(rows, reverse=True)[:9] if calls / orders >= 0.05))
    sys.stdout.flush()


# -- the floor ---------------------------------------------------------------------------------------------------------------

ENVELOPE = ("insert into floor.mamey_outbox (slot, created_at_ms, message_id, correlation_id, causation_id, type, version, min_version, source, occurred_at_us, key, stream, position, "
            "tenant, content_type, traceparent, principal, headers, body, exchange, routing_key) values (null, 1700000000000, gen_random_uuid()::text, "
            "'0191d7d1c0a07000a0000000000000cc', '', 'OrderPlaced', 1, 1, 'orders', 1700000000000000, '', '', 0, '', 'application/json', "
            "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '', '', convert_to(repeat('x', 100), 'UTF8'), 'orders', 'order_placed');")
FLOOR = {
    "publisher": f"\\startpipeline\nbegin;\ninsert into floor.orders values (gen_random_uuid(), 'bench-1', 2);\n{ENVELOPE}\ncommit;\n\\endpipeline\n",
    "consumer": "\\startpipeline\nbegin;\ninsert into floor.mamey_inbox (subscription, message_id, tenant, handled_at_ms) values ('deliver', gen_random_uuid()::text, '', 1700000000000);\n"
                "insert into floor.deliveries values (gen_random_uuid(), now());\ncommit;\n\\endpipeline\n",
    "marks": "delete from floor.mamey_outbox where seq in (select seq from floor.mamey_outbox order by seq limit 6);\n",
}


def measure_floor(world):
    """PostgreSQL's CPU per order of nothing but the statements: two inserts and a commit on each side, forty deletes of six marks per second, at 200/s."""
    world.database.rows("drop schema if exists floor cascade; create schema floor; create table floor.orders (like orders.orders including all); create table floor.mamey_outbox (like "
                        "orders.mamey_outbox including all); create table floor.deliveries (like deliveries.deliveries including all); create table floor.mamey_inbox (like "
                        "deliveries.mamey_inbox including all)")
    use, running = Use(world, []), []
    for name, rate in (("publisher", 200), ("consumer", 200), ("marks", 40)):
        script = world.folder / f"{name}.sql"
        script.write_text(FLOOR[name])
        running.append(subprocess.Popen([str(world.database.programs / "pgbench"), "-n", "-M", "prepared", "-h", "127.0.0.1", "-p", str(world.database.port), "-U", "conveyor", "-c", "2",
                                         "-R", str(rate), "-T", str(SECONDS), "-f", str(script), "postgres"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    for each in running:
        printed = each.communicate()[0]
        if each.returncode != 0 or "number of failed transactions: 0" not in printed:
            raise RuntimeError(f"pgbench failed: {printed[-1500:]}")
    use.end()
    orders = int(world.database.rows("select count(*) from floor.orders")[0][0])
    floor = milliseconds(use.used["PostgreSQL"], orders)
    print(f"pgbench, the bare statements at 200/s: PostgreSQL {floor:.3f} ms per order, commits {use.used['commits'] / orders:.2f}, WAL bytes {use.used['WAL'] / orders:.0f}")
    sys.stdout.flush()
    return floor


def compare(what, ours, theirs):
    print(f"  {what}: {ours:.3f} / {theirs:.3f} = {ours / theirs:.2f}" if theirs > 0 else f"  {what}: {ours:.3f}, nothing to compare with")


def main():
    with tempfile.TemporaryDirectory(prefix="mamey-bench-") as folder:
        world, results = World(folder), {}
        try:
            program = build_watermill(world.folder)
            floor = None
            for make in (Mamey, *((lambda w: Watermill(w, program),) if program else ())):
                subject = make(world)
                try:
                    found = results[subject.name] = {"idle": measure_idle(subject)}
                    for rate in RATES:
                        found[rate] = measure(subject, rate)
                        print_rate(subject.name, rate, found[rate])
                        if rate == 200 and subject.name == "mamey":
                            floor = measure_floor(world)
                    show_system_calls(subject)
                finally:
                    subject.stop()
        finally:
            world.close()
    ours, theirs = results["mamey"], results.get("Watermill")
    if floor and 200 in ours:
        print("mamey beside the bare statements, at 200/s")
        compare("PostgreSQL, ms per order", ours[200]["per"]["PostgreSQL"], floor)
    for rate in RATES if theirs else ():
        print(f"mamey beside Watermill, {f'{rate}/s' if rate else 'full load'}")
        for part in ("services", "PostgreSQL", "RabbitMQ"):
            compare(f"{part}, ms per order", ours[rate]["per"][part], theirs[rate]["per"][part])
        compare("commit to handler, p50 ms", ours[rate]["p50"], theirs[rate]["p50"])
        if rate == 0:
            compare("orders per second", ours[rate]["rate"], theirs[rate]["rate"])
    if theirs:
        print("mamey beside Watermill, idle")
        compare("statements per minute", ours["idle"]["statements"], theirs["idle"]["statements"])
        compare("% of a core", ours["idle"]["share"], theirs["idle"]["share"])
    idle = ours["idle"]
    # Two services, each with one claim per second for messages that others wrote.
    print(f"idle statements per minute of two services: {idle['statements']:.0f}   goal <= 150: {'met' if idle['statements'] <= 150 else 'MISSED'}")
    print(f"idle CPU of two services, % of a core: {idle['share']:.3f}   goal < 0.1: {'met' if idle['share'] < 0.1 else 'MISSED'}")


if __name__ == "__main__":
    main()
