#!/usr/bin/env python3
"""What must not come back into the tree, each with what to use instead.

Where a banned form is right after all (SQLite's busy handler may only block), a comment on its line or the line above says why:
`// not banned: SQLite calls this on a thread of the blocking pool`. Without a reason of three words it does not count.

usage: banned_calls.py [ROOT]
"""
import ast
import pathlib
import re
import sys
from typing import Iterator, NamedTuple

from common import CPP, Finding, HEADERS, ROOT, code_only, files, line_at, report, text_of

PRODUCT = {"mamey", "apps", "samples"}
TEXT = CPP | {".py", ".sh", ".md", ".cmake", ".txt", ".json", ".yml", ".yaml", ".sql", ".js", ".css", ".html", ""}
LONGEST_FILE = 500


class Ban(NamedTuple):
    pattern: re.Pattern
    where: set[str]  # top folders; empty: everywhere
    instead: str


BANS = [
    Ban(re.compile(r"\bstd\s*::\s*w?(?:c|s)?regex\w*|#\s*include\s*<regex>"), set(),
        "std::regex recurses and overflows a fiber's stack: use RE2, or a small parser"),
    Ban(re.compile(r"\bthis_thread\s*::\s*sleep_(?:for|until)\b"), {"tests"},
        "a test does not sleep: wait for a condition with a deadline, or use the virtual clock"),
    Ban(re.compile(r"\bthis_thread\s*::\s*sleep_(?:for|until)\b"), PRODUCT,
        "blocks the event loop's thread: use mamey::sleep_for, or wait for a condition with a deadline"),
    Ban(re.compile(r"\b(?:u|nano|clock_nano)sleep\s*\(|(?<![\w>])::\s*sleep\s*\(|(?:^|[;{}])\s*sleep\s*\(\s*\d+\s*\)"), PRODUCT | {"tests"},
        "blocks the thread: wait for a condition with a deadline, use mamey::sleep_for, or, in a test, the virtual clock"),
    Ban(re.compile(r"\b(?:std\s*::\s*)?(?:strto[dfl]d?|ato[fil]l?|sto[dfl]d?)\s*\(|\bstd\s*::\s*[io]?stringstream\b|\bstr(?:n)?casecmp\s*\("), {"mamey"},
        "follows the locale of the process: use std::from_chars and std::to_chars, and equal_ignoring_case"),
    Ban(re.compile(r"\bstd\s*::\s*(?:is(?:alnum|alpha|digit|lower|upper|punct|space|xdigit)|to(?:lower|upper))\b|#\s*include\s*<(?:cctype|clocale|locale)>"), {"mamey"},
        "follows the locale of the process: use mamey/core/ascii.hpp"),
    Ban(re.compile(r"\.\s*detach\s*\(\s*\)"), PRODUCT, "a detached thread outlives what it uses: join it, or give the work to the supervisor"),
    Ban(re.compile(r"\bnamespace\s+mamey\s*(?:\{|::\s*(?!inline\b))"), {"mamey"},
        "namespace mamey::inline v1 { … }: a definition outside the inline namespace is another function"),
]
HEADER_BANS = [
    Ban(re.compile(r"^[ \t]*#[ \t]*define\b", re.MULTILINE), {"mamey"}, "no macro in a public header: a constant, a function or a template; else detail/"),
    Ban(re.compile(r"^[ \t]*using\s+namespace\b", re.MULTILINE), {"mamey"}, "a header does not open namespaces for everybody who includes it"),
]
# Split so that this file does not find itself.
MARKERS = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\r\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

WAIVER = re.compile(r"//.*\bnot banned:(?:\s+\S+){3,}")
CATCH_ALL = re.compile(r"\bcatch\s*\(\s*\.\.\.\s*\)\s*\{")
HANDLES_IT = re.compile(r"\bthrow\b|\bthrow_with_nested\b|\brethrow\w*|current_exception|\blog\w*\b|\blogger\b|\bstd::terminate\b|\babort\s*\(")


def body_after(code: str, brace: int) -> str:
    depth = 0
    for position in range(brace, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return code[brace:position]
    return code[brace:]


def cpp_findings(path: pathlib.Path, source: str) -> Iterator[Finding]:
    lines = ["", *source.splitlines()]
    for finding in bans_met(path, source):
        if not any(WAIVER.search(line) for line in lines[max(0, finding.line - 1):finding.line + 1]):
            yield finding


def bans_met(path: pathlib.Path, source: str) -> Iterator[Finding]:
    code = code_only(source)
    is_public_header = path.suffix in HEADERS and "detail" not in path.parts
    for ban in BANS + (HEADER_BANS if is_public_header else []):
        if ban.where and path.parts[0] not in ban.where:
            continue
        for match in ban.pattern.finditer(code):
            found = " ".join(match.group().split())
            yield Finding(path, line_at(code, match.start()), f"`{found}`: {ban.instead}")
    for match in CATCH_ALL.finditer(code):
        if not HANDLES_IT.search(body_after(code, match.end() - 1)):
            yield Finding(path, line_at(code, match.start()), "`catch (...)` that swallows: log it with its context (describe_current_exception), rethrow, "
                          "or hand std::current_exception() on")
    if path.suffix in HEADERS and path.parts[0] == "mamey" and "#pragma once" not in source:
        yield Finding(path, 1, "#pragma once is missing")


def python_findings(path: pathlib.Path, source: str) -> Iterator[Finding]:
    """A black-box test may sleep inside a polling helper only: a function named wait… or poll… that knows a deadline."""
    if path.parts[0] != "tests":
        return
    tree = ast.parse(source, filename=str(path))
    helpers = [
        node for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and re.search(r"wait|poll", node.name)
        and "deadline" in ast.get_source_segment(source, node)
    ]
    allowed = {id(inner) for helper in helpers for inner in ast.walk(helper)}
    for node in ast.walk(tree):
        is_sleep = isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
        if is_sleep and id(node) not in allowed:
            yield Finding(path, node.lineno, "a test does not sleep: poll for the condition in a helper wait_…(…, deadline)")


def shell_findings(path: pathlib.Path, source: str) -> Iterator[Finding]:
    if path.parts[0] != "tests":
        return
    for match in re.finditer(r"^(?:[^#\n]*[;&|(\s])?sleep\s+[\d$]", source, re.MULTILINE):
        yield Finding(path, line_at(source, match.end()), "a test does not sleep: poll for the condition with a deadline (easier in Python)")


def text_findings(path: pathlib.Path, source: str) -> Iterator[Finding]:
    for match in MARKERS.finditer(source):
        yield Finding(path, line_at(source, match.start()), f"leftover marker {match.group()}: do it, or open an issue and delete the line")
    for match in UNSEEN.finditer(source):
        yield Finding(path, line_at(source, match.start()), f"invisible character U+{ord(match.group()):04X}: delete it, or write it as an escape")
    if path.suffix == ".md" and len(source.split()) == 0:
        yield Finding(path, 1, "is empty: write it or delete it")


def findings_in(root: pathlib.Path, path: pathlib.Path) -> Iterator[Finding]:
    source = text_of(root / path)
    first_line = source.split("\n", 1)[0]
    try:
        yield from text_findings(path, source)
        if path.suffix in CPP:
            yield from cpp_findings(path, source)
        elif path.suffix == ".py" or first_line.startswith("#!") and "python" in first_line:
            yield from python_findings(path, source)
        elif path.suffix == ".sh" or first_line.startswith("#!") and "sh" in first_line:
            yield from shell_findings(path, source)
    except SyntaxError as wrong:
        yield Finding(path, wrong.lineno or 1, f"does not parse: {wrong.msg}")


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    texts = [path for path in files(root) if path.suffix in TEXT and "data" not in path.parts]
    too_long = [
        Finding(path, LONGEST_FILE, f"{lines} lines: around 300 is where a file asks to be two")
        for path in texts if path.suffix in CPP | {".py"} and (lines := text_of(root / path).count("\n")) > LONGEST_FILE
    ]
    return report((finding for path in texts for finding in findings_in(root, path)), too_long)


if __name__ == "__main__":
    sys.exit(main())
