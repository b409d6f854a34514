"""Options are checked before anything runs, and every refusal names the option."""

import contextlib
import json
import random

import pytest
from pydantic import ValidationError

from workers.engine.errors import MediaError
from workers.engine.probe import AudioStream, Chapter, Image, Probe, VideoStream
from workers.kinds import UnknownKind, all_kinds, get_kind
from workers.options import anchor, on_curve, option_errors, quality_number, rgba
from workers.run import check

IMAGE, VIDEO, AUDIO = (get_kind(name).options for name in ("image", "video", "audio"))


def refused(options, **given):
    with pytest.raises(ValidationError) as caught:
        options.model_validate(given)
    return dict(option_errors(caught.value))


@pytest.mark.parametrize(
    ("options", "given", "option"),
    [
        (IMAGE, {"width": 0}, "width"),
        (IMAGE, {"width": -5}, "width"),
        (IMAGE, {"width": 8193}, "width"),
        (IMAGE, {"width": 1.5}, "width"),
        (IMAGE, {"width": True}, "width"),
        (IMAGE, {"width": "wide"}, "width"),
        (IMAGE, {"width": "0%"}, "width"),
        (IMAGE, {"width": "²"}, "width"),
        (IMAGE, {"width": "9" * 5000}, "width"),
        (IMAGE, {"width": float("inf")}, "width"),
        (IMAGE, {"width": float("nan")}, "width"),
        (IMAGE, {"height": [3]}, "height"),
        (IMAGE, {"fit": "stretch"}, "fit"),
        (IMAGE, {"resize": "stretch"}, "fit"),
        (IMAGE, {"position": "top-bottom"}, "position"),
        (IMAGE, {"position": "middle of nowhere"}, "position"),
        (IMAGE, {"background": "red"}, "background"),
        (IMAGE, {"background": "#12345"}, "background"),
        (IMAGE, {"format": "mp4"}, "format"),
        (IMAGE, {"format": "tiff"}, "format"),
        (IMAGE, {"quality": 101}, "quality"),
        (IMAGE, {"quality": "best"}, "quality"),
        (IMAGE, {"start": -1}, "start"),
        (IMAGE, {"start": "soon"}, "start"),
        (IMAGE, {"interval": 0}, "interval"),
        (IMAGE, {"interval": 1e-320}, "interval"),
        (IMAGE, {"ref": "r" * 101}, "ref"),
        (AUDIO, {"label": "l" * 201}, "label"),
        (IMAGE, {"filename": "a/b.jpg"}, "filename"),
        (IMAGE, {"filename": "a\nb.jpg"}, "filename"),
        (IMAGE, {"filename": "a.mp4"}, "filename"),
        (IMAGE, {"filename": "a.TIFF"}, "filename"),
        (VIDEO, {"filename": "a.gif"}, "filename"),
        (VIDEO, {"filename": "a.mp3", "codec": "h264"}, "filename"),
        (VIDEO, {"filename": "a.mov", "codec": "vp9"}, "codec"),
        (VIDEO, {"filename": "a.webm", "codec": "h264"}, "codec"),
        (AUDIO, {"filename": "a.webm"}, "filename"),
        (IMAGE, {"folder": "a/../b"}, "folder"),
        (IMAGE, {"ref": 3}, "ref"),
        (IMAGE, {"layers": "logo"}, "layers"),
        (IMAGE, {"layers": [], "overlays": []}, "overlays"),
        (IMAGE, {"widht": 5}, "widht"),
        (VIDEO, {"format": "avi"}, "format"),
        (VIDEO, {"codec": "mpeg2"}, "codec"),
        (VIDEO, {"format": "webm", "codec": "h264"}, "codec"),
        (VIDEO, {"fps": 0.5}, "fps"),
        (VIDEO, {"fps": 61}, "fps"),
        (VIDEO, {"bitrate": 299_999}, "bitrate"),
        (VIDEO, {"bitrate": 60_000_001}, "bitrate"),
        (VIDEO, {"bitrate": "1M"}, "bitrate"),
        (VIDEO, {"start": 5, "end": 5}, "end"),
        (VIDEO, {"duration": 0}, "duration"),
        (AUDIO, {"format": "mp4"}, "format"),
        (AUDIO, {"bitrate": 31_999}, "bitrate"),
        (AUDIO, {"bitrate": 320_001}, "bitrate"),
        (AUDIO, {"width": 5}, "width"),
        (AUDIO, {"end": 1, "start": 2}, "end"),
    ],
)
def test_a_bad_option_is_named(options, given, option):
    errors = refused(options, **given)
    assert list(errors) == [option]
    assert option in errors[option]
    assert errors[option].endswith(".")


def test_sentences_say_the_way_out():
    assert refused(VIDEO, fps=61) == {"fps": "fps must be at most 60."}
    assert refused(IMAGE, interval=1e-320) == {"interval": "interval must be at least 0.001."}
    assert refused(VIDEO, fps=0) == {"fps": "fps must be at least 1."}
    assert refused(IMAGE, colour=1) == {"colour": "colour is not an option of this kind."}
    assert refused(VIDEO, format="webm", codec="h264") == {"codec": "codec must be one of vp9, av1 for webm."}
    assert refused(IMAGE, width="x") == {
        "width": 'width must be a whole number of pixels from 1 to 8192, or a percentage such as "50%".'
    }
    assert refused(IMAGE, filename="x.mp4") == {
        "filename": "filename must not end in .mp4, which is a video: use .jpg, .png, .webp, .avif, .gif, .heic, "
        "or leave the extension out."
    }
    assert refused(all_kinds()["thumbnails"].options, filename="x.jpg") == {
        "filename": "filename must not end in .jpg, which is an image: leave the extension out."
    }
    assert refused(IMAGE, filename="x.bmp")["filename"].startswith("filename must not end in .bmp, which is not writ")
    assert refused(VIDEO, filename="x.mov", codec="vp9") == {
        "codec": "codec must be one of h264, h265, prores for a filename that ends in .mov."
    }
    assert set(refused(IMAGE, width=0, quality=200, foo=1)) == {"width", "quality", "foo"}


@pytest.mark.parametrize("kind", sorted(all_kinds()))
def test_the_contracts_names_are_accepted_and_echoed(kind):
    given = {
        "filename": "a.bin",
        "folder": "clips/2025",
        "ref": "small",
        "description": "d",
        "label": "l",
        "input": {"a": 1},
        "speakers": True,
    }
    options = get_kind(kind).options.model_validate(given)
    assert options.model_dump(mode="json", exclude_unset=True) == given


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"width": 640}, {"width": 640}),
        ({"width": "640"}, {"width": 640}),
        ({"width": 640.0}, {"width": 640}),
        ({"height": " 50 % "}, {"height": "50%"}),
        ({"format": "JPG"}, {"format": "jpeg"}),
        ({"format": "heif"}, {"format": "heic"}),
        ({"quality": "Very High"}, {"quality": "very_high"}),
        ({"quality": "75"}, {"quality": 75}),
        ({"background": "F80"}, {"background": "#ff8800"}),
        ({"background": "#FF880080"}, {"background": "#ff880080"}),
        ({"resize": "cover"}, {"fit": "cover"}),
        ({"fit": "Contain"}, {"fit": "contain"}),
        ({"folder": "/a/b/"}, {"folder": "a/b"}),
        ({"start": 3}, {"start": 3.0}),
    ],
)
def test_spellings_become_one(given, options):
    assert IMAGE.model_validate(given).model_dump(exclude_unset=True) == options


@pytest.mark.parametrize("spelling", ["top-left", "top_left", "top left", "Left-Top", "topleft", " TOP  LEFT "])
def test_corners_in_any_spelling(spelling):
    assert IMAGE.model_validate({"position": spelling}).position == "top-left"


def test_positions_are_anchors():
    assert anchor("center") == (0.5, 0.5)
    assert anchor("bottom") == (0.5, 1.0)
    assert anchor("bottom-right") == (1.0, 1.0)
    assert anchor("left") == (0.0, 0.5)
    assert IMAGE.model_validate({"position": "center left"}).position == "left"
    assert IMAGE.model_validate({"position": None}).position is None


def test_colors_are_numbers():
    assert rgba("#ff8800") == (255, 136, 0, 255)
    assert rgba("#ff880080") == (255, 136, 0, 128)
    assert rgba(None) is None


def test_quality_names_and_their_default():
    assert quality_number(None) == quality_number("medium") == 80
    assert [quality_number(name) for name in ("very_low", "low", "high", "very_high")] == [40, 60, 90, 95]
    assert on_curve((0, 40, 60, 80, 90, 95, 100), 33) == 33
    assert on_curve((0, 40, 60, 80, 90, 95, 100), 100) == 100


def test_options_are_frozen_and_json():
    options = VIDEO.model_validate({"width": "50%", "end": 2})
    with pytest.raises(ValidationError):
        options.width = 5
    assert VIDEO.model_validate(options.model_dump(mode="json")) == options


def test_every_option_is_described_for_the_api():
    for kind in all_kinds().values():
        schema = kind.options.model_json_schema()
        assert schema["additionalProperties"] is False
        for name, item in schema["properties"].items():
            assert item.get("description"), f"{kind.name}.{name}"


def test_an_unknown_kind_names_the_known():
    with pytest.raises(UnknownKind) as caught:
        get_kind("hologram")
    assert str(caught.value) == f"kind must be one of {', '.join(all_kinds())}, not 'hologram'."
    assert isinstance(caught.value, KeyError)


LENGTHS = (None, 0.0, 1e-320, 0.001, 10.0, 3.7e4, 1e300, -1.0, float("inf"), float("nan"))
RATES = (None, 0.0, 1e-320, 25.0, 1e300, float("inf"))
MOMENTS = (0.0, -5.0, 1e-320, 3.0, 1e9)


@pytest.mark.parametrize("kind", sorted(all_kinds()))
def test_a_plan_raises_nothing_but_a_media_error_whatever_a_file_claims(kind):
    chance = random.Random(kind)
    pick = chance.choice
    given = {
        "image": {"interval": (0.001, 0.5, 86_400), "start": (0, 1e-320, 3.0, 1e7), "fit": ("cover", "contain")},
        "video": {"start": (0, 1e-320, 3.0, 1e7), "duration": (1e-320, 1.0, 1e7), "fps": (1, 60), "codec": ("av1",)},
        "audio": {"start": (0, 1e-320, 3.0), "duration": (1e-320, 1e7), "format": ("ogg", "mp3", "opus")},
        "animation": {"start": (0, 1e-320, 3.0, 1e7), "duration": (1e-320, 1.0, 1e7), "format": ("gif", "avif")},
        "adaptive_video": {"start": (0, 1e-320, 3.0), "duration": (1e-320, 1e7), "segments": ("ts",)},
        "subtitles": {"shift": (-86_400.0, 1e-320, 3.7), "origin": ("speech", "embedded"), "language": ("en", "de")},
    }.get(kind)
    if given is None:  # what looks at a file and makes no medium of it
        given = {"count": (1, 100), "confidence": (0.0, 1.0), "audio_track": (0, 99, "en")}
        given = {name: values for name, values in given.items() if name in get_kind(kind).options.model_fields}
    elif kind not in ("audio", "subtitles"):
        given |= {"width": (1, 8192, "0.000001%", "10000%"), "height": (1, 8192, "50%")}
    for _ in range(1000):
        picture = VideoStream(0, "h264", *(pick((1, 64, 8192, 0, 10**12)) for _ in range(4)),
                              frame_rate=pick(RATES), base_rate=pick(RATES), duration=pick(LENGTHS),
                              time_base=pick((None, (1, 25), (0, 0))), variable=pick((True, False)),
                              start=pick((None, 0.0, -5.0, 1e-320, 3.0, 1e9)), hdr=pick((None, "pq")),
                              max_cll=pick((None, 1, 10_000)), mastering=pick((None, (0,) * 10)),
                              alpha=pick((True, False)))  # fmt: skip
        sound = AudioStream(1, "aac", pick((0, 1, 2, 6, 64)), sample_rate=pick((None, 0, 1, 44_100, 10**9)),
                            duration=pick(LENGTHS), start=pick((None, -5.0, 1e9)))  # fmt: skip
        still = Image("png", "RGB", 1, 1) if pick((0, 0, 1)) else None
        facts = Probe("image" if still else pick(("video", "audio")), "x/y", "mp4", 9, demuxer=pick((None, "mov,mp4")),
                      duration=pick(LENGTHS), width=pick((None, 0, 1, 10**9)), height=pick((None, 1, 64)), image=still,
                      videos=() if still else (picture,), audios=pick(((), (sound,))),
                      chapters=tuple(Chapter(pick(MOMENTS), pick(MOMENTS), pick((None, "\0", "x" * 9999)))
                                     for _ in range(pick((0, 0, 1, 3)))))  # fmt: skip
        options = {name: pick(values) for name, values in given.items() if pick((0, 1))}
        json.dumps(facts.to_json(), allow_nan=False)
        with contextlib.suppress(MediaError):
            json.dumps(check(get_kind(kind), options, facts).to_json(), allow_nan=False)
