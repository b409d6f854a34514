"""The kinds of task over HTTP, at both paths, in every version."""

import pytest
from jsonschema import Draft202012Validator

from orgs_app.tests.caller import VERSIONS, Caller
from tasks_app.control import all_kinds

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/tasks-config", "/tasks/config"])
def test_every_kind_is_described_with_a_schema_that_fits_its_examples(version, path):
    shown = Caller().data("get", path, version)
    assert list(shown) == list(all_kinds())
    for name, kind in all_kinds().items():
        told = shown[name]
        assert set(told) == {"summary", "object", "accepts", "options", "examples"}
        assert (told["summary"], told["object"], told["accepts"]) == (kind.summary, kind.object, sorted(kind.accepts))
        assert set(told["options"]["properties"]) == set(kind.options.model_fields)
        assert told["examples"]
        for example in told["examples"]:
            Draft202012Validator(told["options"]).validate(example)


@pytest.mark.parametrize("version", VERSIONS)
def test_ingest_is_one_of_them(version):
    told = Caller().data("get", "/tasks-config", version)["ingest"]
    assert told["summary"] == "A copy of what a URL points to, as a file of its own. Its input is a URL."
    assert (told["object"], told["accepts"]) == ("source", ["audio", "image", "video"])
    assert {"folder", "filename", "ref", "metadata", "media_id"} <= set(told["options"]["properties"])


@pytest.mark.parametrize("method", ["post", "delete"])
def test_it_cannot_be_changed(method):
    assert Caller().ask(method, "/tasks-config").status_code == 405
    assert Caller().ask(method, "/tasks/config").status_code == 405
