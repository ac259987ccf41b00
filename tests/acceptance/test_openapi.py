"""What the samples say of themselves, judged by somebody else's validator of OpenAPI documents."""

import json
import pathlib
import subprocess
import urllib.parse

import pytest

from conveyor import ROOT, Process, request

VALIDATOR = ROOT / "build" / "venv" / "bin" / "python"  # scripts/setup puts it there


@pytest.fixture
def ask(tmp_path):
    """Starts a sample, and asks it."""
    running = []

    def start(program, *arguments):
        process = Process(program, ["--urls", "http://127.0.0.1:0", *arguments], cwd=tmp_path)
        running.append(process)
        process.wait_for_ports([program])
        return lambda path: request(process.ports[program], "GET", path)

    yield start
    for each in running:
        each.close()


def document_of(get, path="/openapi.json"):
    answer = get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    return answer.json()


@pytest.mark.parametrize("program", ["hello", "orders", "deliveries", "pricing"])
def test_the_document_is_valid(ask, program, tmp_path):
    document = document_of(ask(program))
    assert document["info"]["title"] == program and document["paths"]
    assert VALIDATOR.exists(), "scripts/setup puts the validator there"
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    judged = subprocess.run([VALIDATOR, "-m", "openapi_spec_validator", file], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_orders_are_described_as_they_are_taken(ask):
    document = document_of(ask("orders"))
    create = document["paths"]["/orders"]["post"]
    assert create["requestBody"]["required"] is True
    assert "Location" in create["responses"]["201"]["headers"]
    schemas = document["components"]["schemas"]
    assert schemas["CreateOrder"]["required"] == ["customerId"], "orderId is generated"
    assert schemas["Line"]["properties"]["quantity"]["minimum"] == 1
    assert schemas["Line"]["properties"]["sku"] == {"type": "string", "minLength": 1, "maxLength": 40}
    assert schemas["Status"]["enum"] == ["placed", "delivering", "delivered", "cancelled"]
    get = document["paths"]["/orders/{orderId}"]["get"]
    assert get["parameters"] == [{"name": "orderId", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}]
    assert get["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/OrderDto"}
    assert "404" in get["responses"]
    query = {each["name"]: each for each in document["paths"]["/orders"]["get"]["parameters"]}
    assert query["page"]["in"] == "query" and "required" not in query["customerId"], "members of nested structs stand flat"


def test_requests_go_to_where_the_document_came_from(ask):
    get = ask("hello", "--swagger:routePrefix=api/reference")
    for path in ("/openapi.json", "/api/reference/v1/swagger.json"):
        server, = document_of(get, path)["servers"]
        assert urllib.parse.urljoin("http://host/prefix" + path, server["url"]) == "http://host/prefix/", path


def test_every_order_that_is_listed_can_be_asked_for(ask):
    get = ask("orders")
    parameters = {each["name"]: each for each in document_of(get)["paths"]["/orders"]["get"]["parameters"]}
    names = parameters["orderBy"]["schema"]["enum"]
    assert "status" in names and "lines" not in names
    for each in names:
        assert get(f"/orders?orderBy={each}").status == 200, each
    refused = get("/orders?orderBy=lines")
    assert refused.status == 400 and refused.json()["errors"][0]["message"] == "cannot sort by lines: expected one of " + ", ".join(names)


def test_an_error_names_a_parameter_as_the_document_does(ask):
    refused = ask("orders")("/orders?page=first")
    assert (refused.status, [each["path"] for each in refused.json()["errors"]]) == (400, ["page"])


def test_the_references_settings_are_honoured(ask):
    prefixed = ask("hello", "--swagger:routePrefix=api-docs", "--swagger:name=Hello API v1", "--swagger:title=Greetings", "--swagger:version=2.1",
                   "--swagger:includeSecurity=true")
    document = document_of(prefixed, "/api-docs/Hello%20API%20v1/swagger.json")
    assert document["info"] == {"title": "Greetings", "version": "2.1"}
    assert document["security"] == [{"Bearer": []}]
    assert "Hello%20API%20v1/swagger.json" in prefixed("/api-docs").body
    hidden = ask("hello", "--swagger:enabled=false")
    assert [hidden(path).status for path in ("/openapi.json", "/docs")] == [404, 404]
