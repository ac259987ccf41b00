#!/usr/bin/env python3
"""Compiles what a user may get wrong and looks at the first thing the compiler says.

A case whose first line is `// expect: TEXT` must not compile, and the first line with `error:` must contain TEXT: a user reads that line and
perhaps no other. A case without that line must compile, so that the others fail for the reason they claim.

usage: run.py [--compiler CXX] [CASE.cpp…]     (default: every case beside this file)
"""
import argparse
import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = ["-std=c++20", "-fsyntax-only", "-fdiagnostics-color=never", "-fmessage-length=0", "-Wno-missing-field-initializers", f"-I{ROOT}"]


def expectation(case: pathlib.Path) -> str | None:
    first_line = case.read_text(encoding="utf-8").split("\n", 1)[0]
    marker = "// expect:"
    return first_line[len(marker):].strip() if first_line.startswith(marker) else None


def verdict(case: pathlib.Path, compiler: str) -> str | None:
    """What is wrong with the case; nothing when it behaves."""
    expected = expectation(case)
    run = subprocess.run([compiler, *FLAGS, str(case)], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "en"})
    errors = [line for line in run.stderr.splitlines() if "error:" in line]
    first = errors[0] if errors else "(the compiler names no error)"
    if expected is None:
        return None if run.returncode == 0 else f"has no `// expect:` line, so it must compile; the compiler says\n    {first}"
    if expected == "":
        return "`// expect:` is followed by nothing; write a part of our sentence"
    if run.returncode == 0:
        return f"compiles, but must be refused with\n    {expected}"
    if expected not in first:
        return f"the first error must contain\n    {expected}\n  but is\n    {first}"
    return None


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    arguments.add_argument("cases", nargs="*", type=pathlib.Path)
    given = arguments.parse_args()
    cases = given.cases or sorted(HERE.glob("*.cpp"))
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda case: verdict(case, given.compiler), cases))
    for case, wrong in zip(cases, verdicts):
        print(f"{case.name}:1: {wrong}" if wrong else f"{case.name}: as expected")
    return 1 if any(verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
