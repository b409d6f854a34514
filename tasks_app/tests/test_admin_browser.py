"""Admin in a real browser: what needs its scripts, and that nothing uploaded runs there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from ittyhost.admin.tests.operator import list_path, page_path
from media_app.tests.documents import make_document, nsfw, speech
from media_app.tests.factories import jpeg_bytes, make_file, make_media
from orgs_app.models import ApiKey
from orgs_app.selectors import api_key_find
from orgs_app.tests.factories import make_project
from tasks_app.models import Task
from tasks_app.tests.factories import make_task
from tests.browser import chromium
from workers.tests.media import make_video

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def page(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A browser's page in which an operator is signed in; `page.wrong` gathers what a page complains of."""
    monkeypatch.setattr("tasks_app.admin.nodes.health.examine", lambda: {"database": "ok"})
    get_user_model().objects.create_superuser("olga", password="secret")
    with chromium(monkeypatch) as browser:
        page = browser.new_page(base_url=live_server.url)
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.goto("/admin/")
        page.fill("#id_username", "olga")
        page.fill("#id_password", "secret")
        page.click("[type=submit]")
        yield page
    assert page.wrong == []


def test_a_project_is_chosen_by_typing(page):
    task, other = make_task(project=make_project(name="Harbour")), make_task(project=make_project(name="Forest"))
    page.goto(list_path(Task))
    assert page.locator("#result_list tbody tr").count() == 2
    page.click(".itty-filter .select2-selection")
    page.keyboard.type("harb")
    page.click(".select2-results__option:has-text('Harbour')")
    page.wait_for_url(f"**project__id__exact={task.project_id}*")
    assert task.public_id in page.content()
    assert other.public_id not in page.content()
    page.click(".itty-filter >> text=All")
    page.wait_for_selector(f"text={other.public_id}")


def test_a_new_key_is_copied_and_gone_with_its_page(page):
    make_project(name="Harbour")
    page.goto("/admin/orgs_app/apikey/add/")
    page.click(".field-project .select2-selection")
    page.click(".select2-results__option:has-text('Harbour')")
    page.fill("#id_name", "server")
    page.click("[name=_save]")
    secret = page.inner_text(".itty-secret pre")
    assert api_key_find(secret).name == "server"
    page.click(".itty-copy-button")
    page.wait_for_selector(".itty-copy-button:has-text('Copied')")
    page.goto(page_path(ApiKey.objects.get()))
    assert secret not in page.content()
    with pytest.raises(Exception, match="ERR_CACHE_MISS"):  # the browser kept no copy to go back to
        page.go_back()
    assert ApiKey.objects.count() == 1


def test_a_picture_is_seen_a_script_in_its_name_is_not_run_and_cancel_asks(page):
    name = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>.jpg"
    task = make_task(source=make_file(project=make_project(is_private=True), content=jpeg_bytes(), filename=name))
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.goto(page_path(task))
    page.locator("img.itty-preview").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('img.itty-preview').naturalWidth === 64")
    assert page.title().startswith(task.public_id)
    page.click("text=Cancel")
    assert asked == ["Cancel this task? What was done of it is lost."]
    task.refresh_from_db()
    assert task.status == Task.Status.QUEUED
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("text=Cancel")
    page.wait_for_selector(".messagelist:has-text('1 task cancelled.')")
    task.refresh_from_db()
    assert task.status == Task.Status.CANCELLED
    page.goto(page_path(task.source))
    assert page.title().startswith(task.source.public_id)


def test_a_line_that_is_clicked_is_played_and_the_moment_that_is_played_is_marked(page, tmp_path):
    media = make_media(project=make_project(is_private=True))
    clip = make_video(tmp_path / "clip.mp4", seconds=6.0)
    make_file(media=media, original=True, content=clip, type="video/mp4", kind="video")
    said = speech(6, seconds=1.0)
    said["timeline"][4]["text"] = "<img src=x onerror=\"document.title='run'\">"
    make_document(media, "speech", said)
    make_document(media, "nsfw", nsfw(6))
    page.goto(page_path(media))
    page.wait_for_function("document.querySelector('video').readyState > 0")
    page.click(".itty-lines [data-seek='3.0']")
    page.wait_for_selector(".itty-lines .itty-now:has-text('Sentence number 3.')")
    page.wait_for_selector(".itty-plot-spot.itty-now[data-seek='3.000']")
    assert page.evaluate("document.querySelector('video').currentTime") >= 3
    page.wait_for_selector(".itty-lines .itty-now:has-text('<img')")  # a second later
    page.click(".itty-plot-spot[data-seek='1.000']")
    page.wait_for_selector(".itty-lines .itty-now:has-text('Sentence number 1.')")
    page.evaluate("document.querySelector('video').pause()")
    page.click(".itty-said:has-text('Sentence number 5.')")  # the words themselves lead there, too
    page.wait_for_selector(".itty-lines .itty-now:has-text('Sentence number 5.')")
    page.evaluate("document.querySelector('video').pause()")
    place = page.locator(".itty-said:has-text('Sentence number 0.')").bounding_box()
    page.mouse.move(place["x"] + 1, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + 60, place["y"] + place["height"] / 2, steps=4)
    page.mouse.up()  # marking some of them, to copy them, does not
    assert page.evaluate("[getSelection().isCollapsed, document.querySelector('video').paused]") == [False, True]
    assert page.title().startswith(media.public_id)


def test_the_state_of_the_service_comes_to_the_index(page):
    page.goto("/admin/")
    page.wait_for_selector(".itty-state >> text=Tasks by lane")
    assert "ok" in page.inner_text(".itty-state")
