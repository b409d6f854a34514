"""Speech by the smallest model, of a recorded human voice."""

import json
import os
import threading
import wave
from itertools import groupby
from pathlib import Path

import pytest

from tests.speech import CARDS, word_errors
from workers.documents import read_document
from workers.engine.errors import ModelMissing, SourceUnsupported, Stopped
from workers.engine.runner import Silent
from workers.kinds.speech import KIND
from workers.providers import host
from workers.providers.local import local_providers
from workers.providers.speech import voice, weights, whisper
from workers.providers.speech.voice import Span, windows
from workers.providers.speech.weights import speaker_weights
from workers.providers.speech.whisper import Whisper, _Work, local_speech
from workers.run import check, run, source_from_path
from workers.tests.media import ffmpeg
from workers.transcripts import read_transcript, spelled

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("speech")]  # the model is loaded once


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The smallest model; without it: skip, or fail where REQUIRE_SERVICES says that all must be there."""
    monkeypatch.setenv("SPEECH_MODEL", "tiny.en")
    monkeypatch.setenv("MODEL_THREADS", "2")
    monkeypatch.setattr(whisper, "speaker_weights", lambda: None)
    missing = not isinstance(local_speech(), Whisper)
    if missing and os.environ.get("REQUIRE_SERVICES"):
        pytest.fail("The speech model tiny.en is not installed: `make intelligence` installs it.")
    if missing:
        pytest.skip("The speech model tiny.en is not installed: `make intelligence` installs it.")


def document(done) -> dict:
    (output,) = done.outputs
    assert (output.name, output.type, output.entry) == ("speech.json", "application/json", True)
    return read_document(output.path)


def test_damaged_weights_are_told(real_speech, tmp_path, monkeypatch):
    # The first of all, as the model that is loaded makes way for it.
    packaged = local_speech().weights
    damaged = weights.Weights("tiny.en", packaged.folder, packaged.parts, "0" * 64)
    work = _Work(Whisper(damaged, "cpu", 1), str(real_speech.clips[1].path), Silent(), lambda part: None)
    with pytest.raises(ModelMissing, match=r"The weights of the speech model tiny\.en are damaged"):
        work.language([], "en")


def test_what_is_said_comes_with_its_times(real_speech, transcribed):
    done, report = transcribed.done, transcribed.report
    told = document(done)
    assert word_errors(real_speech.text, " ".join(told["text"])) <= 5  # of 57 words
    named = {name: told[name] for name in ("detected", "speakers", "language", "languages", "model", "model_version")}
    assert named == {
        "detected": True, "speakers": 1, "language": "en", "languages": ["en"], "model": "whisper-tiny.en",
        "model_version": "1a5afae06a4d",
    }  # fmt: skip
    assert [line["text"] for line in told["timeline"]] == told["text"]
    for line, clip in zip(told["timeline"], real_speech.clips, strict=True):
        assert (line["start"], line["end"]) == (pytest.approx(clip.start, abs=0.5), pytest.approx(clip.end, abs=0.5))
        assert " ".join(word["text"] for word in line["words"]) == line["text"]
        moments = [moment for word in line["words"] for moment in (word["start"], word["end"])]
        assert moments == sorted(moments)
        assert (moments[0], moments[-1]) == (line["start"], line["end"])
        assert 0.5 < line["confidence"] <= 1
    assert [line["index"] for line in told["timeline"]] == [0, 1, 2, 3, 4]
    assert 0.8 < told["confidence"] <= 1
    assert done.result.model_dump(exclude={"confidence", "notes", "speakers_known"}) == {
        "detected": True, "speakers": 1, "language": "en", "count": 5, "model": "whisper-tiny.en",
        "model_version": "1a5afae06a4d",
    }  # fmt: skip
    assert report.percents == sorted(report.percents)
    assert len(report.percents) > 4
    transcript = read_transcript(transcribed.folder / "speech.json")
    assert [spelled(segment.words, "en") for segment in transcript.segments] == told["text"]


def test_times_are_the_videos_whose_sound_begins_late(real_speech, tmp_path, workdir):
    clip = real_speech.clips[1]
    video = tmp_path / "late.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=s=64x48:r=10:d=9", "-itsoffset", "4", "-i", clip.path, "-c:a", "aac", video)
    told = document(run(KIND, {}, video, workdir))
    (line,) = told["timeline"]
    assert (line["start"], line["end"]) == (pytest.approx(4.2, abs=0.4), pytest.approx(4 + 2.99, abs=0.5))
    assert "words" not in line
    assert word_errors(clip.text, line["text"]) <= 2


def test_a_part_keeps_the_times_of_the_whole(real_speech, workdir):
    clip = real_speech.clips[2]
    told = document(run(KIND, {"start": clip.start - 0.5, "end": clip.end + 0.5}, real_speech.path, workdir))
    assert word_errors(clip.text, " ".join(told["text"])) <= 2
    assert told["timeline"][0]["start"] == pytest.approx(clip.start, abs=0.5)


@pytest.mark.parametrize("sound", ["anullsrc=r=44100", "anoisesrc=a=0.3:seed=1", "sine=f=440"])
def test_where_nobody_speaks_nothing_is_invented(sound, tmp_path, workdir):
    quiet = tmp_path / "quiet.flac"
    ffmpeg("-f", "lavfi", "-i", f"{sound}", "-t", "6", quiet)
    done = run(KIND, {"words": True}, quiet, workdir)
    assert document(done) == {
        "object": "intelligence", "kind": "speech", "detected": False, "speakers": 0, "speakers_known": False,
        "language": None, "language_confidence": None, "languages": [], "text": [], "confidence": 0.0, "timeline": [],
        "model": "whisper-tiny.en", "model_version": "1a5afae06a4d", "notes": [],
    }  # fmt: skip
    assert (done.result.detected, done.result.language, done.result.count) == (False, None, 0)


def test_speakers_are_told_apart_by_their_voices(real_speech, tmp_path, workdir, monkeypatch):
    weights_of_voices = speaker_weights()
    if weights_of_voices is None and os.environ.get("REQUIRE_SERVICES"):
        pytest.fail("The weights of voices are not installed: `make intelligence` installs them.")
    if weights_of_voices is None:
        pytest.skip("The weights of voices are not installed: `make intelligence` installs them.")
    monkeypatch.setattr(whisper, "speaker_weights", lambda: weights_of_voices)
    talk = tmp_path / "talk.flac"
    files = (real_speech.clips[2].path, CARDS, real_speech.clips[4].path)
    padded = "".join(f"[{place}:a]apad=pad_dur=1.6[p{place}];" for place in range(3))
    inputs = [part for path in files for part in ("-i", path)]
    ffmpeg(*inputs, "-filter_complex", f"{padded}[p0][p1][p2]concat=n=3:v=0:a=1", talk)
    told = document(run(KIND, {}, talk, workdir))
    heard = [line["speaker"] for line in told["timeline"]]
    assert [speaker for speaker, _ in groupby(heard)] == [0, 1, 0]
    assert (told["speakers"], told["speakers_known"]) == (2, True)
    assert told["notes"] == ["Speakers were told apart by their voices; alike ones may count as one."]


def test_what_is_less_sure_is_left_out(real_speech, workdir):
    told = document(run(KIND, {"confidence": 1.0}, real_speech.clips[1].path, workdir))
    assert (told["detected"], told["text"], told["language"]) == (False, [], None)


def test_a_sound_cut_at_awkward_places_loses_and_doubles_no_word(real_speech, tmp_path, monkeypatch):
    (clip,) = real_speech.clips[:1]
    work = _Work(local_speech(), str(clip.path), Silent(), lambda part: None)
    spoken = Span(0.0, clip.end - clip.start)
    once = work.words(windows([spoken], spoken.end), [spoken], [spoken], "en")
    monkeypatch.setattr(voice, "WINDOW", 4.5)
    monkeypatch.setattr(voice, "OVERLAP", 1.6)
    found = windows([spoken], spoken.end)
    assert len(found) > 2
    pieces = work.words(found, [spoken], [spoken], "en")
    told, whole = ("".join(word.text for word in words) for words in (pieces, once))
    assert (word_errors(clip.text, whole) <= 1, word_errors(whole, told) <= 1) == (True, True), told


def test_what_a_decoding_left_out_is_asked_again(real_speech, monkeypatch):
    (clip,) = real_speech.clips[:1]
    work = _Work(local_speech(), str(clip.path), Silent(), lambda part: None)
    spoken = Span(0.0, clip.end - clip.start)
    ask, asked = work.ask, []

    def ended_early(op, **args):
        told = ask(op, **args)
        asked.append(args["clips"])
        if len(asked) == 1:  # as where the model thinks that nothing more is said
            told = told[:1]
            told[0]["words"] = told[0]["words"][:6]
        return told

    monkeypatch.setattr(work, "ask", ended_early)
    words = work.words(windows([spoken], spoken.end), [spoken], [spoken], "en")
    assert word_errors(clip.text, "".join(word.text for word in words)) <= 1
    (whole,), (again,) = asked
    assert (whole, again[1]) == ([spoken.start, spoken.end], spoken.end)
    assert again[0] > 1.0


def test_a_voice_far_off_is_heard_between_near_ones(real_speech, tmp_path):
    near, far, other = real_speech.clips[0], real_speech.clips[2], real_speech.clips[4]
    talk = tmp_path / "talk.wav"
    inputs = [part for clip in (near, far, other) for part in ("-i", clip.path)]
    faded = "[0:a]apad=pad_dur=0.5[near];[1:a]volume=-48dB,apad=pad_dur=0.5[far]"
    ffmpeg(*inputs, "-filter_complex", f"{faded};[near][far][2:a]concat=n=3:v=0:a=1", "-c:a", "pcm_s16le", talk)
    speech, place = [], 0.0
    for clip in (near, far, other):
        speech.append(Span(place + 0.2, place + clip.end - clip.start - 0.2))
        place += clip.end - clip.start + 0.5
    work = _Work(local_speech(), str(talk), Silent(), lambda part: None)
    told = "".join(word.text for passage in work.hear([Span(0.0, place)], speech, "en") for word in passage.words)
    said = " ".join(clip.text for clip in (near, far, other))
    assert word_errors(said, told) <= 6, told  # of 44 words; 14 are the far one's


# --- What is refused, and how ---


def test_a_video_without_sound_is_refused(make_video):
    facts = source_from_path(make_video(audio=None)).probe
    with pytest.raises(SourceUnsupported) as refused:
        check(KIND, {}, facts)
    assert (refused.value.param, refused.value.message) == (
        None, "speech needs sound; the input has none that can be decoded."
    )  # fmt: skip


def test_a_model_of_one_language_names_the_option(real_speech, workdir):
    with pytest.raises(ModelMissing) as refused:
        run(KIND, {"language": "German"}, real_speech.clips[1].path, workdir)
    assert refused.value.param == "language"
    assert refused.value.message == (
        "The speech model whisper-tiny.en knows only English: language de (German) needs a multilingual one, which "
        "SPEECH_MODEL can name."
    )


def test_without_a_model_the_task_names_the_command(real_speech, workdir, monkeypatch):
    monkeypatch.delenv("SPEECH_MODEL")
    monkeypatch.setattr(weights, "package_folder", lambda package: None)
    with pytest.raises(ModelMissing) as refused:
        run(KIND, {}, real_speech.clips[1].path, workdir)
    assert refused.value.message == "There is no model for speech here. `make intelligence` installs one."


def test_a_model_that_is_named_and_not_installed_is_told_to_who_needs_it(real_speech, workdir, monkeypatch):
    monkeypatch.setenv("SPEECH_MODEL", "base")
    monkeypatch.setattr(weights, "package_folder", lambda package: None)
    with pytest.raises(ModelMissing, match=r"base that SPEECH_MODEL names is not installed\. `make intelligence`"):
        run(KIND, {}, real_speech.clips[1].path, workdir)
    assert local_providers().standings()[0].model is None  # and nothing else is stopped by it


def test_a_bad_setting_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SPEECH_MODEL", "enormous")
    with pytest.raises(ValueError, match=r"SPEECH_MODEL must be base, tiny\.en or a folder with a model, not 'enor"):
        local_speech()
    monkeypatch.setenv("SPEECH_MODEL", str(tmp_path))
    with pytest.raises(ValueError, match=r"SPEECH_MODEL names a folder without model\.bin"):
        local_speech()
    monkeypatch.setenv("SPEECH_MODEL", "tiny.en")
    monkeypatch.setenv("MODEL_DEVICE", "abacus")
    with pytest.raises(ValueError, match="MODEL_DEVICE must be one of auto, cpu, cuda"):
        local_speech()


def test_a_folder_by_path_is_a_model_with_its_own_version(real_speech, monkeypatch, tmp_path):
    packaged = local_speech().weights
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in Path(packaged.folder).iterdir():
        (folder / path.name).symlink_to(path)
    monkeypatch.setenv("SPEECH_MODEL", str(folder))
    assert local_speech().model.to_json() == {"model": "whisper-mine", "model_version": "1a5afae06a4d"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [("en", "en"), ("en-US", "en"), ("eng", "en"), ("English", "en"), ("auto", None), ("zh_TW", "zh")],
)
def test_a_language_is_written_as_people_do(given, kept):
    assert KIND.options(language=given).language == kept


@pytest.mark.parametrize(("name", "value"), [("language", "klingon"), ("speakers", 0), ("confidence", 1.5)])
def test_options_that_mean_nothing_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        KIND.options(**{name: value})


def test_the_plan_is_the_commands_to_run_by_hand(make_video):
    facts = source_from_path(make_video()).probe
    plan = check(KIND, {"language": "en", "words": True}, facts)
    sound, question, written = plan.commands()
    assert sound.endswith("-c:a pcm_s16le -fflags +bitexact -flags:a +bitexact -map_metadata -1 sound.wav")
    assert json.loads(question.split("'")[1]) == {"sound": "sound.wav", "language": "en", "speakers": None}
    assert "speech_document" in written


# --- The last, as the model is loaded anew after it ---


def test_a_stop_is_seen_within_a_window_and_ends_the_model(real_speech, tmp_path, workdir, report):
    long = tmp_path / "long.wav"
    with wave.open(str(real_speech.path)) as clip, wave.open(str(long), "wb") as whole:
        whole.setparams(clip.getparams())
        frames = clip.readframes(clip.getnframes())
        for _ in range(8):
            whole.writeframes(frames)
    late = []

    def stop() -> None:
        report.stop = True

    def progress(percent: float) -> None:  # half a second into the first window
        if report.stop:
            late.append(percent)
        if percent > 20 and not report.percents:
            threading.Timer(0.5, stop).start()
            report.percents.append(percent)

    report.progress = progress
    before = host.call("ping", {})
    with pytest.raises(Stopped):
        run(KIND, {}, long, workdir, report=report)
    assert len(late) <= 1  # one may be told in the moment of the stop, of a dozen windows
    assert not Path(f"/proc/{before}").exists()
