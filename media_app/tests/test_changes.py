"""Renamed files: who is at a path afterwards, and what two changes at once leave."""

from collections.abc import Callable
from functools import partial

import pytest

from events_app.models import Event
from ittyhost import queue
from ittyhost.errors import Invalid, NotFound
from media_app.models import File
from media_app.selectors import file_find_by_path, file_url
from media_app.services import file_claim, file_delete, file_update, media_delete, media_update
from media_app.services.work import file_fail
from media_app.tests.factories import make_file, make_media
from media_app.tests.test_paths import fetched
from media_app.tests.test_races import locked_order, together
from orgs_app.models import Project
from orgs_app.tests.factories import make_project

# Not in one transaction: writers of several threads meet.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_workers")]

Status = File.Status


@pytest.fixture
def project() -> Project:
    return make_project()


def stored(project: Project, name: str, **fields) -> File:
    return make_file(project=project, folder="f", filename=name, content=name.encode(), **fields)


def at(project: Project, path: str) -> str | None:
    found = file_find_by_path(project=project, path=path)
    return found.pk if found else None


def place(file: File) -> str:
    file.refresh_from_db()
    return file_url(file).removeprefix(f"{file.project.delivery_url}/")


def rename(file: File, **changes) -> File:
    return file_update(file=file, changes=changes)


def test_the_renamed_file_takes_the_path_from_whichever_has_it(project):
    first, second = stored(project, "a.jpg"), stored(project, "b.jpg")
    renamed = rename(second, filename="a.jpg")
    assert (renamed.filename, renamed.holds_path) == ("a.jpg", True)
    assert (at(project, "f/a.jpg"), at(project, "f/b.jpg")) == (second.pk, None)
    assert (place(first), place(second)) == (first.public_id, "f/a.jpg")
    assert first.updated > first.created
    assert at(project, first.public_id) == first.pk


def test_a_file_that_lost_its_path_has_its_own_again_once_it_is_renamed(project):
    first, second = stored(project, "a.jpg"), stored(project, "b.jpg")
    rename(second, filename="a.jpg")
    first.refresh_from_db()
    rename(first, filename="c.jpg")
    assert (place(first), at(project, "f/c.jpg"), at(project, "f/a.jpg")) == ("f/c.jpg", first.pk, second.pk)


def test_asking_for_the_path_it_lost_gives_it_back(project):
    first, second = stored(project, "a.jpg"), stored(project, "b.jpg")
    rename(second, filename="a.jpg")
    first.refresh_from_db()
    rename(first, filename="a.jpg")
    assert (place(first), place(second)) == ("f/a.jpg", second.public_id)


def test_another_change_gives_no_path_back(project):
    first, second = stored(project, "a.jpg"), stored(project, "b.jpg")
    rename(second, filename="a.jpg")
    first.refresh_from_db()
    rename(first, ref="x", metadata={"a": 1})
    assert (place(first), place(second)) == (first.public_id, "f/a.jpg")


def test_paths_of_other_projects_are_theirs(project):
    theirs, ours = stored(make_project(), "a.jpg"), stored(project, "b.jpg")
    rename(ours, filename="a.jpg")
    assert (place(theirs), place(ours)) == ("f/a.jpg", "f/a.jpg")


def test_a_file_without_a_name_takes_nothing(project):
    nameless, file = make_file(project=project, folder="f", content=b"x"), stored(project, "a.jpg")
    rename(file, filename="")
    assert (place(nameless), place(file)) == (f"f/{nameless.public_id}", f"f/{file.public_id}")


def test_a_file_that_is_to_be_fetched_takes_its_new_path_when_its_bytes_come(project):
    old = stored(project, "a.jpg")
    waiting = make_file(
        project=project,
        filename="z.jpg",
        status=Status.WAITING,
        lane=queue.TRANSFER,
        source_url="https://example.com/a",
    )
    rename(waiting, folder="f", filename="a.jpg")
    assert at(project, "f/a.jpg") == old.pk
    fetched(waiting, b"bytes")
    assert (at(project, "f/a.jpg"), place(old)) == (waiting.pk, old.public_id)


def test_a_file_that_is_renamed_while_it_is_fetched_takes_the_new_path(project):
    old = stored(project, "a.jpg")
    waiting = make_file(
        project=project,
        folder="f",
        filename="a.jpg",
        status=Status.WAITING,
        lane=queue.TRANSFER,
        source_url="https://x",
    )
    claim = file_claim

    def renamed_meanwhile(*, lane: str) -> File | None:
        claimed = claim(lane=lane)
        rename(waiting, filename="b.jpg")
        return claimed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("media_app.tests.test_paths.file_claim", renamed_meanwhile)
        fetched(waiting, b"bytes")
    assert (place(old), place(waiting)) == ("f/a.jpg", "f/b.jpg")


def test_what_could_not_be_fetched_has_no_path_by_any_name(project):
    make_file(
        project=project,
        filename="z.jpg",
        status=Status.WAITING,
        lane=queue.TRANSFER,
        source_url="https://example.com/a",
    )
    claimed = file_claim(lane=queue.TRANSFER)
    assert claimed is not None
    file_fail(file=claimed, message="It is gone.")
    renamed = rename(File.objects.select_related("project").get(), filename="b.jpg")
    assert (renamed.filename, place(renamed)) == ("b.jpg", renamed.public_id)


def test_a_folder_that_is_too_deep_with_the_name_it_gets_changes_nothing(project):
    file = stored(project, "a.jpg")
    with pytest.raises(Invalid):
        rename(file, folder="/".join("x" * 32), filename="y/z.jpg")
    assert (place(file), Event.objects.count()) == ("f/a.jpg", 0)


def test_rows_are_locked_in_the_one_order(project):
    file = stored(project, "a.jpg")
    assert locked_order(lambda: rename(file, filename="b.jpg")) == ["media", "project", "file"]
    assert locked_order(lambda: rename(file, ref="x")) == ["media", "file"]


def test_what_was_deleted_meanwhile_is_not_found(project):
    file, media = stored(project, "a.jpg"), make_media(project=project)
    file_delete(file=file)
    media_delete(media=media)
    with pytest.raises(NotFound):
        rename(file, filename="b.jpg")
    with pytest.raises(NotFound):
        media_update(media=media, changes={"title": "x"})


def test_changes_of_different_fields_do_not_lose_each_other(project):
    """Both were read before either was written."""
    file, media = stored(project, "a.jpg"), make_media(project=project)
    calls: list[Callable[[], object]] = [
        partial(rename, file, ref="r"),
        partial(rename, file, metadata={"a": 1}),
        partial(rename, file, folder="g"),
        partial(rename, file, filename="b.jpg"),
        partial(media_update, media=media, changes={"title": "t"}),
        partial(media_update, media=media, changes={"alt": "a"}),
        partial(media_update, media=media, changes={"metadata": {"b": 2}}),
    ]
    assert together(*calls) == []
    file.refresh_from_db()
    media.refresh_from_db()
    assert (file.ref, file.metadata, file.folder, file.filename) == ("r", {"a": 1}, "g", "b.jpg")
    assert (media.title, media.alt, media.metadata) == ("t", "a", {"b": 2})
    assert Event.objects.count() == len(calls)


def test_of_files_renamed_to_one_path_at_once_one_has_it(project):
    for turn in range(4):
        files = [stored(project, f"{turn}-{number}.jpg") for number in range(4)]
        assert together(*(partial(rename, file, filename=f"same-{turn}.jpg") for file in files)) == []
        holders = [file for file in File.objects.filter(filename=f"same-{turn}.jpg") if file.holds_path]
        assert len(holders) == 1
        assert at(project, f"f/same-{turn}.jpg") == holders[0].pk
