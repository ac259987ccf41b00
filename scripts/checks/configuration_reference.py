#!/usr/bin/env python3
"""docs/configuration.md is what the option structs say: names and defaults from PROGRAM (tests/docs/configuration_reference.cpp), descriptions from the
`///<` comments of the members. Fails when the page is out of date, a setting lacks its comment, or the product reads a section the program does not list.

usage: configuration_reference.py --program PROGRAM [--write] [ROOT]     (--write makes the page anew)
"""
import argparse
import pathlib
import re
import subprocess
import sys
import textwrap
from typing import NamedTuple

from common import CPP, Finding, HEADERS, ROOT, code_only, files, line_at, report, text_of

PAGE = pathlib.Path("docs/configuration.md")
LIST = pathlib.Path("tests/docs/configuration_reference.cpp")
HEAD = """# Configuration reference

<!-- Made by scripts/checks/configuration_reference.py --write; do not edit. -->

This page lists every setting that the product reads, with its type and default. For example, `server:maxBodyBytes` is

* `{"server": {"maxBodyBytes": 1048576}}` in `appsettings.json`
* `SERVER__MAXBODYBYTES=1048576` in the environment
* `--server:maxBodyBytes=1048576` on the command line

Keys are case-insensitive. In a host of several applications, `NAME:section:key` is the setting of application NAME
alone. [core](core.md#configuration) describes the order of the layers and the form of durations. A bad value refuses
the start, with its file and line. Unknown keys are logged as warnings.
"""


class Setting(NamedTuple):
    section: str
    key: str
    type: str
    default: str
    struct: str
    member: str


class Struct(NamedTuple):
    path: pathlib.Path
    line: int
    summary: str   # of the struct, without `Section x.`
    comments: dict  # member ⇒ what its comment says


def settings_of(program: str) -> list[Setting]:
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return [Setting(*line.split("\t")) for line in printed.splitlines()]


def body_end(code: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position
    return len(code)


def comments_of(source: str, code: str, begin: int, end: int) -> dict[str, str]:
    """What is said of each member: `///` lines above its declaration, or `///<` behind it."""
    found, position = {}, begin
    while (stop := code.find(";", position, end)) >= 0:
        nested = re.match(r"\s*(?:\w+\s+)*struct\s+\w+\s*\{", code[position:end])
        if nested:  # a section of its own is looked up under its own name
            position = body_end(code, position + nested.end() - 1) + 1
            continue
        declaration = code[position:stop]
        behind = re.match(r";[ \t]*///<[ \t]*([^\n]*)", source[stop:end])
        above = re.findall(r"^[ \t]*///[ \t]?([^<\n][^\n]*)$", source[position:stop], re.MULTILINE)
        text = behind.group(1).strip() if behind else " ".join(above)
        plain = re.sub(r"\{.*\}|=.*", "", declaration, flags=re.S)
        for name in re.findall(r"(\w+)\s*(?=,|$)", plain.strip()):
            found[name] = text
        position = stop + 1
    return found


def structs_of(root: pathlib.Path) -> dict[str, Struct]:
    found = {}
    for path in files(root):
        if path.parts[0] != "mamey" or path.suffix not in HEADERS:
            continue
        source = text_of(root / path)
        code = code_only(source)
        for match in re.finditer(r"^[ ]*struct (\w+) \{", code, re.MULTILINE):
            end = body_end(code, match.end() - 1)
            above = re.search(r"((?:^[ ]*///[^\n]*\n)+)\Z", source[:match.start()], re.MULTILINE)
            summary = " ".join(line.strip().removeprefix("///").strip() for line in above.group(1).splitlines()) if above else ""
            found.setdefault(match.group(1), Struct(path, line_at(code, match.start()), re.sub(r"^Sections? `[\w:]+`[.:,]?\s*", "", summary),
                                                    comments_of(source, code, match.end(), end)))
    return found


def described(setting: Setting, structs: dict[str, Struct]) -> str:
    struct = structs.get(setting.struct.split("::")[-1])
    return struct.comments.get(setting.member, "") if struct else ""


def shown_default(default: str) -> str:
    if default in ('""', "[]", "{}", "null"):
        return ""
    return "`" + default.strip('"').replace("|", "\\|") + "`"


def page(settings: list[Setting], structs: dict[str, Struct]) -> str:
    text = HEAD
    for section in sorted({each.section for each in settings}, key=str.lower):
        own = [each for each in settings if each.section == section]
        top = next((each for each in own if ":" not in each.key), None)
        summary = structs[top.struct.split("::")[-1]].summary if top and top.struct.split("::")[-1] in structs else ""
        summary = summary[:1].upper() + summary[1:]
        text += f"\n## {section}\n" + (textwrap.fill(summary, 120, break_long_words=False, break_on_hyphens=False) + "\n" if summary else "") + "\n| key | type | default | meaning |\n|---|---|---|---|\n"
        for each in own:
            text += f"| `{each.key}` | {each.type} | {shown_default(each.default)} | {described(each, structs).replace('|', chr(92) + '|')} |\n"
    return text


def unlisted(root: pathlib.Path, settings: list[Setting]):
    """Sections, and structs of them, bound somewhere in the product and missing in the list."""
    binding = re.compile(r"""\bbind(?:<(?P<struct>[\w:]+)>)?\(\s*"(?P<section>\w+)\"""")
    listed = {each.section.lower() for each in settings}
    structs = {each.struct.split("::")[-1] for each in settings}
    for path in files(root):
        if path.parts[0] != "mamey" or path.suffix != ".cpp":
            continue
        for match in binding.finditer(text_of(root / path)):
            struct = (match["struct"] or "").split("::")[-1]
            if match["section"].lower() not in listed or struct and struct not in structs:
                yield Finding(path, line_at(text_of(root / path), match.start()), f'{struct or "what is bound"} to section "{match["section"]}" is missing in {LIST}: add it, then run this check with --write')


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", required=True)
    arguments.add_argument("--write", action="store_true")
    arguments.add_argument("root", nargs="?", type=pathlib.Path, default=ROOT)
    given = arguments.parse_args()
    settings, structs = settings_of(given.program), structs_of(given.root)
    findings = list(unlisted(given.root, settings))
    for each in settings:
        if not described(each, structs):
            struct = structs.get(each.struct.split("::")[-1])
            findings.append(Finding(struct.path if struct else LIST, struct.line if struct else 1, f"{each.struct}::{each.member} ({each.section}:{each.key}) has no comment `///< what it does`"))
    made = page(settings, structs)
    if given.write:
        (given.root / PAGE).parent.mkdir(exist_ok=True)
        (given.root / PAGE).write_text(made, encoding="utf-8")
    elif not (given.root / PAGE).is_file() or text_of(given.root / PAGE) != made:
        findings.append(Finding(PAGE, 1, f"is out of date: python3 scripts/checks/configuration_reference.py --program {given.program} --write"))
    return report(findings)


if __name__ == "__main__":
    sys.exit(main())
