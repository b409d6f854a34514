"""The launcher's parts: children that crash, logs, the broker's socket, the guard."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ittyhost.launcher import guard, probe
from ittyhost.launcher.broker import (
    MAX_SOCKET_PATH,
    BrokerUnavailable,
    EmbeddedBroker,
    answers,
    broker_socket,
    find_server,
    prepare_folder,
)
from ittyhost.launcher.child import MAX_BAD_STARTS, Child, KeepsFailing, rotate, tail
from ittyhost.launcher.facts import FIELDS, NoCredentials, curl_lines, read_credentials
from ittyhost.launcher.processes import descendants, terminate
from ittyhost.launcher.roles import Role

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(60)",
)


def child(tmp_path: Path, command: tuple[str, ...], **more: float) -> Child:
    return Child(Role("it", command, **more), environment=dict(os.environ), log=tmp_path / "it.log")  # type: ignore[arg-type]


def wait(condition, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_child_that_ends_is_started_again_later_and_later_and_then_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("ittyhost.launcher.child.FIRST_PAUSE", 0.01)
    it = child(tmp_path, (sys.executable, "-c", "import sys; sys.exit(7)"))
    it.start()
    news: list[str] = []

    def given_up() -> bool:
        try:
            if said := it.watch():
                news.append(said)
        except KeepsFailing as exc:
            news.append(str(exc))
            return True
        return False

    assert wait(given_up)
    assert news == [
        "it ended with status 7; it starts again in 0.01 s.",
        "it ended with status 7; it starts again in 0.02 s.",
        "it ended with status 7; it starts again in 0.04 s.",
        "it ended with status 7; it starts again in 0.08 s.",
        f"it ended with status 7 {MAX_BAD_STARTS} times in a row.",
    ]


def test_a_child_that_ran_well_is_not_held_to_its_old_failures(tmp_path, monkeypatch):
    monkeypatch.setattr("ittyhost.launcher.child.SETTLED_AFTER", 0.0)
    monkeypatch.setattr("ittyhost.launcher.child.FIRST_PAUSE", 0.0)
    it = child(tmp_path, (sys.executable, "-c", ""))
    it.start()
    ends: list[str] = []
    assert wait(lambda: len(ends) > MAX_BAD_STARTS or (ends.extend(filter(None, [it.watch()])) or False))
    it.ask_to_stop()
    it.wait_stopped(time.monotonic() + 60)


def test_a_child_is_told_to_stop_and_killed_when_it_does_not(tmp_path):
    gentle = child(tmp_path / "a", SLEEPER)
    gentle.start()
    gentle.ask_to_stop()
    assert gentle.wait_stopped(time.monotonic() + 40) is True  # of the 60 that it sleeps

    stubborn = child(tmp_path / "b", STUBBORN)
    stubborn.start()
    assert wait(lambda: stubborn.tail() == "on")
    stubborn.ask_to_stop()
    assert stubborn.wait_stopped(time.monotonic() + 0.3) is False
    assert stubborn.is_running is False


def test_errors_reach_the_terminal_and_other_lines_do_not(tmp_path):
    it = child(tmp_path, SLEEPER)
    lines = [
        json.dumps({"level": "info", "event": "all well"}),
        json.dumps({"level": "error", "event": "a sweep failed", "exception": "Traceback …\nValueError: no"}),
        "[INFO] Listening",
        "Traceback (most recent call last):",
        '  File "x.py", line 1',
        "RuntimeError: boom",
        "afterwards",
        "{broken json",
        '"just text"',
    ]
    it.log.write_text("\n".join(lines) + "\nhalf a li")
    assert it.new_errors() == [
        "a sweep failed: ValueError: no",
        "Traceback (most recent call last):",
        '  File "x.py", line 1',
        "RuntimeError: boom",
    ]
    assert it.new_errors() == []


def test_a_flood_of_errors_is_cut_short(tmp_path):
    it = child(tmp_path, SLEEPER)
    it.log.write_text("[ERROR] no\n" * 50)
    assert it.new_errors(limit=3) == ["[ERROR] no"] * 3 + [f"… 47 more in {it.log}"]


def test_a_log_that_grew_too_long_is_put_aside(tmp_path, monkeypatch):
    monkeypatch.setattr("ittyhost.launcher.child.MAX_LOG_BYTES", 10)
    it = child(tmp_path, SLEEPER)
    it.log.write_text("a line that is long enough\n")
    it.new_errors()
    assert (it.log.read_text(), Path(f"{it.log}.1").read_text()) == ("", "a line that is long enough\n")


def test_logs_of_the_last_starts_are_kept(tmp_path):
    log = tmp_path / "logs" / "web.log"
    for start in range(6):
        rotate(log)
        log.write_text(str(start))
    assert sorted((path.name, path.read_text()) for path in log.parent.iterdir()) == [
        ("web.log", "5"),
        ("web.log.1", "4"),
        ("web.log.2", "3"),
        ("web.log.3", "2"),
    ]
    assert tail(log, 5) == "5"
    assert tail(tmp_path / "none", 5) == ""


def test_a_supervisor_stops_later_stages_first_and_leaves_no_process(tmp_path):
    script = tmp_path / "starts_and_stops.py"
    script.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from ittyhost.launcher.processes import adopt_orphans, descendants\n"
        "from ittyhost.launcher.roles import Role\n"
        "from ittyhost.launcher.supervisor import Supervisor\n"
        "adopt_orphans()\n"
        "body = 'import signal, sys, time\\n' \\\n"
        "       'def end(*_): open(sys.argv[1], \"a\").write(sys.argv[2]); sys.exit()\\n' \\\n"
        "       'signal.signal(15, end); open(sys.argv[3], \"w\"); time.sleep(60)'\n"
        "folder = Path(sys.argv[1])\n"
        "it = Supervisor(logs=folder, environment=dict(os.environ), say=print)\n"
        "for stage, name in enumerate('abc'):\n"
        "    up = folder / (name + '.up')\n"
        "    command = (sys.executable, '-c', body, str(folder / 'ended'), name, str(up))\n"
        "    it.add(Role(name, command, patience=30.0), stage=stage)\n"
        "    while not up.exists(): it.tick()\n"
        # One that left its parent and its group behind.
        "import subprocess\n"
        'subprocess.run([sys.executable, \'-c\', \'import subprocess; subprocess.Popen(["sleep", "60"],'
        " start_new_session=True)'])\n"
        "it.stop()\n"
        "print(len(descendants(os.getpid())))\n"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert (tmp_path / "ended").read_text() == "cba"


def test_the_guard_ends_groups_when_the_launcher_is_gone(monkeypatch):
    monkeypatch.setattr(guard, "PATIENCE", 0.3)
    process = subprocess.Popen(STUBBORN, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    guard.end({process.pid, 2**22 - 1})
    assert process.wait(40) == -signal.SIGKILL
    process.stdout.close()


def test_the_guard_forgets_groups_that_were_stopped():
    process = subprocess.Popen(SLEEPER, start_new_session=True)
    try:
        told = f"+{process.pid}\n-{process.pid}\n".encode()
        subprocess.run([sys.executable, "-I", "-S", guard.__file__], input=told, timeout=60, check=True)
        assert process.poll() is None
    finally:
        terminate(process, patience=5)


def test_descendants_are_found():
    process = subprocess.Popen(SLEEPER)
    try:
        assert process.pid in descendants(os.getpid())
    finally:
        process.kill()
        process.wait()


def test_the_embedded_broker_starts_answers_and_stops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("b")
    with EmbeddedBroker(folder / "broker.sock") as broker:
        assert answers(broker.path)
        assert broker.url == f"redis+socket://{folder}/broker.sock"
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not answers(broker.path)


def test_a_broker_that_cannot_start_is_told_with_its_own_words(tmp_path):
    with pytest.raises(BrokerUnavailable, match="did not start"):
        EmbeddedBroker(tmp_path / ("x" * 200) / "broker.sock").start(timeout=5)


def test_a_deep_data_folder_gets_a_short_socket(tmp_path):
    assert broker_socket(Path("/srv/data")) == Path("/srv/data/run/broker.sock")
    deep = tmp_path / ("x" * 120)
    found = broker_socket(deep)
    assert len(os.fsencode(found)) <= MAX_SOCKET_PATH
    assert found == broker_socket(deep)  # the next start finds the same
    assert found != broker_socket(tmp_path / ("y" * 120))


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "real")
    with pytest.raises(BrokerUnavailable, match="belongs to somebody else"):
        prepare_folder(tmp_path / "run" / "broker.sock")


def test_the_wheels_server_is_used_where_path_has_none():
    assert find_server({"PATH": "/nowhere"}).endswith("valkey-server")


def test_credentials_that_are_incomplete_are_told(tmp_path):
    path = tmp_path / "credentials.json"
    for text in ("", "[]", json.dumps(dict.fromkeys(FIELDS[:-1], "x"))):
        path.write_text(text)
        with pytest.raises(NoCredentials, match="cannot be read"):
            read_credentials(path)
    path.write_text(json.dumps(dict.fromkeys(FIELDS, "x")))
    assert read_credentials(path) == dict.fromkeys(FIELDS, "x")


def test_the_printed_lines_are_valid_shell():
    facts = dict.fromkeys(FIELDS, "it's")
    for line in curl_lines(facts):
        assert subprocess.run(["sh", "-n", "-c", line], check=False).returncode == 0
    shown = subprocess.run(["sh", "-c", curl_lines(facts)[0] + '; printf %s "$KEY"'], capture_output=True, text=True)
    assert shown.stdout == "it's"


def test_the_readme_shows_the_lines_that_are_printed():
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text()
    for line in curl_lines(dict.fromkeys(FIELDS, "x"))[1:]:
        assert line in readme


def test_a_containers_health_check_looks_at_the_liveness_file(tmp_path, capsys):
    path = tmp_path / "alive"
    assert probe.main([str(path)]) == 1
    assert "was not touched" in capsys.readouterr().err
    path.touch()
    assert probe.main([str(path)]) == 0
    os.utime(path, (1, 1))
    assert probe.main([str(path)]) == 1


def test_a_containers_health_check_asks_its_web_process(monkeypatch, capsys):
    monkeypatch.setenv("PORT", "1")
    assert probe.main([]) == 1
    assert capsys.readouterr().err == "http://127.0.0.1:1/livez does not answer with 200\n"
