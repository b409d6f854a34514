"""What a plan will take, by the model: more for more work, less with threads, and bytes only where they are known."""

from dataclasses import replace

import pytest

from workers.engine.probe import AudioStream, Image, Probe, SubtitleStream, VideoStream
from workers.estimate import estimate
from workers.kinds import get_kind
from workers.run import check, run

SOUND = AudioStream(index=1, codec="aac", channels=2, layout="stereo", sample_rate=48_000, bitrate=128_000)
PICTURE = VideoStream(
    index=0, codec="h264", width=1280, height=720, coded_width=1280, coded_height=720, frame_rate=25.0, chroma="420"
)
FILM = Probe(
    media_type="video",
    mime="video/mp4",
    container="mp4",
    demuxer="mov,mp4,m4a,3gp,3g2,mj2",
    size=5_000_000,
    duration=60.0,
    width=1280,
    height=720,
    videos=(replace(PICTURE, duration=60.0),),
    audios=(replace(SOUND, duration=60.0),),
)
PHOTO = Probe(
    media_type="image",
    mime="image/jpeg",
    container="jpeg",
    size=4_000_000,
    width=4000,
    height=3000,
    image=Image("jpeg", "RGB", 4000, 3000),
)


def seconds(kind: str, facts: Probe = FILM, cores: int = 2, **options) -> float:
    return estimate(check(get_kind(kind), options, facts), facts, cores=cores).seconds


def size(kind: str, facts: Probe = FILM, **options) -> int | None:
    return estimate(check(get_kind(kind), options, facts), facts, cores=2).bytes


def test_more_pixels_and_more_seconds_cost_more():
    assert seconds("video", width=320) < seconds("video", width=640) < seconds("video", width=1280)
    assert seconds("video", width=640, end=10) < 0.3 * seconds("video", width=640)
    assert seconds("video", width=640, codec="h264") < seconds("video", width=640, codec="h265")


def test_threads_share_the_work_and_not_the_start():
    one, four = seconds("video", width=640, cores=1), seconds("video", width=640, cores=4)
    assert 2.2 < one / four < 4.0
    assert seconds("video", width=640, cores=8) == seconds("video", width=640, cores=64)


def test_a_frame_costs_no_more_in_a_longer_film():
    longer = replace(FILM, duration=6000.0, videos=(replace(FILM.videos[0], duration=6000.0),))
    assert seconds("image", longer, width=320) == seconds("image", FILM, width=320)
    assert seconds("image", FILM, width=320) < 1.5


def test_formats_of_stills_differ_as_their_encoders_do():
    cheap, dear = (seconds("image", PHOTO, width=1000, format=name) for name in ("jpeg", "avif"))
    assert cheap < 0.5 < dear + 0.3


def test_what_is_done_to_sound_and_picture_costs_as_well():
    hours = replace(FILM, duration=6000.0, subtitles=(SubtitleStream(2, "subrip"),))
    plain = seconds("audio", hours, cores=1, format="mp3")
    assert 2 * plain < seconds("audio", hours, cores=1, format="mp3", normalize=True) < 5 * plain
    plain = seconds("video", hours, cores=1, width=640)
    assert plain + 50 < seconds("video", hours, cores=1, width=640, subtitle_style="burn_in") < 1.5 * plain


def test_facts_cost_nothing():
    assert seconds("probe") == 0.0


def test_bytes_are_told_where_rates_are_given():
    assert size("audio", format="mp3", bitrate=128_000) == 60 * 16_000
    assert size("audio", format="wav") == 60 * 48_000 * 4
    assert size("video", bitrate=2_000_000, width=640) == pytest.approx(60 * (2_000_000 + 128_000) / 8, rel=0.05)


def test_bytes_are_not_made_up():
    assert size("video", width=640, quality=70) is None
    assert size("image", PHOTO) is None


@pytest.mark.ffmpeg
def test_sound_at_a_given_rate_comes_out_as_large_as_was_told(make_audio, workdir, report):
    done = run(get_kind("audio"), {"format": "mp3", "bitrate": 64_000}, make_audio(), workdir, report=report)
    output = done.outputs[0]
    facts = replace(FILM, duration=output.probe.duration, audios=(replace(SOUND, duration=output.probe.duration),))
    assert size("audio", facts, format="mp3", bitrate=64_000) == pytest.approx(output.probe.size, rel=0.25)
