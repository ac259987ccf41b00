#!/usr/bin/env python3
"""Every public header compiles alone, includes no outside library, and costs little.

Cost is user CPU time of `-fsyntax-only`, best of five: at most 0.4 s above the std headers that the header and the project headers behind it
name, at most 1.5 s in all. Results are kept under build/cache by content, so that a second run measures only what changed.

usage: header_cost.py [--compiler CXX] [--verbose] [HEADER…]
"""
import argparse
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from common import Finding, HEADERS, ROOT, code_only, files, report, text_of

ABOVE_STD, IN_ALL, TRIES = 0.4, 1.5, 5  # seconds, seconds, measurements
FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-missing-field-initializers", f"-I{ROOT}", "-x", "c++"]
CACHE = ROOT / "build" / "cache" / "header_cost"
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", re.MULTILINE)
STD_NAME = re.compile(r"[a-z_0-9]+$")  # <vector>; everything with a slash or an extension comes from outside


class Measurement(NamedTuple):
    seconds: float
    error: str = ""


class Closure(NamedTuple):
    project: frozenset[pathlib.Path]
    std: frozenset[str]
    outside: frozenset[str]


@functools.cache
def includes_of(header: pathlib.Path) -> tuple[str, ...]:
    return tuple(match.group(1) for match in INCLUDE.finditer(code_only(text_of(ROOT / header))))


def closure_of(header: pathlib.Path) -> Closure:
    """Everything the header pulls in: project headers, the std headers they name, and headers of anybody else."""
    project, std, outside, open_ = set(), set(), set(), [header]
    while open_:
        current = open_.pop()
        if current in project:
            continue
        project.add(current)
        for name in includes_of(current):
            if (ROOT / name).is_file():
                open_.append(pathlib.Path(name))
            else:
                (std if STD_NAME.match(name) else outside).add(name)
    return Closure(frozenset(project), frozenset(std), frozenset(outside))


class Compiler:
    def __init__(self, command: str):
        self.command = command
        self.version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
        CACHE.mkdir(parents=True, exist_ok=True)

    def key(self, *parts: str) -> str:
        return hashlib.sha256("\0".join([self.version, *FLAGS, *parts]).encode()).hexdigest()[:32]

    def once(self, source: str) -> Measurement:
        """One compilation: its user CPU time, children included, or its first error."""
        with tempfile.NamedTemporaryFile("w", suffix=".cpp", encoding="utf-8") as file, tempfile.TemporaryFile("w+") as said:
            file.write(source)
            file.flush()
            process = subprocess.Popen([self.command, *FLAGS, file.name], stdout=said, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode == 0:
                return Measurement(usage.ru_utime)
            said.seek(0)
            lines = said.read().splitlines()
            return Measurement(usage.ru_utime, next((line for line in lines if "error:" in line), lines[0] if lines else "no message"))

    def baseline(self, std: str) -> float:
        """The std headers alone: the best ever measured, since every header is compared with it."""
        kept = CACHE / self.key("std", std)
        if not kept.is_file():
            kept.write_text(json.dumps(min(self.once(std).seconds for _ in range(TRIES))))
        return json.loads(kept.read_text())

    def best(self, key: str, source: str, std: str, baseline: float) -> Measurement:
        """The fastest of up to five compilations, and of earlier runs of this check; stops as soon as it is within budget.

        CPU time grows on a busy machine. So the std headers alone, whose cost is known, are compiled beside: by as much as the fastest of
        those runs takes longer, the machine is slower now.
        """
        kept = CACHE / key
        earlier = json.loads(kept.read_text()) if kept.is_file() else float("inf")
        if is_within_budget(earlier, baseline):
            return Measurement(earlier)
        fastest = fastest_std = float("inf")
        for _ in range(TRIES):
            measured = self.once(source)
            if measured.error:
                return measured
            fastest = min(fastest, measured.seconds)
            if is_within_budget(fastest, baseline):
                break
            fastest_std = min(fastest_std, self.once(std).seconds)
        else:
            fastest /= max(1.0, fastest_std / baseline)
        best = min(earlier, fastest)
        kept.write_text(json.dumps(best))
        return Measurement(best)


def is_within_budget(seconds: float, baseline: float) -> bool:
    return seconds <= IN_ALL and seconds - baseline <= ABOVE_STD


def examine(compiler: Compiler, header: pathlib.Path) -> tuple[list[Finding], str]:
    closure = closure_of(header)
    findings = [
        Finding(header, 1, f"brings <{name}> of an outside library to every user: declare what is needed, and include it in the source")
        for name in sorted(closure.outside) if not name.endswith(".h") or "/" in name
    ]
    findings += [
        Finding(header, 1, f"brings <{name}> of the system to every user: hide it behind a pointer or in the source")
        for name in sorted(closure.outside) if name.endswith(".h") and "/" not in name
    ]
    std = "".join(f"#include <{name}>\n" for name in sorted(closure.std)) or "int x;\n"
    baseline = compiler.baseline(std)
    contents = [f"{path}\0{text_of(ROOT / path)}" for path in sorted(closure.project)]
    cost = compiler.best(compiler.key(str(header), *contents), f"#include <{header}>\n", std, baseline)
    if cost.error:
        return [*findings, Finding(header, 1, f"does not compile alone: {cost.error}")], ""
    above = cost.seconds - baseline
    if above > ABOVE_STD:
        findings.append(Finding(header, 1, f"costs {above:.2f} CPU-seconds above the std headers it names (at most {ABOVE_STD}): move templates' bodies and "
                                           "includes into the source, erase types earlier"))
    if cost.seconds > IN_ALL:
        findings.append(Finding(header, 1, f"costs {cost.seconds:.2f} CPU-seconds in all (at most {IN_ALL}): include fewer or lighter std headers"))
    return findings, f"{header}: {cost.seconds:.2f} s, {above:+.2f} s above std"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    arguments.add_argument("--verbose", action="store_true", help="print the cost of each header")
    arguments.add_argument("headers", nargs="*", type=pathlib.Path, help="relative to the root; default: all public ones")
    given = arguments.parse_args()
    headers = given.headers or [path for path in files() if path.parts[0] == "mamey" and path.suffix in HEADERS and "detail" not in path.parts]
    compiler = Compiler(given.compiler)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda header: examine(compiler, header), headers))
    if given.verbose:
        print("\n".join(line for _, line in results if line))
    return report(finding for findings, _ in results for finding in findings)


if __name__ == "__main__":
    sys.exit(main())
