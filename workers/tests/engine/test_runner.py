"""ffmpeg runs within limits, stops at a word, and never outlives its worker."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from workers.engine import capabilities, runner
from workers.engine.errors import EngineUnavailable, LimitExceeded, ProcessingFailed, SourceUnreadable, Stopped
from workers.engine.limits import Limits, limits_from_environment, source_limits

pytestmark = pytest.mark.ffmpeg

# As good as endless: an hour of noise, encoded slowly.
ENDLESS = ("-f", "lavfi", "-i", "testsrc2=s=640x360:d=3600", "-c:v", "libx264", "-preset", "slow", "out.mp4")


def processes_in(folder: Path) -> list[int]:
    """Processes that work in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").resolve() == folder.resolve():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def gone(folder: Path, within: float) -> bool:
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        if not processes_in(folder):
            return True
        time.sleep(0.02)
    return False


def test_progress_rises_to_the_end(workdir, report):
    args = ("-f", "lavfi", "-i", "testsrc2=s=320x240:d=8", "-c:v", "libx264", "-preset", "medium", "out.mp4")
    ran = runner.run(args, cwd=workdir, duration=8.0, report=report, share=(10.0, 60.0))
    assert (workdir / "out.mp4").stat().st_size > 0
    assert report.percents == sorted(report.percents)
    assert report.percents[-1] == 60.0
    assert all(10.0 <= percent <= 60.0 for percent in report.percents)
    assert ran.wall > 0
    assert "out.mp4" in ran.log


def test_a_stop_ends_ffmpeg(workdir, report):
    threading.Timer(0.5, lambda: setattr(report, "stop", True)).start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        runner.run(ENDLESS, cwd=workdir, duration=3600.0, report=report)
    assert time.monotonic() - started < 40  # by itself it never ends
    assert processes_in(workdir) == []


def test_nothing_starts_after_a_stop(workdir, report):
    report.stop = True
    with pytest.raises(Stopped):
        runner.run(ENDLESS, cwd=workdir, duration=3600.0, report=report)
    assert list(workdir.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_kill_9_of_the_worker_leaves_no_ffmpeg(workdir):
    script = textwrap.dedent(f"""
        from pathlib import Path
        from workers.engine import runner
        print("up", flush=True)
        runner.run({ENDLESS!r}, cwd=Path({str(workdir)!r}), duration=3600.0)
    """)
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        ends = time.monotonic() + 60
        while not (workdir / "out.mp4").exists() and time.monotonic() < ends:
            time.sleep(0.02)
        assert processes_in(workdir)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert gone(workdir, within=40)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_launcher_whose_parent_is_gone_starts_nothing(tmp_path):
    marker = tmp_path / "ran"
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(runner.LAUNCHER), "1", "{}", "/usr/bin/touch", str(marker)], check=False
    )
    assert done.returncode == 112
    assert not marker.exists()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(wall=0.6), "longer than"),
        (Limits(output=20_000), "grew beyond 20000 bytes"),
        (Limits(memory=20_000_000), "memory"),
        (Limits(cpu=1), "processor time"),
    ],
)
def test_limits_end_the_run(workdir, limits, message):
    with pytest.raises(LimitExceeded, match=message):
        runner.run(ENDLESS, cwd=workdir, duration=3600.0, limits=limits)
    assert processes_in(workdir) == []


def test_no_progress_ends_the_run(workdir):
    os.mkfifo(workdir / "source")  # opened for reading, it waits for ever
    with pytest.raises(LimitExceeded, match="no progress"):
        runner.run(("-i", "source", "out.mp4"), cwd=workdir, duration=1.0, limits=Limits(idle=0.5))


def test_damage_and_bad_commands_are_told_apart(workdir):
    (workdir / "source").write_bytes(b"not media" * 100)
    with pytest.raises(SourceUnreadable) as caught:
        runner.run(("-i", "source", "out.mp4"), cwd=workdir, duration=1.0)
    assert "Invalid data" in caught.value.log
    assert str(workdir) not in caught.value.message
    args = ("-f", "lavfi", "-i", "testsrc2=d=1", "-vf", "no_such_filter", "out.mp4")
    with pytest.raises(ProcessingFailed):
        runner.run(args, cwd=workdir, duration=1.0)


def test_a_full_disk_is_the_hosts_fault():
    error = runner.failure(228, "av_interleaved_write_frame(): No space left on device", Limits())
    assert isinstance(error, EngineUnavailable)
    assert isinstance(runner.failure(-signal.SIGKILL, "", Limits()), EngineUnavailable)
    assert isinstance(runner.failure(-signal.SIGSEGV, "", Limits()), ProcessingFailed)


def test_the_child_knows_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush")
    assert "SECRET_KEY" not in runner.clean_environment()


def test_a_missing_program_is_the_hosts_fault(monkeypatch, workdir):
    monkeypatch.setenv("FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(EngineUnavailable, match="FFMPEG"):
        runner.run(("-version",), cwd=workdir, duration=None)


def test_the_build_tells_what_it_can():
    found = capabilities.capabilities()
    assert {"libx264", "aac", "libmp3lame", "libvpx-vp9"} <= found.encoders
    assert "scale" in found.filters
    assert found.missing(("libx264", "no-such-encoder")) == ("no-such-encoder",)
    assert capabilities.capabilities() is found


def test_limits_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("FFMPEG_TIMEOUT", "90")
    assert limits_from_environment().wall == 90.0
    monkeypatch.setenv("MEDIA_MAX_EDGE", "-1")
    with pytest.raises(ValueError, match="MEDIA_MAX_EDGE must be a whole number, 1 or more, not '-1'"):
        source_limits()
    monkeypatch.setenv("FFMPEG_TIMEOUT", "soon")
    with pytest.raises(ValueError, match="FFMPEG_TIMEOUT"):
        limits_from_environment()


def test_many_files_are_bounded_together(workdir):
    (workdir / "source").write_bytes(bytes(3_000_000))  # what lay there before does not count
    args = ("-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:d=3600", "-c:v", "ppm", "frame-%04d.ppm")
    with pytest.raises(LimitExceeded, match="grew beyond 2000000 bytes"):
        runner.run(args, cwd=workdir, duration=3600.0, limits=Limits(output=2_000_000, wall=20))
    assert processes_in(workdir) == []
    assert len(list(workdir.iterdir())) < 150
    args = (*args[:4], "testsrc2=s=320x240:d=1.5", *args[5:-1], "other-%04d.ppm")
    runner.run(args, cwd=workdir, duration=1.5, limits=Limits(output=20_000_000))


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has written is Linux's to tell")
@pytest.mark.parametrize(("piece", "lives"), [(2**20, True), (1, False)])
def test_rewriting_a_file_in_place_is_progress(workdir, monkeypatch, tmp_path, piece, lives):
    tool = tmp_path / "tool"
    script = f"""
        import os, time
        file = os.open("out.mp4", os.O_CREAT | os.O_RDWR)
        for _ in range(80):
            os.pwrite(file, bytes({piece}), 0)
            time.sleep(0.05)
    """
    tool.write_text(f"#!{sys.executable}" + textwrap.dedent(script))
    tool.chmod(0o755)
    monkeypatch.setenv("FFMPEG", str(tool))
    if lives:
        assert runner.run((), cwd=workdir, duration=1.0, limits=Limits(idle=3)).wall > 3.9
    else:
        with pytest.raises(LimitExceeded, match="no progress"):
            runner.run((), cwd=workdir, duration=1.0, limits=Limits(idle=1.5))
