"""Options as they will be used: what was left to the service filled in from the plan. Pure."""

from typing import Any

from workers.formats import FORMATS, text_of_type
from workers.options import DEFAULT_QUALITY, Options
from workers.plans import Expected, Plan


def resolved_options(options: Options, plan: Plan) -> dict[str, Any]:
    """Every option of the kind by its name, as JSON: as given, else by default, else as the plan settled it.

    Percentages are in pixels. What only is echoed stands there when it was given; what has no meaning for this input
    stays null.
    """
    known: dict[str, Any] = options.model_dump(mode="json")
    for name in options.echoed:
        if name not in options.model_fields_set:
            known.pop(name, None)
    made = next((item for item in plan.expected if item.entry), None)
    if made is None:
        return known
    settled = _settled(made)
    for name, value in known.items():
        is_share = name in ("width", "height") and isinstance(value, str)
        if (value is None or is_share) and settled.get(name) is not None:
            known[name] = settled[name]
    if known.get("quality", 0) is None and known.get("bitrate") is None:
        known["quality"] = DEFAULT_QUALITY
    return known


def _settled(made: Expected) -> dict[str, Any]:
    return {
        "format": _format(made),
        "width": made.width,
        "height": made.height,
        "codec": made.video_codec,
        "fps": made.fps,
        "channels": made.channels,
        "sample_rate": made.sample_rate,
    }


def _format(made: Expected) -> str | None:
    """The name of the format that has this type; of those that share one, the one of this codec."""
    if text := text_of_type(made.type):
        return text
    plain = made.type.partition(";")[0]
    found = [known for known in FORMATS.values() if known.write and known.mime == plain]
    suits = [known for known in found if made.media_type != "audio" or made.audio_codec in known.audio_codecs]
    return (suits or found)[0].name if found else None
