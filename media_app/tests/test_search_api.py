"""`GET /media?search=`: what is found, in which order, and what no search can do. The same on both databases."""

import io

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ittyhost.api import paging
from media_app import search as search_reads
from media_app.models import File, Media, SearchText
from media_app.services import file_delete, file_update, media_create, media_delete, media_update
from media_app.services.files import _file_create
from media_app.services.indexing import passages_index
from media_app.storage import bucket
from media_app.terms import MOST_CHARACTERS, passages
from media_app.tests.documents import make_document, speech
from media_app.tests.factories import make_file, make_media
from orgs_app.tests.caller import G1, G4, VERSIONS, Caller, data_of, is_2024, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller() -> Caller:
    cache.clear()
    return Caller()


def saying(caller: Caller, text: str, *, kind: str = "speech", media: Media | None = None, **fields: object) -> Media:
    """A media with a file of that kind, which says this."""
    media = media or make_media(project=caller.project, **fields)
    file = make_file(media=media, object="intelligence", kind=kind, type="application/json")
    passages_index(media=media, file=file, passages=passages(text))
    return media


def found(caller: Caller, search: str, more: str = "", version: str = G4) -> list[str]:
    """The ids of what is found, in its order."""
    query = {"search": search, "limit": "50", **dict(part.split("=") for part in more.split("&") if part)}
    headers = {"Authorization": f"Bearer {caller.secret}", "Accept-Version": version}
    answer = caller.http.get("/media", query_params=query, headers=headers)
    assert answer.status_code == 200, answer.content
    return [media["id"].removeprefix("med_") for media in data_of(answer)]


@pytest.mark.parametrize("version", VERSIONS)
def test_media_are_found_by_what_is_said_in_them(caller, version):
    boats = saying(caller, "Good morning. Fishing boats leave the harbour.", title="Dawn")
    saying(caller, "Nothing of that.")
    answer = caller.ask("get", "/media?search=fishing+BOATS", version)
    [media] = data_of(answer)
    assert (media["id"], media["title"]) == (boats.public_id, "Dawn")
    if is_2024(version):
        assert answer.json()["meta"]["total"] == 1
    assert found(caller, "fishing trains", version=version) == []
    assert len(found(caller, "", version=version)) == 2  # asks for nothing


@pytest.mark.parametrize(
    ("text", "search", "is_found"),
    [
        ("Good morning everyone", "everyone good", True),
        ("Good morning everyone", '"good morning"', True),
        ("Good morning everyone", '"good everyone"', False),
        ("Good morning everyone", "good -night", True),
        ("Good morning everyone", "good -morning", False),
        ("Good morning everyone", 'good -"good everyone"', True),
        ("Good morning everyone", "morn", False),
        ("Good morning everyone", "morn*", True),
        ("Good morning everyone", '"good morn"', False),
        ("Gute Straße in Łódź", "strasse lodz", True),
        ("Der Ærøskøbing-Plan", '"aeroskobing plan"', True),
        ("Don't stop me now", "don't", True),
        ("彼は東京タワーの上に猫がいると言った", "東京タワー", True),
        ("彼は東京タワーの上に猫がいると言った", "猫", True),
        ("彼は東京タワーの上に猫がいると言った", "京都", False),
        ("我有一只猫", "猫", True),
        ("学校 tower", '"学校 tower"', True),
        ("오늘 학교에서 배웠다", "학교", True),
        ("สวัสดีครับทุกคน", "สวัสดี", True),
        ("नमस्ते दुनिया", "दुनिया", True),
        ("नमस्ते दुनिया", "दनय", False),
        ("and or not near", "or NOT and NEAR", True),
        ("the of and", "the", True),
    ],
)
def test_what_a_search_means(caller, text, search, is_found):
    media = saying(caller, text)
    assert found(caller, search) == ([media.pk] if is_found else [])


HOSTILE = (
    '"',
    '"" ""',
    "*",
    "-",
    "!!! ??? ...",
    "-only -excluded",
    "words : x",
    "{words} : (a",
    "NEAR(",
    "^a AND",
    "') OR 1=1 --",
    "' & ' | ! ( :*",
    "a <-> b:*ABCD",
    "\\",
    "%s %(x)s %%",
    "{0} {place}",
    "\ud83d\ude00",
    "\u202e\u200b\ufeff",
    "a" * 200,
    "é" * 200,
    "東" * 200,
    "a.b." * 50,
    '"' + "x " * 15 + "y",
)


@pytest.mark.parametrize("search", HOSTILE, ids=range(len(HOSTILE)))
def test_no_search_is_more_than_words(caller, search):
    saying(caller, "something else")
    encoded = search.encode("utf-16", "surrogatepass").decode("utf-16")
    assert found(caller, encoded) == []


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("a" * 5_000, "search must have 1 to 200 characters."),
        ("nul\0inside", "search must have 1 to 200 characters."),
        ("w " * 17, "search may have at most 16 words."),
    ],
    ids=["long", "null", "many"],
)
@pytest.mark.parametrize("version", [G1, G4])
def test_a_search_that_is_too_much_is_refused_by_its_name(caller, search, says, version):
    headers = {"Authorization": f"Bearer {caller.secret}", "Accept-Version": version}
    answer = caller.http.get("/media", query_params={"search": search}, headers=headers)
    assert (answer.status_code, refusal(answer)["message"]) == (400, says)


def test_ten_kilobytes_are_no_query_at_all(caller):
    answer = caller.ask("get", f"/media?search={'a' * 10_000}", G4)
    assert (answer.status_code, refusal(answer)["message"]) == (414, "The query must have at most 8192 bytes.")


def test_bytes_that_are_no_text_find_nothing(caller):
    assert data_of(caller.ask("get", "/media?search=%ff%fe", G4)) == []


# --- Order, pages, filters ---


def test_what_a_media_is_called_counts_most_then_what_describes_it_then_what_is_said(caller):
    said = saying(caller, "boats boats boats boats")
    headed = saying(caller, "boats", kind="chapters")
    described = saying(caller, "boats", kind="description")
    named = make_media(project=caller.project)
    media_update(media=named, changes={"title": "Boats"})
    later = saying(caller, "two boats")
    order = [named.pk, described.pk, headed.pk, later.pk, said.pk]
    assert found(caller, "boats") == order
    assert found(caller, "boats", "&order=asc") == order[::-1]
    by_age = sorted(order, reverse=True)
    assert found(caller, "boats", "&sort=created") == by_age
    assert found(caller, "boats", "&sort=created&order=asc") == by_age[::-1]
    assert found(caller, "", "&sort=relevance") == by_age


def test_each_word_counts_by_its_best_place(caller):
    both = saying(caller, "x", kind="description")
    for text, kind in (("harbour", "description"), ("dawn", "tags")):
        saying(caller, text, kind=kind, media=both)
    one = make_media(project=caller.project)
    media_update(media=one, changes={"alt": "Harbour"})
    saying(caller, "dawn dawn", media=one)
    assert found(caller, "harbour dawn") == [both.pk, one.pk]  # 3 + 3, 4 + 1
    saying(caller, "dawn", media=one, kind="outline")
    assert found(caller, "harbour dawn") == [one.pk, both.pk]  # 4 + 2, and it is newer


def test_words_may_stand_in_different_files_but_not_in_different_media(caller):
    media = saying(caller, "fishing")
    saying(caller, "boats", kind="text", media=media)
    saying(caller, "fishing")
    other = saying(caller, "boats")
    assert found(caller, "fishing boats") == [media.pk]
    assert found(caller, "boats -fishing") == [other.pk]
    assert found(caller, '"fishing boats"') == []


@pytest.mark.parametrize("few", [-1, 1, 3, 1000])  # each word a common one; some of them; none
def test_a_rare_word_changes_nothing_but_what_it_costs(caller, monkeypatch, few):
    monkeypatch.setattr(search_reads, "FEW", few)
    other = Caller()
    media = []
    for number in range(6):
        media.append(saying(caller, "fishing boats leave" if number % 2 else "boats that are fishing leave"))
        saying(other, "fishing boats leave harbour dawn", kind="description")
    saying(caller, "harbour", kind="description", media=media[1])
    saying(caller, "harbour dawn", media=media[4])
    saying(caller, "harbours", kind="text", media=media[2])
    kept = [one.pk for one in media]
    assert found(caller, "boats harbour") == [kept[1], kept[4]]
    assert found(caller, "boats harbour", "&sort=created") == [kept[4], kept[1]]
    assert found(caller, "boats harbour", "&order=asc") == [kept[4], kept[1]]
    assert found(caller, "boats harbour -dawn") == [kept[1]]
    assert found(caller, 'harbour "fishing boats"') == [kept[1]]
    assert found(caller, "leave harbour*") == [kept[1], kept[4], kept[2]]
    assert found(caller, "leave -harbour") == [kept[5], kept[3], kept[2], kept[0]]
    assert found(caller, "boats nowhere") == []
    answer = caller.ask("get", "/media?search=boats+harbour*&limit=1&page=2", G1).json()
    assert ([one["id"] for one in answer["data"]], answer["meta"]["total"]) == ([media[4].public_id], 3)


def test_pages_and_totals(caller):
    media = [saying(caller, f"boats number{number}") for number in range(7)]
    ids = [one.public_id for one in media[::-1]]
    seen = []
    for page in (1, 2, 3, 4):
        answer = caller.ask("get", f"/media?search=boats&limit=3&page={page}", G1).json()
        assert answer["meta"]["total"] == 7
        seen.append([one["id"] for one in answer["data"]])
    assert seen == [ids[:3], ids[3:6], ids[6:], []]
    assert caller.ask("get", "/media?search=number3&page=2", G1).json()["meta"]["total"] == 1
    assert caller.ask("get", "/media?search=boats&sort=updated&limit=3&page=2", G1).json()["meta"]["total"] == 7


def test_pages_past_those_that_are_found_first_are_looked_up_by_themselves(caller, monkeypatch):
    monkeypatch.setattr(paging, "FIRST", 4)
    ids = [saying(caller, f"boats number{number}").pk for number in range(7)][::-1]
    for more, order in (("", ids), ("&order=asc", ids[::-1]), ("&sort=created", ids)):
        pages = [found(caller, "boats", f"&limit=3&page={page}{more}") for page in (1, 2, 3, 4)]
        assert pages == [order[:3], order[3:6], order[6:], []]


@pytest.mark.parametrize("sort", ["relevance", "created", "updated"])
def test_what_is_found_in_many_is_looked_up_once_in_ten_seconds(caller, monkeypatch, sort):
    monkeypatch.setattr(paging, "EXACT_TOTAL", 3)
    media = [saying(caller, "boats") for _ in range(5)]
    path = f"/media?search=boats&limit=2&sort={sort}"

    def page(number: int) -> tuple[list[str], int, int]:
        with CaptureQueriesContext(connection) as captured:
            answer = caller.ask("get", f"{path}&page={number}", G1).json()
        looked = sum("searchtext" in query["sql"] for query in captured.captured_queries)
        return [one["id"] for one in answer["data"]], answer["meta"]["total"], looked

    ids = [one.public_id for one in media[::-1]]
    assert page(1) == (ids[:2], 5, 1)
    assert page(2) == (ids[2:4], 5, 0)
    media_delete(media=media[-1])  # gone at once, though it is still counted
    assert page(1) == (ids[1:2], 5, 0)
    other = Caller()
    saying(other, "boats")
    assert len(found(other, "boats")) == 1
    assert len(found(caller, "boats", "&kind=image")) == 0
    cache.clear()
    assert page(1) == (ids[1:3], 4, 1)


def test_a_kind_narrows_it(caller):
    saying(caller, "boats", kind="speech").delete()
    video, audio = saying(caller, "boats"), saying(caller, "boats")
    for media, kind in ((video, "video"), (audio, "audio")):
        Media.objects.filter(pk=media.pk).update(kind=kind)
    for sort in ("", "&sort=created"):
        assert found(caller, "boats", f"&kind=video{sort}") == [video.pk]
        assert found(caller, "boats", f"&kind=image{sort}") == []


def test_another_projects_media_are_not_found(caller):
    theirs = saying(Caller(), "boats")
    assert found(caller, "boats") == []
    mine = saying(caller, "boats")
    assert found(caller, "boats") == [mine.pk]
    for word in (caller.project.pk, theirs.project_id, f"={caller.project.pk}", f'project_id:"{theirs.project_id}"'):
        assert found(caller, word) == []


# --- What is indexed, and what no longer ---


def test_a_media_is_found_by_what_it_is_called_now(caller):
    media = media_create(project=caller.project, title="Harbour at dawn", alt="Fishing boats")
    assert found(caller, "harbour boats") == [media.pk]
    media_update(media=media, changes={"title": "Forest"})
    assert (found(caller, "harbour"), found(caller, "forest boats")) == ([], [media.pk])
    file = _file_create(project=caller.project, media=media, filename="holiday-clip.mp4", lane="fast")
    assert (found(caller, "holiday forest"), found(caller, '"clip mp4"')) == ([media.pk], [media.pk])
    file_update(file=file, changes={"filename": "winter.mp4"})
    assert (found(caller, "holiday"), found(caller, "winter forest")) == ([], [media.pk])
    file_update(file=file, changes={"label": "spring"})
    assert found(caller, "winter") == [media.pk]
    file_delete(file=file)
    assert (found(caller, "winter"), found(caller, "forest")) == ([], [media.pk])


def test_an_upload_is_found_by_its_name(caller):
    file = _file_create(project=caller.project, media=None, filename="Übung 3.wav", lane="fast")
    assert found(caller, "ubung") == [file.media_id]
    unnamed = _file_create(project=caller.project, media=None, lane="fast")
    assert not SearchText.objects.filter(media=unnamed.media_id).exists()


def test_the_index_is_made_anew_of_what_is_stored(caller):
    media = make_media(project=caller.project, title="Harbour")
    make_document(media, "speech", speech(3))
    lost = make_document(media, "speech", speech(9))
    bucket().delete(lost.key)
    passages_index(media=media, file=lost, passages=passages("as before"))
    assert found(caller, "sentence") == []
    out, err = io.StringIO(), io.StringIO()
    call_command("search_rebuild", stdout=out, stderr=err)
    assert out.getvalue() == "1 media and 1 files indexed.\n"
    assert err.getvalue().startswith("1 files could not be read")
    for search in ("sentence", '"sentence number 2" harbour', "before"):
        assert found(caller, search) == [media.pk]
    assert found(caller, "8") == []


def indexed() -> int:
    """How many rows the index itself has left, whatever the table says."""
    if connection.vendor == "postgresql":
        return SearchText.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO media_app_searchtext_words(media_app_searchtext_words) VALUES('integrity-check')")
        cursor.execute("SELECT COUNT(*) FROM media_app_searchtext_words WHERE media_app_searchtext_words MATCH 'boats'")
        return int(cursor.fetchone()[0])


def test_what_is_deleted_is_found_no_longer(caller):
    media = saying(caller, "eight more words and then there are boats " * 625)
    saying(caller, "boats and more boats", kind="description", media=media)
    assert (SearchText.objects.count(), indexed()) == (4, 4)
    file_delete(file=File.objects.get(kind="speech"))
    assert (found(caller, "boats"), indexed()) == ([media.pk], 1)
    saying(caller, "boats", media=media)
    media_delete(media=media)
    assert (found(caller, "boats"), SearchText.objects.count(), indexed()) == ([], 0, 0)
    saying(caller, "boats")
    caller.project.delete()
    assert (SearchText.objects.count(), indexed()) == (0, 0)


def test_a_text_of_five_megabytes_is_indexed_to_its_bound(caller):
    text = " ".join(f"word{number}" for number in range(500_000))
    assert len(text) > 5_000_000
    media = saying(caller, text)
    last = text[:MOST_CHARACTERS].split()[-2]
    before = f"word{int(last[4:]) - 1}"
    assert found(caller, f'"{before} {last}"') == [media.pk]
    assert found(caller, "word499999") == []


def test_phrases_are_found_hours_into_a_transcript_and_across_its_passages(caller):
    words = [f"w{number % 3000} the" for number in range(20_000)]  # 40,000 words: four hours and more
    words[19_000] = "needle in the hay"
    media = saying(caller, " ".join(words))
    assert found(caller, '"needle in the hay"') == [media.pk]
    for at in range(980, 990):
        assert found(caller, f'"w{at} the w{at + 1} the w{at + 2}"') == [media.pk]
    assert found(caller, '"needle the hay"') == []
