#!/usr/bin/env python3
"""Folders include only what stands below them, and nobody's detail/ but their own.

usage: dependency_direction.py [ROOT]
"""
import pathlib
import re
import sys

from common import CPP, Finding, ROOT, code_only, files, line_at, report, text_of

# From the bottom up. A folder may include every folder of a lower row, and its neighbours only as NEIGHBOURS says.
LAYERS = [
    {"core"},
    {"observability"},
    {"runtime"},
    {"http", "domain", "feature"},
    {"web", "messaging", "cqrs", "scheduling"},
    {"persistence"},
    {"auth", "discovery", "persistence/*", "messaging/*"},
    {"engines"},
    {"host"},
    {"gateway", "testing"},
]
NEIGHBOURS = {"cqrs": {"messaging"}, "scheduling": {"messaging"}, "feature": {"http", "domain"}}
FAMILIES = {"persistence", "messaging"}  # whose folders are providers: siblings that know nothing of each other
USERS = {"apps", "samples"}  # stand above every folder, but keep to public headers
FREE = {"tests", "bench"}    # may include everything

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def folder_of(path: pathlib.PurePath) -> str | None:
    """`mamey/persistence/sqlite/store.hpp` ⇒ `persistence/sqlite`; the public umbrella headers in mamey/ itself belong to the host."""
    parts = path.parts
    if len(parts) < 2 or parts[0] != "mamey":
        return None
    if len(parts) == 2:
        return "host"
    if parts[1] in FAMILIES and len(parts) > 3 and parts[2] != "detail":
        return f"{parts[1]}/{parts[2]}"
    return parts[1]


def layer_of(folder: str) -> int | None:
    family = folder.split("/")[0] + "/*" if "/" in folder else folder
    return next((level for level, row in enumerate(LAYERS) if folder in row or family in row), None)


def may_include(user: str, used: str) -> bool:
    if user == used or used in NEIGHBOURS.get(user, ()):
        return True
    return layer_of(used) < layer_of(user)


def reason(user: str, used: str) -> str:
    if "/" in user and "/" in used:
        return f"{user} is a provider and must not know {used}: move what both need below them"
    return f"{user} stands below or beside {used} and must not include it: invert the dependency (an interface in {user}) or move the code up"


def findings_in(root: pathlib.Path, path: pathlib.Path):
    user = folder_of(path)
    source = text_of(root / path)
    code = code_only(source)
    for match in INCLUDE.finditer(source):
        if not code[match.start():match.end()].lstrip().startswith("#"):
            continue  # inside a comment or a literal
        line = line_at(source, match.start(2))
        quoted, target = match.group(1) == '"', pathlib.PurePosixPath(match.group(2))
        used = folder_of(target)
        if quoted and path.parts[0] == "mamey":
            yield Finding(path, line, f'"{target}": write the path from the root: #include <mamey/folder/file.hpp>')
        if used is None or path.parts[0] in FREE:
            continue
        if "detail" in target.parts and used != user:
            yield Finding(path, line, f"<{target}> is internal to {used}: use its public headers, or make this one public")
        if path.parts[0] in USERS:
            continue
        if layer_of(user) is None or layer_of(used) is None:
            unknown = user if layer_of(user) is None else used
            yield Finding(path, line, f"folder {unknown} has no place in LAYERS of {pathlib.Path(__file__).name}: give it one, and name it in docs")
        elif not may_include(user, used):
            yield Finding(path, line, f"<{target}>: {reason(user, used)}")


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    sources = [path for path in files(root) if path.suffix in CPP and path.parts[0] in {"mamey"} | USERS | FREE]
    return report(finding for path in sources for finding in findings_in(root, path))


if __name__ == "__main__":
    sys.exit(main())
