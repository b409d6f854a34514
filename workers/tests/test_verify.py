"""What was made is held against what was planned: each difference is told with both values, and all of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from workers.engine.ending import Scanned
from workers.engine.errors import OutputMismatch
from workers.engine.probe import AudioStream, Image, Probe, SubtitleStream, VideoStream
from workers.plans import Expected, Output, Plan
from workers.tests.media import ffmpeg
from workers.verify import damage, differences, verify

VIDEO = VideoStream(
    0, "h264", 640, 360, 640, 360, frame_rate=25.0, bit_depth=8, color_primaries="bt709", color_transfer="bt709",
    color_matrix="bt709", color_range="tv",
)  # fmt: skip
AUDIO = AudioStream(1, "aac", 2, sample_rate=48_000)
FILM = Probe(
    "video", "video/mp4", "mp4", 1000, duration=10.0, width=640, height=360, videos=(VIDEO,), audios=(AUDIO,),
    subtitles=(SubtitleStream(2, "mov_text"),), faststart=True,
)  # fmt: skip
AS_MADE = Expected(
    "video.mp4", "video/mp4", "video", width=640, height=360, duration=10.0, fps=25.0, alpha=False, video_codec="h264",
    audio_codec="aac", channels=2, sample_rate=48_000, audios=1, subtitles=1, container="mp4",
    colors=("bt709", "bt709", "bt709"), bit_depth=8, color_range="tv",
)  # fmt: skip
STILL = Probe("image", "image/gif", "gif", 9, width=8, height=8, image=Image("gif", "P", 8, 8, frames=3, animated=True))
NOWHERE = Path("/nowhere")


def test_as_planned_nothing_is_told():
    assert differences(FILM, AS_MADE, NOWHERE) == []
    assert differences(FILM, Expected("x", "x", "video", video_codec="h264", audio_codec="aac"), NOWHERE) == []


@pytest.mark.parametrize(
    ("planned", "told"),
    [
        ({"media_type": "audio"}, "The output is of type video, not audio."),
        ({"height": 358}, "The output is 640 × 360 pixels, not 640 × 358."),
        ({"duration": 12.0}, "The output is 10.00 s long, not 12.00 s."),
        ({"duration": 9.0}, "The output is 10.00 s long, not 9.00 s."),
        ({"fps": 30.0}, "The output has 25 frames per second, not 30."),
        ({"alpha": True}, "The output is opaque, not transparent."),
        ({"video_codec": "h265"}, "The output's video codec is h264, not h265."),
        ({"audio_codec": None}, "The output's audio codec is aac, not None."),
        ({"channels": 1}, "The output's number of channels is 2, not 1."),
        ({"sample_rate": 44_100}, "The output's sample rate is 48000, not 44100."),
        ({"audios": 2}, "The output's number of audio streams is 1, not 2."),
        ({"subtitles": 0}, "The output's number of subtitle streams is 1, not 0."),
        ({"container": "mkv"}, "The output's container is mp4, not mkv."),
        ({"colors": ("bt2020", "bt709", "bt709")}, "The output's colour primaries is bt709, not bt2020."),
        ({"colors": ("bt709", "smpte2084", "bt709")}, "The output's transfer is bt709, not smpte2084."),
        ({"colors": ("bt709", "bt709", "bt2020nc")}, "The output's colour matrix is bt709, not bt2020nc."),
        ({"color_range": "pc"}, "The output's colour range is tv, not pc."),
        ({"bit_depth": 10}, "The output's bit depth is 8, not 10."),
    ],
)
def test_each_difference_is_told_with_both_values(planned, told):
    assert differences(FILM, replace(AS_MADE, **planned), NOWHERE) == [told]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"faststart": False}, "The output's index comes after its media."),
        ({"has_location": True}, "The output still holds a location."),
        ({"videos": (replace(VIDEO, rotation=90),)}, "The output's picture is still turned or stretched by flags."),
        ({"videos": (replace(VIDEO, color_range=None),)}, "The output's colour range is unknown, not tv."),
    ],
)
def test_what_no_output_may_be_is_told(found, told):
    assert differences(replace(FILM, **found), AS_MADE, NOWHERE) == [told]


def test_all_differences_are_told_and_not_only_the_first():
    planned = replace(AS_MADE, width=320, height=180, channels=1, bit_depth=10)
    assert differences(FILM, planned, NOWHERE) == [
        "The output is 640 × 360 pixels, not 320 × 180.",
        "The output's number of channels is 2, not 1.",
        "The output's bit depth is 8, not 10.",
    ]


def test_near_enough_is_as_planned():
    assert differences(replace(FILM, duration=10.2), AS_MADE, NOWHERE) == []
    assert differences(replace(FILM, videos=(replace(VIDEO, frame_rate=25.1),)), AS_MADE, NOWHERE) == []
    short = replace(FILM, duration=0.2, videos=(replace(VIDEO, frame_rate=30.0),))  # one frame of five
    assert differences(short, replace(AS_MADE, duration=0.2), NOWHERE) == []
    for name, container in (("aac", "mp4"), ("opus", "ogg"), ("mp4", "mp4")):
        assert differences(replace(FILM, container=container), replace(AS_MADE, container=name), NOWHERE) == []


def test_an_animation_is_held_to_its_frames():
    planned = Expected("x.gif", "image/gif", "image", width=8, height=8, frames=3, container="gif")
    assert differences(STILL, planned, NOWHERE) == []
    assert differences(STILL, replace(planned, frames=4), NOWHERE) == ["The output's number of frames is 3, not 4."]
    assert differences(STILL, replace(planned, frames=1), NOWHERE) == ["The output's number of frames is 3, not 1."]


def checked(path: Path, **planned) -> str:
    """What is wrong with a file that was to be a second of video; empty when nothing is."""
    expected = Expected(path.name, "video/mp4", "video", video_codec="h264", audio_codec="aac", duration=1.0, **planned)
    try:
        verify(Plan((), (expected,)), [Output(path, True, path.name, "video/mp4")], NOWHERE)
    except OutputMismatch as exc:
        return exc.message
    return ""


@pytest.mark.ffmpeg
def test_a_sound_file_passes_and_a_cut_one_does_not(make_video):
    fast = ("-movflags", "+faststart")
    assert checked(make_video(extra=fast), fps=25.0, width=64, height=48) == ""
    assert "The output's packets end at 0." in checked(make_video(extra=fast, keep=0.5))
    assert checked(make_video(extra=fast, keep=0.02)) == "The output made cannot be read back."


@pytest.mark.ffmpeg
def test_damage_at_the_end_is_found(make_video):
    path = make_video(extra=("-movflags", "+faststart", "-g", "5"), size=(320, 240))
    data = bytearray(path.read_bytes())
    media = data.index(b"mdat")
    data[media + (len(data) - media) // 2 :] = bytes(len(data) - media - (len(data) - media) // 2)
    path.write_bytes(data)
    assert "is damaged in" in checked(path)


def test_packets_that_a_header_only_promises_are_missed():
    header = replace(FILM, duration=10.0)
    streams = (Scanned(0, "video", packets=100, end=4.0, decoded=9), Scanned(1, "audio", packets=9, end=3.9, decoded=9))
    assert damage(streams, AS_MADE, header) == ["The output's packets end at 4.00 s, not 10.00 s."]


@pytest.mark.ffmpeg
def test_a_gap_in_a_steady_video_is_found(make_video, tmp_path):
    path = tmp_path / "gap.mp4"
    dropped = ("-vf", "select='lt(n,8)+gt(n,14)'", "-fps_mode", "vfr", "-bf", "0", "-c:a", "copy")
    ffmpeg("-i", make_video(), *dropped, "-movflags", "+faststart", path)
    assert "has a gap of 0.32 s, not 0.04 s between frames." in checked(path, fps=25.0)
    assert checked(path) == ""  # where the rate may vary


@pytest.mark.ffmpeg
def test_a_link_is_no_output(make_video, tmp_path):
    link = tmp_path / "video.mp4"
    link.symlink_to(make_video(extra=("-movflags", "+faststart")))
    assert checked(link).startswith("Nothing was made")
