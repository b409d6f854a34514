"""What is already as it is asked for: copied, and only then."""

import hashlib
import subprocess
from dataclasses import replace

import pytest

from workers.engine.capabilities import ffmpeg_path
from workers.engine.probe import probe
from workers.kinds.video import KIND, VideoOptions, plan
from workers.plans import FfmpegStep
from workers.run import run
from workers.tests.kinds.test_video import SOUND, source, value
from workers.tests.media import ffmpeg

COPIED = "Copied without re-encoding: the input is already as it is asked for."
COMPLIANT = {
    "profile": "High",
    "level": 40,
    "pix_fmt": "yuv420p",
    "chroma": "420",
    "bitrate": 4_000_000,
    "start": 0.0,
    "color_primaries": "bt709",
    "color_transfer": "bt709",
    "color_matrix": "bt709",
}
LC = replace(SOUND, profile="LC", bitrate=128_000, start=0.0)


def compliant(video=None, audio=None, **facts):
    sounds = (replace(LC, **(audio or {})),)
    return source(COMPLIANT | (video or {}), **{"audios": sounds, **facts})


def codecs(given, **options):
    steps = plan(VideoOptions.model_validate(options), given).steps
    args = next((step for step in steps if isinstance(step, FfmpegStep) and step.attempts), steps[-1]).args
    return value(args, "-c:v"), value(args, "-c:a")


def test_a_compliant_video_is_copied_and_the_plan_says_so():
    found = plan(VideoOptions(), compliant())
    args = found.steps[0].args
    assert codecs(compliant()) == ("copy", "copy")
    assert found.notes == (COPIED,)
    assert "-filter_complex" not in args
    assert "-crf" not in args
    assert value(args, "-movflags") == "+faststart"
    assert found.steps[0].needs == ()


@pytest.mark.parametrize(
    "options",
    [
        {"width": 640},
        {"fps": 25},
        {"quality": "medium"},
        {"bitrate": 4_000_000},
        {"codec": "h265"},
        {"layers": [{"kind": "text", "text": "Harbour"}]},
    ],
    ids=str,
)
def test_the_picture_is_made_anew_when_something_about_it_is_asked(options):
    picture, sound = codecs(compliant(), **options)
    assert picture != "copy"
    assert sound == "copy"
    assert "The sound was copied without re-encoding." in plan(VideoOptions(**options), compliant()).notes


@pytest.mark.parametrize(
    "facts",
    [
        {"profile": "High 10", "pix_fmt": "yuv420p10le", "bit_depth": 10},
        {"profile": "High 4:2:2", "pix_fmt": "yuv422p", "chroma": "422"},
        {"level": 62},
        {"pix_fmt": "yuvj420p", "color_range": "pc"},
        {"color_range": "pc"},
        {"rotation": 90, "width": 1080, "height": 1920},
        {"mirrored": True},
        {"sample_aspect": (4, 3), "width": 2560},
        {"interlaced": True},
        {"field_order": "tt"},
        {"hdr": "pq", "color_transfer": "smpte2084"},
        {"alpha": True},
        {"coded_width": 1919, "width": 1919},
        {"bitrate": 40_000_000},
        {"clean_start": False},
        {"start": 0.5},
        {"start": None},
        {"codec": "mpeg4", "profile": "Simple Profile"},
    ],
    ids=str,
)
def test_the_picture_is_made_anew_when_it_would_not_play_everywhere(facts):
    assert codecs(compliant(facts)) == ("libx264", "copy")


@pytest.mark.parametrize(
    ("facts", "options"),
    [
        ({"codec": "mp3"}, {}),
        ({"channels": 6, "layout": "5.1"}, {}),
        ({"sample_rate": 96_000}, {}),
        ({"profile": "Main"}, {}),
        ({"bitrate": 512_000}, {}),
        ({"start": 0.8}, {}),
        ({}, {"normalize": True}),
        ({}, {"channels": 1}),
        ({}, {"sample_rate": 22_050}),
    ],
    ids=str,
)
def test_only_the_sound_is_made_anew_when_only_it_must_be(facts, options):
    found = plan(VideoOptions.model_validate(options), compliant(audio=facts))
    assert codecs(compliant(audio=facts), **options) == ("copy", "aac")
    assert found.notes[0] == "The picture was copied without re-encoding; the sound was made anew."


def test_spans_and_unsure_containers_are_never_copied():
    assert codecs(compliant(), start=1) == ("libx264", "aac")
    assert codecs(compliant(), duration=3) == ("libx264", "aac")
    assert codecs(compliant(container="ts")) == ("libx264", "aac")
    assert codecs(compliant(container="avi")) == ("libx264", "aac")


def test_colours_that_nobody_told_are_written_into_a_copy():
    given = compliant({"color_primaries": None, "color_transfer": None, "color_matrix": None})
    found = plan(VideoOptions(), given)
    assert value(found.steps[0].args, "-bsf:v") == (
        "h264_metadata=colour_primaries=1:transfer_characteristics=1:matrix_coefficients=1"
    )
    assert found.expected[0].colors == ("bt709", "bt709", "bt709")


def packets(path):
    """A digest of the picture's coded bytes."""
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v"]
    command += ["filter_units=pass_types=1-5", "-f", "data", "-"]  # slices: parameter sets may carry new tags
    return hashlib.sha256(subprocess.run(command, capture_output=True, check=True, timeout=150).stdout).hexdigest()


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4"])
def test_a_copy_has_the_same_picture_its_index_first_and_no_location(make_video, workdir, suffix):
    tags = {"title": "Harbour", "location": "+35.6586+139.7454/"}
    path = make_video(suffix, seconds=1.0, channels=2, tags=tags, extra=("-bf", "2"))
    done = run(KIND, {"format": "mp4"}, path, workdir)
    facts = done.outputs[0].probe
    assert done.warnings == (COPIED,)
    assert packets(path) == packets(done.outputs[0].path)
    assert (facts.faststart, facts.has_location, facts.tags.get("title")) == (True, False, "Harbour")
    assert (facts.video.frame_rate, facts.video.frames, facts.video.color_range) == (25.0, 25, "tv")
    assert facts.video.color_matrix == "smpte170m"
    assert facts.duration == pytest.approx(1.0, abs=0.05)
    assert b"+35.65" not in done.outputs[0].path.read_bytes()


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("codec", "encoder", "suffix", "format"),
    [("h265", "libx265", ".mp4", "mp4"), ("vp9", "libvpx-vp9", ".webm", "webm"), ("av1", "libsvtav1", ".mkv", "mp4")],
)
def test_every_codec_can_be_copied(make_video, workdir, codec, encoder, suffix, format):
    path = make_video(suffix, seconds=0.4, size=(64, 64), codec=encoder, audio=None)
    done = run(KIND, {"codec": codec, "format": format}, path, workdir)
    assert done.warnings == (COPIED,)
    made, before = done.outputs[0].probe.video, probe(path).video
    assert (made.codec, made.profile, made.color_matrix) == (codec, before.profile, "smpte170m")
    assert made.tag == {"h265": "hvc1", "av1": "av01", "vp9": None}[codec]


@pytest.mark.ffmpeg
def test_a_picture_that_no_copy_can_be_tagged_of_is_encoded(make_video, workdir, tmp_path):
    # Private data of 4 bytes where 16 are told of: decoders pass over it, filters of the bitstream give up.
    plain, stream, path = make_video(seconds=1.0, extra=("-bf", "0")), tmp_path / "in.h264", tmp_path / "in.mp4"
    ffmpeg("-i", plain, "-an", "-c", "copy", "-bsf:v", "h264_mp4toannexb", stream)
    data = stream.read_bytes()
    place = data.index(b"\x00\x00\x01\x65")
    stream.write_bytes(data[:place] + bytes.fromhex("0000010605040102030480") + data[place:])
    ffmpeg("-r", "25", "-i", stream, "-i", plain, "-map", "0:v", "-map", "1:a", "-c", "copy", path)
    done = run(KIND, {}, path, workdir)
    assert done.warnings == (COPIED, "The input is damaged in places, so it was encoded again after all.")
    made = done.outputs[0].probe
    assert (made.video.codec, made.video.frames, made.audio.codec) == ("h264", 25, "aac")
    assert packets(path) != packets(done.outputs[0].path)


@pytest.mark.ffmpeg
def test_a_beginning_that_an_edit_list_hides_is_not_copied(make_video, workdir, tmp_path):
    # Cut at 0.5 s without encoding: the file still begins with the key frame at 0, and an edit list hides it.
    path = tmp_path / "cut.mp4"
    ffmpeg("-ss", "0.5", "-i", make_video(seconds=1.0, audio=None, extra=("-g", "50")), "-c", "copy", path)
    assert not probe(path).video.clean_start
    done = run(KIND, {}, path, workdir)
    assert COPIED not in done.warnings
    assert done.outputs[0].probe.duration == pytest.approx(0.5, abs=0.05)
