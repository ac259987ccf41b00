#!/usr/bin/env python3
"""Every public header compiles alone, includes no outside library, and costs little.

Cost is user CPU time of `-fsyntax-only`, best of five: at most 0.4 s above the std headers that the header and the project headers behind it
name, at most 1.5 s in all. Results are kept under build/cache by content, so that a second run measures only what changed.

usage: header_cost.py [--compiler CXX] [--verbose] [--root ROOT] [HEADER…]
"""
import argparse
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
SURELY = 0.6  # a single measurement is enough for a header that stays below this share of its budget
FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-x", "c++"]
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", re.MULTILINE)
STD_NAME = re.compile(r"[a-z_0-9]+$")  # <vector>; everything with a slash or an extension comes from outside


class Measurement(NamedTuple):
    seconds: float
    error: str = ""


class Closure(NamedTuple):
    project: frozenset[pathlib.Path]
    std: frozenset[str]
    outside: frozenset[str]


class Tree:
    """The headers below a root and what they include."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self._includes: dict[pathlib.Path, list[str]] = {}

    def text(self, header: pathlib.Path) -> str:
        return text_of(self.root / header)

    def includes_of(self, header: pathlib.Path) -> list[str]:
        if header not in self._includes:
            self._includes[header] = [match.group(1) for match in INCLUDE.finditer(code_only(self.text(header)))]
        return self._includes[header]

    def closure_of(self, header: pathlib.Path) -> Closure:
        """Everything the header pulls in: project headers, the std headers they name, and headers of anybody else."""
        project, std, outside, open_ = set(), set(), set(), [header]
        while open_:
            current = open_.pop()
            if current in project:
                continue
            project.add(current)
            for name in self.includes_of(current):
                if (self.root / name).is_file():
                    open_.append(pathlib.Path(name))
                else:
                    (std if STD_NAME.match(name) else outside).add(name)
        return Closure(frozenset(project), frozenset(std), frozenset(outside))


class Compiler:
    def __init__(self, command: str, root: pathlib.Path):
        self.command = [command, *FLAGS, f"-I{root}"]
        self.cache = root / "build" / "cache" / "header_cost"
        self.version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
        self.cache.mkdir(parents=True, exist_ok=True)

    def key(self, *parts: str) -> str:
        return hashlib.sha256("\0".join([self.version, *FLAGS, *parts]).encode()).hexdigest()[:32]

    def once(self, source: str) -> Measurement:
        """One compilation: its user CPU time, children included, or its first error."""
        with tempfile.NamedTemporaryFile("w", suffix=".cpp", encoding="utf-8") as file, tempfile.TemporaryFile("w+") as said:
            file.write(source)
            file.flush()
            process = subprocess.Popen([*self.command, file.name], stdout=said, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode == 0:
                return Measurement(usage.ru_utime)
            said.seek(0)
            lines = said.read().splitlines()
            return Measurement(usage.ru_utime, next((line for line in lines if "error:" in line), lines[0] if lines else "no message"))

    def std_cost(self, std: str, measure) -> float:
        """What the std headers cost alone, as measured before or now."""
        kept = self.cache / self.key("std", std)
        if not kept.is_file():
            kept.write_text(json.dumps(measure()))
        return json.loads(kept.read_text())


class Cost(NamedTuple):
    """Of a header, and of the std headers it names."""
    seconds: float
    std: float

    def is_within(self, share: float = 1.0) -> bool:
        return self.seconds <= IN_ALL and self.seconds - self.std <= ABOVE_STD * share


def quick_cost(compiler: Compiler, kept: pathlib.Path, std: str) -> Cost:
    """The kept cost of the header; the std headers are not measured when it is within its budget even without them."""
    seconds = json.loads(kept.read_text())["seconds"]
    return Cost(seconds, 0.0 if seconds <= ABOVE_STD else compiler.std_cost(std, lambda: compiler.once(std).seconds))


def careful_cost(compiler: Compiler, source: str, kept: pathlib.Path, std: str) -> Cost:
    """The best of five. CPU time grows on a busy machine: as much as the std headers take longer now than they once did, the header does."""
    seconds = std_now = float("inf")
    for _ in range(TRIES):
        seconds = min(seconds, compiler.once(source).seconds)
        std_now = min(std_now, compiler.once(std).seconds)
    best_std = min(std_now, compiler.std_cost(std, lambda: std_now))
    (compiler.cache / compiler.key("std", std)).write_text(json.dumps(best_std))
    slowdown = std_now / best_std if best_std > 0.1 else 1.0  # less is noise
    best = min(seconds / slowdown, json.loads(kept.read_text())["seconds"])
    kept.write_text(json.dumps({"seconds": best, "careful": True}))
    return Cost(best, best_std)


def examine(compiler: Compiler, tree: Tree, header: pathlib.Path) -> tuple[list[Finding], str]:
    closure = tree.closure_of(header)
    findings = [
        Finding(header, 1, f"brings <{name}> of an outside library to every user: declare what is needed, and include it in the source")
        for name in sorted(closure.outside) if not name.endswith(".h") or "/" in name
    ]
    findings += [
        Finding(header, 1, f"brings <{name}> of the system to every user: hide it behind a pointer or in the source")
        for name in sorted(closure.outside) if name.endswith(".h") and "/" not in name
    ]
    std = "".join(f"#include <{name}>\n" for name in sorted(closure.std)) or "int x;\n"
    source = f"#include <{header}>\n"
    kept = compiler.cache / compiler.key(str(header), *(f"{path}\0{tree.text(path)}" for path in sorted(closure.project)))
    if not kept.is_file():
        first = compiler.once(source)
        if first.error:
            return [*findings, Finding(header, 1, f"does not compile alone: {first.error}")], ""
        kept.write_text(json.dumps({"seconds": first.seconds, "careful": False}))
    cost = quick_cost(compiler, kept, std)
    if not cost.is_within(1.0 if json.loads(kept.read_text())["careful"] else SURELY):
        cost = careful_cost(compiler, source, kept, std)
    above = cost.seconds - cost.std
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
    arguments.add_argument("--root", type=pathlib.Path, default=ROOT)
    arguments.add_argument("headers", nargs="*", type=pathlib.Path, help="relative to the root; default: all public ones")
    given = arguments.parse_args()
    root = given.root.resolve()
    headers = given.headers or [path for path in files(root) if path.parts[0] == "mamey" and path.suffix in HEADERS and "detail" not in path.parts]
    compiler, tree = Compiler(given.compiler, root), Tree(root)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda header: examine(compiler, tree, header), headers))
    if given.verbose:
        print("\n".join(line for _, line in results if line))
    return report(finding for findings, _ in results for finding in findings)


if __name__ == "__main__":
    sys.exit(main())
