#!/usr/bin/env python3
"""Every folder under mamey/ has a README that says which problem it solves, and links the page of docs/ that tells the rest (`persistence-sqlite.md`).

usage: readmes.py [ROOT]
"""
import pathlib
import sys

from common import CPP, Finding, ROOT, files, report


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    sources = [path for path in files(root) if path.parts[0] == "mamey" and path.suffix in CPP and len(path.parts) > 2]
    folders = {parent for path in sources for parent in path.parents if len(parent.parts) > 1 and "detail" not in parent.parts}
    missing = [folder for folder in folders if not (root / folder / "README.md").is_file()]
    empty = [folder for folder in folders - set(missing) if len((root / folder / "README.md").read_text(encoding="utf-8").split()) < 40]
    findings = [Finding(folder / "README.md", 1, "is missing: open with the problem the folder solves, its place, how to use it rightly") for folder in missing]
    findings += [Finding(folder / "README.md", 1, "says almost nothing: the problem, the place, how to use it rightly") for folder in empty]
    for folder in {path.parent for path in sources if "detail" not in path.parts} - set(missing):
        page = "docs/" + "-".join(folder.parts[1:]) + ".md"
        if not (root / page).is_file() or page not in (root / folder / "README.md").read_text(encoding="utf-8"):
            findings.append(Finding(folder / "README.md", 1, f"links no {page}, or it does not exist: what it is for, an example, the contract, options, failures, limits"))
    return report(findings)


if __name__ == "__main__":
    sys.exit(main())
