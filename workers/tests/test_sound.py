"""A sound's way: which track, how its channels are mixed, how loud it becomes."""

import re
from dataclasses import replace
from math import sqrt

import pytest

from workers import graph
from workers.engine.errors import ProcessingFailed, SourceUnsupported
from workers.engine.probe import AudioStream, Probe
from workers.graph.channels import downmix, most, names, pan
from workers.graph.times import Span
from workers.kinds.base import Source
from workers.kinds.groups import Sounding
from workers.languages import same_language, short_language
from workers.measures import measured, measured_notes

HALF = round(sqrt(0.5), 6)
ENGLISH = AudioStream(1, "aac", 2, layout="stereo", sample_rate=48_000, language="eng", default=True)
FRENCH = AudioStream(2, "ac3", 6, layout="5.1(side)", sample_rate=48_000, language="fre")
LOST = AudioStream(3, "unknown", 0, language="deu", decodable=False)
FACTS = Probe("video", "video/mp4", "mp4", 1000, demuxer="mov,mp4", duration=10.0, audios=(ENGLISH, FRENCH, LOST))
WHOLE = Span(0.0, 10.0, False)


def prepared(codec="aac", facts=FACTS, part=WHOLE, **options):
    return graph.prepared(Source(facts, lambda *_: None), Sounding.model_validate(options), codec, part)


def with_sound(**changes):
    return replace(FACTS, audios=(replace(ENGLISH, **changes),))


# ── tracks ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("wanted", "index"),
    [(None, 1), (0, 1), (1, 2), ("1", 2), ("en", 1), ("eng", 1), ("en-GB", 1), ("FR", 2), ("fra", 2)],
)
def test_a_track_is_told_by_its_number_or_language(wanted, index):
    assert prepared(audio_track=wanted).stream.index == index


@pytest.mark.parametrize("wanted", [3, "sv", 99])
def test_a_track_that_is_not_there_is_refused_with_those_that_are(wanted):
    with pytest.raises(SourceUnsupported) as refusal:
        prepared(audio_track=wanted)
    assert refusal.value.param == "audio_track"
    assert refusal.value.message == (
        f"audio_track {wanted} is not there; the input has 0 (aac, eng), 1 (ac3, fre), 2 (unknown, deu)."
    )


def test_a_track_that_cannot_be_decoded_is_refused():
    with pytest.raises(SourceUnsupported, match=r"^audio_track de cannot be decoded here\.$"):
        prepared(audio_track="de")


def test_of_several_tracks_of_a_language_the_usual_one_is_taken():
    described = replace(ENGLISH, index=5, default=False, channels=1)
    facts = replace(FACTS, audios=(described, ENGLISH))
    assert prepared(facts=facts, audio_track="en").stream.index == 1


def test_no_sound_is_none():
    assert prepared(facts=replace(FACTS, audios=())) is None


@pytest.mark.parametrize("wanted", [True, -1, 100, "x", "1.5", "english language", 1.0, ["en"], ""])
def test_what_can_be_no_track_is_refused_beforehand(wanted):
    with pytest.raises(ValueError, match="must be a number from 0 on among the input's audio tracks, or a language"):
        Sounding(audio_track=wanted)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [("ger", "deu", True), ("de", "ger", True), ("pt-BR", "por", True), ("en", "de", False), (None, None, False)],
)
def test_languages_by_two_and_three_letters(first, second, same):
    assert same_language(first, second) is same


def test_every_language_has_one_short_code():
    assert [short_language(code) for code in ("eng", "ENG", "en_US", "zho", "chi", "cze", "xyz")] == [
        *("en", "en", "en", "zh", "zh", "cs", "xyz")
    ]


# ── channels ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("layout", "channels", "left"),
    [
        ("5.1", 6, [1, 0, HALF, 0, HALF, 0]),
        ("5.1(side)", 6, [1, 0, HALF, 0, HALF, 0]),
        ("7.1", 8, [1, 0, HALF, 0, HALF, 0, HALF, 0]),
        ("quad", 4, [1, 0, HALF, 0]),
        ("4.0", 4, [1, 0, HALF, 0.5]),
        ("2.1", 3, [1, 0, 0]),
        ("7.1.4", 12, [1, 0, HALF, 0, HALF, 0, HALF, 0, HALF, 0, HALF, 0]),
        ("FL+FR+TC", 3, [1, 0, 0.5]),
        ("mono", 1, [1]),
        ("3 channels", 3, [1, 0, HALF]),
        ("8 channels", 8, [1, 0, HALF, 0, HALF, 0, HALF, 0]),
        (None, 4, [1, 0, HALF, 0]),
        ("16 channels", 16, [0.25] * 16),
        ("ambisonic 1", 4, [1, 0, 0, 0]),
    ],
)
def test_the_left_of_every_layout(layout, channels, left):
    assert [round(part, 6) for part in downmix(layout, channels, 2)[0]] == left


def test_mono_keeps_the_centre_of_many_channels_and_the_level_of_two():
    assert [round(part, 6) for part in downmix("5.1", 6, 1)[0]] == [HALF, HALF, 1, 0, 0.5, 0.5]
    assert downmix("stereo", 2, 1) == ((0.5, 0.5),)
    assert most(downmix("stereo", 2, 1)) == 1.0
    assert pan(downmix("stereo", 2, 1)) == "mono|c0=0.5*c0+0.5*c1"


@pytest.mark.ffmpeg
def test_every_layout_that_ffmpeg_knows_is_known_here(ffmpeg_layouts):
    assert len(ffmpeg_layouts) > 30
    assert {layout: names(layout, len(found)) for layout, found in ffmpeg_layouts.items()} == ffmpeg_layouts
    for layout, found in ffmpeg_layouts.items():
        left, right = downmix(layout, len(found), 2)
        heard = {name for name, *parts in zip(found, left, right, strict=True) if any(parts)}
        assert heard == {name for name in found if "LFE" not in name}, layout


@pytest.fixture
def ffmpeg_layouts():
    import subprocess

    from workers.engine.capabilities import ffmpeg_path

    told = subprocess.run([ffmpeg_path(), "-hide_banner", "-layouts"], capture_output=True, text=True, check=True)
    rows = re.findall(r"^(\S+)\s+([A-Z0-9]+(?:\+[A-Z0-9]+)*)$", told.stdout.partition("DECOMPOSITION")[2], re.MULTILINE)
    return {name: tuple(parts.split("+")) for name, parts in rows}


@pytest.mark.parametrize(
    ("codec", "source", "wanted", "made", "notes"),
    [
        ("aac", (2, "stereo"), None, 2, ()),
        ("aac", (1, "mono"), None, 1, ()),
        ("aac", (1, "mono"), 2, 2, ()),
        ("aac", (2, "stereo"), 1, 1, ()),
        ("aac", (6, "5.1"), None, 2, ("6 channels were mixed down to stereo.",)),
        ("aac", (6, "5.1"), 1, 1, ("6 channels were mixed down to mono.",)),
        ("aac", (6, "5.1"), 6, 6, ()),
        ("aac", (8, "7.1"), 6, 6, ("8 channels were mixed down to 5.1.",)),
        ("aac", (2, "stereo"), 6, 2, ("More than 2 channels were not made.",)),
        ("aac", (5, "5.0"), 6, 2, ("More than 2 channels were not made.", "5 channels were mixed down to stereo.")),
        ("mp3", (6, "5.1"), 6, 2, ("More than 2 channels were not made.", "6 channels were mixed down to stereo.")),
    ],
)
def test_how_many_channels_come_out(codec, source, wanted, made, notes):
    found = prepared(codec, with_sound(channels=source[0], layout=source[1]), channels=wanted)
    assert (found.channels, found.notes) == (made, notes)


@pytest.mark.parametrize("value", [0, 3, 7, True, "2", 2.5])
def test_other_numbers_of_channels_are_refused(value):
    with pytest.raises(ValueError, match="must be one of 1, 2, 6, 8"):
        Sounding(channels=value)


@pytest.mark.parametrize(
    ("codec", "rate", "wanted", "made", "notes"),
    [
        ("aac", 44_100, None, 44_100, ()),
        ("aac", 96_000, None, 48_000, ()),
        ("flac", 96_000, None, 96_000, ()),
        ("flac", 96_000, 44_100, 44_100, ()),
        ("mp3", 9_000, None, 11_025, ()),
        ("opus", 44_100, None, 48_000, ()),
        ("opus", 44_100, 16_000, 48_000, ("opus knows no 16000 Hz: the sound has 48000 Hz.",)),
        ("vorbis", 192_000, None, 48_000, ()),
    ],
)
def test_rates_that_a_codec_knows(codec, rate, wanted, made, notes):
    found = prepared(codec, with_sound(sample_rate=rate), sample_rate=wanted)
    assert (found.sample_rate, found.notes) == (made, notes)


def test_sound_that_nothing_happens_to_is_left():
    assert prepared().left
    for options in ({"channels": 1}, {"sample_rate": 8_000}, {"normalize": True}, {"audio_track": 1}):
        assert not prepared(**options).left


# ── loudness ─────────────────────────────────────────────────────────────────────────────────────────────────────────
SUMMARY = """[Parsed_ebur128_0 @ 0x1] Summary:

  Integrated loudness:
    I:         {integrated} LUFS
    Threshold: -33.0 LUFS

  Loudness range:
    LRA:         4.2 LU
    Threshold: -43.0 LUFS
    LRA low:   -25.0 LUFS
    LRA high:  -20.0 LUFS

  True peak:
    Peak:       {peak} dBFS
"""


def values(integrated, peak, measure="loudness -16 -1.5"):
    return measured(measure, SUMMARY.format(integrated=integrated, peak=peak))


@pytest.mark.parametrize(
    ("normalize", "target"), [(None, None), (False, None), (True, -16.0), (-23, -23.0), (-14.5, -14.5)]
)
def test_what_normalize_means(normalize, target):
    assert Sounding(normalize=normalize).loudness == target


@pytest.mark.parametrize("value", [0, 1, -7, -41, "yes", float("nan"), float("-inf")])
def test_no_other_loudness_is_accepted(value):
    with pytest.raises(ValueError, match="must be true, false, or a loudness from -40 to -8 LUFS"):
        Sounding(normalize=value)


def test_sound_is_measured_before_it_is_made_louder():
    found = prepared(normalize=-23)
    first, second, third = found.steps
    assert [step.measures for step in found.steps] == [
        *("loudness -23 -1.5", "loudness/correction @{loudness.aim}", "loudness/again @{loudness.aim}")
    ]
    assert [step.when for step in found.steps] == [None, "loudness.limited", "loudness.short"]
    assert "alimiter" not in " ".join(first.args)
    assert "volume=@{loudness.gain}dB" in " ".join(second.args)
    assert "volume=@{loudness.correction}dB" in " ".join(third.args)
    assert found.notes == ("The loudness is measured first, then brought to −23 LUFS with peaks up to −1.5 dBTP.",)


def test_room_for_a_plain_gain():
    assert values("-23.0", "-12.3") == {
        "loudness.integrated": "-23.0",
        "loudness.peak": "-12.3",
        "loudness.gain": "7.00",
        "loudness.aim": "-16.0",
        "loudness.correction": "0.00",
        "loudness.again": "0.00",
        "loudness.short": "",
        "loudness.limited": "",
        "loudness.note": "",
    }


def test_peaks_that_need_a_limiter():
    found = values("-23.0", "-3.0")
    assert (found["loudness.gain"], found["loudness.limited"]) == ("7.00", "yes")
    assert measured_notes(found) == ("A limiter took up to 5.5 dB off the highest peaks.",)


def test_peaks_that_leave_no_room():
    found = values("-40.0", "-3.0")
    assert (found["loudness.gain"], found["loudness.aim"]) == ("13.50", "-26.5")
    assert measured_notes(found) == (
        "The sound was made 13.5 dB louder and not 24.0 dB, as its peaks would have been crushed: "
        "it is at −26.5 LUFS, not −16.0.",
    )


def test_sound_that_is_made_less_loud_needs_no_room():
    assert values("-5.0", "1.2")["loudness.gain"] == "-11.00"


@pytest.mark.parametrize("summary", [("-70.0", "-inf"), ("-inf", "-inf"), ("nan", "-20.0")])
def test_silence_is_left_alone(summary):
    found = values(*summary)
    assert (found["loudness.gain"], found["loudness.limited"]) == ("0.00", "")
    assert measured_notes(found) == (
        "The sound is silent, or too short to be measured: its loudness was left as it is.",
    )


@pytest.mark.parametrize(
    ("integrated", "correction", "short"),
    [("-16.4", "0.40", ""), ("-15.9", "0.00", ""), ("-17.5", "1.50", "yes"), ("-26.0", "4.00", "yes")],
)
def test_what_a_limiter_took_is_given_back_within_reason(integrated, correction, short):
    found = values(integrated, "-1.7", "loudness.2/correction -16")
    assert found == {"loudness.2.correction": correction, "loudness.2.short": short}


def test_what_cannot_be_given_back_is_told():
    assert values("-16.4", "-1.7", "loudness/again -16") == {"loudness.again": "0.40"}
    assert measured_notes(values("-18.0", "-1.7", "loudness/again -16")) == (
        "Its peaks are most of the sound: held by the limiter, it stays below −16.0 LUFS.",
    )


def test_a_log_without_a_summary_is_a_failure():
    with pytest.raises(ProcessingFailed, match="could not be measured"):
        measured("loudness -16 -1.5", "frame= 1")
