"""The documents are made from the code, one for each version, and are valid OpenAPI 3.1."""

from io import StringIO

import jsonschema
import pytest
import yaml
from django.core.management import CommandError, call_command

from ittyhost.api.openapi import document
from ittyhost.api.tests import thing_urls
from ittyhost.api.versions import all_versions, find_version

G1, G4 = (find_version(name) for name in ("2024-03-21", "2025-08-20"))


@pytest.fixture
def g1():
    return document(G1, thing_urls.urlpatterns[:2])


@pytest.fixture
def g4():
    return document(G4, thing_urls.urlpatterns[:2])


def test_a_document_holds_what_is_documented_and_nothing_else(g4):
    assert g4["openapi"] == "3.1.0"
    assert (g4["info"]["title"], g4["info"]["version"]) == ("ittyhost", "2025-08-20")
    assert {path: sorted(operations) for path, operations in g4["paths"].items()} == {
        "/things": ["get", "post"],
        "/things/{thing_id}": ["delete", "get"],
    }
    assert g4["security"] == [{"ApiKey": []}]
    scheme = g4["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    operation = g4["paths"]["/things"]["post"]
    assert (operation["operationId"], operation["summary"], operation["description"], operation["tags"]) == (
        "things_create",
        "Create a thing",
        "It is there at once.",
        ["things"],
    )


def test_the_envelope_and_the_status_of_a_creation_are_the_versions(g1, g4):
    refused = ["400", "401", "402", "403", "409", "411", "413", "414", "415", "422", "429", "431", "500", "503"]
    assert list(g1["paths"]["/things"]["post"]["responses"]) == ["200", *refused]
    assert list(g4["paths"]["/things"]["post"]["responses"]) == ["201", *refused]
    assert g4["paths"]["/things"]["post"]["responses"]["402"]["description"] == "The quota is used up."
    thing = {"$ref": "#/components/schemas/ThingShow"}
    bare = g4["paths"]["/things"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    wrapped = g1["paths"]["/things"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert bare == thing
    assert wrapped == {"$ref": "#/components/schemas/ThingShowAnswer"}
    answer = g1["components"]["schemas"]["ThingShowAnswer"]
    assert (list(answer["properties"]), answer["properties"]["data"]) == (["meta", "data", "links"], thing)
    assert [list(written["paths"]["/things"]["get"]["responses"]["200"]["headers"]) for written in (g1, g4)] == [
        ["X-Request-Id", "RateLimit", "RateLimit-Policy"],
        ["X-Request-Id", "RateLimit", "RateLimit-Policy", "Links", "Link"],
    ]
    deleted = g4["paths"]["/things/{thing_id}"]["delete"]["responses"]["202"]["content"]["application/json"]
    assert deleted["schema"] == {"$ref": "#/components/schemas/Message"}


def test_list_parameters_carry_the_versions_bounds_and_the_views_filters(g1, g4):
    def parameters(written):
        return {
            parameter["name"]: parameter["schema"] for parameter in written["paths"]["/things"]["get"]["parameters"]
        }

    assert parameters(g1) == {
        "Accept-Version": {"type": "string", "enum": ["2024-03-21"]},
        "page": {"type": "integer", "minimum": 1, "maximum": 100_000_000, "default": 1},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 12},
        "sort": {"type": "string", "enum": ["created", "updated"], "default": "created"},
        "order": {"type": "string", "enum": ["desc", "asc"], "default": "desc"},
        "name": {"type": "string", "enum": ["old", "new"]},
    }
    assert parameters(g4)["limit"]["default"] == 20
    assert parameters(g4)["Accept-Version"] == {"type": "string", "enum": ["2025-08-20", "latest"]}


def test_there_is_one_body_for_each_kind_told_apart_by_kind(g4):
    schemas = g4["components"]["schemas"]
    body = g4["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    create = schemas[body["$ref"].rpartition("/")[2]]
    assert create["required"] == ["name"]
    assert create["properties"]["output"] == {
        "oneOf": [{"$ref": "#/components/schemas/RoundOutput"}, {"$ref": "#/components/schemas/SquareOutput"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"round": "#/components/schemas/RoundOutput", "square": "#/components/schemas/SquareOutput"},
        },
    }
    assert schemas["RoundOutput"] == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "const": "round", "description": "The kind of task."},
            "radius": {
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "description": "Half across, pixels.",
            },
        },
        "required": ["kind", "radius"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("version", all_versions(), ids=str)
@pytest.mark.parametrize("path", ["/things", "/things/{id}", "/things?page=0", "/things/none"])
def test_real_answers_fit_their_schemas(api, version, path):
    written = document(version, thing_urls.urlpatterns[:2])
    made = api("post", "/things", version=version.name, json={"name": "x"}).json()
    public_id = made.get("data", made)["id"]
    response = api("get", path.format(id=public_id), version=version.name)
    template = "/things/{thing_id}" if path.startswith("/things/") else "/things"
    responses = written["paths"][template]["get"]["responses"]
    described = responses[str(response.status_code)]
    if "$ref" in described:
        described = written["components"]["responses"][described["$ref"].rpartition("/")[2]]
    schema = described["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": written["components"]}).validate(response.json())


def test_the_command_writes_and_checks(tmp_path, settings):
    settings.ROOT_URLCONF = "ittyhost.api.tests.thing_urls"
    folder = f"--folder={tmp_path / 'openapi'}"
    with pytest.raises(CommandError, match=r"2024-03-21.yaml, .*2025-08-20.yaml out of step with the code"):
        call_command("openapi", "--check", folder)
    call_command("openapi", "--write", folder, stdout=StringIO())
    call_command("openapi", "--check", folder)
    path = tmp_path / "openapi" / "2024-03-21.yaml"
    assert yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["info"]["version"] == "2024-03-21"
    path.write_text(path.read_text() + "# changed\n")
    with pytest.raises(CommandError, match=r"^2024-03-21.yaml out of step"):
        call_command("openapi", "--check", folder)


def test_posts_take_a_key_of_the_clients_and_say_what_may_come_of_it(g1, g4):
    for written in (g1, g4):
        post, get = written["paths"]["/things"]["post"], written["paths"]["/things"]["get"]
        found = {parameter["name"]: parameter for parameter in post["parameters"]}
        assert found["Idempotency-Key"]["in"] == "header"
        assert "required" not in found["Idempotency-Key"]
        assert found["Idempotency-Key"]["schema"]["maxLength"] == 255
        assert {"409", "422", "429"} <= set(post["responses"])
        assert "Idempotency-Key" not in {parameter["name"] for parameter in get["parameters"]}
        assert ("429" in get["responses"], "422" in get["responses"]) == (True, False)
