"""The sound on its way from how it is stored to how it is heard. Pure.

A kind asks `prepared` for the whole way: which track, how many channels, what rate, how loud. It runs the steps of what
it gets before its own, and puts `filtered` behind the source's stream.
"""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import ffmpeg

from workers.encoders.audio import fitting_channels, fitting_rate
from workers.engine.errors import SourceUnsupported
from workers.engine.probe import AudioStream, Probe
from workers.graph import channels as mixing
from workers.graph.output import thread_settings
from workers.graph.source import source_input
from workers.graph.times import Cut, Span, seconds
from workers.languages import same_language
from workers.plans import FfmpegStep, Source

# Speech sits in the centre: it keeps its loudness. Surrounds −3 dB, low frequencies left out (ITU-R BS.775, annex 4).
# Without a bound the mix would be turned down by the sum of all channels, which are hardly ever loud together; the
# limiter after it catches the moments when they are.
_DOWNMIX = {
    "center_mix_level": 0.7071,
    "surround_mix_level": 0.7071,
    "lfe_mix_level": 0,
    "rematrix_maxval": 1000,
}
_NAMED = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_CEILING = {"limit": 0.95, "level": 0, "latency": 1}  # −0.45 dBFS; `level` would make all louder, `latency` later
TRUE_PEAK = -1.5  # dBTP, as EBU R 128 s2 and AES TD1008 leave room for lossy codecs, which move peaks
# The limiter sees four samples for each of 48 kHz, as peaks lie between samples (ITU-R BS.1770, annex 2). Coming back
# from there moves some of them again.
_OVERSAMPLED, _OVERSHOOT = 192_000, 0.2  # Hz at least, dB
_PEAK = 10 ** ((TRUE_PEAK - _OVERSHOOT) / 20)

_LEAST = 0.1  # seconds


class SoundWishes(Protocol):
    """The options of workers.kinds.groups.Sounding."""

    @property
    def audio_track(self) -> int | str | None: ...
    @property
    def channels(self) -> int | None: ...
    @property
    def sample_rate(self) -> int | None: ...
    @property
    def loudness(self) -> float | None: ...


@dataclass(frozen=True)
class Sound:
    """A source's sound as it will be heard: `stream` is where it comes from, `channels` and `sample_rate` (Hz) are what
    it will have. `steps` measure it and come before the step that uses `filtered`; `notes` are for the viewer."""

    stream: AudioStream
    channels: int
    sample_rate: int
    steps: tuple[FfmpegStep, ...]
    notes: tuple[str, ...]
    duration: float | None = None  # of the part used, where it ends before the source does
    synced: bool = False
    measure: str | None = None  # the name its loudness is measured under
    least: float = 0.0  # seconds: silence, where there is less sound than that
    left: bool = True  # as it is: not mixed, resampled or made louder

    def filtered(self, stream: Any) -> Any:
        """The decoded stream on its whole way."""
        if not self.measure:
            return self.mixed(stream)
        return self.levelled(stream, *(f"@{{{self.measure}.{name}}}dB" for name in ("gain", "correction", "again")))

    def levelled(self, stream: Any, *gains: str) -> Any:
        """Mixed, and that much louder with its true peaks held."""
        stream = self.mixed(stream)
        for gain in gains:
            stream = stream.filter("volume", gain, precision="double")
        # A whole multiple, and the same one back: nothing of the timing is lost on the way.
        stream = stream.filter("aresample", self.sample_rate * min(4, -(-_OVERSAMPLED // self.sample_rate)))
        stream = stream.filter("alimiter", **_CEILING | {"limit": round(_PEAK, 4)})
        return stream.filter("aresample", self.sample_rate)

    def mixed(self, stream: Any) -> Any:
        """Without any change of loudness."""
        # From the source's moment 0 on, and without holes: what is missing there is silence. Beside a picture it is
        # stretched a little where its clock runs differently, else never: lossless sound keeps its samples.
        timing = {"async": 1000, "min_comp": 0.01, "min_hard_comp": 0.03} if self.synced else {"async": 1}
        stream = stream.filter("aresample", **timing, first_pts=0)
        if self.least:
            stream = stream.filter("apad", whole_dur=seconds(self.least))
        if self.duration is not None:
            stream = stream.filter("atrim", end=seconds(self.duration))
        # What is levelled after this has a limiter there.
        stream = _channelled(stream, self.stream, self.channels, bounded=not self.measure)
        if self.sample_rate != self.stream.sample_rate:
            stream = stream.filter("aresample", self.sample_rate)
        return stream


def prepared(
    source: Source,
    wishes: SoundWishes,
    codec: str,
    part: Span,
    *,
    cut: Cut | None = None,
    synced: bool = False,
    name: str = "loudness",
) -> Sound | None:
    """The sound that the options ask for, on its way to `codec`; None where the source has none.

    `part` is the span used, and `cut` how it is cut out if not by ffmpeg's own seeking. `synced` is for sound beside a
    picture. Sounds of one plan that differ need a `name` each: "loudness.1" and so on.
    Raises SourceUnsupported when there is no such track.
    """
    probe = source.probe
    stream = track(probe, wishes.audio_track)
    if stream is None:
        return None
    channels, notes = _channels(stream, wishes.channels, codec)
    rate = fitting_rate(codec, wishes.sample_rate or stream.sample_rate or 48_000)
    if wishes.sample_rate and rate != wishes.sample_rate:
        notes = (*notes, f"{codec} knows no {wishes.sample_rate} Hz: the sound has {rate} Hz.")
    sound = Sound(
        stream,
        channels,
        rate,
        (),
        notes,
        part.duration if part.limited else None,
        synced,
        None if wishes.loudness is None else name,
        # Who knows whether it lasts until the span: a stream without anything in it is none that can be written.
        _LEAST if synced and part.start and not stream.duration else 0.0,
        wishes.loudness is None and channels == stream.channels and rate == stream.sample_rate,
    )
    return sound if wishes.loudness is None else _measured(sound, source, wishes.loudness, part, cut)


def track(probe: Probe, wanted: int | str | None) -> AudioStream | None:
    """The audio stream asked for by its place among them or its language, else the usual one; None where there is
    none. Raises SourceUnsupported naming those there are."""
    if wanted is None:
        return probe.audio
    if isinstance(wanted, int):
        found = probe.audios[wanted : wanted + 1]
    else:
        found = tuple(stream for stream in probe.audios if same_language(stream.language, wanted))
        usual = replace(probe, audios=found).audio
        found = (usual,) if usual else found
    if not found:
        told = ", ".join(
            f"{place} ({', '.join(filter(None, (stream.codec, stream.language)))})"
            for place, stream in enumerate(probe.audios)
        )
        raise SourceUnsupported(
            f"audio_track {wanted} is not there; the input has {told or 'no sound'}.", param="audio_track"
        )
    if not found[0].decodable:
        raise SourceUnsupported(f"audio_track {wanted} cannot be decoded here.", param="audio_track")
    return found[0]


def _measured(sound: Sound, source: Source, target: float, part: Span, cut: Cut | None) -> Sound:
    """The same with the steps that measure its loudness (EBU R 128): as it is, and where a limiter has work to do,
    again behind that, as a limiter takes loudness with the peaks; and once more where that was much."""
    stream = source_input(source.probe, source.path, cut or part)[str(sound.stream.index)]
    if cut:
        stream = cut.sound(stream)
    name = sound.measure
    gain, correction = (f"@{{{name}.{value}}}dB" for value in ("gain", "correction"))
    first = FfmpegStep(
        _measuring(sound.mixed(stream)),
        duration=part.duration,
        needs=("ebur128",),
        weight=0.3,
        measures=f"{name} {target:g} {TRUE_PEAK:g}",
    )
    second = FfmpegStep(
        _measuring(sound.levelled(stream, gain)),
        duration=part.duration,
        needs=("alimiter",),
        weight=0.3,
        measures=f"{name}/correction @{{{name}.aim}}",
        when=f"{name}.limited",
    )
    third = replace(
        second,
        args=_measuring(sound.levelled(stream, gain, correction)),
        measures=f"{name}/again @{{{name}.aim}}",
        when=f"{name}.short",
        weight=0.01,
    )
    note = f"The loudness is measured first, then brought to {target:g} LUFS with peaks up to {TRUE_PEAK:g} dBTP."
    return replace(sound, steps=(first, second, third), notes=(*sound.notes, note.replace("-", "−")))


def _measuring(stream: Any) -> tuple[str, ...]:
    heard = stream.filter("ebur128", peak="true", framelog="quiet")
    return tuple(ffmpeg.output(heard, "-", format="null", **thread_settings()).get_args())


def _channels(stream: AudioStream, wanted: int | None, codec: str) -> tuple[int, tuple[str, ...]]:
    """How many channels come out, and what a listener should know about it."""
    count = min(2, stream.channels) if wanted is None else fitting_channels(codec, wanted)
    if count > max(2, stream.channels):
        count = max(known for known in _NAMED if known <= max(2, stream.channels))
    notes = (f"More than {count} channels were not made.",) if wanted and count < wanted else ()
    if stream.channels > count and (wanted is None or stream.channels > 2):
        notes = (*notes, f"{stream.channels} channels were mixed down to {_NAMED[count]}.")
    return count, notes


def _channelled(stream: Any, audio: AudioStream, count: int, *, bounded: bool = True) -> Any:
    """With that many channels; peaks held below clipping where channels are added up."""
    found = mixing.names(audio.layout, audio.channels)
    if (count == 2 and found in (("FL", "FR"), ("DL", "DR"), ("BIL", "BIR"))) or (count == 1 and found == ("FC",)):
        return stream
    if count > 2:
        if audio.layout == _NAMED[count]:
            return stream
        stream = stream.filter("aformat", sample_fmts="fltp")
        stream = stream.filter("aresample", out_chlayout=_NAMED[count], **_DOWNMIX)
        return stream.filter("alimiter", **_CEILING) if bounded and audio.channels > count else stream
    matrix = mixing.downmix(audio.layout, audio.channels, count)
    if found == ("FC",):
        return stream.filter("pan", args=mixing.pan(matrix))
    # The layout is named ahead of the mix, as broadcasts change theirs on the way.
    layout = {"channel_layouts": audio.layout} if mixing.known(audio.layout) else {}
    stream = stream.filter("aformat", sample_fmts="fltp", **layout).filter("pan", args=mixing.pan(matrix))
    return stream.filter("alimiter", **_CEILING) if bounded and mixing.most(matrix) > 1.0 else stream
