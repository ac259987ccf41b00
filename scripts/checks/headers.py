#!/usr/bin/env python3
"""Every public header says in its first sentence for whom it is: services, features, providers or the framework.

usage: headers.py [ROOT]
"""
import pathlib
import re
import sys

from common import Finding, HEADERS, ROOT, files, report, text_of

# `For services.`, `For features and services.`; a colon and the sentence may follow in the place of the full stop.
AUDIENCE = re.compile(r"/// @file\n/// For (?:(?:services|features|providers|the framework)(?: and |[:.]))+")


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    public = [path for path in files(root) if path.parts[0] == "mamey" and path.suffix in HEADERS and "detail" not in path.parts]
    return report(Finding(path, 1, "does not say for whom it is. Begin with `/// @file` and, on the next line, `/// For services.` (or features, providers, the framework)")
                  for path in public if not AUDIENCE.search(text_of(root / path)))


if __name__ == "__main__":
    sys.exit(main())
