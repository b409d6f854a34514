"""Names of codecs: from records of every kind, from files that ffmpeg makes, and none where they are not sure."""

import pytest

from workers.engine.codecs import Configuration, codec_name, codecs_parameter
from workers.engine.probe import MAX_TYPE, Probe, probe

AVC = Configuration("h264", tag="avc1", extradata=bytes.fromhex("0164001effe1"))
AAC = Configuration("aac", tag="mp4a", extradata=bytes.fromhex("1190"))
HEVC = "01 02 20000000 b00000000000 99 f000fcfdfafa"
AV1 = Configuration("av1", tag="av01", extradata=bytes.fromhex("81084c00"))
VP9 = Configuration("vp9", profile="Profile 0", pixels=1920 * 1080, frame_rate=30.0)


def hevc(record: str, tag: str = "hvc1") -> str | None:
    return codec_name("mp4", Configuration("h265", tag=tag, extradata=bytes.fromhex(record)))


@pytest.mark.parametrize(
    ("container", "stream", "name"),
    [
        ("mp4", AVC, "avc1.64001E"),
        ("mov", AVC, "avc1.64001E"),
        ("3gp", Configuration("h264", tag="avc3", extradata=bytes.fromhex("0142c00dff")), "avc3.42C00D"),
        ("mp4", AAC, "mp4a.40.2"),
        ("mp4", Configuration("aac", tag="mp4a", extradata=bytes.fromhex("2b11")), "mp4a.40.5"),
        ("mp4", Configuration("aac", tag="mp4a", extradata=bytes.fromhex("eb09")), "mp4a.40.29"),
        ("mp4", Configuration("aac", tag="mp4a", extradata=bytes.fromhex("f94e")), "mp4a.40.42"),
        ("mp4", Configuration("mp3", tag="mp4a", sample_rate=44100), "mp4a.6B"),
        ("mp4", Configuration("mp3", tag="mp4a", sample_rate=22050), "mp4a.69"),
        ("mp4", AV1, "av01.0.08M.10"),
        ("webm", Configuration("av1", extradata=bytes.fromhex("81 4d e0")), "av01.2.13H.12"),
        ("mp4", Configuration("opus", tag="Opus"), "opus"),
        ("mp4", Configuration("ac3", tag="ac-3"), "ac-3"),
        ("webm", Configuration("vp8"), "vp8"),
        ("webm", VP9, "vp09.00.40.08"),
        ("mp4", VP9, "vp09.00.40.08"),
        ("ogg", Configuration("vorbis"), "vorbis"),
        ("ogg", Configuration("theora"), "theora"),
    ],
)
def test_names(container, stream, name):
    assert codec_name(container, stream) == name


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ("01 01 60000000 900000000000 5d", "hvc1.1.6.L93.90"),
        ("01 02 20000000 000000000000 99", "hvc1.2.4.L153"),
        ("01 22 20000000 b00000000001 99", "hvc1.2.4.H153.B0.0.0.0.0.1"),
        ("01 41 60000000 000000000000 5d", "hvc1.A1.6.L93"),
        (HEVC, "hvc1.2.4.L153.B0"),
    ],
)
def test_hevc_tells_profile_compatibility_tier_level_and_constraints(record, name):
    assert hevc(record) == name
    assert hevc(record, "hev1") == name.replace("hvc1", "hev1")


def test_av1_names_its_colours_where_they_are_not_the_usual():
    def name(**fields: object) -> str | None:
        return codec_name("mp4", Configuration("av1", extradata=bytes.fromhex("81084c00"), **fields))

    assert name(colour=(9, 16, 9)) == "av01.0.08M.10.0.110.09.16.09.0"
    assert name(colour=(9, 18, 9), full_range=True) == "av01.0.08M.10.0.110.09.18.09.1"
    assert name(colour=(1, 1, 1)) == name(colour=(2, 2, 2)) == name(colour=(9, 2, 9)) == "av01.0.08M.10"
    assert name(colour=(1, 1, 1), full_range=True) == "av01.0.08M.10.0.110.01.01.01.1"


@pytest.mark.parametrize(
    ("size", "rate", "level"),
    [((256, 144), 15, 10), ((640, 480), 30, 30), ((1280, 720), 30, 31), ((1920, 1080), 60, 41), ((3840, 2160), 60, 51)],
)
def test_vp9_tells_the_least_level_that_fits(size, rate, level):
    stream = Configuration("vp9", profile="Profile 2", bit_depth=10, pixels=size[0] * size[1], frame_rate=rate)
    assert codec_name("webm", stream) == f"vp09.02.{level}.10"


@pytest.mark.parametrize(
    ("container", "stream"),
    [
        ("mkv", AVC),
        ("ts", AVC),
        ("mp4", Configuration("h264", tag="avc1")),
        ("mp4", Configuration("h264", tag="avc1", extradata=bytes.fromhex("00000001674d"))),
        ("mp4", Configuration("h264", tag="encv", extradata=AVC.extradata)),
        ("mp4", Configuration("h264", tag='a", "', extradata=AVC.extradata)),
        ("mp4", Configuration("h265", tag="hvc1", extradata=bytes.fromhex("0102200000"))),
        ("mp4", Configuration("h265", tag="dvh1", extradata=bytes.fromhex(HEVC))),
        ("mp4", Configuration("aac", tag="mp4a")),
        ("mp4", Configuration("aac", tag="mp4a", extradata=b"\0\0")),
        ("mp4", Configuration("av1", tag="av01")),
        ("mp4", Configuration("av1", extradata=bytes.fromhex("01084c00"))),
        ("mp4", Configuration("vp8", tag="vp08")),
        ("mov", Configuration("pcm_s16le", tag="sowt")),
        ("mov", Configuration("prores", tag="apch")),
        ("webm", Configuration("vp9", profile="Profile 0")),
        ("webm", Configuration("vp9", pixels=100, frame_rate=30.0)),
        ("webm", Configuration("vp9", profile="Profile 0", pixels=10**9, frame_rate=30.0)),
        ("wav", Configuration("pcm_s16le")),
        ("mp4", Configuration("unknown")),
    ],
)
def test_what_is_not_sure_is_not_told(container, stream):
    assert codec_name(container, stream) is None
    assert codecs_parameter(container, [stream]) is None
    assert codecs_parameter("mp4", [AVC, AAC, Configuration("unknown")]) is None


def test_each_name_is_told_once():
    assert codecs_parameter("mp4", [AVC, AAC, AVC, AAC]) == "avc1.64001E, mp4a.40.2"
    assert codecs_parameter("mp4", []) is None


def test_a_type_is_never_too_long():
    facts = Probe("video", "video/mp4", "mp4", 1, codecs="avc1.64001E")
    assert facts.type == 'video/mp4; codecs="avc1.64001E"'
    assert Probe("video", "video/mp4", "mp4", 1, codecs="x" * MAX_TYPE).type == "video/mp4"
    assert Probe("image", "image/png", "png", 1).type == "image/png"


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("suffix", "arguments", "type"),
    [
        (".mp4", {}, 'video/mp4; codecs="avc1.42C00A, mp4a.40.2"'),
        (".mp4", {"audio": None}, 'video/mp4; codecs="avc1.42C00A"'),
        (".mov", {}, 'video/quicktime; codecs="avc1.42C00A, mp4a.40.2"'),
        (".mov", {"audio_codec": "pcm_s16le"}, "video/quicktime"),
        (".mkv", {}, "video/x-matroska"),
        (".webm", {"codec": "libvpx-vp9"}, 'video/webm; codecs="vp09.00.10.08, opus"'),
        (".webm", {"codec": "libvpx"}, 'video/webm; codecs="vp8, opus"'),
        (".mp4", {"codec": "libx265", "extra": ["-tag:v", "hvc1"]}, 'video/mp4; codecs="hvc1.1.6.L30.90, mp4a.40.2"'),
        (".mp4", {"codec": "libsvtav1", "audio": None, "size": (128, 96)}, 'video/mp4; codecs="av01.0.00M.08"'),
    ],
)
def test_files_that_ffmpeg_made(make_video, suffix, arguments, type):
    assert probe(make_video(suffix=suffix, **arguments)).type == type


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("suffix", "type"),
    [
        (".m4a", 'audio/mp4; codecs="mp4a.40.2"'),
        (".opus", 'audio/ogg; codecs="opus"'),
        (".mp3", "audio/mpeg"),
        (".wav", "audio/wav"),
        (".flac", "audio/flac"),
    ],
)
def test_sounds_that_ffmpeg_made(make_audio, suffix, type):
    assert probe(make_audio(suffix=suffix)).type == type
