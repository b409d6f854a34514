"""Files made of many objects: each is shown with its place, delivered there, and nobody else's."""

import io

import pytest

from media_app.models import File, FileMember
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, make_file
from orgs_app.tests.caller import VERSIONS, Caller, is_2024

pytestmark = pytest.mark.django_db


def make_series(caller: Caller) -> tuple[File, bytes]:
    """Two pictures of one file, and the bytes of the second."""
    file = make_file(project=caller.project, content=jpeg_bytes(), folder="a", filename="first.jpg")
    second = jpeg_bytes(width=32, height=32)
    stored = bucket().put(f"{caller.project.pk}/{file.pk}/1/more/0002.jpg", io.BytesIO(second), length=len(second))
    FileMember.objects.create(
        file=file, name="more/0002.jpg", key=stored.key, type="image/jpeg", size=stored.size, etag=stored.etag
    )
    return file, second


@pytest.mark.parametrize("version", VERSIONS)
def test_members_are_shown_with_their_place(version):
    caller = Caller()
    file, second = make_series(caller)
    url = f"{caller.project.delivery_url}/{file.public_id}/more/0002.jpg"
    place = "src" if is_2024(version) else "url"
    expected = [{"name": "more/0002.jpg", "type": "image/jpeg", "filesize": len(second), place: url}]
    assert caller.data("get", f"/files/{file.public_id}", version)["members"] == expected
    assert caller.data("get", "/files", version)[0]["members"] == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_one_object_shows_none(version):
    caller = Caller()
    file = make_file(project=caller.project)
    assert "members" not in caller.data("get", f"/files/{file.public_id}", version)


def test_members_are_delivered_with_ranges():
    caller = Caller()
    file, second = make_series(caller)
    path = f"/delivery/{caller.project.public_id}/{file.public_id}/more/0002.jpg"
    whole = caller.http.get(path)
    assert (whole.status_code, whole.headers["Content-Type"], b"".join(whole)) == (200, "image/jpeg", second)
    part = caller.http.get(path, headers={"Range": "bytes=2-5"})
    assert (part.status_code, b"".join(part)) == (206, second[2:6])
    assert caller.http.get(path.replace("0002", "0003")).status_code == 404


def test_members_of_another_project_are_not_there():
    caller, other = Caller(), Caller()
    file, _ = make_series(caller)
    assert other.http.get(f"/delivery/{other.project.public_id}/{file.public_id}/more/0002.jpg").status_code == 404
