#!/usr/bin/env python3
"""The rules of CONTRIBUTING.md ("Plain English") that a program can hold: phrases with a plainer form, "a" where "per" is meant, relative clauses
without a noun, long sentences, long lines. It reads the pages of docs/, every README and CONTRIBUTING.md, without code and quoted words. In
mamey/, samples/ and tests/docs/ it reads the comments and the texts of literals.

usage: plain_english.py [ROOT]
"""
import pathlib
import re
import sys
from typing import Iterator, NamedTuple

from common import CPP, Finding, ROOT, files, line_at, report, text_of

LONGEST_LINE = 120
LONGEST_SENTENCE = 40  # words


class Rule(NamedTuple):
    pattern: re.Pattern
    message: str


def rule(pattern: str, message: str) -> Rule:
    """A phrase may run over the end of a line."""
    return Rule(re.compile(pattern.replace(" ", r"\s+")), message)


NUMBER = r"(?:[Oo]ne|[Oo]nce|[Tt]wo|[Tt]wice|[Tt]hree|\d[\d\s.,]*)"
UNIT = (r"(?:second|minute|hour|day|core|loop|worker|request|message|commit|connection|host|handler|process|application|module|subscription|queue|key|"
        r"slot|file|line|value|type|run|call|batch|claim|failure|exchange|transaction|tenant|class|folder|table|row|instance|service)")

PHRASES = [
    rule(r"\b[Tt]he reference\b", 'name it: ".NET Mamey (Convey)"'),
    rule(r"\b[Aa]s ever\b", "say what stays the same, or leave it out"),
    rule(r"\bby (?:itself|themselves)\b", 'say what happens: "automatically", "alone", "without help from …"'),
    rule(r"\bfor good\b", '"permanently", "not retried"'),
    rule(r"\bwithout a word\b", '"without an outcome", "without a log line"'),
    rule(r"\b[Nn]ow and then\b", 'say how often: "at most once per minute"'),
    rule(r"\b[Tt]old\b", '"reported", "returned", "logged": say where the outcome appears'),
    rule(r"\b[Ww]hoever\b", 'name the one who acts: "the caller that …", "the process that …"'),
    rule(rf"\b{NUMBER} an? {UNIT}\b", '"per": "one per core"'),
]
# A sentence that begins with a clause instead of its subject. A question may begin so, and so may a heading or a label of a few words.
HEADLESS = re.compile(r"\W*(?:Who|What|Those who|Of those)\b")
SENTENCE_END = re.compile(r"(?<=[.!?:;])[\"')*_]*\s+")


def blanked(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def prose(markdown: str) -> str:
    """Markdown without what is not ours to word: code, comments, targets of links. Lines stay; a piece of code stands as `x`."""
    markdown = re.sub(r"^```.*?^```", lambda block: blanked(block.group()), markdown, flags=re.S | re.M)
    markdown = re.sub(r"<!--.*?-->", lambda comment: blanked(comment.group()), markdown, flags=re.S)
    markdown = re.sub(r"`[^`]*`", lambda code: "x" + blanked(code.group())[1:], markdown)
    return re.sub(r"(?<=\])\([^)\s]*\)", "", markdown)


def blocks(markdown: str) -> Iterator[tuple[int, str]]:
    """Line and text of each paragraph, list item and table cell."""
    start, block = 0, []
    for number, line in enumerate(markdown.splitlines() + [""], 1):
        begins = re.match(r"\s*(?:[*-]|\d+\.) ", line)
        if block and (begins or not line.strip() or line.startswith(("|", "#"))):
            yield start, " ".join(block)
            block = []
        if line.startswith("|"):
            for cell in line.strip("| ").split("|"):
                yield number, cell.strip()
        elif line.strip() and not line.startswith("#"):
            if not block:
                start = number
            block.append((line[begins.end():] if begins else line).strip())


def findings_in_document(path: pathlib.Path, text: str) -> Iterator[Finding]:
    words = prose(text)
    for pattern, message in PHRASES:
        for match in pattern.finditer(words):
            yield Finding(path, line_at(words, match.start()), f'"{" ".join(match.group().split())}": {message}')
    for line, block in blocks(words):
        for sentence in SENTENCE_END.split(block):
            if (count := len(sentence.split())) > LONGEST_SENTENCE:
                yield Finding(path, line, f'a sentence of {count} words, "{" ".join(sentence.split()[:6])} …": make it two (at most {LONGEST_SENTENCE})')
            if HEADLESS.match(sentence) and not sentence.rstrip("*_ ").endswith(("?", "…")) and len(sentence.split()) > 3:
                yield Finding(path, line, f'"{" ".join(sentence.split()[:6])} …" begins with a clause: begin with the subject, a noun')
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        if len(line) > LONGEST_LINE and not fenced and not line.startswith(("|", "```", "<!--")):
            yield Finding(path, number, f"{len(line)} columns: wrap at {LONGEST_LINE}")


COMMENT_OR_TEXT = re.compile(r"//[^\n]*(?:\n[ \t]*//[^\n]*)*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"(?:\s*\"(?:\\.|[^\"\\\n])*\")*", re.S)


def findings_in_source(path: pathlib.Path, text: str) -> Iterator[Finding]:
    for piece in COMMENT_OR_TEXT.finditer(text):
        words = re.sub(r"\n[ \t]*//[/!<]*|\"\s*\"", lambda gap: "\n" * gap.group().count("\n") + " ", piece.group())
        words = re.sub(r"`[^`\n]*`", lambda code: "x" * len(code.group()), words)
        for pattern, message in PHRASES:
            for match in pattern.finditer(words):
                yield Finding(path, line_at(text, piece.start()) + words.count("\n", 0, match.start()), f'"{" ".join(match.group().split())}": {message}')


def findings_in(root: pathlib.Path) -> Iterator[Finding]:
    for path in files(root):
        if path.suffix == ".md" and (path.parts[0] == "docs" or path.name in ("README.md", "CONTRIBUTING.md")):
            yield from findings_in_document(path, text_of(root / path))
        elif path.suffix in CPP and (path.parts[0] in ("mamey", "samples") or path.parts[:2] == ("tests", "docs")):
            yield from findings_in_source(path, text_of(root / path))


def main() -> int:
    return report(findings_in(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT))


if __name__ == "__main__":
    sys.exit(main())
