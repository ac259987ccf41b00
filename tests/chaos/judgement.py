"""What must be true in the end, by the database's word alone."""

import collections
import json
from dataclasses import dataclass, field

# Handler ⇒ the application whose commands it follows, and whether it refuses poison.
HANDLERS = {"count_note": ("notes", True), "file_note": ("notes", False), "recall_note": ("notes", False), "follow_account": ("accounts", True)}


@dataclass
class Evidence:
    commands: dict = field(default_factory=dict)  # application ⇒ {id: (account, number, poison)}
    effects: dict = field(default_factory=dict)   # handler ⇒ [(id, account, number)] in the order of their rows
    errors: list = field(default_factory=list)    # (application, handler, id of the command, code, reason)
    left: dict = field(default_factory=dict)      # what should be empty ⇒ how many are there


def left_over(database):
    """What is still under way, parked, or came to nobody."""
    counts = {}
    for application in ("notes", "accounts"):
        for what, table in (("pending in the outbox", "mamey_outbox where state = 0"), ("parked", "mamey_outbox where state <> 0"),
                            ("waiting for later", "mamey_delayed"), ("unroutable", "mamey_outbox_archive where state = 2")):
            counts[f"{application}: {what}"] = int(database.rows(f"select count(*) from {application}.{table}")[0][0])
    return counts


def gather(database):
    found = Evidence(left=left_over(database))
    for application in ("notes", "accounts"):
        found.commands[application] = {
            row[0]: (row[1], int(row[2] or 0), row[3] == "t")
            for row in database.rows(f"select id, account, number, poison from {application}.commands")}
        for handler, command, account, number in database.rows(f"select handler, id, account, number from {application}.effects order by n"):
            found.effects.setdefault(handler, []).append((command, account, int(number or 0)))
        for handler, code, reason, body in database.rows(
                f"select subscription, error_code, replace(error_reason, E'\\n', ' '), replace(convert_from(body, 'UTF8'), E'\\n', ' ') from {application}.mamey_errors"):
            found.errors.append((application, handler, json.loads(body)["id"], code, reason))
    return found


def some(items):
    items = list(items)
    return f"{len(items)}, e.g. {', '.join(map(str, items[:3]))}"


def verdict(found, acknowledged):
    """Sentences about what is wrong; none when all is well. `acknowledged`: id ⇒ application."""
    wrong = []
    if lost := [each for each, application in acknowledged.items() if each not in found.commands[application]]:
        wrong.append(f"commands that were acknowledged and are not in the database: {some(lost)}")
    expected_errors = collections.Counter()
    for handler, (application, refuses) in HANDLERS.items():
        commands = found.commands[application]
        expected = {each for each, (_, _, poison) in commands.items() if not (poison and refuses)}
        if refuses:
            expected_errors.update(each for each, (_, _, poison) in commands.items() if poison)
        done = collections.Counter(each for each, _, _ in found.effects.get(handler, []))
        if missing := expected - done.keys():
            wrong.append(f"{handler} has no effect of committed commands: {some(missing)}")
        if foreign := done.keys() - expected:
            wrong.append(f"{handler} has effects of commands it should have none of: {some(foreign)}")
        if twice := [each for each, times in done.items() if times > 1]:
            wrong.append(f"{handler} has more than one effect of a command: {some(twice)}")
    wrong += order_faults(found)
    kept = collections.Counter(command for _, _, command, code, _ in found.errors if code == "poison")
    if kept != expected_errors:
        wrong.append(f"the error store should hold poison once each; missing: {some((expected_errors - kept).elements())}; too many: {some((kept - expected_errors).elements())}")
    if others := [each for each in found.errors if each[3] != "poison"]:
        wrong.append(f"the error store holds what was no poison: {some(others)}")
    wrong += [f"{what}: {count}" for what, count in found.left.items() if count]
    return wrong


def order_faults(found):
    """Of each account the entries' numbers grow."""
    last, wrong = {}, []
    for command, account, number in found.effects.get("follow_account", []):
        if number <= last.get(account, (0, ""))[0]:
            wrong.append(f"{account}: entry {number} ({command}) after entry {last[account][0]} ({last[account][1]})")
        last[account] = (number, command)
    return [f"entries of an account were followed out of order: {some(wrong)}"] if wrong else []
