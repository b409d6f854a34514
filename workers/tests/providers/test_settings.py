"""How models run on a machine, and what of it their process may reach for that."""

import subprocess
import sys

import pytest

from workers.engine import sandbox
from workers.engine.confinement import Roots, helper_terms
from workers.engine.limits import model_limits
from workers.providers import host
from workers.providers.settings import model_device, model_threads


def test_threads_are_the_settings_else_the_workers_share(monkeypatch):
    monkeypatch.setenv("FFMPEG_THREADS", "3")
    assert model_threads() == 3
    monkeypatch.setenv("MODEL_THREADS", "5")
    assert model_threads() == 5
    monkeypatch.setenv("MODEL_THREADS", "many")
    with pytest.raises(ValueError, match="MODEL_THREADS must be a whole number, 0 or more, not 'many'"):
        model_threads()


def test_a_device_is_one_of_three(monkeypatch):
    assert model_device() == "auto"
    monkeypatch.setenv("MODEL_DEVICE", "CPU ")
    assert model_device() == "cpu"


def test_a_gpu_is_within_reach_unless_models_run_on_the_processor(monkeypatch):
    monkeypatch.setattr(host.Path, "glob", lambda self, pattern: [self / "nvidia0", self / "nvidiactl"])
    assert host.gpu_devices() == ("/dev/nvidia0", "/dev/nvidiactl")
    assert host._bounds().memory > 2**40  # CUDA maps more than there is
    monkeypatch.setenv("MODEL_DEVICE", "cpu")
    assert host.gpu_devices() == ()
    assert host._bounds() == model_limits()


def test_devices_stand_in_the_terms_of_a_process():
    assert helper_terms(Roots(write=("/work",), devices=("/dev/nvidia0",)))["devices"] == ["/dev/nvidia0"]
    assert "devices" not in helper_terms(Roots(write=("/work",)))


def test_a_device_that_is_allowed_can_be_used_and_another_cannot(tmp_path):
    code = (
        "import sys\n"
        "from importlib.machinery import SourceFileLoader\n"
        "sandbox = SourceFileLoader('sandbox', sys.argv[1]).load_module()\n"
        "print(sandbox.confine(read=['/usr', '/lib'], devices=['/dev/full']))\n"
        "open('/dev/full', 'rb').read(1)\n"
        "try:\n    open('/dev/zero', 'rb')\nexcept PermissionError:\n    print('refused')\n"
    )
    if not sandbox.landlock_abi():
        pytest.skip("This kernel has no Landlock.")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, sandbox.__file__], capture_output=True, text=True
    )
    assert (done.stdout.splitlines()[-1:], done.stderr) == (["refused"], "")
