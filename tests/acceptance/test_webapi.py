"""What a client of Convey.WebApi was answered, request by request, beside the answers of the same service here (things/main.cpp)."""

import decimal
import json
import pathlib
import re
import socket
import sys

import pytest

from conveyor import Process, request, until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from vectors import Vectors  # noqa: E402

pytestmark = pytest.mark.served

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DATE_WITHOUT_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")


@pytest.fixture
def things():
    service = Process("things", ["--urls", "http://127.0.0.1:0", "--swagger:name=v1", "--swagger:routePrefix=docs", "--swagger:title=Wire", "--swagger:version=v1"])
    try:
        service.wait_for_ports(["things"])
        yield service
    finally:
        service.close()


class Answer:
    """One answer as it stands on the wire."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, {name.lower(): value for name, value in headers}, body

    @staticmethod
    def recorded(answer):
        return Answer(int(answer["status_line"].split()[1]), answer["headers"], answer["body"])

    @property
    def closes(self):
        return self.headers.get("connection") == "close"

    def json(self):
        try:
            return json.loads(self.body, parse_float=decimal.Decimal)
        except ValueError:
            return None


def receive(stream, to_head):
    status = int(stream.readline().split()[1])
    headers = []
    while line := stream.readline().decode().strip():
        name, value = line.split(":", 1)
        headers.append((name, value.strip()))
    known = {name.lower(): value for name, value in headers}
    if to_head or status == 204:
        body = b""
    elif "content-length" in known:
        body = stream.read(int(known["content-length"]))
    elif known.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        body = stream.read()
    return Answer(status, headers, body.decode())


def ask(port, raw, to_head=False):
    """The answer to raw bytes. That its connection ends, or goes on, as the answer says is seen as well."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client, client.makefile("rb") as stream:
        client.sendall(raw)
        answer = receive(stream, to_head)
        if answer.closes:
            client.shutdown(socket.SHUT_WR)
            assert stream.read() == b"", raw
        else:
            client.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert receive(stream, False).body == "pong", raw
        return answer


class Comparison:
    """Both answers to one request, without what is listed once for all requests (`general`: its name ⇒ how it was there and here)."""

    def __init__(self, there, here, ids):
        self.general = {}
        self.there, self.here = self.seen(there), self.seen(here)
        self.there["body"], self.here["body"] = self.bodies(there, here, ids)

    def seen(self, answer):
        type = answer.headers.get("content-type", "")
        return {
            "status": answer.status,
            "location": answer.headers.get("location"),
            "allow": ", ".join(sorted(set(answer.headers.get("allow", "").split(", ")) - {"HEAD", "OPTIONS"})),
            "x-before": answer.headers.get("x-before"),
            "closes": answer.closes,
            "json": answer.status < 400 and type.split(";")[0] == "application/json",
        }

    def bodies(self, there, here, ids):
        if there.headers.get("allow") != here.headers.get("allow"):
            self.general["every 405"] = ("Allow names the methods of endpoints", "Allow names HEAD and OPTIONS as well")
        if there.headers.get("content-type") == "application/json" and here.headers.get("content-type") == "application/json; charset=utf-8":
            self.general["every JSON"] = ("Content-Type: application/json", "Content-Type: application/json; charset=utf-8")
        if there.headers.get("transfer-encoding") == "chunked" and "content-length" in here.headers:
            self.general["every answer with a body"] = ("chunked", "with Content-Length")
        if there.status >= 400 and here.status >= 400:
            return self.refusals(there, here)
        theirs, ours = there.json(), here.json()
        if theirs is None or ours is None:
            return there.body, here.body
        theirs, ours = self.dates(theirs, ours), self.plain(ours, ids)
        if isinstance(theirs, dict) and "char" in theirs:
            self.general["a member of type char"] = ("a text of one character", "no such type")
            del theirs["char"]
        if isinstance(theirs, dict) and "items" in theirs and isinstance(ours, dict):
            theirs["items"], ours["items"] = self.items(theirs), self.items(ours)
        return theirs, ours

    @staticmethod
    def items(page):
        """In the order of a dictionary there: which ones stand on one of several pages says nothing."""
        whole = len(page["items"]) == page["totalResults"]
        return sorted(page["items"], key=lambda each: each["id"]) if whole else len(page["items"])

    def refusals(self, there, here):
        """`error` there is what the mapper of the recorded service makes of every exception that it does not know."""
        ours = here.json()
        if here.body or there.body:
            assert isinstance(ours, dict) and {"code", "reason", "message", "errors"} <= set(ours), f"no error body: {here.body}"
        theirs = there.json()
        if not isinstance(theirs, dict) or theirs["code"] == "error":
            self.general["every refusal"] = ("a text (`An invalid JSON was sent.`), nothing, or what the service's mapper says", "`code`, `reason`, and `errors` with the path of each violation")
            return None, None
        return {name: theirs[name] for name in ("code", "reason")}, {name: ours[name] for name in ("code", "reason")}

    def dates(self, theirs, ours):
        """A DateTime of no zone is written so there; here times are UTC and say it."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            return {name: self.dates(value, ours.get(name)) for name, value in theirs.items()}
        if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
            return [self.dates(*both) for both in zip(theirs, ours)]
        if isinstance(theirs, str) and DATE_WITHOUT_OFFSET.fullmatch(theirs) and ours == theirs + "Z":
            self.general["every time without an offset"] = ("2026-11-30T00:00:00", "2026-11-30T00:00:00Z")
            return ours
        return self.plain(theirs, {})

    def plain(self, value, ids):
        """Decimals keep their scale; ids that were made are called as those there."""
        if isinstance(value, dict):
            return {name: self.plain(each, ids) for name, each in value.items()}
        if isinstance(value, list):
            return [self.plain(each, ids) for each in value]
        if isinstance(value, decimal.Decimal):
            return str(value) if abs(value) < 10**15 else float(value)
        return ids.get(value, value) if isinstance(value, str) else value


def test_every_request_is_answered_as_convey_does_or_the_difference_is_listed(things):
    port, ids, general = things.ports["things"], {}, {}
    with Vectors("http", "webapi.json") as recorded:
        for case in recorded.document:
            raw = case["request"]["text"].encode() if "text" in case["request"] else bytes.fromhex(case["request"]["hex"])
            there, here = Answer.recorded(case["answer"]), ask(port, raw, to_head=raw.startswith(b"HEAD "))
            if case["name"] in ("created_without_id", "created_empty_guid"):  # a new one each
                ids[re.search(UUID, here.headers["location"]).group()] = re.search(UUID, there.headers["location"]).group()
                here.headers["location"] = re.sub(UUID, lambda found: ids[found.group()], here.headers["location"])
            both = Comparison(there, here, ids)
            general |= both.general
            recorded.compare(case["name"], both.there, both.here)
            if entry := recorded.entries.get(case["name"]):
                assert (entry["there"].split(",")[0], entry["here"].split(",")[0]) == (str(there.status), str(here.status)), f"{case['name']}: both sides begin with their status"
        for name, (there, here) in general.items():
            recorded.compare(name, there, here)


# What docs/migrating.md says of .NET without a record: our side of it.

MUCH = 30_000_000  # bytes: Kestrel's limit


def text_body(size):
    """JSON of that size for POST /all, which answers what it was sent."""
    return b'{"text":"' + b"x" * (size - 11) + b'"}'


def test_an_encoded_slash_is_refused_in_a_path_and_is_a_slash_in_a_query(things):
    for target in ("/things/a%2Fb", "/things/a%2fb", "/things%2F11111111-1111-1111-1111-111111111111"):
        answer = request(things.ports["things"], "GET", target)
        assert answer.status == 400, target
        assert {"code", "reason"} <= set(answer.json()), answer.body
    assert request(things.ports["things"], "GET", "/ask?text=a%2Fb").json()["text"] == "a/b"


def test_a_body_may_have_4_mib_or_what_the_service_sets(things):
    def read(service, size):
        return request(service.ports["things"], "POST", "/all", text_body(size), timeout=60).status

    def announced(service, size):
        """The answer comes before the body is sent."""
        return ask(service.ports["things"], f"POST /all HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode()).status

    assert [read(things, 4 << 20), announced(things, (4 << 20) + 1), announced(things, MUCH)] == [200, 413, 413]
    wide = Process("things", ["--urls", "http://127.0.0.1:0", f"--server:maxBodyBytes={MUCH}"])
    try:
        wide.wait_for_ports(["things"])
        assert [read(wide, MUCH), announced(wide, MUCH + 1)] == [200, 413]
    finally:
        wide.close()


def test_methods_have_a_case_and_another_one_is_counted_and_not_logged(things):
    port, logged = things.ports["things"], things.output()
    for method in ("get", "Get", "post"):
        answer = ask(port, f"{method} /things/11111111-1111-1111-1111-111111111111 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        assert answer.status == 501, method
    assert ask(port, b"GET /things/11111111-1111-1111-1111-111111111111 HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
    metrics = request(port, "GET", "/metrics").body
    assert sum(float(value) for value in re.findall(r'^http_requests_received_total\{[^}]*code="501"[^}]*\} (\S+)$', metrics, re.M)) == 3
    assert things.output() == logged


# The document of the endpoints: theirs is no valid OpenAPI (types are class names, examples are texts), but shows which endpoints there are and what goes in and out.

def names_in(example):
    members = json.loads(example) if isinstance(example, str) else None
    return sorted(name.lower() for name in members) if isinstance(members, dict) else None


def media(part):
    return part.get("content", {}).get("application/json", {}).get("schema", {})


def properties(document, schema):
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return sorted(name.lower() for name in schema["properties"]) if "properties" in schema else None


def shown_there(operation):
    (answer,) = operation["responses"].values()
    return names_in(media(operation.get("requestBody", {})).get("example")) or [], names_in(media(answer).get("example"))


def shown_here(document, operation):
    body = properties(document, media(operation.get("requestBody", {}))) or []
    answers = [each for status, each in operation["responses"].items() if status.startswith("2")]
    return sorted({each["name"].lower() for each in operation.get("parameters", [])} | set(body)), properties(document, media(answers[0]))


def test_the_document_has_the_endpoints_of_conveys_with_what_goes_in_and_out(things):
    document = request(things.ports["things"], "GET", "/docs/v1/swagger.json").json()
    with Vectors("http", "swagger.json") as recorded:
        recorded.compare("openapi", recorded.document["openapi"], document["openapi"])
        for name in ("title", "version"):
            recorded.compare(f"info {name}", recorded.document["info"][name], document["info"][name])
        statuses = {}
        for path, operations in recorded.document["paths"].items():
            plain = re.sub(r"{(\w+)[:?][^}]*}", r"{\1}", path)
            if plain != path:
                statuses["every path with a constraint or an optional parameter"] = (path, plain)
            for method, operation in operations.items():
                ours = document["paths"].get(plain, {}).get(method)
                there, here = shown_there(operation), ours and shown_here(document, ours)
                if here and there[1] is None:  # what a command answers is not described there
                    here = (here[0], None)
                recorded.compare(f"{method} {path}", there, here)
                if ours and set(operation["responses"]) != {each for each in ours["responses"] if each.startswith("2")}:
                    statuses["every answer that is not 200 or 202"] = ("200 or 202", "its own status")
        for name, (there, here) in statuses.items():
            recorded.compare(name, there, here)
