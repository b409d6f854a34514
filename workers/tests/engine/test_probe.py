"""Facts are read by content and come out as a viewer sees them."""

import json
import shutil

import pytest

from workers.engine.errors import LimitExceeded, SourceUnreadable, SourceUnsupported
from workers.engine.probe import Probe, displayed_size, probe
from workers.tests.media import ffmpeg


def facts_of(path):
    found = probe(path)
    assert Probe.from_json(json.loads(json.dumps(found.to_json()))) == found
    return found


def test_display_size_stretches_the_width_then_swaps_the_sides():
    assert displayed_size(720, 576, (64, 45), 0) == (1024, 576)
    assert displayed_size(720, 576, (64, 45), 90) == (576, 1024)
    assert displayed_size(720, 576, (64, 45), 180) == (1024, 576)
    assert displayed_size(100, 50, (0, 1), 0) == (100, 50)


@pytest.mark.ffmpeg
def test_facts_of_a_plain_video(make_video):
    found = facts_of(make_video(seconds=2.0, size=(64, 48), fps=25, channels=2, colors=("bt709",) * 3))
    assert (found.media_type, found.mime, found.container) == ("video", "video/mp4", "mp4")
    assert found.displayed == (64, 48)
    assert found.duration == pytest.approx(2.0, abs=0.05)
    assert (found.fps, found.frames, found.codec, found.rotation) == (25.0, 50, "h264", 0)
    video, audio = found.video, found.audio
    assert (video.pix_fmt, video.bit_depth, video.chroma, video.alpha) == ("yuv420p", 8, "420", False)
    assert (video.color_primaries, video.color_transfer, video.color_matrix) == ("bt709", "bt709", "bt709")
    assert (audio.codec, audio.channels, audio.layout, audio.sample_rate) == ("aac", 2, "stereo", 44_100)
    assert found.orientation == "landscape"


@pytest.mark.ffmpeg
@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_rotation_turns_the_display_size(make_video, rotate):
    found = facts_of(make_video(rotate=rotate, size=(64, 48)))
    assert found.rotation == rotate
    assert found.displayed == ((64, 48) if rotate == 180 else (48, 64))
    assert (found.video.coded_width, found.video.coded_height) == (64, 48)


@pytest.mark.ffmpeg
def test_sample_aspect_stretches_the_display_size(make_video):
    found = facts_of(make_video(size=(64, 48), sample_aspect=(2, 1)))
    assert found.displayed == (128, 48)
    assert found.video.sample_aspect == (2, 1)


@pytest.mark.ffmpeg
def test_hdr_and_depth_are_told(make_video):
    found = facts_of(
        make_video(codec="libx265", pix_fmt="yuv420p10le", colors=("bt2020", "smpte2084", "bt2020nc"), seconds=0.4)
    )
    assert (found.codec, found.video.bit_depth, found.video.hdr) == ("h265", 10, "pq")


@pytest.mark.ffmpeg
def test_alpha_of_vp9_is_told(make_video):
    found = facts_of(
        make_video(".webm", codec="libvpx-vp9", pix_fmt="yuva420p", extra=("-auto-alt-ref", "0"), seconds=0.4)
    )
    assert (found.mime, found.container, found.transparency) == ("video/webm", "webm", True)


@pytest.mark.ffmpeg
def test_interlaced_video_is_told(make_video):
    found = facts_of(make_video(".ts", codec="mpeg2video", interlaced=True, size=(64, 64), audio=None))
    assert found.video.interlaced
    assert found.container == "ts"
    assert not found.has_audio


@pytest.mark.ffmpeg
def test_a_cover_picture_is_no_video(make_audio, make_image):
    found = facts_of(make_audio(".mp3", cover=make_image(size=(200, 200)), tags={"title": "Tone"}))
    assert (found.media_type, found.mime) == ("audio", "audio/mpeg")
    assert [(cover.codec, cover.width) for cover in found.covers] == [("mjpeg", 200)]
    assert found.videos == ()
    assert found.displayed is None
    assert found.tags["title"] == "Tone"


@pytest.mark.ffmpeg
def test_a_location_is_told(make_video):
    assert probe(make_video(".mov", tags={"location": "+35.6586+139.7454/"})).has_location
    assert not probe(make_video()).has_location


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("suffix", "codec", "mime"),
    [
        (".mp3", None, "audio/mpeg"),
        (".m4a", None, "audio/mp4"),
        (".wav", None, "audio/wav"),
        (".ogg", "libvorbis", "audio/ogg"),
        (".opus", None, "audio/ogg"),
        (".flac", None, "audio/flac"),
        (".aac", None, "audio/aac"),
    ],
)
def test_sounds_by_their_content(make_audio, tmp_path, suffix, codec, mime):
    misnamed = shutil.copy(make_audio(suffix, codec=codec), tmp_path / "picture.jpg")
    found = facts_of(misnamed)
    assert (found.media_type, found.mime) == ("audio", mime)
    assert found.duration == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_display_size(make_image, orientation):
    found = facts_of(make_image(size=(64, 48), orientation=orientation))
    assert found.displayed == (64, 48)
    assert found.image.orientation == orientation
    assert (found.media_type, found.mime, found.codec) == ("image", "image/jpeg", "jpeg")


@pytest.mark.parametrize(
    ("suffix", "arguments", "expected"),
    [
        (".png", {"alpha": 0}, ("image/png", "RGBA", True, 1)),
        (".png", {"mode": "P"}, ("image/png", "P", False, 1)),
        (".webp", {}, ("image/webp", "RGB", False, 1)),
        (".gif", {"frames": 3}, ("image/gif", "P", False, 3)),
        (".avif", {}, ("image/avif", "RGB", False, 1)),
        (".heic", {}, ("image/heic", "RGB", False, 1)),
        (".tiff", {"mode": "L"}, ("image/tiff", "L", False, 1)),
        (".jpg", {"mode": "CMYK"}, ("image/jpeg", "CMYK", False, 1)),
        (".bmp", {}, ("image/bmp", "RGB", False, 1)),
    ],
)
def test_stills_by_their_content(make_image, tmp_path, suffix, arguments, expected):
    found = facts_of(shutil.copy(make_image(suffix, **arguments), tmp_path / "clip.mp4"))
    assert (found.mime, found.image.mode, found.transparency, found.frames) == expected
    assert found.animated == (expected[3] > 1)
    assert found.displayed == (64, 48)


def test_gps_and_profile_are_told(make_image):
    found = facts_of(make_image(gps=True, icc="sRGB"))
    assert found.has_location
    assert "sRGB" in found.image.icc


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", SourceUnreadable),
        (b"hello, this is no media at all" * 20, SourceUnsupported),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", SourceUnsupported),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", SourceUnsupported),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", SourceUnsupported),
        (b"%PDF-1.7 ...", SourceUnsupported),
        (b"\xff\xd8\xff\xe0 not much of a JPEG", SourceUnreadable),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, SourceUnreadable),
        (b"\0\0\0\x20ftypisom" + b"\0" * 200, SourceUnreadable),
        (b"\x1aE\xdf\xa3" + b"\0" * 200, SourceUnreadable),
    ],
)
def test_what_is_no_media_is_refused_in_words(tmp_path, content, error):
    path = tmp_path / "secret-name.mp4"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        probe(path)
    assert caught.value.message.endswith(".")
    assert "secret-name" not in caught.value.message
    assert str(tmp_path) not in caught.value.message


def test_a_dash_manifest_and_an_hls_playlist_inside_a_name_are_refused(tmp_path):
    for name, text in [
        ("a.mpd", '<?xml version="1.0"?><MPD><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>'),
        ("a.m3u8", "\n\n#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"),
        ("frame-%04d.png", "x" * 100),
    ]:
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(SourceUnsupported):
            probe(path)


@pytest.mark.ffmpeg
def test_too_many_streams_are_refused(make_audio, tmp_path):
    source, target = make_audio(".wav", seconds=0.1), tmp_path / "many.mkv"
    from workers.tests.media import ffmpeg

    ffmpeg("-i", source, *("-map", "0:a") * 101, "-c", "copy", target)
    with pytest.raises(LimitExceeded, match="101 streams"):
        probe(target)


def test_a_stored_probe_of_another_schema_is_refused():
    with pytest.raises(ValueError, match="schema"):
        Probe.from_json({"schema": 0})


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    "claimed", ["1e999:00:00.000000", "9e99:00:00.000000", "-1:00:00.0000000000", "nan:00:00.0000000"]
)
def test_a_length_beyond_belief_is_unknown(make_video, claimed):
    path = make_video(".mkv", seconds=0.4, audio=None)
    data, place = path.read_bytes(), path.read_bytes().find(b"DURATION")
    place = data.index(b"00:00:00.4", place)
    text = claimed.encode()[:18].ljust(18, b"0")
    path.write_bytes(data[:place] + text + data[place + 18 :])
    found = facts_of(path)
    assert found.video.duration is None
    assert found.duration == pytest.approx(0.4, abs=0.1)
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.ffmpeg
def test_matroska_tells_ends_and_mkvmerge_lengths(tmp_path):
    late = tmp_path / "late.mkv"
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2", "-itsoffset", "0.7", "-f", "lavfi", "-i", "sine=d=1")
    ffmpeg(*inputs, "-c:v", "libx264", "-c:a", "pcm_s16le", late)
    found = facts_of(late).audio
    assert (found.start, found.duration) == (0.7, pytest.approx(1.0, abs=0.05))
    merged = tmp_path / "merged.mkv"
    ffmpeg("-i", late, "-c", "copy", "-metadata:s:a", "_STATISTICS_WRITING_APP=mkvmerge", merged)
    assert facts_of(merged).audio.duration == pytest.approx(1.7, abs=0.05)


def test_too_many_frames_are_refused(make_image):
    from workers.engine.limits import SourceLimits
    from workers.engine.reading import read_facts

    for suffix in (".gif", ".webp", ".png"):
        path = make_image(suffix, frames=4)
        assert read_facts(path, SourceLimits(frames=4)).frames == 4
        with pytest.raises(LimitExceeded, match="4 frames; at most 3"):
            read_facts(path, SourceLimits(frames=3))
