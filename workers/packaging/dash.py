"""The manifest of MPEG-DASH over the same segments. Pure. ISO/IEC 23009-1, the ISO on-demand and live profiles' way of
naming segments by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from xml.sax.saxutils import quoteattr

MIME = "application/dash+xml"
MANIFEST = "manifest.mpd"
_LEAST_BUFFER = 2  # seconds: a group of pictures


@dataclass(frozen=True)
class Representation:
    """One rendition in folder `name`: `timescale` ticks a second, each segment's ticks, and what its edit list cuts off
    ahead of what is shown."""

    name: str
    bandwidth: int
    codecs: str
    timescale: int
    durations: Sequence[int]
    width: int | None = None
    height: int | None = None
    rate: Fraction | None = None
    sample_rate: int | None = None
    channels: int | None = None


@dataclass(frozen=True)
class Text:
    """Subtitles: one file of WebVTT."""

    uri: str
    name: str
    language: str | None
    forced: bool = False


@dataclass(frozen=True)
class Sound:
    """One track of sound at one or more bitrates."""

    name: str
    language: str | None
    main: bool
    representations: Sequence[Representation]


def manifest(
    *, duration: Fraction, pictures: Sequence[Representation], sounds: Sequence[Sound], texts: Sequence[Text]
) -> str:
    """The whole manifest. URIs are relative to it."""
    longest = max(
        (
            Fraction(max(one.durations), one.timescale)
            for one in (*pictures, *(one for sound in sounds for one in sound.representations))
        ),
        default=Fraction(1),
    )
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"'
        f' mediaPresentationDuration="{_time(duration)}" maxSegmentDuration="{_time(longest)}"'
        f' minBufferTime="PT{_LEAST_BUFFER}S">',
        f' <Period id="0" start="PT0S" duration="{_time(duration)}">',
    ]
    number = 0
    if pictures:
        width, height = max(one.width or 0 for one in pictures), max(one.height or 0 for one in pictures)
        lines.append(
            f'  <AdaptationSet id="{number}" contentType="video" mimeType="video/mp4" segmentAlignment="true"'
            f' startWithSAP="1" maxWidth="{width}" maxHeight="{height}">'
        )
        lines += [line for one in pictures for line in _representation(one)]
        lines.append("  </AdaptationSet>")
        number += 1
    for sound in sounds:
        lines.append(
            f'  <AdaptationSet id="{number}" contentType="audio" mimeType="audio/mp4" segmentAlignment="true"'
            f' startWithSAP="1"{_language(sound.language)}>'
        )
        lines.append(f"   <Label>{_escaped(sound.name)}</Label>")
        lines.append(
            f'   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{"main" if sound.main else "alternate"}"/>'
        )
        lines += [line for one in sound.representations for line in _representation(one)]
        lines.append("  </AdaptationSet>")
        number += 1
    for text in texts:
        role = "forced-subtitle" if text.forced else "subtitle"
        lines += [
            f'  <AdaptationSet id="{number}" contentType="text" mimeType="text/vtt"{_language(text.language)}>',
            f"   <Label>{_escaped(text.name)}</Label>",
            _role(role),
            f'   <Representation id="text-{number}" bandwidth="1000">',
            f"    <BaseURL>{_escaped(text.uri)}</BaseURL>",
            "   </Representation>",
            "  </AdaptationSet>",
        ]
        number += 1
    return "\n".join([*lines, " </Period>", "</MPD>", ""])


def _representation(one: Representation) -> list[str]:
    told = f'id="{one.name}" bandwidth="{one.bandwidth}" codecs="{one.codecs}"'
    if one.width and one.height:
        told += f' width="{one.width}" height="{one.height}" sar="1:1"'
        if one.rate:
            rate = one.rate
            told += (
                f' frameRate="{rate.numerator if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"}"'
            )
    if one.sample_rate:
        told += f' audioSamplingRate="{one.sample_rate}"'
    lines = [f"   <Representation {told}>"]
    if one.channels:
        lines.append(
            '    <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011"'
            f' value="{one.channels}"/>'
        )
    lines.append(
        f'    <SegmentTemplate timescale="{one.timescale}" startNumber="1" initialization="{one.name}/init.mp4"'
        f' media="{one.name}/segment-$Number%05d$.m4s">'
    )
    lines.append("     <SegmentTimeline>")
    for place, (ticks, run) in enumerate(groupby(one.durations)):
        more = len(list(run)) - 1
        start = ' t="0"' if not place else ""
        lines.append(f'      <S{start} d="{ticks}"' + (f' r="{more}"' if more else "") + "/>")
    return [*lines, "     </SegmentTimeline>", "    </SegmentTemplate>", "   </Representation>"]


def _role(role: str) -> str:
    return f'   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>'


def _language(language: str | None) -> str:
    return f' lang="{language}"' if language else ""


def _escaped(text: str) -> str:
    return quoteattr(text)[1:-1]


def _time(seconds: Fraction) -> str:
    return f"PT{float(seconds):.6f}".rstrip("0").rstrip(".") + "S"
