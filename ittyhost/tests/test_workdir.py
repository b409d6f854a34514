"""Work directories: private, gone afterwards, and tidied up after workers that were killed."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ittyhost import workdir
from ittyhost.workdir import remove_abandoned, work_directory


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


def test_a_tidying_process_that_looks_at_this_very_moment_does_no_harm(root):
    """The lock is taken and removed by another between its making and its locking."""
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
