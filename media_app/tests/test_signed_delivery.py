"""Signed URLs at work: what they open, for whom, until when, and that a private project gives nothing else away."""

import base64
import hashlib
import hmac
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.db.models import F
from django.test import RequestFactory

from media_app import signatures
from media_app.api.delivery import deliver
from media_app.api.visits import Visit, writer
from media_app.models import DeadObject, File
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, make_file
from media_app.tests.test_members import make_series
from orgs_app.models import ApiKey, Project
from orgs_app.selectors import SIGNERS
from orgs_app.services import api_key_revoke
from orgs_app.tests.caller import G4, VERSIONS, Caller, message
from orgs_app.tests.factories import bearer_header, make_api_key, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_transfer_is_left_behind")]

DATA = b"0123456789" * 10
NOW = 1_800_000_000  # as the clock stands in these tests
LATER = NOW + 600
WRONG = "A" * 43


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    class Clock:
        now = float(NOW)

        def time(self) -> float:
            return self.now

    made = Clock()
    monkeypatch.setattr(signatures, "time", made)
    return made


@pytest.fixture
def caller(settings) -> Caller:
    settings.PROBE_WAIT_SECONDS = 0
    return Caller(project=make_project(is_private=True))


@pytest.fixture
def file(caller) -> File:
    return make_file(project=caller.project, folder="demo", filename="a.jpg", content=DATA)


def sign(secret: str, path: str, expiry: int = LATER, method: str | None = "get") -> str:
    """A query that a client signed itself, by the recipe alone."""
    string = f"{path}?expiry={expiry}" + (f"&method={method}" if method else "")
    digest = hmac.new(secret.encode(), string.encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"{string.rpartition('?')[2]}&signature={signature}"


def get(caller: Caller, path: str, query: str = "", **headers: str) -> Any:
    return caller.http.get(f"/delivery/{caller.project.public_id}/{path}?{query}", headers=headers)


def put(caller: Caller, path: str, query: str, version: str = G4, **headers: str) -> Any:
    return caller.http.put(
        f"/delivery/{caller.project.public_id}/{path}?{query}",
        jpeg_bytes(),
        content_type="image/jpeg",
        headers={"Accept-Version": version} | headers,
    )


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


# --- reading ---


def test_a_signature_opens_its_path_for_its_time(caller, file, clock):
    query = sign(caller.secret, "demo/a.jpg")
    assert content(get(caller, "demo/a.jpg", query)) == DATA
    assert caller.http.head(f"/delivery/{caller.project.public_id}/demo/a.jpg?{query}").status_code == 200
    assert content(get(caller, "demo/a.jpg", query, Range="bytes=3-5")) == b"345"
    clock.now = LATER + signatures.SKEW_SECONDS - 1  # the client's clock may be late
    assert content(get(caller, "demo/a.jpg", query)) == DATA
    clock.now = LATER + signatures.SKEW_SECONDS
    assert get(caller, "demo/a.jpg", query).status_code == 403


def test_what_the_service_signs_it_opens(caller, file):
    for place in ({"filename": "a.jpg", "folder": "demo"}, {"filename": file.public_id}):
        signed = caller.data("post", "/signatures", G4, place)
        path, _, query = signed["url"].partition(f"{caller.project.public_id}/")[2].partition("?")
        assert content(get(caller, path, query)) == DATA


@pytest.mark.parametrize("padding", ["", "=", "==", "%3D", "%3D%3D"])
@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("encoded", [False, True])
def test_base64_of_either_kind(caller, padding, standard, encoded):
    for number in range(20):  # some have a + or / in them
        name = f"{number}.jpg"
        make_file(project=caller.project, filename=name, content=DATA)
        query = sign(caller.secret, name)
        before, _, signature = query.rpartition("=")
        if standard:
            signature = signature.replace("-", "+").replace("_", "/")
            signature = quote(signature, safe="") if encoded else signature
        assert content(get(caller, name, f"{before}={signature}{padding}")) == DATA


@pytest.mark.parametrize("signed", ["raw", "quoted", "component", "whole"])
@pytest.mark.parametrize("form", ["composed", "decomposed"])
def test_a_path_may_be_signed_as_it_is_or_as_it_stands_in_the_url(caller, signed, form):
    make_file(project=caller.project, folder="été (1)", filename="a+b & 'c' #1?.jpg", content=DATA)
    path = {"composed": "été (1)/", "decomposed": "e\u0301te\u0301 (1)/"}[form] + "a+b & 'c' #1?.jpg"
    text = {
        "raw": path,
        "quoted": quote(path),
        "component": quote(path, safe="/!'()*"),
        "whole": quote(path, safe="/!'()*;,:@&=+$"),
    }[signed]
    assert content(get(caller, quote(path), sign(caller.secret, text))) == DATA


def test_a_name_that_looks_encoded_is_not_opened_by_the_one_it_looks_like(caller):
    make_file(project=caller.project, filename="a b.jpg", content=b"space")
    make_file(project=caller.project, filename="a%20b.jpg", content=b"percent")
    query = sign(caller.secret, "a%20b.jpg")
    assert content(get(caller, "a%20b.jpg", query)) == b"space"
    assert get(caller, "a%2520b.jpg", query).status_code == 403
    assert content(get(caller, "a%2520b.jpg", sign(caller.secret, "a%2520b.jpg"))) == b"percent"


def test_older_urls_name_no_method_and_only_read(caller, file):
    for signed in (None, "get"):
        query = sign(caller.secret, "demo/a.jpg", method=signed).replace("&method=get", "")
        assert content(get(caller, "demo/a.jpg", query)) == DATA
    for signed in (None, "put"):
        query = sign(caller.secret, "demo/b.jpg", method=signed).replace("&method=put", "")
        assert put(caller, "demo/b.jpg", query).status_code == 403
        assert get(caller, "demo/b.jpg", query).status_code == (404 if signed is None else 403)


def test_the_method_may_be_written_large(caller, file):
    query = sign(caller.secret, "demo/a.jpg").replace("method=get", "method=GET")
    assert content(get(caller, "demo/a.jpg", query)) == DATA
    assert put(caller, "b.jpg", sign(caller.secret, "b.jpg", method="put").replace("put", "PUT")).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.replace(str(LATER), str(LATER + 1)),
        lambda query: query.replace(str(LATER), f"0{LATER}"),
        lambda query: query.replace(str(LATER), f"+{LATER}"),
        lambda query: query.replace(str(LATER), "9" * 13),
        lambda query: query.replace(str(LATER), "١٨٠٠٠٠٠٦٠٠"),
        lambda query: query.replace(f"expiry={LATER}&", ""),
        lambda query: f"expiry={LATER}&{query}",
        lambda query: f"{query}&expiry={LATER}",
        lambda query: f"{query}&method=get",
        lambda query: f"{query}&{query.rpartition('&')[2]}",
        lambda query: query.replace("method=get", "method=put"),
        lambda query: query.replace("method=get", "method="),
        lambda query: query.replace("method=get", "method=head"),
        lambda query: query.replace("&method=get", ""),
        lambda query: f"{query.rpartition('=')[0]}=",
        lambda query: f"{query.rpartition('=')[0]}={WRONG}",
        lambda query: query[:-1],
        lambda query: f"{query}A",
        lambda query: f"{query}%00",
        lambda query: f"{query.rpartition('=')[0]}=%FF",
        lambda query: query.upper(),
    ],
)
def test_a_changed_signature_opens_nothing(caller, file, change):
    query = sign(caller.secret, "demo/a.jpg")
    if change(query) == query.replace("&method=get", ""):  # another client's way to write the same, see above
        assert content(get(caller, "demo/a.jpg", change(query))) == DATA
    else:
        assert get(caller, "demo/a.jpg", change(query)).status_code == 403
    assert content(get(caller, "demo/a.jpg", query)) == DATA


def test_only_keys_that_work_and_may_read_open(caller, file):
    def status(secret: str) -> int:
        answer = get(caller, "demo/a.jpg", sign(secret, "demo/a.jpg"))
        content(answer)
        return answer.status_code

    reader, reading = make_api_key(project=caller.project, scopes=["read"])
    _, writing = make_api_key(project=caller.project, scopes=["write"])
    _, other = make_api_key()
    expired, of_expired = make_api_key(project=caller.project)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=F("created"))
    assert [status(secret) for secret in (reading, writing, other, of_expired, "")] == [200, 403, 403, 403, 403]
    api_key_revoke(key=reader)
    assert status(reading) == 403
    assert status(caller.secret) == 200


def test_any_of_many_keys_opens_and_their_number_is_bounded(caller, file):
    oldest = sign(caller.secret, "demo/a.jpg")
    for _ in range(SIGNERS - 1):
        _, newest = make_api_key(project=caller.project)
    assert content(get(caller, "demo/a.jpg", oldest)) == DATA
    assert content(get(caller, "demo/a.jpg", sign(newest, "demo/a.jpg"))) == DATA
    make_api_key(project=caller.project)
    assert get(caller, "demo/a.jpg", oldest).status_code == 403


def test_a_key_that_signed_was_used(caller, file):
    content(get(caller, "demo/a.jpg", sign(caller.secret, "demo/a.jpg")))
    assert ApiKey.objects.get(pk=caller.key.pk).last_used_at is not None


def test_a_key_or_a_signature_is_enough(caller, file):
    query = sign(caller.secret, "demo/a.jpg")
    other = Caller()
    for headers in (bearer_header(caller.secret), bearer_header(other.secret), {"Authorization": "Bearer of another"}):
        assert content(get(caller, "demo/a.jpg", query, **headers)) == DATA
    assert content(get(caller, "demo/a.jpg", "signature=x", **bearer_header(caller.secret))) == DATA


def test_a_public_project_needs_none(caller, file):
    Project.objects.filter(pk=caller.project.pk).update(is_private=False)
    for query in ("", sign(caller.secret, "demo/a.jpg"), sign(caller.secret, "x", NOW - 9999), "signature=x&expiry="):
        answer = get(caller, "demo/a.jpg", query)
        assert content(answer) == DATA
        assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"


# --- what a private project says to others ---


def test_a_private_project_refuses_everybody_alike(caller, file, monkeypatch):
    other, elsewhere = Caller(), make_file(filename="x.jpg", content=DATA)
    _, writing = make_api_key(project=caller.project, scopes=["write"])
    series, _ = make_series(caller)
    pinned = Caller(project=make_project(api_version="2024-03-21"))
    paths = (
        "demo/a.jpg",
        "demo/missing.jpg",
        file.public_id,
        elsewhere.public_id,
        f"{series.public_id}/more/0002.jpg",
        f"{series.public_id}/more/9999.jpg",
        f"file_{'0' * 16}/more/0002.jpg",
        "",
        "..",
        "%FF",
        "a%00b",
    )
    queries = (
        "",
        "download",
        "download=a/b",
        f"expiry={LATER}&method=get&signature={WRONG}",
        f"expiry={NOW - 9999}&method=get&signature={WRONG}",
        "signature=x",
        sign(caller.secret, "demo/a.jpg", NOW - 9999),
        sign(caller.secret, "demo/other.jpg"),
        sign(caller.secret, "demo/a.jpg", method="put"),
        sign(other.secret, "demo/a.jpg"),
        sign(writing, "demo/a.jpg"),
    )
    headers = (
        {},
        {"Range": "bytes=0-1"},
        {"If-None-Match": f'"{file.etag}"'},
        bearer_header("nonsense"),
        bearer_header(other.secret),
        bearer_header(pinned.secret),
        bearer_header(writing),
    )
    # Nothing is looked up at the path before the caller is known.
    monkeypatch.setattr("media_app.api.delivery.file_find_by_path", lambda **_: pytest.fail("it was looked up"))
    refused = [get(caller, path, query) for path in paths for query in queries]
    refused += [get(caller, path, **given) for path in paths for given in headers]
    told = {(answer.status_code, answer.content.replace(_ids(answer), b"")) for answer in refused}
    assert {status for status, _ in told} == {403}
    assert {message(answer) for answer in refused} == {
        "These files are private. Ask by a signed URL that has not expired, "
        "or send an API key of their project that may read."
    }
    refused = [get(caller, path, query, **{"Accept-Version": G4}) for path in paths for query in queries]
    refused += [get(caller, path, **{"Accept-Version": G4} | given) for path in paths for given in headers]
    assert len({answer.content for answer in refused}) == 1
    assert len({_headers(answer) for answer in refused}) == 1
    assert refused[0].headers["Cache-Control"] == "no-store"
    base = f"/delivery/{caller.project.public_id}"
    heads = [caller.http.head(f"{base}/{path}", headers={"Accept-Version": G4}) for path in paths]
    assert len({(answer.status_code, _headers(answer)) for answer in heads}) == 1
    assert heads[0].status_code == 403


def _ids(answer: Any) -> bytes:
    return answer.headers["X-Request-Id"].encode()


def _headers(answer: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in answer.headers.items() if name != "X-Request-Id"))


def test_a_refusal_says_the_same_of_every_path_in_queries_too(caller, file, django_assert_num_queries):
    """As many and the same questions to the database, so that time tells nothing either."""
    bad = f"expiry={LATER}&method=get&signature={WRONG}"
    for path in ("demo/a.jpg", "demo/missing.jpg", file.public_id, f"file_{'0' * 16}"):
        with django_assert_num_queries(2):  # the project, its keys
            get(caller, path, bad)
    for file_id in (file.public_id, f"file_{'0' * 16}"):
        with django_assert_num_queries(3):  # and where the file is that the path names, if it is
            get(caller, f"{file_id}/more/0002.jpg", bad)


def test_a_reader_is_told_what_is_not_there(caller, file):
    assert get(caller, "demo/missing.jpg", **bearer_header(caller.secret)).status_code == 404
    answer = get(caller, "demo/missing.jpg", sign(caller.secret, "demo/missing.jpg"))
    assert (answer.status_code, answer.json()["meta"]["project_id"]) == (404, None)


# --- caches ---


def test_what_is_private_is_kept_as_long_as_its_signature(caller, file, clock):
    def kept(path: str, query: str = "", **headers: str) -> str:
        answer = get(caller, path, query, **headers)
        content(answer)
        assert answer.headers["Vary"] == "Authorization"
        return answer.headers["Cache-Control"]

    asked_anew = "private, max-age=0, must-revalidate"
    by_id = sign(caller.secret, file.public_id)
    assert kept(file.public_id, by_id) == "private, max-age=600, immutable"
    assert kept("demo/a.jpg", sign(caller.secret, "demo/a.jpg")) == asked_anew
    assert kept(file.public_id, **bearer_header(caller.secret)) == asked_anew
    far = sign(caller.secret, file.public_id, NOW + 10**8)
    assert kept(file.public_id, far) == "private, max-age=31536000, immutable"
    clock.now = LATER + 10
    assert kept(file.public_id, by_id) == asked_anew


def test_the_stores_own_url_does_not_outlive_the_signature(caller, s3_quick, settings):
    for name, value in s3_quick.environment(s3_quick.new_bucket()).items():
        setattr(settings, name, value if name != "S3_PATH_STYLE" else True)
    settings.S3_PUBLIC_ENDPOINT_URL, settings.DELIVERY_FROM_S3 = settings.S3_ENDPOINT_URL, "redirect"
    make_file(project=caller.project, filename="a.jpg", content=DATA)

    def seconds(expiry: int) -> str:
        answer = get(caller, "a.jpg", sign(caller.secret, "a.jpg", expiry))
        assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
        return answer.headers["Location"].partition("X-Amz-Expires=")[2].partition("&")[0]

    assert [seconds(expiry) for expiry in (NOW + 10**6, NOW + 90, NOW - 10)] == ["3600", "90", "1"]
    bucket().close()


# --- members ---


def test_a_signature_of_a_file_opens_its_members(caller):
    file, second = make_series(caller)  # a/first.jpg, with more/0002.jpg
    path = f"{file.public_id}/more/0002.jpg"
    for signed in (path, file.public_id, "a/first.jpg"):
        answer = get(caller, path, sign(caller.secret, signed))
        assert content(answer) == second
        assert answer.headers["Cache-Control"] == "private, max-age=600, immutable"
    other = make_file(project=caller.project, filename="b.jpg", content=DATA)
    for signed in ("more/0002.jpg", "a", "a/more/0002.jpg", "b.jpg", other.public_id, f"{file.public_id}/more"):
        assert get(caller, path, sign(caller.secret, signed)).status_code == 403
    member = sign(caller.secret, path)
    for elsewhere in (file.public_id, "a/first.jpg", f"{file.public_id}/more/0003.jpg"):
        assert get(caller, elsewhere, member).status_code == 403
    assert get(caller, f"{file.public_id}/more/0003.jpg", sign(caller.secret, file.public_id)).status_code == 404


def test_a_path_that_has_come_to_mean_another_file_opens_that_ones_members_only(caller):
    file, second = make_series(caller)
    File.objects.filter(pk=file.pk).update(holds_path=False)
    path = f"{file.public_id}/more/0002.jpg"
    assert get(caller, path, sign(caller.secret, "a/first.jpg")).status_code == 403
    assert content(get(caller, path, sign(caller.secret, file.public_id))) == second


def test_the_id_of_another_projects_file_signs_nothing_here(caller):
    mine, other = make_series(caller)[0], Caller()
    query = sign(other.secret, mine.public_id)
    assert get(caller, f"{mine.public_id}/more/0002.jpg", query).status_code == 403
    assert get(other, f"{mine.public_id}/more/0002.jpg", query).status_code == 404


# --- writing ---


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("private", [True, False])
def test_a_signed_url_takes_one_file_for_the_key_that_signed(caller, version, private):
    Project.objects.filter(pk=caller.project.pk).update(is_private=private)
    answer = put(caller, "demo/new.jpg", sign(caller.secret, "demo/new.jpg", method="put"), version)
    assert answer.status_code == 201
    file = File.objects.get()
    assert (file.folder, file.filename, file.created_by) == ("demo", "new.jpg", caller.key.public_id)
    shown = answer.json() if version == G4 else answer.json()["data"]
    assert shown["id"] == file.public_id
    if version != G4:
        assert answer.json()["meta"]["project_id"] == caller.project.public_id
    assert put(caller, "demo/new.jpg", sign(caller.secret, "demo/new.jpg", method="put"), version).status_code == 201
    assert File.objects.count() == 2


def test_a_put_that_is_not_signed_for_this_is_refused_unread(caller, clock):
    reader = Caller(project=caller.project, scopes=["read"])
    other = Caller()
    good = sign(caller.secret, "demo/new.jpg", method="put")
    refused = [
        good.replace("demo", "x") + "x",
        sign(caller.secret, "demo/new.jpg", NOW - 61, "put"),
        sign(caller.secret, "demo/new.jpg"),
        sign(caller.secret, "demo/other.jpg", method="put"),
        sign(caller.secret, "demo", method="put"),
        sign(reader.secret, "demo/new.jpg", method="put"),
        sign(other.secret, "demo/new.jpg", method="put"),
        good.replace("put", "get"),
        f"{good}&expiry={LATER}",
        "signature=",
    ]
    told = set()
    for query in refused:
        request = RequestFactory().put(f"/?{query}", HTTP_ACCEPT_VERSION=G4, CONTENT_LENGTH="100")
        request.META["wsgi.input"] = Unread()
        answer = deliver(request, caller.project.public_id, "demo/new.jpg")
        told.add((answer.status_code, answer.content))
    request = RequestFactory().put(f"/?{good}", HTTP_ACCEPT_VERSION=G4, CONTENT_LENGTH="100")
    request.META["wsgi.input"] = Unread()
    answer = deliver(request, f"prj_{'0' * 16}", "demo/new.jpg")
    assert told == {(answer.status_code, answer.content)}
    assert (answer.status_code, json.loads(answer.content)["message"]) == (
        403,
        "The signature of this URL has expired, or is not valid for writing to this path. Sign it anew.",
    )
    assert (File.objects.count(), DeadObject.objects.count()) == (0, 0)


class Unread(io.RawIOBase):
    def read(self, size: int = -1, /) -> bytes:
        pytest.fail("the body was read")


def test_a_key_decides_where_one_is_sent(caller):
    query = sign(caller.secret, "a.jpg", method="put")
    reader = Caller(project=caller.project, scopes=["read"])
    assert put(caller, "a.jpg", query, **bearer_header(reader.secret)).status_code == 403
    assert put(caller, "a.jpg", query, **bearer_header(Caller().secret)).status_code == 404
    assert put(caller, "a.jpg", query, Authorization="Bearer of another").status_code == 201
    assert put(caller, "a.jpg", "signature=x", **bearer_header(caller.secret)).status_code == 201


def test_a_signature_does_not_bend_the_rules_of_names(caller):
    for path in ("a/../b.jpg", f"file_{'0' * 16}", "a%00b", ""):
        query = sign(caller.secret, path.replace("%00", "\0"), method="put")
        answer = put(caller, path, query)
        assert (answer.status_code, answer.json()["param"]) == (400, "path"), path
    assert File.objects.count() == 0


def test_the_writer_of_a_visit_is_the_key_that_signed(caller):
    query = sign(caller.secret, "a.jpg", method="put")
    visit = Visit(RequestFactory().put(f"/?{query}"), caller.project.public_id, "a.jpg")
    assert writer(visit) == visit.key == caller.key
    assert visit.key.project.organisation == caller.project.organisation


def test_queries_that_are_too_much_are_refused(caller, file):
    answer = get(caller, "demo/a.jpg", "&".join(["a"] * 2000))
    assert answer.status_code == 400
    long = "a" * (signatures.MAX_PATH + 1)
    assert get(caller, long, sign(caller.secret, long)).status_code == 403


# --- on a domain of the project's own ---


def test_a_projects_domain_takes_the_same_signatures(settings):
    settings.PUBLIC_URL = settings.DELIVERY_URL = "https://api.example.test"
    settings.ALLOWED_HOSTS, settings.PROBE_WAIT_SECONDS = ["api.example.test"], 0
    caller = Caller(project=make_project(delivery_domain="media.example.test", is_private=True))
    host = {"Host": "media.example.test"}
    signed = caller_signs(caller, "new.jpg", "put")
    assert signed.startswith("https://media.example.test/demo/new.jpg?")
    path = signed.partition("example.test")[2]
    answer = caller.http.put(path, jpeg_bytes(), content_type="image/jpeg", headers=host)
    assert answer.status_code == 201
    assert caller.http.get(path, headers=host).status_code == 403
    opened = caller_signs(caller, "new.jpg", "get").partition("example.test")[2]
    assert content(caller.http.get(opened, headers=host)) == jpeg_bytes()
    head = caller.http.head(opened, headers=host)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(jpeg_bytes())))
    etag = {"If-None-Match": head.headers["ETag"]}
    assert caller.http.get(opened, headers=host | etag).status_code == 304
    refused = [
        caller.http.get(place, headers=host | {"Accept-Version": G4})
        for place in ("/demo/new.jpg", "/x", "/", "/files", f"/{File.objects.get().public_id}")
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert len({answer.content for answer in refused}) == len({_headers(answer) for answer in refused}) == 1
    assert caller.http.options("/demo/new.jpg", headers=host).status_code == 204
    assert caller.http.get("/x?" + "&".join(["a"] * 2000), headers=host).status_code == 400


def caller_signs(caller: Caller, filename: str, method: str) -> str:
    headers = bearer_header(caller.secret) | {"Host": "api.example.test", "Accept-Version": G4}
    body = {"filename": filename, "folder": "demo", "method": method}
    answer = caller.http.post("/signatures", body, content_type="application/json", headers=headers)
    return answer.json()["url"]
