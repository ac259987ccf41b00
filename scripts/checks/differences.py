#!/usr/bin/env python3
"""Where we answer otherwise than the .NET libraries is written once, in tests/vectors/TOPIC/differences.json, which the tests hold to; docs/migrating.md shows it as
tables between `<!-- differences: TOPIC -->` and `<!-- end -->`. Cases with the same reason are one row.

usage: differences.py [--write] [ROOT]     (--write writes the tables)
"""
import argparse
import json
import pathlib
import re
import sys

from common import Finding, ROOT, files, line_at, report, text_of

PAGE = pathlib.Path("docs/migrating.md")
TABLE = re.compile(r"(<!-- differences: (?P<topic>\S+) -->\n)(?P<table>.*?)(<!-- end -->)", re.S)
MEMBERS = {"file": str, "case": str, "there": str, "here": str, "reason": str, "planned": bool}
MOST_NAMES = 6


def read(root: pathlib.Path, path: pathlib.Path) -> tuple[list[dict], list[Finding]]:
    """The entries that can be used, and what is wrong with the rest."""
    text = text_of(root / path)
    try:
        entries = json.loads(text)
    except ValueError as failure:
        return [], [Finding(path, 1, f"is no JSON: {failure}")]
    good, findings, seen = [], [], set()
    for entry in entries:
        case = entry.get("case", "") if isinstance(entry, dict) else ""
        place = max(text.find(json.dumps(case)), 0)
        wrong = [name for name, kind in MEMBERS.items() if not isinstance(entry, dict) or not isinstance(entry.get(name), kind) or entry[name] == ""]
        if wrong or len(entry) != len(MEMBERS):
            findings.append(Finding(path, line_at(text, place), f"{case or 'an entry'}: expected exactly the members {', '.join(MEMBERS)}, none of them empty"))
        elif (entry["file"], case) in seen:
            findings.append(Finding(path, line_at(text, place), f"{entry['file']}, {case} is listed twice"))
        elif not (root / path.parent / entry["file"]).is_file():
            findings.append(Finding(path, line_at(text, place), f"{entry['file']} does not exist beside it"))
        else:
            good.append(entry)
            seen.add((entry["file"], case))
    return good, findings


def table_of(entries: list[dict]) -> str:
    rows: dict[tuple, list[dict]] = {}
    for entry in entries:
        rows.setdefault((entry["planned"], entry["reason"]), []).append(entry)
    lines = ["| | there | here | why |", "|---|---|---|---|"]
    for (planned, reason), group in sorted(rows.items(), key=lambda row: row[0][0]):
        names = [f"`{entry['case']}`".replace("|", "\\|") for entry in group]
        shown = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
        cells = [shown, *("; ".join(dict.fromkeys(entry[side] for entry in group)) for side in ("there", "here")), ("planned: " if planned else "") + reason]
        lines.append("| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell.replace("\n", " ")) for cell in cells) + " |")
    return "\n".join(lines) + "\n" if entries else "None.\n"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true")
    arguments.add_argument("root", nargs="?", type=pathlib.Path, default=ROOT)
    given = arguments.parse_args()
    root, findings, tables = given.root, [], {}
    for path in files(root):
        if path.parts[:2] == ("tests", "vectors") and path.name == "differences.json":
            entries, wrong = read(root, path)
            findings += wrong
            tables[path.parent.name] = (path, table_of(entries))
    if not (root / PAGE).is_file():
        return report(findings)

    def expected(topic):
        return tables[topic][1] if topic in tables else ""

    text = text_of(root / PAGE)
    if given.write and not findings:
        text = TABLE.sub(lambda found: found[1] + expected(found["topic"]) + found[4], text)
        (root / PAGE).write_text(text, encoding="utf-8")
    shown = set()
    for found in TABLE.finditer(text):
        topic, line = found["topic"], line_at(text, found.start())
        shown.add(topic)
        if expected(topic) != found["table"]:
            findings.append(Finding(PAGE, line, "differs from what the tests hold to: run this check with --write"))
    findings += [Finding(path, 1, f"is shown nowhere: put `<!-- differences: {topic} -->` and `<!-- end -->` into {PAGE}") for topic, (path, _) in tables.items() if topic not in shown]
    return report(findings)


if __name__ == "__main__":
    sys.exit(main())
