"""What another library did, as recorded in tests/vectors/TOPIC, against what we do: vectors.hpp for pytest."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent / "vectors"


class Vectors:
    """One file of a topic; `with Vectors("http", "webapi.json") as recorded:` fails at its end for each case that differs and is not listed, or is listed and does not."""

    def __init__(self, topic: str, file: str):
        self.topic, self.file = topic, file
        self.document = json.loads((ROOT / topic / file).read_text(encoding="utf-8"))
        listed = ROOT / topic / "differences.json"
        entries = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
        self.entries = {each["case"]: each for each in entries if each["file"] == file}
        self.differ, self.tried, self.failures = set(), set(), []

    def compare(self, name: str, there, here, equal: bool | None = None):
        """Says what became of one case; `equal` where that is more than `there == here`."""
        self.tried.add(name)
        if there == here if equal is None else equal:
            return
        self.differ.add(name)
        if name not in self.entries:
            self.failures.append(f"{self.topic}/{self.file}, {name} differs and is not in differences.json\n  there: {there}\n  here:  {here}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        for each in sorted(set(self.entries) - self.differ):
            why = "is the same here: take it out" if each in self.tried else "was not tried by any test"
            self.failures.append(f"tests/vectors/{self.topic}/differences.json lists {self.file}, {each}, which {why}")
        assert not self.failures, "\n".join(self.failures)
