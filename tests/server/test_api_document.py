"""The OpenAPI document."""

import asyncio
import json
import subprocess
import sys

from penstock.server.api_document import document
from penstock.server.console_app import ConsoleSettings, build
from penstock.server.openapi import _no_services


def described() -> dict:
    return json.loads(document(build(ConsoleSettings(), _no_services)))


def operations():
    for path, item in described()["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


async def test_the_served_document_is_the_printed_one(console):
    command = [sys.executable, "-m", "penstock.server.openapi"]
    printed = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    served = await console.ask("GET", "/api/openapi.json")
    assert served.content == printed.stdout
    assert (await console.ask("GET", "/api/openapi.json")).content == printed.stdout


def test_every_operation_has_a_name_a_permission_and_the_error_shape():
    names = []
    for path, _, operation in operations():
        names.append(operation["operationId"])
        assert operation["operationId"][0].islower(), path
        assert ("x-permission" in operation) != (operation.get("security") == []), path
        problem = operation["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert not [status for status in operation["responses"] if status.startswith(("4", "5"))]
    assert len(names) == len(set(names))
    assert {"getSession", "listKeys", "createKey", "rotateKey", "revokeKey", "listProjects", "listModels"} <= set(names)


def test_the_project_parameter_is_described_where_it_counts():
    for path, method, operation in operations():
        if operation["operationId"] in {"listKeys", "createKey", "revokeKey", "listModels", "getSession"}:
            assert "project" in [p["name"] for p in operation["parameters"]], (method, path)


def test_integers_are_64_bits_wide_and_missing_values_are_null():
    key = described()["components"]["schemas"]["Key"]
    assert key["properties"]["created"] == {"type": "integer", "format": "int64"}
    assert {"type": "null"} in key["properties"]["expires"]["oneOf"]
    assert set(key["required"]) == set(key["properties"])


def test_schema_names_are_those_of_the_nouns():
    names = set(described()["components"]["schemas"])
    assert {"Key", "KeyPage", "KeyWithSecret", "NewKey", "Project", "Session", "Problem"} <= names
    assert not [name for name in names if "_" in name or "." in name]
