"""The sound on its way from how it is stored to how it is heard. Pure."""

from typing import Any

from workers.engine.probe import AudioStream

# Speech sits in the centre: it keeps its loudness. Surrounds −3 dB, low frequencies left out (ITU-R BS.775, annex 4).
# Without a bound the mix would be turned down by the sum of all channels, which are hardly ever loud together; the
# limiter after it catches the moments when they are.
_DOWNMIX = {
    "out_chlayout": "stereo",
    "center_mix_level": 0.7071,
    "surround_mix_level": 0.7071,
    "lfe_mix_level": 0,
    "rematrix_maxval": 1000,
}


def stereo(stream: Any, audio: AudioStream) -> Any:
    """At most two channels: more are mixed so that the centre keeps its loudness, and peaks held below clipping."""
    if audio.channels <= 2:
        return stream
    stream = stream.filter("aformat", sample_fmts="fltp").filter("aresample", **_DOWNMIX)
    return stream.filter("alimiter", limit=0.95, level=0, latency=1)


def mix_note(audio: AudioStream | None) -> tuple[str, ...]:
    """What a listener should know about the mix."""
    return (f"{audio.channels} channels were mixed down to stereo.",) if audio and audio.channels > 2 else ()
