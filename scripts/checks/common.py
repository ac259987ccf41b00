"""What the repository checks share: which files there are, and how a finding is printed."""
import pathlib
import re
import subprocess
import sys
from typing import Iterable, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEADERS = {".hpp", ".h"}
CPP = HEADERS | {".cpp", ".cc"}


class Finding(NamedTuple):
    path: pathlib.Path
    line: int
    message: str  # what is wrong and what to do instead


def files(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Every file of the project, relative to its root: what git tracks or would track; in a plain directory, everything but build trees."""
    try:
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True, check=True).stdout
        found = [pathlib.Path(name) for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        found = [path for path in found if not path.parts[0].startswith(("build", "."))]
    return sorted(path for path in found if (root / path).is_file())


def text_of(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


_CPP_TOKENS = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")
      | (?P<text>"(?:\\.|[^"\\\n])*")
      | (?P<character>(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+')""",
    re.VERBOSE | re.DOTALL,
)


def code_only(source: str) -> str:
    """C++ without comments and the contents of literals; every character keeps its line."""

    def blank(match: re.Match) -> str:
        lines = re.sub(r"[^\n]", " ", match.group())
        return lines if match.group("comment") else '"' + lines[1:-1] + '"' if len(lines) > 1 else lines

    return _CPP_TOKENS.sub(blank, source)


def line_at(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def report(findings: Iterable[Finding], warnings: Iterable[Finding] = ()) -> int:
    """Prints everything; the exit code of the check."""
    for warning in sorted(warnings):
        print(f"{warning.path}:{warning.line}: warning: {warning.message}")
    findings = sorted(set(findings))
    for finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.message}")
    print(f"{pathlib.Path(sys.argv[0]).stem}: {len(findings)} finding{'' if len(findings) == 1 else 's'}")
    return 1 if findings else 0
