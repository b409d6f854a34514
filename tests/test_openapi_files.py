"""The committed OpenAPI documents: in step with the code, and sound as JSON Schema."""

from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from ittyhost.api.versions import all_versions
from tasks_app.control import all_kinds
from tests.documents import document
from tests.endpoints import endpoints
from tests.test_answers_match_openapi import resolved

VERSIONS = pytest.mark.parametrize("version", all_versions(), ids=str)


def walk(value: Any):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def test_the_files_are_in_step_with_the_code():
    call_command("openapi", "--check")


@VERSIONS
def test_every_endpoint_is_in_every_document(version):
    written = {path: item for path, item in document(version)["paths"].items() if "servers" not in item}
    methods = {(method, path.count("/")) for path, operations in written.items() for method in operations}
    assert sum(len(operations) for operations in written.values()) == len(endpoints())
    assert methods == {(endpoint.method, endpoint.path.count("/")) for endpoint in endpoints()}


@VERSIONS
def test_a_document_is_openapi_3_1_and_its_references_lead_somewhere(version):
    written = document(version)
    validate_schema(written)
    for part in walk(written):
        if isinstance(reference := part.get("$ref"), str):
            assert resolved(written, part), reference
    for schema in written["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@VERSIONS
def test_examples_fit_their_schemas(version):
    written = document(version)
    shown = 0
    for part in walk(written["paths"]):
        for content in part.get("content", {}).values():
            given = [content["example"]] if "example" in content else []
            given += [example["value"] for example in content.get("examples", {}).values()]
            schema = {**content["schema"], "components": written["components"]}
            for example in given:
                shown += 1
                problems = [problem.message for problem in jsonschema.Draft202012Validator(schema).iter_errors(example)]
                assert problems == [], example
    assert shown > len(endpoints())


@VERSIONS
def test_there_is_an_example_for_every_kind(version):
    body = document(version)["paths"]["/tasks"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == set(all_kinds())


@VERSIONS
def test_every_tag_is_explained(version):
    unknown = [tag["name"] for tag in document(version)["tags"] if "description" not in tag]
    assert unknown == [], f"add {unknown} to TAGS in ittyhost/api/openapi/words.py"


@VERSIONS
def test_what_every_request_may_meet_is_said_of_every_operation(version):
    for path, item in document(version)["paths"].items():
        if "servers" in item:  # no ProjectView
            continue
        for method in set(item) & {"get", "post", "put", "patch", "delete"}:
            operation = item[method]
            assert {"429", "500", "503"} <= set(operation["responses"]), (method, path)
            assert "default" not in operation["responses"]
            names = {one["name"] for one in operation["parameters"]}
            assert ("Idempotency-Key" in names) == (method == "post")


@VERSIONS
def test_operations_have_names_of_their_own(version):
    operations = [
        operation
        for item in document(version)["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations)
