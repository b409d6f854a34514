"""Rates of keys: counted in a real broker, shared by all processes, and no obstacle when the broker is away."""

import os
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import redis

from ittyhost.api import throttling
from ittyhost.api.throttling import Limiter
from ittyhost.launcher.broker import EmbeddedBroker
from orgs_app.tests.factories import bearer_header, make_api_key
from tests.processes import until

pytestmark = pytest.mark.services
G1, G3, G4 = "2024-03-21", "2025-07-01", "2025-08-20"
BUCKET = "ittyhost:rate:"
SLOWLY = 0.01  # requests a second: none comes back while a test runs

TAKE = """
import django
django.setup()
from ittyhost.api import throttling
throttling.ANSWER_SECONDS = 60
print([throttling.take("shared").remaining for _ in range(200)][-1])
"""


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """A broker on a busy machine is not taken for one that is away."""
    monkeypatch.setattr(throttling, "ANSWER_SECONDS", 60)


@pytest.fixture
def server(redis_url):
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def limits(redis_url, server, settings):
    """`limits(rate, burst)` from now on."""

    def set(rate, burst):
        settings.BROKER_URL, settings.RATE_LIMIT, settings.RATE_BURST = redis_url, rate, burst

    yield set
    throttling._limiter.cache_clear()


@pytest.fixture
def limiter(redis_url, server):
    def make(rate, burst):
        return Limiter(redis_url, rate=rate, burst=burst)

    return make


def drain(server):
    """Empty every bucket there is, as far as may be."""
    for name in server.keys(f"{BUCKET}*"):
        server.set(name, str(int((time.time() + 86400) * 1e6)))


def test_a_burst_passes_and_what_comes_then_is_refused_until_the_next_fits(limiter):
    bucket = limiter(SLOWLY, 3)
    found = [bucket.take("a") for _ in range(4)]
    assert [(rate.allowed, rate.remaining) for rate in found] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert [rate.seconds for rate in found] == pytest.approx([100, 200, 300, 100], abs=50)
    assert {(rate.burst, rate.window) for rate in found} == {(3, 300)}


@pytest.mark.parametrize(("rate", "burst"), [(3, 3), (7, 500), (700_000, 1), (1_000_000, 1_000)])
def test_a_whole_burst_fits_whatever_the_rate(limiter, rate, burst):
    bucket = limiter(rate, burst)
    assert all(bucket.take("a").allowed for _ in range(burst))


def test_a_bucket_fills_again_at_its_rate(limiter, server):
    bucket = limiter(SLOWLY, 2)
    assert [bucket.take("a").allowed for _ in range(3)] == [True, True, False]
    server.decrby(f"{BUCKET}a", 100_000_000)  # as if it were a hundred seconds later
    assert [bucket.take("a").allowed for _ in range(2)] == [True, False]
    server.decrby(f"{BUCKET}a", 200_000_000)
    assert [bucket.take("a").allowed for _ in range(3)] == [True, True, False]


def test_in_the_long_run_the_rate_counts(limiter):
    bucket = limiter(100, 5)
    started, allowed = time.monotonic(), 0
    while allowed < 60:
        allowed += bucket.take("a").allowed
        assert allowed <= 6 + 100 * (time.monotonic() - started)
        assert time.monotonic() < started + 40  # of the second that they take, and a slow machine's


def test_keys_know_nothing_of_each_other(limiter):
    bucket = limiter(SLOWLY, 1)
    assert [bucket.take(name).allowed for name in ("a", "b", "a", "b", "c")] == [True, True, False, False, True]


def test_a_bucket_is_gone_when_it_is_full(limiter, server):
    bucket = limiter(SLOWLY, 2)
    assert bucket.take("a").allowed
    assert 0 < server.pttl(f"{BUCKET}a") <= 100_000
    for _ in range(7):
        bucket.take("a")
    assert 100_000 < server.pttl(f"{BUCKET}a") <= 200_000  # refusals do not make it emptier
    assert limiter(1000, 1).take("b").allowed
    until(lambda: not server.exists(f"{BUCKET}b"), seconds=60, what="the full bucket is gone")


def test_a_clock_that_was_set_back_costs_one_bucket_at_most(limiter, server):
    bucket = limiter(50, 5)
    server.set(f"{BUCKET}a", str(int((time.time() + 86400) * 1e6)))
    refused = bucket.take("a")
    assert (refused.allowed, refused.seconds) == (False, 1)
    server.set(f"{BUCKET}a", str(int((time.time() - 86400) * 1e6)))
    assert bucket.take("a").remaining == 4


def test_processes_share_a_bucket(limits, redis_url):
    limits(1, 1000)
    assert [throttling.take("shared").remaining for _ in range(200)][-1] == pytest.approx(800, abs=20)
    settings = {"BROKER_URL": redis_url, "RATE_LIMIT": "1", "RATE_BURST": "1000"}
    running = [
        subprocess.Popen([sys.executable, "-c", TAKE], env={**os.environ, **settings}, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    left = [int(one.communicate(timeout=100)[0]) for one in running]
    assert 400 <= min(left) < 600  # one comes back each second; alone, each would leave 800


def test_threads_take_each_token_once(limiter):
    bucket, allowed = limiter(1, 40), []

    def take():
        allowed.extend(bucket.take("a").allowed for _ in range(10))

    started = time.monotonic()
    threads = [threading.Thread(target=take) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(allowed) == 80
    assert 40 <= sum(allowed) <= 41 + time.monotonic() - started


def test_the_embedded_broker_counts_too(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "b"
    with EmbeddedBroker(folder / "run" / "broker.sock") as broker:
        bucket = Limiter(broker.url, rate=SLOWLY, burst=1)
        assert [bucket.take("a").allowed for _ in range(2)] == [True, False]
        bucket._take.registered_client.close()


# --- Over HTTP ---


def test_a_refusal_says_when_in_each_version(api, key_and_secret, limits, server):
    limits(1, 1)
    api("get", "/things")
    drain(server)
    message = "Too many requests with this API key. Try again in 1 s."
    for version in (G1, G3, G4):
        answer = api("get", "/things", version=version)
        body = answer.json()
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert (answer.headers["RateLimit-Policy"], answer.headers["RateLimit"]) == ('"key";q=1;w=1', '"key";r=0;t=1')
        error = body if version == G4 else body["error"]
        assert error == {"message": message, "kind" if version == G4 else "code": "rate_limited"}
        if version == G1:
            assert body["meta"]["project_id"] == key_and_secret[0].project.public_id


def test_answers_tell_what_is_left(api, limits):
    limits(10, 50)
    answer = api("get", "/things")
    assert (answer.status_code, answer.headers["RateLimit-Policy"]) == (200, '"key";q=50;w=5')
    assert answer.headers["RateLimit"] == '"key";r=49;t=1'


def test_each_key_has_a_bucket_of_its_own_even_in_one_project(api, key_and_secret, limits, server):
    limits(1, 1)
    _, other = make_api_key(project=key_and_secret[0].project)
    assert api("get", "/things").status_code == 200
    drain(server)
    assert api("get", "/things").status_code == 429
    assert api("get", "/things", headers=bearer_header(other)).status_code == 200


def test_refusals_count_and_strangers_do_not(api, limits, server):
    limits(SLOWLY, 5)
    asked = [
        ("get", "/things?page=0", 400),
        ("put", "/things", 405),
        ("get", "/nowhere", 404),
        ("post", "/things", 415),
    ]
    for left, (method, path, status) in zip((4, 3, 2, 1), asked, strict=True):
        answer = api(method, path)
        assert (answer.status_code, answer.headers["RateLimit"].split(";")[1]) == (status, f"r={left}")
    assert len(server.keys()) == 1
    answer = api("get", "/things", headers={"Authorization": f"Bearer sk_live_{'a' * 43}"})
    assert (answer.status_code, "RateLimit" in answer.headers, len(server.keys())) == (401, False, 1)


def test_nothing_is_counted_when_limits_are_off(api, limits, server):
    limits(0, 1)
    answers = [api("get", "/things") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("RateLimit" in answer.headers for answer in answers)
    assert server.keys() == []


# --- A broker in trouble ---


def warnings(caplog):
    return [record for record in caplog.records if record.name == throttling.__name__ and record.levelname == "WARNING"]


def test_a_broker_that_is_away_lets_everybody_through_and_is_told_of_once(api, settings, caplog):
    settings.BROKER_URL, settings.RATE_LIMIT, settings.RATE_BURST = "redis://127.0.0.1:1/0", 1, 1
    answers = [api("get", "/things") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("RateLimit" in answer.headers for answer in answers)
    assert len(warnings(caplog)) == 1
    throttling._limiter.cache_clear()


def test_a_broker_that_hangs_costs_one_request_a_quarter_of_a_second(monkeypatch):
    monkeypatch.setattr(throttling, "ANSWER_SECONDS", 0.25)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(128)
        bucket = Limiter(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", rate=1, burst=1)
        started = time.monotonic()
        assert bucket.take("a") is None
        first = time.monotonic() - started
        started = time.monotonic()
        assert [bucket.take("a") for _ in range(1000)] == [None] * 1000
        assert first < 40  # 0.25 s on a machine that has the time; else as long as it hangs
        assert time.monotonic() - started < 40  # none of them waits: together they would for 250 s


def test_a_broker_that_comes_back_is_found_by_one_request_in_a_pause(redis_url, server, monkeypatch, caplog):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(throttling, "time", SimpleNamespace(monotonic=lambda: clock.now))
    bucket = Limiter(redis_url, rate=1, burst=5)
    server.config_set("maxmemory", "1")  # every write is refused
    try:
        assert [bucket.take("a") for _ in range(3)] == [None] * 3
        clock.now += throttling.PAUSE_SECONDS
        assert bucket.take("a") is None  # asked again, and put off again
    finally:
        server.config_set("maxmemory", "0")
    clock.now += throttling.PAUSE_SECONDS - 1
    assert bucket.take("a") is None
    clock.now += 1
    assert [bucket.take("a").remaining for _ in range(2)] == [4, 3]
    assert len(warnings(caplog)) == 1


def test_scripts_that_the_broker_forgot_are_sent_again(limiter, server):
    bucket = limiter(1, 5)
    assert bucket.take("a").remaining == 4
    server.script_flush()
    assert bucket.take("a").remaining == 3
