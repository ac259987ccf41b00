#!/usr/bin/env python3
"""Every test that docs/guarantees.md names for a promise exists.

usage: guarantees.py [ROOT]
"""
import pathlib
import re
import sys

from common import Finding, ROOT, files, report, text_of

PAGE = pathlib.Path("docs/guarantees.md")
CPP_TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.M)
TABLE_CASE = re.compile(r'^\s*\{"(\w+)",', re.M)  # of the transport suite
PYTHON_TEST = re.compile(r"^\s*def (test_\w+)\(", re.M)


def names_of_tests(root: pathlib.Path) -> set[str]:
    names = set()
    for path in files(root):
        if path.parts[0] != "tests":
            continue
        if path.suffix == ".cpp":
            text = text_of(root / path)
            names.update(".".join(each) for each in CPP_TEST.findall(text))
            names.update(TABLE_CASE.findall(text))
        elif path.suffix == ".py":
            names.update(PYTHON_TEST.findall(text_of(root / path)))
    return names


def findings_in(root: pathlib.Path):
    if not (root / PAGE).is_file():
        return
    known = names_of_tests(root)
    for number, line in enumerate(text_of(root / PAGE).splitlines(), 1):
        cells = line.split("|")
        if len(cells) != 5 or cells[3].strip() in ("shown by", "---"):
            continue
        named = re.findall(r"`([\w.]+)`", cells[3])
        if not named:
            yield Finding(PAGE, number, "a promise without a test: name one as `suite.test`")
        for each in named:
            if each not in known:
                yield Finding(PAGE, number, f"no test is called {each}: name the one that shows the promise now")


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    return report(findings_in(root))


if __name__ == "__main__":
    sys.exit(main())
