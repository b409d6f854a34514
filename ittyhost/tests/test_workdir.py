"""Work directories: private, gone afterwards, and tidied up after workers that were killed."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from ittyhost import workdir
from ittyhost.workdir import NoRoom, remove_abandoned, work_directory

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def root(settings, tmp_path: Path) -> Path:
    settings.WORK_DIR = tmp_path / "work"
    return settings.WORK_DIR


def test_it_is_private_and_gone_at_the_end_however_the_work_ends(root):
    def work() -> None:
        with work_directory("task-1") as place:
            assert place.stat().st_mode & 0o777 == 0o700
            (place / "folder").mkdir()
            (place / "folder" / "file").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert list(root.iterdir()) == []


def test_what_is_in_use_is_left_alone(root):
    with work_directory("task-1") as place:
        assert remove_abandoned() == 0
        assert place.is_dir()


HOLD = """
import sys, time
from pathlib import Path
from django.conf import settings
settings.configure(WORK_DIR=Path(sys.argv[1]))
from ittyhost.workdir import work_directory
with work_directory("task-1") as place:
    (place / "half").write_text("x")
    print("there", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed(root):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "there\n"
    assert remove_abandoned() == 0
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert (root / "task-1" / "half").exists()
    assert remove_abandoned() == 1
    assert list(root.iterdir()) == []


def test_a_tidying_process_that_looks_at_this_very_moment_does_no_harm(root, monkeypatch):
    """The lock is taken and removed by another between its making and its locking."""
    monkeypatch.setattr(workdir, "PATIENCE", 60)
    root.mkdir()
    lock = root / "task-1.lock"
    handle = os.open(lock, os.O_CREAT | os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)

    def let_go() -> None:
        time.sleep(0.1)
        lock.unlink()
        os.close(handle)

    other = threading.Thread(target=let_go)
    other.start()
    with work_directory("task-1") as place:
        assert lock.exists()
        assert remove_abandoned() == 0
        assert place.is_dir()
    other.join()
    assert list(root.iterdir()) == []


def test_two_attempts_of_one_name_are_refused(root, monkeypatch):
    monkeypatch.setattr(workdir, "PATIENCE", 0.05)
    with work_directory("task-1"), pytest.raises(BlockingIOError), work_directory("task-1"):
        pytest.fail("never")


# --- room ---


def free(monkeypatch, amount: int, total: int = 10_000) -> None:
    monkeypatch.setattr(workdir, "SPARE", 0)
    monkeypatch.setattr(workdir.shutil, "disk_usage", lambda _: SimpleNamespace(total=total, free=amount))


def test_room_is_promised_once_and_given_back(root, monkeypatch):
    free(monkeypatch, 1000)
    with work_directory("task-1", reserve=700):
        with pytest.raises(NoRoom) as caught, work_directory("task-2", reserve=301):
            pytest.fail("never")
        assert caught.value.waits
        assert str(caught.value) == (
            "No room for the work: it may need 301 bytes, and of 1,000 free ones in the work folder 700 are promised to"
            " running work."
        )
        with work_directory("task-3", reserve=300):
            assert workdir.outstanding(root) == 1000
    assert workdir.outstanding(root) == 0
    assert list(root.iterdir()) == []
    with work_directory("task-4", reserve=1000):
        pass


def test_what_is_written_already_is_not_counted_twice(root, monkeypatch):
    free(monkeypatch, 100_000)
    with work_directory("task-1", reserve=50_000) as place:
        (place / "half").write_bytes(bytes(20_480))
        (place / "source").symlink_to("/usr/bin/env")
        assert workdir.outstanding(root) == 50_000 - 20_480
        (place / "more").write_bytes(bytes(81_920))
        assert workdir.outstanding(root) == 0


def test_a_disk_that_is_full_by_itself_is_not_waited_for(root, monkeypatch):
    free(monkeypatch, 100)
    with work_directory("task-1"), pytest.raises(NoRoom) as caught, work_directory("task-2", reserve=101):
        pytest.fail("never")
    assert not caught.value.waits


def test_what_a_killed_process_was_promised_is_free_again(root, monkeypatch):
    script = HOLD.replace('work_directory("task-1")', 'work_directory("task-1", reserve=8192)')
    holder = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "there\n"
    promised = workdir.outstanding(root)
    assert 0 < promised <= 8192  # less what it has written
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert workdir.outstanding(root) == 0
    with work_directory("task-1"):  # whoever takes the name over keeps nothing of the promise
        assert workdir.outstanding(root) == 0


FULL = """
import os, sys, shutil
from dataclasses import replace
from pathlib import Path
from django.conf import settings
folder = Path(sys.argv[1])
settings.configure(WORK_DIR=folder / "work")
from ittyhost import workdir
from workers.engine import host, runner
from workers.engine.errors import EngineUnavailable
workdir.SPARE = 0
noise = "nullsrc=s=320x240:d=60,geq=random(1)*255:128:128"
noise = ("-f", "lavfi", "-i", noise, "-c:v", "mpeg4", "-q:v", "1", "out.mp4")
before = shutil.disk_usage(folder).free
def told(name, work):
    with workdir.work_directory(name, reserve=100_000) as place:
        try:
            work(place)
        except (EngineUnavailable, OSError) as exc:
            print(name, type(exc).__name__, flush=True)
def picture(place):
    shutil.copy(sys.argv[2], place / "source")
    (place / "filling").write_bytes(bytes(shutil.disk_usage(folder).free - 8192))
    variant = {"target": "o.png", "format": "png", "quality": 80, "background": None, "scaled": [900, 900]}
    variant |= {"crop": [0, 0], "size": [900, 900], "place": [0, 0], "canvas": [900, 900]}
    step = {"source": "source", "type": None, "orient": True, "variants": [variant]}
    host.call("picture", {"cwd": str(place), "operations": step})
told("ffmpeg", lambda place: runner.run(noise, cwd=place, duration=60.0))
told("helper", picture)
told("fetch", lambda place: (place / "source").write_bytes(bytes(3_000_000)))
print("worker lives", abs(shutil.disk_usage(folder).free - before) < 20_000, list((folder / "work").iterdir()))
"""


@pytest.mark.ffmpeg
def test_a_disk_that_fills_up_ends_the_work_and_not_the_worker(tmp_path):
    """On a disk of 2 MiB: with a namespace of its own for mounts, so that nobody else sees it."""
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    disk, picture = tmp_path / "disk", tmp_path / "noise.png"
    disk.mkdir()
    Image.effect_noise((900, 900), 90).save(picture, compress_level=1)
    command = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$0" -c "$2" "$1" "$3"'
    arguments = ["sh", "-c", command, sys.executable, str(disk), FULL, str(picture)]
    done = subprocess.run([*apart, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.stdout.splitlines() == [
        "ffmpeg EngineUnavailable",
        "helper EngineUnavailable",
        "fetch OSError",
        "worker lives True []",
    ], done.stderr
