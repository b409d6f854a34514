"""What operators see of tracks and documents: every kind, hostile and broken ones, and long ones in pages."""

import re

import pytest
from django.contrib.auth import get_user_model

from ittyhost.admin.tests.operator import list_path, make_operator, page_path, sign_in, text
from media_app.admin.plots import Moment, timeline_plot
from media_app.admin.viewers import LINES, clock
from media_app.models import File, Media
from media_app.services.indexing import media_index, passages_index
from media_app.storage import bucket
from media_app.terms import passages
from media_app.tests.documents import make_document, make_track, nsfw, speech
from media_app.tests.factories import jpeg_bytes, make_file, make_media
from orgs_app.tests.factories import make_project
from tasks_app.tests.factories import end, make_task

pytestmark = pytest.mark.django_db

HOSTILE = "</button><script>alert(1)</script><img src=x onerror=alert(2)>"


def media_with_video() -> Media:
    return make_file(content=b"0123", type="video/mp4", kind="video", filename="talk.mp4").media


def viewed(file: File, query: str = "") -> str:
    operator = get_user_model().objects.filter(username="olga").first()
    return text(sign_in(operator), page_path(file, "viewer") + query)


def seeks(page: str) -> list[tuple[str, str]]:
    return re.findall(r'data-seek="([^"]*)" data-until="([^"]*)"', page)


def test_a_transcript_stands_beside_the_player_of_its_media():
    media = media_with_video()
    page = viewed(make_document(media, "speech", speech(3)))
    original = media.files.get(original=True)
    assert f'<video class="itty-preview" src="{page_path(original, "content")}"' in page
    assert seeks(page) == [("0.0", "2.0"), ("2.0", "4.0"), ("4.0", "6.0")]
    assert re.findall(r'itty-said" dir="auto">([^<]*)<', page) == [f"Sentence number {number}." for number in range(3)]
    assert re.findall(r'itty-who">([^<]*)<', page) == ["speaker 1", "speaker 2", "speaker 1"]
    assert "<video" not in viewed(File.objects.get(kind="speech"), "?player=no")
    assert "whisper-tiny.en" in page


def test_a_variant_is_played_where_no_browser_plays_the_original():
    media = make_file(content=b"0123", type="video/x-msvideo", kind="video").media
    document = make_document(media, "speech", speech(1))
    assert "<video" not in viewed(document)
    variant = make_file(media=media, content=b"0123", type="video/mp4", kind="video")
    assert f'<video class="itty-preview" src="{page_path(variant, "content")}"' in viewed(document)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("speech", {"timeline": [{"start": 0, "end": 1, "text": HOSTILE, "speaker": 1}], "language": HOSTILE}),
        ("description", {"title": HOSTILE, "description": HOSTILE, "tags": [HOSTILE], "notes": [HOSTILE]}),
        ("prompt", {"prompt": HOSTILE, "text": {HOSTILE: HOSTILE}}),
        ("outline", {"timeline": [{"start": 0, "end": 1, "title": HOSTILE}]}),
        ("objects", {"timeline": [{"start": 0, "end": 1, "label": HOSTILE}]}),
        ("nsfw", {"thresholds": {"nudity": HOSTILE}, "timeline": [{"start": 0, "nudity": HOSTILE}], "model": HOSTILE}),
    ],
)  # fmt: skip
def test_what_a_document_says_is_text(kind, content):
    page = viewed(make_document(make_media(), kind, content))
    assert ("<script" in page, "<img" in page, "&lt;script&gt;" in page) == (False, False, True)


def test_cues_and_chapters_are_text_and_lead_to_their_times():
    vtt = f"WEBVTT\n\n1\n00:00:01.500 --> 00:01:00.000\n{HOSTILE}fine\n"
    for kind in ("subtitles", "chapters"):
        page = viewed(make_track(media_with_video(), kind, vtt))
        assert seeks(page) == [("1.5", "60.0")]
        assert ("<script" in page, "fine" in page) == (False, True)
    page = viewed(
        make_document(media_with_video(), "chapters", {"chapters": [{"start": 0, "end": 9.5, "title": "Map"}]})
    )
    assert (seeks(page), ">Map<" in page) == ([("0.0", "9.5")], True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff\xfe\x00",
        b"[" * 10_000,
        b'{"timeline": 3, "tags": {}, "thresholds": [], "speakers": "x"}',
        b'{"timeline": [null, 3, {}, {"start": "x"}, {"start": true}, {"start": 1e999}, {"start": 1, "end": NaN}]}',
        b'{"timeline": [{"start": 1, "end": 1e300, "nudity": 1e300, "text": 3, "label": [], "title": {}}]}',
        b'{"timeline": [{"start": -5, "end": 0, "nudity": 0.5}, {"start": -9, "end": -8, "nudity": 1}]}',
        b'{"nudity": 1%b, "timeline": [{"start": 1%b, "end": 2}]}' % ((b"0" * 400,) * 2),
        b'{"title": "\\ud800", "text": "\\udfff", "timeline": [{"start": 0, "end": 1, "text": "a\\ud800"}]}',
    ],
    ids=range(11),
)
def test_a_document_of_another_form_is_no_error(content):
    media = make_media()
    for kind in ("speech", "nsfw", "description", "outline", "faces"):
        assert "<script" not in viewed(make_document(media, kind, content))


def test_a_long_transcript_comes_in_pages_of_bounded_size():
    document = make_document(media_with_video(), "speech", speech(5_000, seconds=3.0))  # more than four hours
    page = viewed(document)
    assert len(page) < 300_000
    assert len(seeks(page)) == LINES
    last = viewed(document, "?page=10")
    assert seeks(last)[-1] == ("14997.0", "15000.0")
    assert "4:09:57.0" in last
    for odd in ("0", "99", "-1", "x", "9" * 30, "%00"):
        assert len(seeks(viewed(document, f"?page={odd}"))) == LINES
    assert "too much to be shown" in viewed(make_document(make_media(), "speech", b" " * (16 * 1024**2 + 1)))


def test_scores_over_time_are_a_plot_with_its_thresholds():
    page = viewed(make_document(media_with_video(), "nsfw", nsfw()))
    assert page.count('class="itty-plot-line') == 2
    assert page.count('class="itty-plot-limit') == 2
    assert len(seeks(page)) == 12
    assert page.count("not judged") == 2
    picture = viewed(make_document(make_media(), "nsfw", {**nsfw(), "timeline": []}))
    assert ("<svg" in picture, "0.75" in picture) == (False, True)


def test_a_plot_keeps_its_size_and_its_highest_scores_whatever_it_is_of():
    moments = [Moment(number, number + 1.0, {"nudity": 0.9 if number == 7_777 else 0.1}) for number in range(14_400)]
    plot = timeline_plot(moments, {"nudity": 0.5})
    assert len(plot) < 120_000
    assert plot.count("nudity 0.90") == 1
    gap = timeline_plot([Moment(0, 1, {"gore": 2.0}), Moment(1, 2, {}), Moment(2, 3, {"gore": -1.0})], {})
    [path] = re.findall(r' d="([^"]*)"', gap)
    assert path == "M34.0,10.0 L272.7,10.0 M511.3,174.0 L750.0,174.0"


def test_sheets_of_sprites_are_shown_in_private_projects_too():
    media = make_media(project=make_project(is_private=True))
    track = make_track(
        media,
        "thumbnails",
        "WEBVTT\n\n1\n00:00.000 --> 00:02.000\nsheet-1.jpg#xywh=0,0,64,48\n",
        sheets={"sheet-1.jpg": jpeg_bytes()},
    )
    path = page_path(track, "member", "sheet-1.jpg")
    assert f'src="{path}"' in viewed(track)
    response = sign_in(make_operator("media_app.view_file", name="viewer")).get(path)
    assert (response.status_code, b"".join(response.streaming_content)) == (200, jpeg_bytes())
    assert response["Content-Type"] == "image/jpeg"
    assert "sandbox" in response["Content-Security-Policy"]
    assert sign_in(make_operator("tasks_app.view_task", name="other")).get(path).status_code == 403
    track.members.update(type="text/html")
    response = sign_in(make_operator(name="third")).get(path)
    assert (response["Content-Type"], b"".join(response.streaming_content)) == (
        "application/octet-stream",
        jpeg_bytes(),
    )
    assert sign_in(make_operator(name="fourth")).get(page_path(track, "member", "no.jpg")).status_code == 404


def test_only_operators_who_may_see_files_see_what_they_say(client):
    document = make_document(make_media(), "speech", speech(1))
    path = page_path(document, "viewer")
    assert client.get(path).status_code == 302
    assert sign_in(make_operator("tasks_app.view_task")).get(path).status_code == 403
    assert sign_in(make_operator("media_app.view_file", name="viewer")).get(path).status_code == 200
    other = make_file(content=jpeg_bytes())
    assert sign_in(make_operator(name="third")).get(page_path(other, "viewer")).status_code == 404


def test_bytes_that_are_gone_are_told():
    document = make_document(make_media(), "speech", speech(1))
    bucket().delete(document.key)
    assert "Its bytes are gone." in viewed(document)


def test_pages_of_media_files_and_tasks_load_what_is_said():
    media = media_with_video()
    older, newer = make_document(media, "speech", speech(1)), make_document(media, "speech", speech(2))
    scores = make_document(media, "nsfw", nsfw())
    client = sign_in()
    page = text(client, page_path(media))
    loaded = re.findall(r'data-load="([^"]*)"', page)
    assert loaded == [f"{page_path(file, 'viewer')}?player=no" for file in (newer, scores)]
    assert page.count("<video") == 1
    assert f'data-load="{page_path(older, "viewer")}"' in text(client, page_path(older))
    task = end(make_task(source=media.files.get(original=True), kind="probe"), "ready", output_id=newer.pk)
    assert f'data-load="{page_path(newer, "viewer")}?player=no"' in text(client, page_path(task))


# --- Lists ---


def test_lists_of_media_and_files_are_searched_as_the_api_is():
    media, other = make_media(title="Harbour"), make_media()
    media_index(media=media)
    files = [make_file(media=one, object="intelligence", kind="speech") for one in (media, other)]
    passages_index(media=media, file=files[0], passages=passages("fishing boats at dawn"))
    passages_index(media=other, file=files[1], passages=passages("nothing, internationally and internationalize"))
    client = sign_in()

    def listed(model: type, query: str) -> list[str]:
        return re.findall(r"field-public_id.*?>((?:med|file)_\w+)<", text(client, list_path(model, query)))

    assert listed(Media, "?q=harbour+boats") == [media.public_id]
    assert listed(Media, '?q="boats+at"') == [media.public_id]
    assert listed(Media, "?q=harbour+nothing") == []
    assert listed(Media, f"?q={other.public_id}") == [other.public_id]
    assert listed(Media, "?q=internationalize") == [other.public_id]  # as long as an id
    assert listed(File, "?q=dawn") == [files[0].public_id]
    assert listed(File, "?q=harbour") == []
    assert listed(File, "?q=%22%25*)") == []
    assert listed(Media, "?q=" + "+".join("boats" for _ in range(300))) == [media.public_id]


def test_files_are_listed_by_kind():
    media = media_with_video()
    document = make_document(media, "speech", speech(1))
    page = text(sign_in(), list_path(File, "?kind=speech"))
    assert (document.public_id in page, media.files.get(original=True).public_id in page) == (True, False)
    assert "?kind=speech" in text(sign_in(make_operator(name="b")), list_path(File))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (1.96, "0:01.9"), (59.99, "0:59.9"), (3723.5, "1:02:03.5")]
)
def test_a_moment_for_people(seconds, shown):
    assert clock(seconds) == shown
