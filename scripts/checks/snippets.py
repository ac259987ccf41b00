#!/usr/bin/env python3
"""C++ and CMake in the documents is code of the tree, so that it compiles and runs: each such block follows a line `<!-- snippet: PATH -->` or
`<!-- snippet: PATH#NAME -->` and equals the file, or what stands there between `// snippet NAME` and `// end NAME` (`# snippet NAME` in CMake).
The READMEs of folders have no such blocks: the pages of docs/ show code. A sample in the comment of a public header (lines that begin with
`///` and five blanks) stands line by line in a test of tests/docs.

usage: snippets.py [--write] [ROOT]     (--write copies the sources into the blocks)
"""
import argparse
import pathlib
import re
import sys
import textwrap

from common import Finding, HEADERS, ROOT, files, report, text_of

BLOCK = re.compile(r"(?P<head>(?:<!-- snippet: (?P<path>[^#\s]+)(?:#(?P<name>\S+))? -->\n)?```(?:cpp|c\+\+|cxx|cc|cmake)\n)(?P<code>.*?)```", re.S)
SAMPLE = re.compile(r"(?:^ *///     .*\n)+", re.M)
MARKER = re.compile(r"^[ ]*(?://|#) (?:snippet|end) \S+\n", re.M)


def source(root, path, name):
    if not (root / path).is_file():
        return None
    text = (root / path).read_text(encoding="utf-8")
    if name:
        found = re.search(rf"^[ ]*(?://|#) snippet {re.escape(name)}\n(.*?)^[ ]*(?://|#) end {re.escape(name)}$", text, re.S | re.M)
        if not found:
            return None
        text = found.group(1)
    return textwrap.dedent(MARKER.sub("", text)).strip() + "\n"


def check(root, path):
    text = (root / path).read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if not block["path"]:
            yield Finding(path, line, "code that nobody compiles: cut it out of a test or sample and say `<!-- snippet: PATH#NAME -->` before the block")
        elif (expected := source(root, block["path"], block["name"])) is None:
            yield Finding(path, line, f"there is no snippet {block['name'] or ''} in {block['path']}")
        elif expected.strip() != block["code"].strip():
            yield Finding(path, line, f"differs from {block['path']}: run this check with --write")


def lines_of(code):
    return [line.strip() for line in code.splitlines() if line.strip()]


def check_header(path, text, tests):
    for block in SAMPLE.finditer(text):
        sample = set(lines_of(re.sub(r"^ *///", "", block.group(), flags=re.M)))
        if not any(sample <= test for test in tests):
            yield Finding(path, text.count("\n", 0, block.start()) + 1, "a sample that nobody compiles: put it word for word into tests/docs/header_samples_test.cpp")


def write(root, path):
    def copied(block):
        expected = source(root, block["path"], block["name"]) if block["path"] else None
        return block["head"] + expected + "```" if expected else block.group()

    text = (root / path).read_text(encoding="utf-8")
    (root / path).write_text(BLOCK.sub(copied, text), encoding="utf-8")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true")
    arguments.add_argument("root", nargs="?", type=pathlib.Path, default=ROOT)
    given = arguments.parse_args()
    documents = [path for path in files(given.root) if path.suffix == ".md"]
    if given.write:
        for path in documents:
            write(given.root, path)
    tests = [set(lines_of(text_of(given.root / path))) for path in files(given.root) if path.parts[:2] == ("tests", "docs")]
    headers = [path for path in files(given.root) if path.parts[0] == "mamey" and path.suffix in HEADERS and "detail" not in path.parts]
    return report([finding for path in documents for finding in check(given.root, path)] +
                  [finding for path in headers for finding in check_header(path, text_of(given.root / path), tests)])


if __name__ == "__main__":
    sys.exit(main())
