"""Subtitles beside the picture or in it. Pure: ffmpeg-python nodes in, nodes and arguments out."""

from collections.abc import Sequence
from typing import Any

import ffmpeg

from workers.engine.probe import Probe, SubtitleStream
from workers.formats import Format
from workers.framing import Framing
from workers.graph.source import guarded
from workers.graph.times import Span, seconds
from workers.plans import FfmpegStep, HelperStep

GIVEN, CLEAN = "subtitles.in", "subtitles.txt"  # the file an option names, and the same checked
EXTRACTED, STYLED = "subtitles.ass", "styled.ass"
FONTS = "fonts"  # a folder of the work directory
# What the checked file may be, and nothing else: none of these opens another file.
DEMUXERS = "srt,webvtt,ass"
LOOK_BACK = 30.0  # seconds before a span in which a subtitle may have begun that is still shown in it
_EARLY = 0.001  # seconds
_TEXT = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt"}
_READ = {
    *("subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "subviewer", "subviewer1", "microdvd"),
    *("jacosub", "sami", "realtext", "stl", "mpl2", "vplayer", "pjs"),
}
_COPIED = {"dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle", "dvdsub", "pgssub", "dvbsub"}  # pictures, in Matroska


def keepable(probe: Probe, chosen: Format, part: Span) -> tuple[SubtitleStream, ...]:
    """The subtitle streams that this format can carry: text in all, pictures of text in Matroska when nothing is
    cut."""
    pictures = chosen.name == "mkv" and not part.partial
    return tuple(
        track for track in probe.subtitles if (readable(track) if track.text else pictures and track.codec in _COPIED)
    )


def burnable(track: SubtitleStream) -> bool:
    """Whether a track can be drawn into the picture."""
    return readable(track) if track.text else track.codec in _COPIED


def readable(track: SubtitleStream) -> bool:
    """Whether ffmpeg makes text of any format of a track; closed captions and teletext need other tools."""
    return track.text and track.codec in _READ


def encoder(chosen: Format, track: SubtitleStream | None) -> str:
    """What a track becomes in a format; None stands for a file of its own."""
    if chosen.name in _TEXT:
        return _TEXT[chosen.name]
    if track is not None and not track.text:
        return "copy"
    return "ass" if track is not None and track.codec in ("ass", "ssa") else "srt"


def kept(read: Any, probe: Probe, path: str, part: Span, tracks: Sequence[SubtitleStream], *, file: bool) -> list[Any]:
    """The streams of the tracks, and of the checked file last. A span's come from inputs of their own, which begin
    earlier: reading by seeking would leave out what began before it."""
    if part.start > 0 and tracks:
        read = _apart(probe, path, part)
    streams = [read[str(track.index)] for track in tracks]
    return [*streams, checked(part.start)["s:0"]] if file else streams


def _apart(probe: Probe, path: str, part: Span, early: float = 0.0) -> Any:
    """The source once more, from a while before the span on; times before the span are negative."""
    seek = max(0.0, part.start - LOOK_BACK)
    options = {"ss": seconds(seek)} if seek else {}
    shift = seek - part.start - early
    return ffmpeg.input(path, **guarded(probe), **options, **({"itsoffset": seconds(shift)} if shift else {}))


def pictures(probe: Probe, path: str, part: Span, track: SubtitleStream) -> Any:
    """A track of pictures as a moving picture. From an input of its own: beside the frames of one input, ffmpeg repeats
    the last subtitle with each and shows the next too late. It also begins each with an empty picture at the same
    moment, hence a thousandth early."""
    return _apart(probe, path, part, _EARLY)[str(track.index)]


def checked(start: float = 0.0) -> Any:
    """The checked file as an input, moved so that `start` is its beginning."""
    options = {"itsoffset": seconds(-start)} if start else {}
    return ffmpeg.input(CLEAN, format_whitelist=DEMUXERS, protocol_whitelist="file", **options)


def timing(part: Span, length: float | None) -> dict[str, str]:
    """Options of the output: subtitles begin and end with the span, and those outside it go."""
    end = f"\\,{seconds(length)}/TB-max(PTS\\,0)" if length is not None else ""
    shown = f"DURATION+min(PTS\\,0){end}"
    duration = f"max(0\\,min({shown}))" if end else f"max(0\\,{shown})"
    filters = f"setts=pts=max(PTS\\,0):dts=max(DTS\\,0):duration={duration}"
    gone = "noise=drop=lte((pts+d)*tb\\,0)," if part.start > 0 else ""
    return {"bsf:s": gone + filters}


def check_step() -> HelperStep:
    """The file an option names is looked at, and written anew as text that nothing but subtitles can be."""
    return HelperStep("captions", {"source": GIVEN, "target": CLEAN})


def text_steps(
    probe: Probe, path: str, track: SubtitleStream | None, *, until: float | None = None
) -> tuple[FfmpegStep | HelperStep, ...]:
    """Steps that make a script for drawing, of a track or (None) of the checked file, as far as `until` seconds."""
    source = checked()["s:0"] if track is None else ffmpeg.input(path, **guarded(probe))[str(track.index)]
    options: dict[str, Any] = {"format": "ass", "c:s": "ass", "fflags": "+bitexact"}
    if until is not None:
        options["t"] = seconds(until)
    args = tuple(ffmpeg.output(source, EXTRACTED, **options).get_args())
    style = {"source": EXTRACTED, "target": STYLED, "fonts": FONTS}
    return FfmpegStep(args, needs=("ass",), weight=0.1), HelperStep("captions_style", style)


def text_drawn(stream: Any, start: float, *, clear: bool) -> Any:
    """The picture with the script's subtitles; `start` is the source's moment that the picture begins at."""
    options = {"fontsdir": FONTS} | ({"alpha": 1} if clear else {})
    if not start:
        return stream.filter("ass", STYLED, **options)
    stream = stream.filter("setpts", f"PTS+{seconds(start)}/TB").filter("ass", STYLED, **options)
    return stream.filter("setpts", f"PTS-{seconds(start)}/TB")


def pictures_drawn(stream: Any, subtitles: Any, framing: Framing, *, pix_fmt: str, matrix: str) -> Any:
    """The picture with subtitles that are pictures themselves, scaled and cropped as it was; `pix_fmt` and `matrix` are
    the picture's and stay."""
    clear = pix_fmt if "yuva" in pix_fmt else pix_fmt.replace("yuv", "yuva")
    width, height = framing.scaled
    subtitles = subtitles.filter("scale", width, height, out_range="tv", out_color_matrix=matrix)
    subtitles = subtitles.filter("format", clear)
    if framing.crops:
        subtitles = subtitles.filter("crop", framing.size[0], framing.size[1], framing.crop[0], framing.crop[1])
    x, y = framing.place
    # Named, as the filter would choose another for what it is given.
    name = pix_fmt.replace("yuva", "yuv").removesuffix("le").removesuffix("p")
    return stream.overlay(subtitles, x=x, y=y, eof_action="pass", format=name)
