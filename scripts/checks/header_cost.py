#!/usr/bin/env python3
"""Every public header compiles alone, includes no outside library, and costs little.

Cost is the memory that g++ allocates for `-fsyntax-only`, in MiB: unlike seconds it is the same on a busy machine, and it grows with what the
compiler reads and instantiates. At most 100 above the std headers that the header and the project headers behind it name, at most 230 in all.
Results are kept under build/cache by content, so that a second run measures only what changed.

usage: header_cost.py [--compiler GXX] [--verbose] [--root ROOT] [HEADER…]
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

ABOVE_STD, IN_ALL = 100.0, 230.0  # MiB
FLAGS = ["-std=c++20", "-fsyntax-only", "-ftime-report", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-x", "c++"]
TOTAL = re.compile(r"^ *TOTAL *:.* (\d+)([kMG])\s*$", re.MULTILINE)
MEBIBYTES = {"k": 1 / 1024, "M": 1, "G": 1024}
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", re.MULTILINE)
STD_NAME = re.compile(r"[a-z_0-9]+$")  # <vector>; everything with a slash or an extension comes from outside


class Measurement(NamedTuple):
    mebibytes: float
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

    def measure(self, source: str) -> Measurement:
        """One compilation: what it allocates, its user CPU time, or its first error."""
        with tempfile.NamedTemporaryFile("w", suffix=".cpp", encoding="utf-8") as file, tempfile.TemporaryFile("w+") as said:
            file.write(source)
            file.flush()
            process = subprocess.Popen([*self.command, file.name], stdout=said, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read()
        total = TOTAL.search(text)
        if process.returncode == 0 and total:
            return Measurement(int(total[1]) * MEBIBYTES[total[2]], usage.ru_utime)
        lines = text.splitlines()
        return Measurement(0, usage.ru_utime, next((line for line in lines if "error:" in line), lines[0] if lines else "no message"))

    def kept(self, key: str, source: str) -> Measurement:
        """What `source` cost when `key` was measured, or costs now. Errors are not kept."""
        file = self.cache / key
        if file.is_file():
            return Measurement(**json.loads(file.read_text()))
        measured = self.measure(source)
        if not measured.error:
            file.write_text(json.dumps(measured._asdict()))
        return measured


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
    std_source = "".join(f"#include <{name}>\n" for name in sorted(closure.std)) or "int x;\n"
    key = compiler.key(str(header), *(f"{path}\0{tree.text(path)}" for path in sorted(closure.project)))
    cost = compiler.kept(key, f"#include <{header}>\n")
    if cost.error:
        return [*findings, Finding(header, 1, f"does not compile alone: {cost.error}")], ""
    std = compiler.kept(compiler.key("std", std_source), std_source)
    above = cost.mebibytes - std.mebibytes
    if above > ABOVE_STD:
        findings.append(Finding(header, 1, f"costs {above:.0f} MiB of the compiler above the std headers it names (at most {ABOVE_STD:.0f}): move templates' bodies "
                                           "and includes into the source, erase types earlier"))
    if cost.mebibytes > IN_ALL:
        findings.append(Finding(header, 1, f"costs {cost.mebibytes:.0f} MiB of the compiler in all (at most {IN_ALL:.0f}): include fewer or lighter std headers"))
    return findings, f"{header}: {cost.mebibytes:.0f} MiB, {above:+.0f} above std, {cost.seconds:.2f} s when it was measured"


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
