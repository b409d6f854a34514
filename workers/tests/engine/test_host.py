"""The helper takes the blows of hostile files; the worker goes on."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from workers.engine import host
from workers.engine.errors import EngineUnavailable, LimitExceeded, SourceUnreadable, Stopped
from workers.engine.host import Host
from workers.engine.limits import PictureLimits

ROOT = Path(__file__).parents[3]


@pytest.fixture
def helper():
    own = Host()
    yield own
    own.end()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def dead_within(pid: int, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < ends:
        time.sleep(0.02)
    return not alive(pid)


def test_one_helper_serves_many_requests_quickly(helper):
    pids = {helper.call("ping", {}) for _ in range(20)}
    assert len(pids) == 1
    times = []
    for _ in range(51):
        started = time.perf_counter()
        helper.call("ping", {})
        times.append(time.perf_counter() - started)
    assert min(times) < 0.003  # a slow machine makes some of them late, a wait in between makes all


def test_a_crash_is_the_files_fault_and_the_next_file_is_served(helper):
    with pytest.raises(SourceUnreadable, match="crash"):
        helper.call("crash", {})
    assert helper.call("ping", {})


def test_a_hang_is_ended_and_the_next_file_is_served(helper):
    before = helper.call("ping", {})
    started = time.monotonic()
    with pytest.raises(LimitExceeded, match="longer than"):
        helper.call("hang", {"seconds": 120}, timeout=0.3)
    assert time.monotonic() - started < 40
    assert dead_within(before, 40)
    assert helper.call("ping", {}) != before


def test_a_stop_is_seen_at_once(helper, report):
    helper.call("ping", {})
    threading.Timer(0.3, lambda: setattr(report, "stop", True)).start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        helper.call("hang", {"seconds": 120}, report=report)
    assert time.monotonic() - started < 40
    with pytest.raises(Stopped):
        helper.call("ping", {}, report=report)


def test_a_helper_killed_between_files_is_replaced(helper):
    first = helper.call("ping", {})
    os.kill(first, signal.SIGKILL)
    assert helper.call("ping", {}) != first


def test_a_helper_is_recycled_after_so_many_requests():
    own = Host(PictureLimits(requests=3))
    try:
        pids = [own.call("ping", {}) for _ in range(7)]
    finally:
        own.end()
    assert [len(set(pids[:3])), len(set(pids[3:6])), len(set(pids))] == [1, 1, 3]
    assert all(dead_within(pid, 40) for pid in pids)


def test_a_helper_grown_large_is_replaced():
    own = Host(PictureLimits(resident=1))
    try:
        assert own.call("ping", {}) != own.call("ping", {})
    finally:
        own.end()


def test_threads_wait_for_each_other(helper):
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(helper.call("ping", {}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1  # the thread that started it is gone, the helper is not
    assert helper.call("ping", {}) == answers[0]


def test_a_forked_child_makes_its_own_helper():
    script = textwrap.dedent("""
        import os, sys
        from workers.engine import host
        mine = host.call("ping", {})
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, str(host.call("ping", {})).encode())
            host.end()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        theirs = int(os.read(read, 20))
        assert theirs != mine
        assert host.call("ping", {}) == mine, "the child ended its parent's helper"
        print("fine")
    """)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
@pytest.mark.parametrize("busy", [False, True])
def test_kill_9_of_the_worker_leaves_no_helper(busy):
    script = textwrap.dedent(f"""
        from workers.engine import host
        print(host.call("ping", {{}}), flush=True)
        host.call("hang", {{"seconds": {60 if busy else 0.01}}})
        input()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        assert alive(pid)
        worker.kill()
        worker.wait()
        assert dead_within(pid, 40)


def test_too_little_memory_is_told(make_image):
    own = Host(PictureLimits(memory=700 * 1024**2))
    source = make_image(".png", size=(8000, 8000))
    framing = {"scaled": (7999, 8000), "crop": (0, 0), "size": (7999, 8000), "place": (0, 0), "canvas": (7999, 8000)}
    variant = framing | {"target": "big.png", "format": "png", "quality": 80, "background": None}
    operations = {"source": source.name, "type": None, "orient": True, "variants": [variant]}
    try:
        with pytest.raises(LimitExceeded, match="memory"):
            own.call("picture", {"cwd": str(source.parent), "operations": operations})
        assert own.call("ping", {})
    finally:
        own.end()


def test_an_exception_of_a_decoder_is_the_files_fault_and_one_of_ours_is_not(monkeypatch):
    from workers.engine import resident

    def broken() -> None:
        json.loads("{")  # raised in a library

    def wrong() -> None:
        raise KeyError("ours")

    monkeypatch.setattr(resident, "_operations", {"broken": broken, "wrong": wrong})
    assert resident.answer({"op": "broken", "args": {}})["error"]["class"] == "SourceUnreadable"
    defect = resident.answer({"op": "wrong", "args": {}})["error"]
    assert (defect["class"], "ours" in defect["log"]) == ("EngineUnavailable", True)


def test_a_host_that_cannot_start_it_says_so(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(EngineUnavailable):
        Host().call("ping", {})


def test_the_helper_knows_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush")
    own = Host()
    try:
        pid = own.call("ping", {})
        assert b"SECRET_KEY" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        own.end()


def test_warming_starts_it_ahead():
    host.warm()
    assert host.call("ping", {})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_being_killed_twice_is_the_hosts_fault(helper, number):
    with pytest.raises(EngineUnavailable, match="killed"):
        helper.call("crash", {"number": number})
    assert helper.call("ping", {})


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_crash_of_any_sort_is_the_files_fault(helper, number):
    with pytest.raises(SourceUnreadable, match="crash"):
        helper.call("crash", {"number": number})


def test_an_answer_is_kept_when_the_next_helper_cannot_start(monkeypatch):
    own = Host(PictureLimits(requests=1))
    try:
        own.warm()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/nowhere/python")
            assert own.call("ping", {})
            with pytest.raises(EngineUnavailable):
                own.call("ping", {})
        assert own.call("ping", {})
    finally:
        own.end()


def test_numbers_that_json_has_no_word_for_are_a_defect(monkeypatch):
    from io import BytesIO

    from workers.engine import resident

    monkeypatch.setattr(resident, "_operations", {"endless": lambda: float("inf")})
    asked, answered = BytesIO(), BytesIO()
    resident.write_message(asked, {"op": "endless", "args": {}, "timeout": 60})
    asked.seek(0)
    resident.serve(asked, answered)
    answered.seek(0)
    assert resident.read_message(answered)["error"]["class"] == "EngineUnavailable"
