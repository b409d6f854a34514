"""A POST with an Idempotency-Key is done once and answered the same, whatever happens in between."""

import os
import subprocess
import sys
import threading

import pytest
from django.db import connection, transaction
from django.test import Client

from ittyhost.api.tests import thing_urls
from ittyhost.api.versions import all_versions
from ittyhost.leases import in_seconds
from orgs_app import idempotency
from orgs_app.models import IdempotentRequest, Organisation
from orgs_app.tests.factories import bearer_header, make_api_key, make_project

G1, G4 = "2024-03-21", "2025-08-20"
ONCE = "Idempotency-Key"
REUSED = {
    "message": "This Idempotency-Key was used for another request. Send each request with a key of its own.",
    "kind": "idempotency_key_reused",
    "param": ONCE,
}
UNDER_WAY = {
    "message": "A request with this Idempotency-Key is being done. Try again in a moment to get its answer.",
    "kind": "idempotency_in_progress",
    "param": ONCE,
}

DIES = """
import os, sys
import django
django.setup()
from django.conf import settings
settings.ROOT_URLCONF = "ittyhost.api.tests.thing_urls"
from django.test import Client
from ittyhost.api.tests import thing_urls
thing_urls.WorkView.during = staticmethod(lambda: os._exit(9))
headers = {"Authorization": f"Bearer {sys.argv[1]}", "Accept-Version": "2025-08-20", "Idempotency-Key": "k"}
Client().post("/work", {"name": "a"}, content_type="application/json", headers=headers)
"""


@pytest.fixture
def send(api):
    """`send({"name": "a"}, key="k")`: a POST that makes an organisation."""

    def post(json=None, *, key="k", path="/work", version=G4, headers=None, **more):
        given = ({} if key is None else {ONCE: key}) | (headers or {})
        body = {} if "data" in more else {"json": {"name": "a"} if json is None else json}
        return api("post", path, version=version, headers=given, **body, **more)

    return post


@pytest.fixture
def during(monkeypatch):
    """Have something happen while the work is under way; how often it did."""
    calls = []

    def put(function=lambda: None):
        monkeypatch.setattr(thing_urls.WorkView, "during", staticmethod(lambda: (calls.append(1), function())))
        return calls

    return put


@pytest.fixture
def made(key_and_secret):
    """How many organisations were made since."""
    before = Organisation.objects.count()
    return lambda: Organisation.objects.count() - before


@pytest.mark.parametrize("version", all_versions(), ids=str)
def test_the_same_request_is_done_once_and_answered_byte_for_byte(send, made, version):
    first, second = send(version=version.name), send(version=version.name)
    assert (first.status_code, second.status_code) == (version.created_status,) * 2
    assert first.content == second.content
    assert (second.headers["Idempotency-Replayed"], "Idempotency-Replayed" in first.headers) == ("true", False)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert {name: first.headers[name] for name in ("Content-Type", "Cache-Control")} == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
    }
    own = {"X-Request-Id", "Idempotency-Replayed"}
    first_kept, second_kept = ({k: v for k, v in a.headers.items() if k not in own} for a in (first, second))
    assert first_kept == second_kept
    assert made() == 1


def test_an_answer_is_the_same_as_without_a_key(send):
    plain, keyed = send(key=None), send()
    assert set(plain.headers) == set(keyed.headers)
    assert [len(answer.content) for answer in (plain, keyed)] == [len(plain.content)] * 2
    assert plain.json().keys() == keyed.json().keys()


@pytest.mark.parametrize(
    "other",
    [
        {"json": {"name": "b"}},
        {"data": '{"name":"a"}', "content_type": "application/json"},  # other bytes are another body
        {"path": "/echo"},
        {"path": "/work?a=1"},
        {"version": G1},
    ],
)
def test_another_request_with_the_key_is_refused(send, made, other):
    assert send().status_code == 201
    answer = send(**other)
    body = answer.json()
    if "version" in other:
        assert (answer.status_code, body["error"]["code"], body["meta"]["status"]) == (422, REUSED["kind"], 422)
    else:
        assert (answer.status_code, body) == (422, REUSED)
    assert made() == 1
    assert send().headers["Idempotency-Replayed"] == "true"


def test_a_last_slash_makes_no_other_request(send, made):
    assert send(path="/work").content == send(path="/work/").content
    assert made() == 1


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "é", "a\x01", "a\nb", "ключ", "a\x7f"])
def test_a_malformed_key_is_refused_by_name(send, made, key):
    answer = send(key=key)
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "message": "Idempotency-Key must have 1 to 255 printable ASCII characters.",
            "kind": "request_invalid",
            "param": ONCE,
        },
    )
    assert (made(), IdempotentRequest.objects.count()) == (0, 0)


@pytest.mark.parametrize("key", ["k" * 255, '"8e03978e-40d5"', "a b, c", "%00../\\'--", "~"])
def test_a_key_is_any_printable_text_and_kept_as_it_is(send, made, key):
    assert send(key=key).content == send(key=f"  {key} ").content
    assert (made(), IdempotentRequest.objects.get().key) == (1, key)


def test_keys_that_differ_are_different(send, made):
    for key in ("k", "K", '"k"', "k,k"):
        assert "Idempotency-Replayed" not in send(key=key).headers
    assert made() == 4


def test_projects_share_no_keys_and_the_keys_of_a_project_do(send, key_and_secret, made):
    first = send()
    _, sibling = make_api_key(project=key_and_secret[0].project)
    _, stranger = make_api_key(project=make_project())
    before = made()
    assert send(headers=bearer_header(sibling)).content == first.content
    theirs = send(headers=bearer_header(stranger))
    assert (theirs.status_code, theirs.content != first.content) == (201, True)
    assert made() == before + 1


@pytest.mark.parametrize("fault", ["invalid", "gone", "large"])
def test_a_refusal_of_what_was_asked_is_kept_and_its_work_undone(send, made, during, fault):
    calls = during()
    first, second = (send(path=f"/faults/{fault}") for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert (second.headers["Idempotency-Replayed"], len(calls), made()) == ("true", 1, 0)
    assert send({"name": "b"}, path=f"/faults/{fault}").status_code == 422


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("quota", 402),
        ("forbidden", 403),
        ("conflict", 409),
        ("rate", 429),
        ("away", 503),
        ("database", 503),
        ("bug", 500),
    ],
)
def test_what_may_pass_leaves_the_key_free_and_nothing_else(send, made, during, fault, status):
    calls = during()
    answers = [send(path=f"/faults/{fault}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status] * 2
    assert ("Idempotency-Replayed" in answers[1].headers, len(calls), made()) == (False, 2, 0)
    assert (IdempotentRequest.objects.count(), send({"name": "b"}).status_code, made()) == (0, 201, 1)


@pytest.mark.parametrize(
    ("unread", "status"),
    [
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "{}", "content_type": "text/plain"}, 415),
        ({"data": f'"{"x" * 2**20}"', "content_type": "application/json"}, 413),
        ({"version": "1999-01-01"}, 400),
        ({"headers": {"Authorization": "Bearer x"}}, 401),
    ],
)
def test_what_reaches_no_handler_uses_up_no_key(send, made, unread, status):
    assert send(**unread).status_code == status
    assert IdempotentRequest.objects.count() == 0
    assert (send().status_code, made()) == (201, 1)


def test_only_posts_look_at_the_header(api):
    answers = [api("get", "/things", headers={ONCE: key}) for key in ("k", "k", "é")]
    answers += [api("delete", "/things/x", headers={ONCE: "é"}), api("put", "/things", headers={ONCE: "é"})]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 202, 405]
    assert IdempotentRequest.objects.count() == 0


def test_without_the_header_nothing_is_kept_and_nothing_costs(send, django_assert_num_queries):
    send(key=None)
    with django_assert_num_queries(2):  # the API key, and the work
        send(key=None)
    assert IdempotentRequest.objects.count() == 0


def test_messages_leave_once_with_the_work_and_none_with_a_refusal(send, during, django_capture_on_commit_callbacks):
    sent = []
    during(lambda: transaction.on_commit(lambda: sent.append(1)))
    with django_capture_on_commit_callbacks(execute=True):
        send()
        assert sent == []
    assert sent == [1]
    with django_capture_on_commit_callbacks(execute=True):
        send()
        send(key="other", path="/faults/invalid")
        send(key="third", path="/faults/bug")
    assert sent == [1]


def test_a_key_is_forgotten_after_its_time(send, made):
    first = send()
    IdempotentRequest.objects.update(expires_at=in_seconds(-1))
    again = send({"name": "b"})
    assert (again.status_code, again.content != first.content, made()) == (201, True, 2)
    assert send({"name": "b"}).content == again.content
    row = IdempotentRequest.objects.get()
    assert 23.9 < (row.expires_at - row.updated).total_seconds() / 3600 < 24.1


# --- At the same time ---


def ask_in_threads(number, secret, body=b'{"name": "a"}'):
    """The answers of so many equal requests at once."""
    start, answers = threading.Barrier(number), []

    def ask():
        client = Client(raise_request_exception=False)
        start.wait()
        headers = {**bearer_header(secret), "Accept-Version": G4, ONCE: "k"}
        answers.append(client.post("/work", body, content_type="application/json", headers=headers))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(number)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return answers


@pytest.mark.django_db(transaction=True)
def test_while_one_is_under_way_another_is_told_to_wait(send, during, made, key_and_secret):
    send(key=None)  # the use of the API key is noted
    begun, go_on = threading.Event(), threading.Event()
    during(lambda: (begun.set(), go_on.wait(120)))
    first = []
    thread = threading.Thread(target=lambda: first.extend(ask_in_threads(1, key_and_secret[1])))
    thread.start()
    assert begun.wait(60)
    try:
        answer = send(data=b'{"name": "a"}', content_type="application/json")
        other = send({"name": "b"})
    finally:
        go_on.set()
        thread.join()
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (409, UNDER_WAY, "1")
    assert (other.status_code, other.json()) == (422, REUSED)
    later = send(data=b'{"name": "a"}', content_type="application/json")
    assert (first[0].status_code, later.content, made()) == (201, first[0].content, 2)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done(key_and_secret, made, api):
    for _ in range(3):
        answers = ask_in_threads(8, key_and_secret[1])
        done = {answer.content for answer in answers if answer.status_code == 201}
        assert len(done) == 1
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert sum(a.status_code == 201 and "Idempotency-Replayed" not in a.headers for a in answers) == 1
        assert made() == 1
        IdempotentRequest.objects.all().delete()
        Organisation.objects.filter(name="a").delete()


@pytest.mark.django_db(transaction=True)
def test_a_request_that_lost_its_claim_leaves_nothing(send, during, made):
    def taken_over():
        IdempotentRequest.objects.update(token="another's")

    during(taken_over)
    answer = send()
    assert (answer.status_code, answer.json(), made()) == (409, UNDER_WAY, 0)


@pytest.mark.django_db(transaction=True)
def test_the_key_of_a_process_that_died_is_free_when_its_lease_ends(send, made, key_and_secret, settings):
    url = settings.DATABASE_URL
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{url.rpartition('/')[0]}/{name}"
    command = [sys.executable, "-c", DIES, key_and_secret[1]]
    died = subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, capture_output=True, timeout=150)
    assert died.returncode == 9, died.stderr
    row = IdempotentRequest.objects.get()
    assert (row.status, row.key, made()) == (None, "k", 0)
    assert (send().status_code, made()) == (409, 0)
    IdempotentRequest.objects.update(lease_until=in_seconds(-1))
    first, second = send(), send()
    assert (first.status_code, first.content, made()) == (201, second.content, 1)
    assert IdempotentRequest.objects.get().token != row.token


# --- Forgetting ---


def test_what_is_over_is_deleted_in_bounded_batches(key_and_secret, monkeypatch):
    monkeypatch.setattr(idempotency, "BATCH", 2)
    monkeypatch.setattr(idempotency, "BATCHES", 2)
    for index in range(6):
        claimed = idempotency.request_claim(project=key_and_secret[0].project, key=f"k{index}", fingerprint="f")
        if index:
            IdempotentRequest.objects.filter(pk=claimed.pk).update(expires_at=in_seconds(-index))
    assert [idempotency.requests_forget() for _ in range(3)] == [4, 1, 0]
    assert [row.key for row in IdempotentRequest.objects.all()] == ["k0"]
