"""What is searched while it changes: outputs that come at once, titles that are set meanwhile, media that go."""

from functools import partial

import pytest
from django.core.cache import cache
from django.db import transaction

from media_app import services
from media_app.models import File, Media, SearchText
from media_app.search import media_search
from media_app.services import StoredObject, media_delete, media_update, output_publish, search_rebuild
from media_app.terms import passages
from media_app.tests.factories import make_media
from media_app.tests.test_races import nothing_sent, together
from orgs_app.models import Project
from orgs_app.tests.factories import make_project

__all__ = ["nothing_sent"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    cache.clear()


def publish(media: Media, file_id: str, text: str) -> None:
    """What publishing a task does to its media, in a transaction of its own."""
    with transaction.atomic():
        locked = Media.objects.select_for_update().filter(pk=media.pk).first()
        if locked is None:
            return
        output_publish(
            project=media.project,
            media=locked,
            file_id=file_id,
            object="intelligence",
            kind="speech",
            attempt=1,
            stored=[
                StoredObject(
                    name="speech.json",
                    key=f"{media.project_id}/{file_id}/1/speech.json",
                    type="application/json",
                    entry=True,
                    size=2,
                    sha256="",
                    etag="",
                    probe=None,
                )
            ],
            passages=passages(text),
        )


def expect(media: Media, file_id: str) -> str:
    services.objects_expect(project_id=media.project_id, file_id=file_id, attempt=1)
    return file_id


def ids(project: Project, search: str) -> list[str]:
    return media_search(project=project, search=search).keys(0, 50)[0]


def test_outputs_that_come_at_once_beside_a_new_title_are_all_found_and_once():
    for round in range(2):
        media = make_media()
        files = [expect(media, f"file{round:011}{number}") for number in range(3)]
        raised = together(
            *(partial(publish, media, file, f"boats {file}") for file in files),
            lambda media=media: media_update(media=media, changes={"title": "Harbour"}),
            lambda media=media: media_update(media=media, changes={"title": "Forest"}),
        )
        assert raised == []
        for file in files:
            assert ids(media.project, file) == [media.pk]
        assert SearchText.objects.filter(media=media, file__isnull=False).count() == 3
        title = Media.objects.get(pk=media.pk).title
        assert title in {"Harbour", "Forest"}
        assert SearchText.objects.filter(media=media, file=None).count() == 1
        assert [name for name in ("harbour", "forest") if ids(media.project, name)] == [title.lower()]


def test_what_is_published_twice_is_indexed_once():
    media = make_media()
    file = expect(media, "file000000000009")
    raised = together(*[partial(publish, media, file, "boats")] * 2)
    assert len(raised) == 1  # the file is there already
    assert SearchText.objects.filter(media=media).count() == 1


def test_what_is_deleted_while_it_is_written_leaves_no_word():
    for round in range(2):
        media = make_media(title="Harbour")
        file = expect(media, f"gone{round:012}")
        raised = together(
            partial(publish, media, file, "boats"),
            lambda media=media: media_delete(media=media),
            search_rebuild,
        )
        assert raised == []
        assert (SearchText.objects.filter(media_id=media.pk).count(), ids(media.project, "boats")) == (0, [])


def test_a_project_that_goes_takes_its_words_and_no_others():
    mine, theirs = make_media(project=make_project()), make_media(project=make_project())
    for media in (mine, theirs):
        publish(media, expect(media, f"file{media.pk[:12]}"[:16]), "boats")
    theirs.project.delete()
    assert (ids(mine.project, "boats"), ids(theirs.project, "boats")) == ([mine.pk], [])
    assert list(SearchText.objects.values_list("project_id", flat=True)) == [mine.project_id]
    assert not File.objects.filter(media_id=theirs.pk).exists()
