"""What the documents ask of a body is what is read: samples of every form fit, and what is refused does not."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ittyhost.api.versions import all_versions
from tests.documents import document
from workers.kinds import all_kinds
from workflows_app.steps import STEP_ALIASES, step_kinds

VERSIONS = all_versions()
EVENT = {"event": "media.created"}
WHERE = [{"prop": "file.type", "value": "video/*"}, {"prop": "file.size", "value": 5}]


def problems(version: Any, method: str, body: dict[str, Any]) -> list[str]:
    """What a version's document has against a body."""
    written = document(version)
    path = "/automations" if method == "post" else "/automations/{automation_id}"
    schema = written["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": written["components"]})
    return [error.message for error in validator.iter_errors(body)]


def steps_name(version: Any) -> str:
    return "tasks" if version.name.startswith("2024") else "workflow"


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_every_form_of_a_step_fits(version):
    steps = [
        *({"kind": kind, **(kind_of.examples or ({},))[0]} for kind, kind_of in all_kinds().items()),
        {"kind": "image", "options": {"width": 5}, "next": [{"kind": "describe"}, {"kind": "video", "fps": 24}]},
        {"kind": "conditions", "conditions": WHERE, "next": [{"kind": "webhook", "url": "https://example.com"}]},
        {"kind": "store", "anything": [1, {"a": None}]},
    ]
    trigger = EVENT | {"kind": "event", "conditions": WHERE}
    assert problems(version, "post", {"trigger": trigger, steps_name(version): steps, "status": "draft"}) == []
    assert problems(version, "patch", {"trigger": None, "status": None, "name": None}) == []
    assert problems(version, "put", {"name": "a"}) == []


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize(
    "step",
    [
        {},
        {"kind": "painting"},
        {"kind": "workflow"},
        {"kind": "image", "colour": 1},
        {"kind": "video", "fps": 100},
        {"kind": "speech", "next": [{"kind": "image", "width": 0}]},
        {"kind": "conditions"},
        {"kind": "conditions", "conditions": [{"prop": "colour", "value": "a"}]},
    ],
)
def test_what_is_refused_does_not_fit(version, step):
    assert problems(version, "post", {"trigger": EVENT, steps_name(version): [step]})


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_what_must_be_given_is_documented(version):
    steps = {steps_name(version): [{"kind": "speech"}]}
    for method, body in [("post", steps), ("post", {"trigger": EVENT}), ("put", {}), ("patch", {"status": "done"})]:
        assert problems(version, method, body), (method, body)


def test_every_kind_leads_to_one_schema():
    step = document(VERSIONS[-1])["components"]["schemas"]["Step"]
    mapping = step["discriminator"]["mapping"]
    assert set(mapping) == {*step_kinds(), *STEP_ALIASES}
    assert set(mapping.values()) == {one["$ref"] for one in step["oneOf"]}
    assert mapping["image"] == "#/components/schemas/ImageStep"
