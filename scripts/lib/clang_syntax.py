#!/usr/bin/env python3
"""Lets clang read every source of a build: a second opinion on what is C++ and what merely compiles.

usage: clang_syntax.py COMPILE_COMMANDS [--compiler CXX] [--but BUILD]
  --but: without the sources of which BUILD, a build by clang, has an object
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

OUTPUTS = {"-o", "-MF", "-MT", "-MQ", "-include"}  # each takes the next word; a source stands without its precompiled header
DROPPED = {"-c", "-MD", "-MMD", "-Winvalid-pch"}


def syntax_command(entry, compiler):
    words = shlex.split(entry["command"])
    if "ccache" in words:
        words = words[words.index("ccache") + 1:]
    kept, skip = [compiler, "-fsyntax-only", "-Wno-unknown-warning-option"], False  # the other compiler's options
    for word in words[1:]:
        if skip or word in OUTPUTS:
            skip = not skip and word in OUTPUTS
        elif word not in DROPPED:
            kept.append(word)
    # The standard library of g++ 12 uses a deprecated function of its own in stable_sort; g++ looks for ours. Last, since -Wall is among the words.
    return [*kept, "-Wno-deprecated-declarations"]


def compiled_by(build):
    """The sources whose object stands in BUILD."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = [(entry, shlex.split(entry["command"])) for entry in json.load(file)]
    return {entry["file"] for entry, words in entries if os.path.exists(os.path.join(entry["directory"], words[words.index("-o") + 1]))}


def read(entry, compiler):
    run = subprocess.run(syntax_command(entry, compiler), cwd=entry["directory"], capture_output=True, text=True)
    return entry["file"], run.returncode, run.stderr


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("commands")
    arguments.add_argument("--compiler", default="clang++-19")
    arguments.add_argument("--but")
    given = arguments.parse_args()
    with open(given.commands, encoding="utf-8") as file:
        entries = {entry["file"]: entry for entry in json.load(file) if "/cmake_pch." not in entry["file"]}
    for file in compiled_by(given.but) if given.but else ():
        entries.pop(file, None)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [(file, said) for file, code, said in pool.map(lambda entry: read(entry, given.compiler), entries.values()) if code != 0]
    for file, said in failures:
        print(f"{file}\n{said}")
    print(f"clang read {len(entries)} sources, {len(failures)} with errors")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
