"""Sound from a video, or another format, length or quality of a sound; or its waveform, as data or as a picture."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from workers import graph
from workers.copying import copy_note
from workers.documents import TYPE
from workers.encoders.audio import audio_settings, quieter
from workers.engine.errors import SourceUnsupported
from workers.engine.limits import threads
from workers.engine.probe import AudioStream, Probe
from workers.formats import FORMATS, Format, find_format, format_named, writable
from workers.graph import Cut, Sound, Span
from workers.graph.cover import KEPT, cover_art
from workers.graph.waveform import MANY, PEAKS, SAMPLES, peak_args, samples_per_column, samples_per_point
from workers.kinds.base import (
    Expected,
    FfmpegStep,
    HelperStep,
    Kind,
    Output,
    Plan,
    Source,
    SourceResult,
    entry_of,
    source_result,
)
from workers.kinds.groups import Sounding, Spanned
from workers.options import QUALITY, Color, Quality, any_case, check_extension, quality_number, rgba

JSON = Format("json", "data", TYPE, "json")
PICTURES = ("png", "webp", "jpeg")
_WAVEFORMS = ("json", *PICTURES)
_NAMES = (*writable("audio"), *_WAVEFORMS)
_HOMES = {"mp3": "mp3", "aac": "aac", "alac": "alac", "vorbis": "ogg", "opus": "opus", "flac": "flac", "pcm": "wav"}
_WIDTH, _HEIGHT = 1800, 280  # pixels of a picture: sharp in a page's column on a dense screen
_COLOR = "#2563eb"  # seen on white and on black
# Containers whose timestamps are sure enough to be copied, and the samples that a WAV file has as they are.
_SURE = ("mp4", "mov", "3gp", "mkv", "webm", "mp3", "ogg", "flac", "wav", "aac", "caf")
_LOSSLESS = ("pcm", "flac", "alac")
_TIMED = ("mp4", "mov", "3gp", "mkv", "webm")  # of those: in which a sound may begin late
_WAVE = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le")
_EVEN_START = 0.01  # seconds; sound that begins later in its file gets its silence, which copying cannot give it
# Seconds of sound ahead of a span: decoders need some of it before they are right (Opus 80 ms, MP3 its bit reservoir),
# and files have a place to begin at that often.
_LOOK_BACK = 1.0
_LARGE_WAVE = 3.9e9  # bytes; beyond 4 GiB a WAV file's lengths need RF64


def named(filename: str | None) -> Format | None:
    """The format that a filename's extension says, of those made here."""
    if filename and filename.lower().endswith(".json"):
        return JSON
    found = format_named(filename)
    return found if found and found.name in _NAMES else None


def _format(value: Any) -> Any:
    if value is None:
        return None
    text = value.strip().lower().removeprefix(".") if isinstance(value, str) else ""
    found = JSON if text == "json" else find_format(text)
    if found is None or found.name not in _NAMES:
        raise ValueError(f"must be one of {', '.join(_NAMES)}")
    return found.name


class AudioOptions(Sounding, Spanned):
    makes = "audio"

    format: Annotated[str | None, BeforeValidator(_format), WithJsonSchema({"type": "string", "enum": _NAMES})] = Field(
        None,
        description="As the filename says, or as the input, else mp3, when not given. aac and alac come in an MP4 "
        "container (.m4a), ogg is Vorbis, and opus comes in an Ogg container (.opus). json is the waveform's data as "
        "audiowaveform writes it; png, webp and jpeg are a picture of it.",
    )
    codec: Annotated[Literal["mp3", "aac", "alac", "vorbis", "opus", "flac", "pcm"] | None, any_case()] = Field(
        None, description="The format's own when not given. ogg can have vorbis, opus and flac, m4a aac and alac."
    )
    quality: Quality = Field(None, description=f"{QUALITY} No meaning for wav, flac and alac.")
    bitrate: int | None = Field(None, ge=32_000, le=320_000, description="Bits per second; wins over quality.")
    samples_per_pixel: int | None = Field(
        None,
        ge=2,
        le=10_000_000,
        description=f"Samples for each point of json; {SAMPLES}, and more where that made over {MANY} points, when not "
        "given.",
    )
    pixels_per_second: int | None = Field(
        None, ge=1, le=10_000, description="Points of json for each second, in place of samples_per_pixel."
    )
    bits: Literal[8, 16] | None = Field(None, description="Of each number of json; 16 when not given.")
    split_channels: bool | None = Field(
        None, description="Each channel's own points in json; of all mixed to one when not given."
    )
    width: int | None = Field(None, ge=16, le=8192, description=f"Of the picture, pixels; {_WIDTH} when not given.")
    height: int | None = Field(None, ge=16, le=2160, description=f"Of the picture, pixels; {_HEIGHT} when not given.")
    color: Color = Field(None, description=f"Hex colour of the waveform; {_COLOR} when not given.")
    background: Color = Field(None, description="Hex colour behind it; transparent, and white in jpeg, when not given.")

    @field_validator("filename")
    @classmethod
    def _extension_agrees(cls, filename: str | None) -> str | None:
        if filename and named(filename) is None:
            check_extension(filename, "audio")
        return filename

    @field_validator("format")
    @classmethod
    def _format_suits_filename(cls, format: str | None, info: ValidationInfo) -> str | None:
        by_name = named(info.data.get("filename"))
        if format and by_name and _family(format) != _family(by_name.name):
            raise ValueError(f"must suit the filename, which ends in .{by_name.extension}")
        return format

    @field_validator("codec")
    @classmethod
    def _codec_suits_format(cls, codec: str | None, info: ValidationInfo) -> str | None:
        by_name = named(info.data.get("filename"))
        chosen = FORMATS.get(info.data.get("format") or "") or (by_name if "format" in info.data else None)
        if codec and chosen and chosen.media_type == "audio" and codec not in chosen.audio_codecs:
            raise ValueError(f"must be one of {', '.join(chosen.audio_codecs)} for {chosen.name}")
        return codec

    @field_validator("samples_per_pixel", "pixels_per_second", "bits", "split_channels")
    @classmethod
    def _only_for_data(cls, value: Any, info: ValidationInfo) -> Any:
        return _only_for(value, info, ("json",))

    @field_validator("width", "height", "color", "background")
    @classmethod
    def _only_for_pictures(cls, value: Any, info: ValidationInfo) -> Any:
        return _only_for(value, info, PICTURES)

    @field_validator("pixels_per_second")
    @classmethod
    def _one_scale(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("samples_per_pixel") is not None:
            raise ValueError("must not be given together with samples_per_pixel")
        return value


def _family(name: str) -> str:
    return "data" if name == "json" else "picture" if name in PICTURES else "sound"


def _only_for(value: Any, info: ValidationInfo, formats: tuple[str, ...]) -> Any:
    by_name = named(info.data.get("filename"))
    chosen = info.data.get("format") or (by_name.name if by_name else None)
    if value is not None and "format" in info.data and chosen not in formats:
        raise ValueError(f"is only for format {' or '.join(formats)}")
    return value


def plan(options: AudioOptions, source: Source) -> Plan:
    """Decide every command. Pure: no file is opened, no process started."""
    probe = source.probe
    audio = graph.track(probe, options.audio_track)
    if audio is None:
        raise SourceUnsupported("Audio cannot be made from this input: it has no sound that can be decoded.")
    if audio.codec.startswith("pcm_") and not probe.duration:
        raise SourceUnsupported("Audio cannot be made from this input: its sound has no length.")
    chosen = output_format(options, probe, audio)
    part, notes = graph.span(_sound_only(probe, audio), start=options.start, end=options.end, duration=options.duration)
    videos = [stream.index for stream in probe.videos]
    if chosen.name in _WAVEFORMS:
        notes = (*notes, *graph.dropped(probe, audio.index, *videos, covers=False))
        return _waveform(options, source, chosen, part, notes)
    codec = options.codec or own_codec(chosen, probe, audio) or chosen.audio_codecs[0]
    cut = _cut(part)
    sound = _prepared(options, source, codec, part, cut)
    copied = _can_be_copied(options, probe, sound, codec, part)
    cover = None if chosen.muxer == "wav" else cover_art(probe, source.path, block=chosen.muxer in ("ogg", "opus"))
    chapters = bool(probe.chapters) and not part.partial and chosen.muxer != "wav"
    commented = chosen.muxer in ("ogg", "opus", "flac")
    target = f"audio.{chosen.extension}"

    def args(copy: bool, with_cover: bool) -> tuple[str, ...]:
        stream = graph.source_input(probe, source.path, cut or part)[str(audio.index)]
        settings = _settings(options, chosen, codec, sound, part, copy, audio.bitrate if copied else None)
        if not copy:
            loss = quieter(codec, int(settings.get("b:a", 0)))
            if sound.measure and loss:  # ahead of the limiter, which holds the peaks all the same
                stream = stream.filter("volume", f"{loss}dB", precision="float")
            stream = _dithered(sound, codec, sound.filtered(cut.sound(stream) if cut else stream))
        metadata = graph.metadata_args(probe, audio, chapters=chapters and not commented)
        metadata += graph.chapter_comments(probe) if chapters and commented else ()
        if not with_cover or cover is None:
            return graph.output_args([stream], target, settings, metadata)
        made = graph.output_args(
            [stream, *cover.streams()], target, settings | cover.settings(), cover.metadata(metadata)
        )
        place = made.index("-i") + 2
        return (*made[:place], *cover.inputs(), *made[place:])

    def made(copy: bool, first: bool) -> tuple[FfmpegStep, ...]:
        """With the cover where it is one, else without; not at all if an earlier step made it."""
        needs = () if copy else (str(_settings(options, chosen, codec, sound, part, False)["c:a"]),)
        before, weight = None if first else target, 1.0 if first else 0.01
        if cover is None:
            return (FfmpegStep(args(copy, False), part.duration, needs, before, weight),)
        return (
            FfmpegStep(args(copy, True), part.duration, needs, before, weight, when=KEPT),
            FfmpegStep(args(copy, False), part.duration, needs, target, 0.01),
        )

    steps: tuple[FfmpegStep | HelperStep, ...] = (*(cover.steps if cover else ()), *sound.steps, *made(copied, True))
    if copied:
        check = HelperStep("copied", {"target": target}, measures="copied")
        steps = (*steps, check, *made(False, False))
    used = [*videos, *([probe.covers[0].index] if cover else [])]
    notes = (
        *notes,
        *(copy_note(True, None) if copied else sound.notes),
        *_precision_note(codec, audio),
        *(("The chapters were left out.",) if probe.chapters and not chapters else ()),
        *graph.dropped(probe, audio.index, *used),
    )
    expected = Expected(
        target,
        chosen.mime,
        "audio",
        duration=part.duration,
        until=None if part.duration is None else part.start + part.duration,
        at_most=graph.length_unsure(probe, audio),
        audio_codec=codec,
        channels=sound.channels,
        sample_rate=sound.sample_rate,
        container=chosen.name,
        audios=1,
        subtitles=0,
    )
    return Plan(steps, (expected,), reads=graph.reads(probe, part), notes=notes)


def output_format(options: AudioOptions, probe: Probe, audio: AudioStream | None = None) -> Format:
    """The format asked for, else the filename's, else a sound input's own if it can be written, else MP3: the first
    that suits the codec asked for."""
    if options.format:
        return JSON if options.format == "json" else FORMATS[options.format]
    own = own_format(probe, audio or probe.audio) if probe.media_type == "audio" else None
    home = FORMATS[_HOMES[options.codec]] if options.codec else FORMATS["mp3"]
    for choice in (named(options.filename), own):
        if choice and (options.codec is None or choice.name in _WAVEFORMS or options.codec in choice.audio_codecs):
            return choice
    return home


def own_format(probe: Probe, audio: AudioStream | None) -> Format | None:
    """The format of a sound file that can be written again as it is; None for the others."""
    codec = audio.codec if audio else ""
    if codec.startswith("pcm_") and probe.container == "wav":
        return FORMATS["wav"]
    kept = {
        "mp3": ("mp3",),
        "ogg": ("vorbis", "opus", "flac"),
        "flac": ("flac",),
        "mp4": ("aac", "alac"),
        "aac": ("aac",),
    }
    if codec not in kept.get(probe.container, ()):
        return None
    return FORMATS["ogg" if codec == "vorbis" or (probe.container, codec) == ("ogg", "flac") else codec]


def own_codec(chosen: Format, probe: Probe, audio: AudioStream) -> str | None:
    """The input's codec where its own format is kept, as Ogg has several; None for the format's usual one."""
    own = own_format(probe, audio) if probe.media_type == "audio" else None
    return "flac" if own is chosen and chosen.name == "ogg" and audio.codec == "flac" else None


def _sound_only(probe: Probe, audio: AudioStream) -> Probe:
    """The same facts with the sound's own length, which may be less than the picture's."""
    if not audio.duration:
        return probe
    end = audio.duration + max(0.0, audio.start or 0.0)
    return replace(probe, duration=min(end, probe.duration or end))


def _cut(part: Span) -> Cut | None:
    """How a span is cut out to the sample; None where it begins with the file."""
    if not part.start:
        return None
    seek = max(0.0, part.start - _LOOK_BACK)
    return Cut(seek, part.start - seek, part.duration if part.limited else None, 0.0, False)


def _prepared(options: AudioOptions, source: Source, codec: str, part: Span, cut: Cut | None) -> Sound:
    sound = graph.prepared(source, options, codec, part, cut=cut)
    assert sound is not None  # the track was found
    return sound


def _can_be_copied(options: AudioOptions, probe: Probe, sound: Sound, codec: str, part: Span) -> bool:
    """Whether nothing is asked that the input is not already."""
    audio = sound.stream
    same = audio.codec in _WAVE if codec == "pcm" else audio.codec == codec
    return (
        same
        and sound.left
        and not part.partial
        and (codec in _LOSSLESS or (options.quality is None and options.bitrate is None))
        and probe.container in _SURE
        and (audio.start is not None or probe.container not in _TIMED)
        and abs(audio.start or 0.0) <= _EVEN_START
    )


def _settings(
    options: AudioOptions,
    chosen: Format,
    codec: str,
    sound: Sound,
    part: Span,
    copied: bool,
    kept: int | None = None,
) -> dict[str, Any]:
    """Options of the output; `kept` is the bitrate of what could not be copied after all."""
    settings: dict[str, Any] = {"format": chosen.muxer, "sn": None, "dn": None}
    if copied:
        settings["c:a"] = "copy"
    else:
        bitrate = options.bitrate or kept
        made = replace(sound.stream, channels=sound.channels, sample_rate=sound.sample_rate)
        settings |= audio_settings(codec, made, quality=quality_number(options.quality), bitrate=bitrate)
        settings["flags:a"] = "+bitexact"  # no name and version of the encoder
    if chosen.muxer == "ipod":
        settings["movflags"] = "+faststart"
    if chosen.muxer == "mp3":
        settings["id3v2_version"] = 3  # the one that every player reads
    if chosen.muxer == "wav" and _wave_size(sound, part) > _LARGE_WAVE:
        settings["rf64"] = "auto"
    if threads():
        settings["threads"] = threads()
        settings |= {} if copied else {"filter_complex_threads": threads()}
    return settings


def _wave_size(sound: Sound, part: Span) -> float:
    """Bytes at most; beyond all bounds where the length is unknown."""
    return (part.duration or 1e9) * sound.sample_rate * sound.channels * 8


def _dithered(sound: Sound, codec: str, stream: Any) -> Any:
    """Samples that were reckoned anew come to 16 bits with noise in place of distortion; untouched ones stay exact."""
    if sound.left or codec not in _LOSSLESS or (sound.stream.bit_depth or 16) > 16:
        return stream
    return stream.filter("aresample", osf="s16", dither_method="triangular")


def _precision_note(codec: str, audio: AudioStream) -> tuple[str, ...]:
    bits = audio.bit_depth or 0
    return (f"Samples of {bits} bits became 24 bits.",) if codec in ("flac", "alac") and bits > 24 else ()


# ── waveforms ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _waveform(options: AudioOptions, source: Source, chosen: Format, part: Span, notes: tuple[str, ...]) -> Plan:
    audio = graph.track(source.probe, options.audio_track)
    assert audio is not None
    channels = (options.channels or min(2, audio.channels)) if options.split_channels else 1
    cut = _cut(part)
    sound = _prepared(options.model_copy(update={"channels": channels}), source, "pcm", part, cut)
    samples = None if part.duration is None else round(part.duration * sound.sample_rate)
    width, height = options.width or _WIDTH, options.height or _HEIGHT
    if chosen.name == "json":
        whole = None if samples is None else samples * sound.channels
        block = samples_per_point(options.samples_per_pixel, options.pixels_per_second, sound.sample_rate, whole)
    else:
        block = samples_per_column(width, samples)
    stream = graph.source_input(source.probe, source.path, cut or part)[str(audio.index)]
    heard = sound.filtered(cut.sound(stream) if cut else stream)
    step = FfmpegStep(
        peak_args(heard, channels=sound.channels, samples=block),
        duration=part.duration,
        needs=("asetnsamples", "astats", "ametadata"),
    )
    target = f"waveform.{chosen.extension}"
    operations: dict[str, Any] = {"source": PEAKS, "target": target, "format": chosen.name}
    unsure = samples is None or graph.length_unsure(source.probe, audio)
    operations |= {"points": None if unsure or samples is None else -(-samples // block)}
    if chosen.name == "json":
        operations |= {
            "channels": sound.channels,
            "sample_rate": sound.sample_rate,
            "samples_per_pixel": block,
            "bits": options.bits or 16,
        }
        expected = Expected(target, chosen.mime, None, duration=part.duration)
    else:
        under = options.background or ("#ffffff" if chosen.name == "jpeg" else "#00000000")
        operations |= {"width": width, "height": height}
        operations |= {"color": rgba(options.color or _COLOR), "background": rgba(under)}
        expected = Expected(target, chosen.mime, "image", width=width, height=height)
    kept = tuple(note for note in sound.notes if "mixed down" not in note)
    steps: tuple[FfmpegStep | HelperStep, ...] = (*sound.steps, step, HelperStep("waveform", operations))
    return Plan(steps, (expected,), reads=graph.reads(source.probe, part), notes=(*notes, *kept))


def result(plan: Plan, outputs: list[Output]) -> SourceResult:
    """The facts of the output; of data, which is no medium, what is known of it. Raises OutputMismatch."""
    expected = plan.expected[0]
    if expected.media_type is not None:
        return source_result(plan, outputs)
    facts = {"type": expected.type, "format": "json", "duration": expected.duration, "notes": plan.notes}
    return SourceResult.model_validate(facts | {"filesize": entry_of(outputs).path.stat().st_size})


KIND = Kind(
    name="audio",
    summary="Sound from a video, or another format of a sound.",
    accepts=frozenset({"audio", "video"}),
    lane="heavy",
    options=AudioOptions,
    plan=plan,
    result=result,
    examples=(
        {},
        {"format": "aac", "bitrate": 64_000, "normalize": True},
        {"format": "opus", "start": 0.2, "end": 0.7, "channels": 1},
        {"format": "wav"},
        {"format": "json", "bits": 8},
        {"format": "png", "width": 640, "height": 120},
    ),
)
