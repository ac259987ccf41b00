#!/usr/bin/env python3
"""Every function that a header declares is called somewhere: beside its header and source, by the tree, its tests, samples or benchmarks.

A function counts as unused when its name stands once in its header, in no other file of code, and at most once in the source beside it, where
its body is. Two functions of one name hide each other.

usage: unused.py [ROOT]
"""
import collections
import pathlib
import re
import sys

from common import CPP, Finding, HEADERS, ROOT, code_only, files, line_at, report, text_of

WORD = re.compile(r"[A-Za-z_]\w*")
DECLARED = re.compile(r"(?<![\w:.>])([a-z]\w{2,})\s*\([^;{}]*\)[^;{}()]*([;{])")


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    code = {path: code_only(text_of(root / path)) for path in files(root) if path.suffix in CPP}
    named = collections.defaultdict(collections.Counter)  # name → how often in which file
    for path, text in code.items():
        for name in WORD.findall(text):
            named[name][path] += 1

    def is_unused(name: str, header: pathlib.Path, has_body: bool) -> bool:
        def is_declaration(path: pathlib.Path) -> bool:
            return path == header or (not has_body and path.suffix not in HEADERS and path.stem == header.stem)

        return all(times == 1 and is_declaration(path) for path, times in named[name].items())

    findings = []
    for path, text in code.items():
        if path.parts[0] == "mamey" and path.suffix in HEADERS:
            findings += [Finding(path, line_at(text, found.start()), f"nothing calls {found[1]}: remove it")
                         for found in DECLARED.finditer(text) if is_unused(found[1], path, found[2] == "{")]
    return report(findings)


if __name__ == "__main__":
    sys.exit(main())
