"""A run: three instances, their servers, their clients, and a schedule of faults; then the judgement.

usage: fire.py [--seconds 600] [--messages 100000] [--seed N]     (MAMEY_CHAOS_SEED=N as well)
"""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "acceptance"), str(ROOT / "scripts" / "lib")]

import judgement  # noqa: E402
import schedule  # noqa: E402
from clients import Clients  # noqa: E402
from instance import Instance  # noqa: E402
from private_servers import PostgreSQL, RabbitMQ  # noqa: E402
from toxiproxy import Toxiproxy  # noqa: E402

READY_WITHIN = 30.0    # seconds after the last fault
DRAINED_WITHIN = 90.0  # after the last command
MESSAGES_A_COMMAND = 1.48  # a note is told and recalled, an entry is told: half of each, or a few notes fewer


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def chosen_seed():
    return int(os.environ.get("MAMEY_CHAOS_SEED") or random.SystemRandom().randrange(1, 1_000_000))


class Site:
    """Everything a run needs, on this machine; `close` leaves nothing."""

    def __init__(self, folder):
        self.folder = folder
        self.ends = contextlib.ExitStack()
        try:
            self.broker = RabbitMQ(folder / "rabbitmq", consumer_timeout=int(schedule.CONSUMER_TIMEOUT * 1000), channel_tick_interval=1000)
            self.ends.callback(self.broker.stop)
            self.database = PostgreSQL(folder / "postgres", max_connections=200)
            self.ends.callback(self.database.stop)
            self.proxy = Toxiproxy(folder / "toxiproxy")
            self.ends.callback(self.proxy.stop)
            self.database.wait_until_ready()
            self.broker.wait_until_ready()
            self.instances = [Instance(f"instance-{n}", folder, self.proxy, self.database, self.broker) for n in range(3)]
            for each in self.instances:
                self.ends.callback(each.close)
                each.start()
        except BaseException:
            self.ends.close()
            raise

    def is_well(self):
        for each in self.instances:
            each.start_again_if_refused()
        return not any(each.trouble() for each in self.instances)

    def queued(self):
        """Messages in the broker, unsettled ones included."""
        return sum(int(line.split("\t")[1]) for line in self.broker.control("list_queues", "--no-table-headers", "name", "messages").splitlines())

    def close(self):
        self.ends.close()


class Watch:
    """Looks at all instances again and again: that none ends by itself, and how long they take to be well when nothing bad is going on."""

    def __init__(self, instances):
        self.instances = instances
        self.away = set()  # those that the test has ended
        self.ended = []
        self.recoveries = []
        self.calm_since = time.monotonic()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def storm(self):
        self.calm_since = None

    def calm(self):
        self.calm_since = time.monotonic()

    def look(self):
        while not self.stopped.wait(0.1):
            since, well = self.calm_since, True
            for each in self.instances:
                process = each.process
                code = None if process is None else process.poll()
                if code is not None and each not in self.away and each.process is process and (each.has_served or code != 1):
                    self.ended.append(f"{each.name} ended by itself with {code}")
                    self.away.add(each)
                well = not each.trouble() and well and since is not None
            if well and since is not None and self.calm_since == since:
                self.recoveries.append(time.monotonic() - since)
                self.calm_since = None

    def stop(self):
        self.stopped.set()
        self.thread.join()


class Fire:
    """Lets faults happen to a site."""

    def __init__(self, site, watch):
        self.site, self.watch = site, watch
        self.counts = collections.Counter()

    def begin(self, fault):
        """Returns what ends it."""
        site, target = self.site, self.site.instances[fault.instance]
        self.counts[fault.kind] += 1
        if fault.kind == "kill instance":
            self.watch.away.add(target)
            target.kill()

            def again():
                target.start()
                self.watch.away.discard(target)
            return again
        if fault.kind == "freeze":
            target.freeze()
            return target.thaw
        if fault.kind == "kill broker":
            site.broker.kill()

            def broker_again():
                site.broker.start()
                site.broker.wait_until_ready()
            return broker_again
        if fault.kind == "stop database":
            site.database.stop_at_once()

            def database_again():
                site.database.start()
                site.database.wait_until_ready()
            return database_again
        if fault.kind == "disk alarm":
            site.broker.control("set_disk_free_limit", str(10**16))
            return lambda: site.broker.control("set_disk_free_limit", str(10**6))
        if fault.kind == "consumer timeout":
            with contextlib.suppress(OSError):  # it may be away or frozen
                target.stall_next_message(fault.seconds)
            return lambda: None
        return self.begin_on_links(fault)

    def begin_on_links(self, fault):
        chosen = self.site.instances if fault.everywhere else [self.site.instances[fault.instance]]
        links = []
        for each in chosen:
            links += each.clients.values() if fault.link == "clients" else [getattr(each, fault.link)]
        heals = []
        for link in links:
            if fault.kind == "cut":
                heals.append(link.cut())
            elif fault.kind == "latency":
                heals.append(link.poison("latency", latency=int(20 + 400 * fault.strength), jitter=int(200 * fault.strength)))
            elif fault.kind == "bandwidth":
                heals.append(link.poison("bandwidth", rate=int(2 + 60 * fault.strength)))
            else:  # half-open: what is sent vanishes, and nobody is told; of some connections, or of all
                heals.append(link.poison("timeout", toxicity=0.5 if fault.strength < 0.5 else 1.0, timeout=0))

        def heal():
            for each in heals:
                each()
        return heal

    def play(self, faults):
        """In this thread: what a thread starts ends with it."""
        start = time.monotonic()
        moments = sorted([(each.at, True, each) for each in faults] + [(each.end, False, each) for each in faults], key=lambda moment: (moment[0], moment[1]))
        active = {}
        for at, begins, fault in moments:
            wait_until(start + at, self.site.instances)
            if begins:
                say(f"  {fault}")
                self.watch.storm()
                active[id(fault)] = self.begin(fault)
            else:
                active.pop(id(fault))()
                if not active:
                    self.watch.calm()


class Outcome:
    def __init__(self):
        self.wrong, self.figures = [], {}


def run(site, faults, rate, seed, least_commands=0):
    """Returns what went wrong, the figures, and what was acknowledged."""
    outcome = Outcome()
    watch = Watch(site.instances)
    wait_for(outcome, "every instance is ready before the first fault", site.is_well, 60)
    clients = Clients(site.instances, rate, seed)
    fire = Fire(site, watch)
    begun = time.monotonic()
    fire.play(faults)
    watch.calm()
    last_fault = time.monotonic()
    wait_for(outcome, "every instance is ready again by itself", site.is_well, READY_WITHIN, last_fault,
              lambda: "; ".join(f"{each.name}: {each.trouble()}" for each in site.instances))
    wait_for(outcome, "all commands are sent", lambda: len(clients.acknowledged) >= least_commands, 120)
    clients.finish(20)
    drained = time.monotonic()
    wait_for(outcome, "everything is drained", lambda: site.queued() == 0 and not any(judgement.left_over(site.database).values()) and site.queued() == 0, DRAINED_WITHIN,
              drained, lambda: f"{site.queued()} in the broker, {judgement.left_over(site.database)}")
    outcome.figures["seconds to drain"] = round(time.monotonic() - drained, 1)
    watch.stop()
    outcome.acknowledged = dict(clients.acknowledged)
    found = judgement.gather(site.database)
    outcome.wrong += clients.unexpected[:10] + watch.ended + judgement.verdict(found, outcome.acknowledged)
    commands = sum(map(len, found.commands.values()))
    outcome.figures.update({
        "seconds": round(time.monotonic() - begun), "commands committed": commands, "acknowledged": len(clients.acknowledged), "unknown": len(clients.unknown),
        "messages": 2 * len(found.commands["notes"]) + len(found.commands["accounts"]), "effects": sum(map(len, found.effects.values())),
        "poison": len(found.errors), "faults": dict(fire.counts), "restarts after kill -9": fire.counts["kill instance"],
        "starts refused while the database was away": sum(each.refused_starts for each in site.instances),
        "recoveries": len(watch.recoveries), "longest recovery, s": round(max(watch.recoveries, default=0), 1),
        "slowest command, s": round(clients.slowest, 1), "answers": dict(clients.outcomes.most_common())})
    return outcome


def wait_until(deadline, instances):
    """The schedule's moments are the point of it."""
    while (left := deadline - time.monotonic()) > 0:
        for each in instances:
            each.start_again_if_refused()
        time.sleep(min(left, 0.2))


def wait_for(outcome, what, condition, seconds, since=None, seen=lambda: ""):
    """What does not come true within `seconds` is written down as wrong."""
    deadline = (time.monotonic() if since is None else since) + seconds
    while not condition():
        if time.monotonic() > deadline:
            outcome.wrong.append(f"not within {seconds:.0f} s: {what}; {seen()}")
            return
        time.sleep(0.2)


@contextlib.contextmanager
def site_in_a_folder():
    """A folder that stays only when something goes wrong."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mamey-chaos-"))
    folder.chmod(0o711)  # the server's user passes through
    site = Site(folder)
    try:
        yield site
    finally:
        site.close()
    shutil.rmtree(folder)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=600)
    arguments.add_argument("--messages", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=chosen_seed())
    given = arguments.parse_args()
    commands = given.messages / MESSAGES_A_COMMAND
    faults = schedule.long_form(given.seed, given.seconds)
    say(f"seed {given.seed} (MAMEY_CHAOS_SEED={given.seed} replays it): {len(faults)} faults in {given.seconds} s, {given.messages} messages")
    with site_in_a_folder() as site:
        outcome = run(site, faults, commands / given.seconds, given.seed, least_commands=int(commands))
        for name, value in outcome.figures.items():
            say(f"{name}: {value}")
        for each in outcome.wrong:
            say(f"WRONG: {each}")
        if outcome.wrong:
            say(f"seed {given.seed}; logs in {site.folder}")
            raise SystemExit(1)
    say("every committed command had each of its effects once; order kept; every instance recovered by itself")


if __name__ == "__main__":
    main()
