"""What a host lacks is told before it starts."""

import os
from pathlib import Path

from django.core.checks import run_checks

from ittyhost.checks import PARTS


def found() -> dict[str, str]:
    """The messages of the checks of parts, by id."""
    return {item.id: item.msg for item in run_checks(tags=[PARTS], include_deployment_checks=True)}


def test_this_host_has_all_but_a_broker():
    assert set(found()) == {"ittyhost.W002"}


def test_a_missing_ffmpeg_is_named(monkeypatch):
    monkeypatch.setenv("FFMPEG", "/nowhere/ffmpeg")
    assert "FFMPEG" in found()["ittyhost.E001"]


def test_a_poor_build_is_told_with_what_it_lacks(monkeypatch, tmp_path):
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\necho 'ffmpeg version 0.1 of a test'\necho ' V..... libx264 H.264'\n")
    poor.chmod(0o755)
    monkeypatch.setenv("FFMPEG", str(poor))
    message = found()["ittyhost.W001"]
    assert "libx265" in message
    assert "libx264" not in message.partition("lacks")[2]


def test_a_bucket_that_cannot_be_written_is_told(settings, tmp_path):
    blocked = tmp_path / "file"
    Path(blocked).write_text("no folder")
    settings.BUCKET_URL = f"file://{blocked}{os.sep}bucket"
    assert "BUCKET_URL" in found()["media_app.E001"]
