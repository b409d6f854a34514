"""The committed OpenAPI documents: in step with the code, and sound as JSON Schema."""

from typing import Any

import jsonschema
import pytest
from django.core.management import call_command

from ittyhost.api.openapi import document
from ittyhost.api.versions import all_versions
from tests.endpoints import endpoints

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
    written = document(version)["paths"]
    methods = {(method, path.count("/")) for path, operations in written.items() for method in operations}
    assert sum(len(operations) for operations in written.values()) == len(endpoints())
    assert methods == {(endpoint.method, endpoint.path.count("/")) for endpoint in endpoints()}


@VERSIONS
def test_references_lead_somewhere_and_schemas_are_schemas(version):
    written = document(version)
    schemas = written["components"]["schemas"]
    for part in walk(written):
        reference = part.get("$ref")
        assert reference is None or reference.removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@VERSIONS
def test_operations_have_names_of_their_own(version):
    operations = [operation for path in document(version)["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations)
