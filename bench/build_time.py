#!/usr/bin/env python3
"""What a build from nothing takes, library and samples, two compilers at a time, and what the translation unit of samples/hello takes. Without ccache.

The clock's time counts on a machine that does nothing else; the CPU time, which others change little, is printed beside it.
"""
import json
import os
import pathlib
import resource
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


def measured(command, folder):
    """Seconds by the clock and of CPU."""
    def cpu():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime
    cpu_before, before = cpu(), time.monotonic()
    run = subprocess.run(command, cwd=folder, env={**os.environ, "CCACHE_DISABLE": "1"}, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stdout[-4000:] + run.stderr)
    return time.monotonic() - before, cpu() - cpu_before


def compile_command(folder, source):
    for entry in json.loads((folder / "compile_commands.json").read_text()):
        if pathlib.Path(entry["file"]) == source:
            return shlex.split(entry["command"])
    sys.exit(f"{source} is not part of the build")


def verdict(seconds, goal):
    return f"goal < {goal} s: {'met' if seconds < goal else 'MISSED'}"


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DMAMEY_TESTS=OFF", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
                       check=True, stdout=subprocess.DEVNULL)
        clock, cpu = measured(["cmake", "--build", folder, "-j", "2"], folder)
        print(f"cold build, 2 cores   {clock:6.1f} s   CPU {cpu:6.1f} s, alone on two cores about {cpu / 2:.0f} s   ({verdict(clock, 360)})")
        unit = compile_command(folder, ROOT / "samples" / "hello" / "main.cpp")
        clock, cpu = min(measured(unit, folder) for _ in range(3))
        print(f"samples/hello/main.cpp {clock:5.1f} s   CPU {cpu:6.1f} s   ({verdict(clock, 3)})")


if __name__ == "__main__":
    main()
