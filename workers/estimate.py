"""How long a plan will take, and how many bytes will come of it, as far as that can be told beforehand. Pure.

The model counts processor seconds: pixels × frames decoded and encoded, times what a megapixel costs with that codec
and that preset; seconds of sound times what a second costs; and a start-up for every process. The wall time is that,
shared among the threads. The costs were measured once, on one core of an x86-64 server with AVX2, with a clip of 60
frames at 640 × 360 (film, light grain), ffmpeg 9 and the settings of workers.encoders; those of stills are of pictures
of 12 megapixels and Pillow 13. So it is rough: content moves an encoder's time by a factor of two either way, and
another machine by as much. Whoever has seen plans being carried out can correct it by what they took.
"""

import os
import re
from dataclasses import dataclass

from workers.engine.limits import threads
from workers.engine.probe import Probe
from workers.plans import Expected, FfmpegStep, HelperStep, ModelStep, PictureStep, Plan

START = 0.12  # seconds: launcher, ffmpeg's own start, the look at the output afterwards
READ = 200e6  # bytes per second that come from the bucket and are written back
SHARED = 0.8  # exponent of how work is shared among threads: two are 1.7 times as fast as one, eight are 5 times
MOST_THREADS = 8  # beyond, encoders gain little at these settings

# Processor seconds for a megapixel.
DECODE = {"h264": 0.006, "hevc": 0.007, "h265": 0.007, "vp8": 0.004, "vp9": 0.004, "av1": 0.0045, "mpeg2video": 0.004}
DECODE |= {"mpeg4": 0.004, "prores": 0.012, "ffv1": 0.012, "mjpeg": 0.01, "gif": 0.004, "png": 0.02}
DECODE_OTHER = 0.008
ENCODE = {"libx265": 0.118, "libvpx-vp9": 0.07, "libvpx": 0.05, "libsvtav1": 0.034, "gif": 0.013, "ppm": 0.002}
ENCODE |= {
    "prores_ks": 0.084,
    "libwebp_anim": 0.082,
    "libwebp": 0.082,
    "png": 0.052,
    "ffv1": 0.012,
    "libaom-av1": 0.6,
    "mjpeg": 0.01,
    "rawvideo": 0.0,
}
# x264 and x265 by preset, in multiples of veryfast and fast.
X264 = 0.0275
PRESETS = {"ultrafast": 0.4, "superfast": 0.6, "veryfast": 1.0, "faster": 1.4, "fast": 1.8, "medium": 2.2, "slow": 3.5}
PRESETS |= {"slower": 7.0, "veryslow": 12.0, "placebo": 30.0}
X265_FAST = PRESETS["fast"]
SVT_STEP, SVT_MEASURED = 1.24, 9  # each preset below costs so much more: 9 was measured at 0.034, 6 at 0.064
ENCODE_OTHER = 0.05
FILTERS = {
    "zscale": 0.007,
    "tonemap": 0.003,
    "bwdif": 0.002,
    "palettegen": 0.01,
    "paletteuse": 0.02,
    "ass": 0.003,
}
SCALE = 0.001
STILL_DECODE = {"jpeg": 0.012, "png": 0.03, "webp": 0.02, "avif": 0.05, "gif": 0.01, "heif": 0.06}
STILL_ENCODE = {"jpeg": 0.022, "png": 0.12, "webp": 0.06, "avif": 0.36, "gif": 0.05}
# Processor seconds for a second of stereo at 48 kHz.
SOUND = {"aac": 0.018, "libmp3lame": 0.0103, "libopus": 0.0126, "libvorbis": 0.035, "flac": 0.0033, "alac": 0.004}
SOUND_OTHER, SOUND_DECODE = 0.004, 0.001
SOUND_FILTERS = {"ebur128": 0.0026, "alimiter": 0.0104}  # the limiter with its oversampling

RARE = 0.1  # a step of less weight is hardly ever run
GRAB_FRAMES = 60  # decoded to have one frame: half of a long group of pictures
# Seconds of an operation of the helper: those that look at pictures and samples, and those that only write words.
HELPER = {"waveform": 0.3, "layer": 0.1, "raw": 0.3, "scenes": 1.0, "key_frames": 0.3, "sprites": 0.3}
HELPER_OTHER = 0.03
# Seconds of a question to a model, and more for each second of the source: Whisper's base model on two cores speaks of
# six seconds in one, a model of pictures looks at a frame of each scene, one of language reads what was said.
MODEL = {"speech": 3.0, "vision": 3.0, "language": 5.0}
MODEL_SECOND = {"speech": 0.17, "vision": 0.05, "language": 0.001}
_SCALED = re.compile(r"scale=(?:w=)?(\d+):(?:h=)?(\d+)")


@dataclass(frozen=True)
class Estimate:
    """Seconds from the start of the work to its end, by the model; bytes of all that is made, None where only the
    encoder will know."""

    seconds: float
    bytes: int | None


def estimate(plan: Plan, facts: Probe, *, cores: int | None = None) -> Estimate:
    """What a plan for this source will take. `cores` are the threads it may use: by default this process's share."""
    share = cores or threads() or os.cpu_count() or 1
    seconds = facts.size / READ if plan.reads == "whole" else 0.0
    for step in plan.steps:
        if isinstance(step, FfmpegStep):
            seconds += START + _ffmpeg(step, plan, facts) / min(share, MOST_THREADS) ** SHARED
        elif isinstance(step, PictureStep):
            seconds += _picture(step, facts)
        elif isinstance(step, HelperStep):
            seconds += HELPER.get(step.op, HELPER_OTHER)
        elif isinstance(step, ModelStep):
            seconds += MODEL[step.ability] + MODEL_SECOND[step.ability] * (facts.duration or 0.0)
    return Estimate(round(seconds, 3), _bytes(plan, facts))


def _ffmpeg(step: FfmpegStep, plan: Plan, facts: Probe) -> float:
    """Processor seconds of one run. One for the rare case that an earlier one did not do costs nothing."""
    if step.unless or (step.when and step.weight < RARE):
        return 0.0
    length = step.duration or facts.duration or 0.0
    encoders = [name for name in _given(step, "-c:v", "-codec:v", "-vcodec") if name != "copy"]
    total = 0.0
    video = facts.video
    if video and encoders:
        rate = video.frame_rate or 25.0
        shown = length * rate if length else float(video.frames or GRAB_FRAMES)
        few = [int(most) for most in _given(step, "-frames:v", "-vframes") if most.isdigit()]
        decoded = min(shown, float(GRAB_FRAMES)) if few and max(few) == 1 else shown
        if few and step.attempts:  # of frames that were picked beforehand
            decoded = min(shown, float(max(few)))
        total += decoded * video.coded_width * video.coded_height / 1e6 * DECODE.get(video.codec, DECODE_OTHER)
        total += _encoding(step, encoders, plan, decoded if not few else min(decoded, max(few)), facts)
    sounds = [name for name in _given(step, "-c:a", "-codec:a", "-acodec") if name != "copy"]
    if sounds or step.measures:
        channels = facts.audio.channels if facts.audio else 2
        per_second = SOUND_DECODE + sum(SOUND.get(name, SOUND_OTHER) for name in sounds)
        per_second += sum(cost for name, cost in SOUND_FILTERS.items() if any(f"{name}=" in arg for arg in step.args))
        total += length * per_second * min(channels, 2) / 2
    return total


def _encoding(step: FfmpegStep, encoders: list[str], plan: Plan, frames: float, facts: Probe) -> float:
    """Filters and encoders: of one picture a frame, or of each rung of a ladder."""
    graph = " ".join(arg for arg in step.args if "=" in arg)
    sizes = [int(width) * int(height) for width, height in _SCALED.findall(graph)]
    if len(encoders) == 1 or not sizes:
        sizes = [_pixels(plan, facts)] * len(encoders)
    sizes = sorted(sizes, reverse=True)[: len(encoders)] or [0]
    wanted = next((item.fps for item in plan.expected if item.fps), None)
    if wanted and facts.fps:
        frames *= wanted / facts.fps
    presets = _given(step, "-preset")
    each = [_encoder(name, presets) for name in encoders]
    total = sum(size * cost for size, cost in zip(sizes, each, strict=False))
    largest = max(sizes)
    total += largest * sum(cost for name, cost in FILTERS.items() if f"{name}=" in graph) + sum(sizes) * SCALE
    return frames * total / 1e6


def _encoder(name: str, presets: list[str]) -> float:
    """Processor seconds for a megapixel with this encoder, at its preset where one is given."""
    preset = presets[0] if presets else ""
    if name == "libx264":
        return X264 * PRESETS.get(preset, PRESETS["medium"])
    if name == "libx265":
        return ENCODE[name] * PRESETS.get(preset, PRESETS["medium"]) / X265_FAST
    if name == "libsvtav1" and preset.isdigit():
        return float(ENCODE[name] * SVT_STEP ** (SVT_MEASURED - int(preset)))
    return ENCODE.get(name, ENCODE_OTHER)


def _pixels(plan: Plan, facts: Probe) -> int:
    """Of one frame of what is made."""
    sizes = [item.width * item.height for item in plan.expected if item.width and item.height]
    return max(sizes, default=(facts.width or 0) * (facts.height or 0))


def _picture(step: PictureStep, facts: Probe) -> float:
    """Seconds of the helper: one decode, then an encode for each variant; no threads."""
    count = 1
    if "*" in step.source and facts.duration:
        count = max(1, round(facts.duration))  # of a series: not known here, and seldom more than one a second
    image = facts.image
    total = 0.02
    if image is not None:
        total += image.coded_width * image.coded_height / 1e6 * STILL_DECODE.get(image.format, 0.03) * image.frames
    for variant in step.variants:
        width, height = variant.framing.canvas
        total += width * height / 1e6 * (STILL_ENCODE.get(variant.format, 0.06) + 0.01) * count
    return total


def _given(step: FfmpegStep, *names: str) -> list[str]:
    """The values of an option, under whichever of its names and for whichever stream (`-c:v:1`)."""
    pairs = zip(step.args, step.args[1:], strict=False)
    return [value for name, value in pairs if name.startswith(names) and (name in names or _of_stream(name, names))]


def _of_stream(name: str, names: tuple[str, ...]) -> bool:
    return any(name.removeprefix(f"{known}:").isdigit() for known in names if name.startswith(f"{known}:"))


def _bytes(plan: Plan, facts: Probe) -> int | None:
    """Where rates are given, or streams copied; one file made by one run."""
    runs = [step for step in plan.steps if isinstance(step, FfmpegStep) and not step.measures]
    made = [item for item in plan.expected if item.media_type in ("video", "audio")]
    if len(runs) != 1 or len(made) != 1 or len(plan.expected) != 1 or not made[0].duration:
        return None
    rates = [_video_rate(runs[0], made[0], facts), _audio_rate(runs[0], made[0], facts)]
    known = [rate for rate in rates if rate is not None]
    return None if len(known) < len(rates) else round(sum(known) * made[0].duration / 8)


def _video_rate(step: FfmpegStep, made: Expected, facts: Probe) -> float | None:
    """Bits per second; 0 without a picture, None where the encoder alone knows."""
    if made.video_codec is None:
        return 0.0
    codecs = _given(step, "-c:v", "-codec:v", "-vcodec", "-c", "-codec")
    if "copy" in codecs:
        if facts.video and facts.video.bitrate:
            return float(facts.video.bitrate)
        return None if not facts.bitrate else float(facts.bitrate - sum(item.bitrate or 0 for item in facts.audios))
    return _rate(_given(step, "-b:v"))


def _audio_rate(step: FfmpegStep, made: Expected, facts: Probe) -> float | None:
    """Likewise, of the sound."""
    if made.audio_codec is None:
        return 0.0
    codecs = _given(step, "-c:a", "-codec:a", "-acodec", "-c", "-codec")
    if "copy" in codecs:
        return float(facts.audio.bitrate) if facts.audio and facts.audio.bitrate else None
    for codec in codecs:
        if codec.startswith("pcm_") and facts.audio:
            rate = made.sample_rate or facts.audio.sample_rate or 48_000
            bits = int("".join(filter(str.isdigit, codec.removeprefix("pcm_"))) or 16)
            return float(rate * bits * (made.channels or min(2, facts.audio.channels)))
    return _rate(_given(step, "-b:a"))


def _rate(values: list[str]) -> float | None:
    """Bits per second as ffmpeg takes them: 128000 or 128k."""
    if len(values) != 1 or not (found := re.fullmatch(r"(\d+)([kM]?)", values[0])):
        return None
    number = int(found[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[found[2]]
    return float(number) or None
