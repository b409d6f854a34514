"""What a tool and the helper cannot reach, tried from inside; and that their work goes on as before."""

import os
import stat
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from workers.engine import confinement, runner, sandbox
from workers.engine.capabilities import ffmpeg_path
from workers.engine.confinement import Roots, helper_terms, sandbox_layers, tool_terms
from workers.engine.errors import EngineUnavailable, MediaError
from workers.engine.host import Host
from workers.engine.limits import Limits

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
landlock = pytest.mark.skipif(
    not sandbox.landlock_abi(), reason="this kernel, or the container's profile, has no Landlock"
)
seccomp = pytest.mark.skipif(
    not sandbox.knows_calls(), reason="the numbers of this machine's system calls are not known"
)
SECRET = "the-secret-of-the-service"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder, as the service has one."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secrets.json").write_text(SECRET)
    return folder


@pytest.fixture
def tool(tmp_path: Path, monkeypatch):
    """tool(code): run Python code in ffmpeg's place, in the work directory; what it printed."""

    def ran(code: str, cwd: Path) -> str:
        program = tmp_path / "tool"
        program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(code))
        program.chmod(0o755)
        process = runner.run_program(str(program), (), cwd=cwd, limits=Limits())
        out, err = process.communicate(timeout=120)
        assert not process.returncode, err.decode()
        return out.decode().strip()

    return ran


TRY = """
import os, socket, sys
def tried(work):
    try:
        work()
    except OSError as exc:
        print(exc.strerror)
    else:
        print("done")
"""


@linux
@landlock
def test_a_tool_reads_no_secret_and_writes_to_its_own_folder_only(tool, data, workdir, tmp_path):
    (workdir / "source").symlink_to(data / "bucket-object")
    (data / "bucket-object").write_text("media")
    told = tool(
        TRY
        + f"""
tried(lambda: open({str(data / "secrets.json")!r}).read())
tried(lambda: open("/etc/passwd").read())
tried(lambda: os.listdir({str(data)!r}))
tried(lambda: open({str(tmp_path / "elsewhere")!r}, "w"))
tried(lambda: open("source", "w"))
tried(lambda: os.symlink({str(data / "secrets.json")!r}, "out.mp4"))
tried(lambda: os.link({str(data / "bucket-object")!r}, "out.mp4"))
tried(lambda: os.mkfifo("pipe"))
tried(lambda: open("/proc/{os.getpid()}/environ").read())
tried(lambda: os.kill({os.getpid()}, 0))
tried(lambda: open("source").read())
tried(lambda: open("out.mp4", "w").write("x"))
tried(lambda: (os.mkdir("720p"), os.rename("out.mp4", "720p/out.mp4")))
""",
        workdir,
    )
    denied, no = "Permission denied", "Operation not permitted"
    reached = told.splitlines()
    assert reached[:6] == [denied] * 6
    assert set(reached[6:9]) <= {denied, "Invalid cross-device link"}
    if sandbox.landlock_abi() >= 6:
        assert reached[9] == no
    assert reached[10:] == ["done"] * 3
    assert (data / "bucket-object").read_text() == "media"
    assert (workdir / "720p" / "out.mp4").read_text() == "x"


@linux
@seccomp
def test_a_tool_has_no_network_and_no_way_into_other_processes(tool, workdir):
    told = tool(
        TRY
        + """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
tried(lambda: socket.socket(socket.AF_INET))
tried(lambda: socket.socket(socket.AF_UNIX))
tried(lambda: call("ptrace", 0, 0, 0, 0))
tried(lambda: call("unshare", 0x10000000))
tried(lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None))
tried(lambda: call("syscall", 425, 1, None))
tried(lambda: socket.socketpair())
""",
        workdir,
    )
    assert told.splitlines() == ["Operation not permitted"] * 6 + ["done"]


@linux
@seccomp
@pytest.mark.ffmpeg
def test_ffmpeg_starts_no_program_and_still_has_its_threads(workdir):
    terms = tool_terms(ffmpeg_path(), workdir)
    assert terms["forks"] is False
    code = "import os, threading; t = threading.Thread(target=print, args=('thread',)); t.start(); t.join(); os.fork()"
    launcher = [sys.executable, "-I", "-S", "-c"]
    confined = f"import sys; sys.path.insert(0, {str(Path(sandbox.__file__).parent)!r}); import sandbox; "
    confined += f"sandbox.confine(files=False, forks=False); sys.path.pop(0); {code}"
    done = subprocess.run([*launcher, confined], capture_output=True, text=True, check=False)
    assert done.stdout == "thread\n"
    assert "PermissionError" in done.stderr


@linux
@pytest.mark.ffmpeg
def test_a_running_ffmpeg_knows_nothing_of_our_environment(workdir, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:password@host/name")
    endless = ("-nostdin", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=3600", "-re", "-f", "null", "-")
    process = runner.run_program(ffmpeg_path(), endless, cwd=workdir, limits=Limits())
    try:
        ends = time.monotonic() + 60
        while Path(f"/proc/{process.pid}/exe").resolve() != Path(ffmpeg_path()).resolve():
            assert time.monotonic() < ends
            time.sleep(0.01)
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        status = Path(f"/proc/{process.pid}/status").read_text()
    finally:
        runner.kill_group(process)
        process.stdout.close()
        process.stderr.close()
    names = {entry.partition(b"=")[0].decode() for entry in environment.split(b"\0") if entry}
    assert names <= {"PATH", "TMPDIR", "FONTCONFIG_PATH", "FONTCONFIG_FILE", "XDG_CACHE_HOME", "HOME", "LC_ALL",
                     "LD_LIBRARY_PATH", "AV_LOG_FORCE_NOCOLOR", "ORT_DISABLE_TELEMETRY", "CUDA_VISIBLE_DEVICES",
                     "NVIDIA_VISIBLE_DEVICES"}  # fmt: skip
    assert SECRET.encode() not in environment
    assert "NoNewPrivs:\t1" in status
    if sandbox.knows_calls():
        assert "Seccomp:\t2" in status


@linux
@landlock
def test_the_helper_opens_what_lies_below_its_roots_and_nothing_else(make_image, data, tmp_path):
    bucket, work = tmp_path / "bucket", tmp_path / "work"
    bucket.mkdir()
    work.mkdir()
    held = Host()
    held.roots = lambda: Roots(read=(str(bucket),), write=(str(work),))
    picture = make_image(".png")
    inside = bucket / "object"
    inside.write_bytes(picture.read_bytes())
    (work / "source").symlink_to(inside)
    variant = {"target": "out.png", "format": "png", "quality": 80, "background": None}
    framing = {"scaled": [8, 6], "crop": [0, 0], "size": [8, 6], "place": [0, 0], "canvas": [8, 6]}
    step = {"source": "source", "type": None, "orient": True, "variants": [variant | framing]}
    try:
        assert held.call("probe", {"path": str(inside)})["media_type"] == "image"
        assert held.call("picture", {"cwd": str(work), "operations": step})[0]["width"] == 8
        for outside in (data / "secrets.json", picture):
            with pytest.raises(EngineUnavailable, match="could not read"):
                held.call("probe", {"path": str(outside)})
        with pytest.raises((MediaError, EngineUnavailable)):
            held.call("picture", {"cwd": str(bucket), "operations": step | {"source": "object"}})
        assert sorted(path.name for path in bucket.iterdir()) == ["object"]
        pid = held.call("ping", {})
        held.roots = lambda: Roots(read=(str(tmp_path),))  # another installation's tests, other folders
        assert held.call("probe", {"path": str(picture)})["media_type"] == "image"
        assert held.call("ping", {}) != pid
    finally:
        held.end()


def test_what_lies_in_a_work_directory_leads_to_the_source_and_not_to_its_folder(data, workdir):
    (workdir / "source").symlink_to(data / "object")
    terms = tool_terms("/opt/ffmpeg/bin/ffmpeg", workdir)
    assert str(data / "object") in terms["read"]
    assert str(data) not in terms["read"]
    assert terms["write"] == [str(workdir.resolve())]
    assert "/opt/ffmpeg/lib" in terms["read"]
    assert {"/", "/etc", "/home", "/root", "/proc", "/opt/ffmpeg/bin"} & set(terms["read"]) == set()


def test_the_operator_chooses_how_strict_it_is(monkeypatch, workdir):
    monkeypatch.setenv("SANDBOX", "off")
    assert (tool_terms("/usr/bin/ffmpeg", workdir), helper_terms(Roots()), sandbox_layers()) == (None, None, ())
    monkeypatch.setenv("SANDBOX", "required")
    monkeypatch.setenv("SANDBOX_FOLDERS", "/opt/libraries:/srv/fonts")
    terms = tool_terms("/usr/bin/ffmpeg", workdir)
    assert terms["required"] == ["landlock", "seccomp"]
    assert {"/opt/libraries", "/srv/fonts"} <= set(terms["read"])
    monkeypatch.setenv("SANDBOX", "maybe")
    with pytest.raises(ValueError, match="SANDBOX must be one of auto, off, required, not 'maybe'"):
        confinement.sandbox_mode()


@linux
def test_without_what_is_required_nothing_starts(monkeypatch, workdir):
    terms = tool_terms("/usr/bin/touch", workdir)
    monkeypatch.setattr(runner, "tool_terms", lambda program, cwd: terms | {"required": ["a wall of fire"]})
    process = runner.run_program("/usr/bin/touch", ("made",), cwd=workdir, limits=Limits())
    out, err = process.communicate()
    assert (process.returncode, out) == (112, b"")
    assert b"SANDBOX requires a wall of fire" in err
    assert list(workdir.iterdir()) == []
    assert isinstance(runner.failure(112, err.decode(), Limits()), EngineUnavailable)


@linux
@pytest.mark.ffmpeg
def test_confining_costs_milliseconds():
    code = f"import sys, time; sys.path.insert(0, {str(Path(sandbox.__file__).parent)!r}); import sandbox\n"
    code += "started = time.process_time(); sandbox.confine(read=sandbox.SYSTEM, write=['/tmp'], forks=False)\n"
    code += "print(time.process_time() - started)"
    took = [float(subprocess.check_output([sys.executable, "-I", "-S", "-c", code])) for _ in range(3)]
    assert min(took) < 0.02  # about 0.002 s on an idle machine


@linux
@pytest.mark.ffmpeg
def test_too_many_processes_end_the_run(workdir, monkeypatch, tmp_path):
    program = tmp_path / "tool"
    program.write_text(f"#!{sys.executable}\nimport threading, time\n"
                       "for _ in range(40): threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\n"
                       "time.sleep(20)\n")  # fmt: skip
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("FFMPEG", str(program))
    with pytest.raises(MediaError, match=r"(3[1-9]|4[01]) processes and threads; at most 30 are allowed"):
        runner.run((), cwd=workdir, duration=1.0, limits=replace(Limits(), processes=30))
