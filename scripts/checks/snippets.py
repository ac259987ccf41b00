#!/usr/bin/env python3
"""C++ in the documents is code of the tree, so that it compiles and runs: each ```cpp block follows a line `<!-- snippet: PATH -->` or
`<!-- snippet: PATH#NAME -->` and equals the file, or what stands there between `// snippet NAME` and `// end NAME`.

usage: snippets.py [ROOT]
"""
import pathlib
import re
import sys
import textwrap

from common import Finding, ROOT, files, report

BLOCK = re.compile(r"(?:<!-- snippet: (?P<path>[^#\s]+)(?:#(?P<name>\S+))? -->\n)?```cpp\n(?P<code>.*?)```", re.S)


def source(root, path, name):
    text = (root / path).read_text(encoding="utf-8")
    if not name:
        return text
    found = re.search(rf"^[ ]*// snippet {re.escape(name)}\n(.*?)^[ ]*// end {re.escape(name)}$", text, re.S | re.M)
    return textwrap.dedent(found.group(1)) if found else None


def check(root, path):
    text = (root / path).read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if not block["path"]:
            yield Finding(path, line, "C++ that nobody compiles: cut it out of a test or sample and say `<!-- snippet: PATH#NAME -->` before the block")
        elif not (root / block["path"]).is_file() or (expected := source(root, block["path"], block["name"])) is None:
            yield Finding(path, line, f"there is no snippet {block['name'] or ''} in {block['path']}")
        elif expected.strip() != block["code"].strip():
            yield Finding(path, line, f"differs from {block['path']}: copy it again")


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    documents = [path for path in files(root) if path.suffix == ".md" and (path.parts[0] == "docs" or len(path.parts) == 1)]
    return report([finding for path in documents for finding in check(root, path)])


if __name__ == "__main__":
    sys.exit(main())
