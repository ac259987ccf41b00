#!/usr/bin/env python3
"""Every link of a document into the tree leads to a file, and to a heading of it where it names one.

usage: links.py [ROOT]
"""
import pathlib
import re
import sys

from common import Finding, ROOT, files, line_at, report, text_of

LINK = re.compile(r"\[[^\]\n]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.S | re.M)


def anchors(text: str) -> set[str]:
    """As the usual renderers make them: lower case, words joined by hyphens, nothing else kept."""
    headings = re.findall(r"^#+[ ]+(.*)$", CODE.sub(lambda code: code.group() if not code.group().startswith("```") else "", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def findings_in(root: pathlib.Path, path: pathlib.Path):
    text = text_of(root / path)
    plain = CODE.sub(lambda code: re.sub(r"[^\n]", " ", code.group()), text)
    for match in LINK.finditer(plain):
        target = (root / path).parent / match.group(1) if match.group(1) else root / path
        if not target.exists():
            yield Finding(path, line_at(plain, match.start()), f"{match.group(1)} does not exist")
        elif match.group(2) and match.group(2) not in anchors(text_of(target)):
            yield Finding(path, line_at(plain, match.start()), f"{match.group(1)} has no heading #{match.group(2)}")


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    return report(finding for path in files(root) if path.suffix == ".md" for finding in findings_in(root, path))


if __name__ == "__main__":
    sys.exit(main())
