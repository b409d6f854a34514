"""Any text as a name: refused by name, or kept to the letter, listed, and fetched by its URL."""

import json
import unicodedata
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ittyhost.errors import Invalid
from media_app.models import File
from media_app.services import place_clean, ref_clean
from media_app.services.characters import problem_of
from media_app.storage import bucket
from orgs_app.tests.caller import G4, VERSIONS, Caller, message
from orgs_app.tests.factories import bearer_header

ODD = {
    "ZWJ emoji": "\U0001f469\u200d\U0001f680.png",
    "emoji with a tone": "\U0001f469\U0001f3fd\u200d\U0001f680.png",
    "heart on fire": "\u2764\ufe0f\u200d\U0001f525.png",
    "rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308.png",
    "shaking head": "\U0001f642\u200d\u2194\ufe0f.png",
    "flag of tags": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f.png",
    "keycap": "1\ufe0f\u20e3.mp4",
    "Persian with ZWNJ": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.mp4",
    "Latin and Persian": "PDF\u200c\u0647\u0627.mp4",
    "Devanagari with ZWJ": "\u0915\u094d\u200d\u0937.mp4",
    "Malayalam chillu": "\u0d05\u0d35\u0d28\u0d4d\u200d.mp4",
    "Hebrew": "\u05e9\u05dc\u05d5\u05dd.mp4",
    "Arabic": "\u0645\u0631\u062d\u0628\u0627.mp4",
    "Mongolian": "\u1820\u180e\u1820.mp4",
    "ideographic variant": "\u845b\U000e0100\u57ce.jpg",
    "macOS screenshot": "Screenshot 10.00\u202fAM.png",
    "private use": "\uf8ff.png",
    "not yet assigned": "\u0378.png",
    "combining": "e\u0301.jpg",
    "singleton": "\u212b.jpg",  # ångström sign: another character in NFC
    "quotes": "a\"b'c.jpg",
    "header injection": "a.jpg; filename=evil.exe",
    "URL parts": "a?b#c&d=e%2Ff%00.jpg",
    "dots": "...jpg.",
    "drive": "C:x.jpg",
    "template": "{{7*7}}${x}<b>.jpg",
}
REFUSED = {
    "NUL": ("a\0b", "control characters"),
    "CR LF": ("a\r\nSet-Cookie: x", "control characters"),
    "C1": ("a\x85b", "control characters"),
    "DEL": ("a\x7f", "control characters"),
    "override": ("photo_\u202egpj.exe", "invisible characters or marks of direction"),
    "isolate": ("\u2066a\u2069", "invisible characters or marks of direction"),
    "RLM": ("\u200f\u05e9.jpg", "invisible characters or marks of direction"),
    "zero width space": ("a\u200b.jpg", "invisible characters or marks of direction"),
    "BOM": ("\ufeffa.jpg", "invisible characters or marks of direction"),
    "soft hyphen": ("a\u00adb.jpg", "invisible characters or marks of direction"),
    "ZWJ in Latin": ("a\u200db.jpg", "invisible characters or marks of direction"),
    "ZWNJ at an end": ("a.jpg\u200c", "invisible characters or marks of direction"),
    "selector in Latin": ("a\ufe0f.jpg", "invisible characters or marks of direction"),
    "two selectors": ("\u2764\ufe0f\ufe0f", "invisible characters or marks of direction"),
    "filler": ("\u3164", "invisible characters or marks of direction"),
    "tag": ("a\U000e0041", "invisible characters or marks of direction"),
    "half a flag": ("\U0001f3f4\U000e0067.jpg", "invisible characters or marks of direction"),
    "line separator": ("a\u2028b", "line breaks"),
    "paragraph separator": ("a\u2029b", "line breaks"),
    "noncharacter": ("a\ufdd0", "code points that are no characters"),
    "last code point": ("a\U0010ffff", "code points that are no characters"),
}


@pytest.fixture
def caller(db: Any, settings: Any) -> Caller:
    settings.PROBE_WAIT_SECONDS = 0
    return Caller()


def put(caller: Caller, name: str, body: bytes = b"x") -> Any:
    place = f"/delivery/{caller.project.public_id}/{quote(name, safe='')}"
    headers = {**bearer_header(caller.secret), "Accept-Version": G4}
    return caller.http.put(place, body, content_type="text/plain", headers=headers)


def fetch(caller: Caller, url: str) -> Any:
    """What is at a URL as a client asks for it: its path and query, as they stand there."""
    parts = urlsplit(url)
    assert url.isascii()
    assert not parts.query
    assert not parts.fragment
    return caller.http.get(parts.path)


def round_trip(caller: Caller, name: str, body: bytes) -> None:
    """Put bytes under a name that may be one, and find them again under exactly that."""
    answer = put(caller, name, body)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    folder, _, filename = unicodedata.normalize("NFC", name).removeprefix("/").rpartition("/")
    assert (shown["folder"] or "", shown["filename"]) == (folder, filename)
    listed = caller.data("get", f"/files/{shown['id']}", G4)
    assert (listed["folder"] or "", listed["filename"]) == (folder, filename)
    found = fetch(caller, listed["url"])
    assert (found.status_code, b"".join(found.streaming_content)) == (200, body)
    for header, value in found.headers.items():
        value.encode("latin-1")
        assert "\r" not in value, header
        assert "\n" not in value, header
    file = File.objects.get(pk=shown["id"].removeprefix("file_"))
    assert file.key == f"{caller.project.pk}/{file.pk}/1/source"
    assert b"".join(bucket().open(file.key, 0, len(body))) == body


def many(examples: int) -> Any:
    """So many examples of a property; the fixtures are shared by all of them."""
    shared = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=examples, suppress_health_check=shared)


SHARP = "ab/\\.. %?#&;:\"'\0\r\n\u202e\u200b\u200d\u200c\ufe0f\U0001f469e\u0301\u0915\u094d"
TEXTS = st.one_of(
    st.text(min_size=1, max_size=80),
    st.text(st.sampled_from(SHARP), min_size=1),
    st.text(st.characters(categories=["Lo", "Mn", "Mc", "Cf", "So", "Sk"]), min_size=1, max_size=12),
    st.sampled_from([*ODD.values(), *(name for name, _ in REFUSED.values())]),
    st.builds(lambda character, number: character * number, st.characters(), st.integers(60, 400)),
)


@many(300)
@given(name=TEXTS, body=st.binary(min_size=1, max_size=20))
@example(name="..", body=b"x")
@example(name="/etc/passwd", body=b"x")
@example(name="a/../../b", body=b"x")
@example(name="x" * 10_000, body=b"x")
def test_any_text_is_refused_by_name_or_comes_back_to_the_letter(caller, name, body):
    try:
        utf8 = name.encode()
    except UnicodeEncodeError:  # half a surrogate pair: no path can hold it
        with pytest.raises(Invalid, match="must not hold halves of surrogate pairs"):
            place_clean(filename=name)
        return
    said = refusal(name)
    if said is None:
        round_trip(caller, name, body)
        return
    before = File.objects.count()
    answer = put(caller, name)
    assert File.objects.count() == before
    if len(utf8) + len(f"/delivery/{caller.project.public_id}/") > 8192:
        assert answer.status_code == 414
    else:
        assert (answer.status_code, answer.json()) == (
            400,
            {"message": said, "kind": "request_invalid", "param": "path"},
        )


def refusal(name: str) -> str | None:
    """What is said of a path that no file can have."""
    try:
        _, filename = place_clean(filename=name, params=("path", "path"))
    except Invalid as exc:
        return exc.message
    return None if filename else "The path must name the file: <folder>/<filename>."


@pytest.mark.parametrize("name", ODD.values(), ids=list(ODD))
def test_what_is_legitimate_is_kept(caller, name):
    round_trip(caller, name, b"bytes")
    round_trip(caller, f"{name}/{name}", b"more bytes")


@pytest.mark.parametrize(("name", "problem"), REFUSED.values(), ids=list(REFUSED))
@pytest.mark.parametrize("version", VERSIONS)
def test_what_nobody_sees_is_refused_by_name(caller, version, name, problem):
    for field, text in {"filename": name, "folder": f"a/{name}", "ref": name}.items():
        answer = caller.ask("post", "/files", version, {"url": "https://example.com/a.mp4", field: text})
        if "\0" in name:  # no body may hold it at all
            assert (answer.status_code, field in message(answer)) == (400, True)
            continue
        assert answer.status_code == 400
        assert message(answer) in {
            f"{field} must not hold {problem}.",
            f"{field} must not hold control characters.",  # said of any text
        }
    assert File.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"filename": "C:\\temp\\a.jpg"}, "filename must not hold a backslash. Separate folders by slashes."),
        ({"folder": "a\\b"}, "folder must not hold a backslash. Separate folders by slashes."),
        ({"filename": " a.jpg"}, "filename must not begin or end with a space, nor any of its parts."),
        ({"filename": "a.jpg\u3000"}, "filename must not begin or end with a space, nor any of its parts."),
        ({"folder": "a /b"}, "folder must not begin or end with a space, nor any of its parts."),
        ({"ref": " a"}, "ref must not begin or end with a space, nor any of its parts."),
        ({"filename": "a/../b"}, "filename must not hold the parts '.' and '..'."),
        ({"folder": ".."}, "folder must not hold the parts '.' and '..'."),
        ({"filename": "a//b"}, "filename must not hold an empty part."),
        ({"filename": "a/ /b"}, "filename must not hold an empty part."),
        ({"filename": "x" * 256}, "filename must have at most 255 bytes between two slashes."),
        ({"filename": "\u00e9" * 128}, "filename must have at most 255 bytes between two slashes."),
        ({"filename": "x" * 10_000}, "filename must have at most 1000 characters."),
        ({"folder": "/".join("a" * 33)}, "folder must have at most 1000 characters and 32 levels."),
        ({"ref": "x" * 101}, "ref must have at most 100 characters."),
    ],
)
def test_a_name_that_is_a_path_elsewhere_is_refused(caller, given, said):
    answer = caller.ask("post", "/files", G4, {"url": "https://example.com/a.mp4", **given})
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": said, "kind": "request_invalid", "param": next(iter(given))},
    )
    assert File.objects.count() == 0


def test_an_absolute_path_lies_below_the_project_like_any_other(caller):
    round_trip(caller, "/etc/passwd", b"x")
    file = caller.data("post", "/files", G4, {"url": "https://example.com/a", "folder": "/a/b/", "filename": "/c/d"})
    assert (file["folder"], file["filename"]) == ("a/b/c", "d")


def test_case_counts(caller):
    round_trip(caller, "Demo/A.jpg", b"upper")
    round_trip(caller, "demo/a.jpg", b"lower")
    place = f"/delivery/{caller.project.public_id}"
    assert b"".join(caller.http.get(f"{place}/Demo/A.jpg").streaming_content) == b"upper"


def test_both_spellings_of_an_accent_lead_to_one_file(caller):
    put(caller, "e\u0301.jpg", b"decomposed")
    answer = caller.http.get(f"/delivery/{caller.project.public_id}/{quote('é.jpg')}")
    assert b"".join(answer.streaming_content) == b"decomposed"


def test_delivery_answers_paths_that_name_nothing(caller):
    for path in ("%00", "%0d%0a", "a%5Cb", "%E2%80%AE", "%ff", "a//b", "%20", "..%2f..%2fetc", "x" * 5000):
        answer = caller.http.get(f"/delivery/{caller.project.public_id}/{path}")
        assert answer.status_code == 404, path


@pytest.mark.parametrize("field", ["folder", "filename", "ref"])
def test_a_task_names_its_output_by_the_same_rules(caller, field):
    body = {"url": "https://example.com/a.mp4", "kind": "image", field: "\U0001f469\u200d\U0001f680"}
    assert caller.ask("post", "/tasks", G4, body).status_code == 201
    for text in ("a\u202eb", "a\u200bb", " a", "a\nb", "\ufeffa"):
        answer = caller.ask("post", "/tasks", G4, body | {field: text})
        assert (answer.status_code, answer.json()["param"]) == (400, field), text


PROSE = (
    "\u200f\u05e9\u05dc\u05d5\u05dd\u200e \u2066x\u2069 \u0e01\u200b\u0e02 \U0001f469\u200d\U0001f680 e\u0301 \"'<&>"
)


@pytest.mark.parametrize("version", VERSIONS)
def test_prose_is_kept_exactly_and_holds_no_controls(caller, version):
    kept = {"title": PROSE, "alt": PROSE}
    shown = caller.data("post", "/media", version, kept)
    assert {name: shown[name] for name in kept} == kept
    for field in ("title", "alt", "label"):
        more = {"url": "https://example.com/a.mp4"}
        answer = caller.ask("post", "/media", version, {**more, field: "a\nb"})
        assert (answer.status_code, message(answer)) == (400, f"{field} must not hold control characters.")
    file = caller.data("post", "/files", version, {"url": "https://example.com/a.mp4", "label": PROSE})
    assert file["label"] == PROSE


WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS, st.lists, max_leaves=5)


@many(60)
@given(metadata=st.dictionaries(WORDS, VALUES, max_size=5))
def test_metadata_is_refused_by_name_or_kept_exactly(caller, metadata):
    answer = caller.ask("post", "/media", G4, {"metadata": metadata})
    if "\\u0000" in json.dumps(metadata):
        assert (answer.status_code, answer.json()["param"].startswith("metadata")) == (400, True)
        return
    assert answer.json()["metadata"] == metadata
    assert caller.data("get", f"/media/{answer.json()['id']}", G4)["metadata"] == metadata


@many(300)
@given(text=st.text(max_size=40))
def test_a_name_that_is_clean_stays_as_it_is(text):
    try:
        folder, filename = place_clean(filename=text)
        ref = ref_clean(text)
    except Invalid:
        return
    assert place_clean(folder=folder, filename=filename) == (folder, filename)
    assert ref_clean(ref) == ref
    assert problem_of(ref) is None
    assert ref == unicodedata.normalize("NFC", text)


def test_the_longest_folder_and_name_of_any_script_fit_into_every_index(caller):
    """Incompressible on purpose: PostgreSQL packs what repeats itself."""
    letters = [chr(0x4E00 + (number * 7919) % 20_000) for number in range(700)]
    folder = "/".join("".join(letters[start : start + 80]) for start in range(0, 640, 80))
    filename = "".join(letters[615:700])
    assert (len(folder.encode()), len(filename.encode())) == (1927, 255)
    answer = put(caller, f"{folder}/{filename}", b"x")
    assert answer.status_code == 201, answer.content
    refused = caller.ask("patch", f"/files/{answer.json()['id']}", G4, {"folder": f"{folder}/{'界' * 80}"})
    assert (refused.status_code, message(refused)) == (400, "folder must have at most 2000 bytes in UTF-8.")
