"""What OpenAPI says of media and files is what is answered, in each version."""

from typing import Any

import jsonschema
import pytest

from ittyhost.api.versions import find_version
from media_app.models import File
from media_app.tests.factories import make_file, make_media
from orgs_app.tests.caller import VERSIONS, Caller, created
from tests.documents import document

pytestmark = pytest.mark.django_db


def schema(version: str, path: str, method: str, status: str) -> dict[str, Any]:
    found = find_version(version)
    assert found is not None
    written = document(found)
    answer = written["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return {"components": written["components"], **answer}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/media", "/media/{media_id}", "/files", "/files/{file_id}"])
def test_answers_are_as_documented(version, path):
    caller = Caller()
    media = make_media(project=caller.project)
    ready = make_file(
        project=caller.project, folder="a", filename="b.jpg", label="c", duration=1.5, fps=25.0, bitrate=1
    )
    make_file(media=media, original=True, status=File.Status.FAILED, error="The file is empty.")
    make_file(media=media, original=False, status=File.Status.WAITING)
    place = path.format(media_id=ready.media.public_id, file_id=ready.public_id)
    answer = caller.ask("get", place, version)
    assert answer.status_code == 200
    jsonschema.validate(answer.json(), schema(version, path, "get", "200"))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_made_and_deleted_is_as_documented(version):
    caller = Caller()
    status = created(version)
    for path in ("/media", "/files"):
        answer = caller.ask("post", path, version, {"url": "https://example.com/a.jpg"})
        assert answer.status_code == status
        jsonschema.validate(answer.json(), schema(version, path, "post", str(status)))
        shown = answer.json()["data"] if "data" in answer.json() else answer.json()
        name = "media_id" if path == "/media" else "file_id"
        answer = caller.ask("delete", f"{path}/{shown['id']}", version)
        jsonschema.validate(answer.json(), schema(version, f"{path}/{{{name}}}", "delete", "202"))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_of_a_body_is_documented(version):
    found = find_version(version)
    assert found is not None
    paths, components = (document(found)[name] for name in ("paths", "components"))
    for path, method, fields in (
        ("/files", "post", {"url", "media_id", "folder", "filename", "ref", "label", "metadata", "async"}),
        ("/media", "post", {"title", "alt", "metadata", "url", "folder", "filename", "label", "async", "empty"}),
        ("/files/{file_id}", "patch", {"folder", "filename", "ref", "label", "metadata"}),
        ("/media/{media_id}", "patch", {"title", "alt", "metadata"}),
    ):
        body = paths[path][method]["requestBody"]["content"]["application/json"]["schema"]
        name = body["$ref"].rpartition("/")[2]
        properties = components["schemas"][name]["properties"]
        assert set(properties) == fields
        assert (properties["metadata"]["type"], properties["metadata"]["maxItems"]) == (["object", "array", "null"], 0)
