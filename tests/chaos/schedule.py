"""What happens when: a list of faults made from a seed alone, so that a seed replays it."""

import random
from dataclasses import dataclass

KINDS = ("kill instance", "kill broker", "stop database", "cut", "latency", "bandwidth", "half-open", "consumer timeout", "disk alarm", "freeze")
LEASE = 6.0             # of outbox and messages, see instance.py
CONSUMER_TIMEOUT = 8.0  # of the broker


@dataclass
class Fault:
    at: float
    seconds: float
    kind: str
    instance: int          # of three; of those that touch one
    link: str              # database, broker, clients; of those of the network
    everywhere: bool       # of those of the network: all instances
    strength: float        # 0 to 1

    def __str__(self):
        where = {"kill broker": "", "stop database": "", "disk alarm": ""}.get(self.kind)
        if where is None:
            where = f" of instance {self.instance}"
            if self.kind in ("cut", "latency", "bandwidth", "half-open"):
                where = f" to {self.link} of {'all instances' if self.everywhere else f'instance {self.instance}'}"
        return f"{self.at:6.1f} s  {self.kind}{where}, {self.seconds:.1f} s, strength {self.strength:.2f}"

    @property
    def end(self):
        return self.at + self.seconds

    @property
    def touches(self):
        """No two faults take the same process away at a time."""
        return {"kill broker": "broker", "disk alarm": "broker", "stop database": "database", "kill instance": f"process {self.instance}",
                "freeze": f"process {self.instance}"}.get(self.kind)


def draw(dice, kind, at):
    lengths = {"kill instance": (0.2, 2), "kill broker": (0.2, 3), "stop database": (0.2, 4), "freeze": (LEASE + 1, LEASE + 5),
               "consumer timeout": (CONSUMER_TIMEOUT + 2, CONSUMER_TIMEOUT + 5), "disk alarm": (1, 6), "half-open": (3, 12)}
    return Fault(at=at, seconds=dice.uniform(*lengths.get(kind, (1, 8))), kind=kind, instance=dice.randrange(3),
                 link=dice.choice(("database", "broker", "clients")), everywhere=dice.random() < 0.3, strength=dice.random())


def place(dice, faults, kind, at):
    """One that takes nothing away that is away already."""
    while True:
        fault = draw(dice, kind, at)
        if not any(fault.touches and other.touches == fault.touches and other.at <= fault.end + 1 and fault.at <= other.end + 1 for other in faults):
            return fault
        at += 0.5


def short_form(seed):
    """Every kind once, within a minute."""
    dice = random.Random(seed)
    kinds = list(KINDS)
    dice.shuffle(kinds)
    faults = []
    for number, kind in enumerate(kinds):
        faults.append(place(dice, faults, kind, 2 + number * 4.5 + dice.uniform(0, 2)))
    return sorted(faults, key=lambda each: each.at)


def long_form(seed, seconds):
    """Bursts of one to three faults that overlap, with pauses between them in which everything should recover."""
    dice = random.Random(seed)
    faults, at = [], 5.0
    while at < seconds - 20:
        for _ in range(dice.choice((1, 1, 2, 2, 3))):
            faults.append(place(dice, faults, dice.choice(KINDS), at + dice.uniform(0, 4)))
        at = max(each.end for each in faults) + dice.uniform(1, 9)
    return sorted(faults, key=lambda each: each.at)
