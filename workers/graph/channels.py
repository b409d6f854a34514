"""Which channels a sound has, and how many of them are made fewer. Pure.

The mix follows ITU-R BS.775-3, annex 4: what sits in the centre (speech) goes to both sides at −3 dB, so that it keeps
its loudness; surrounds and heights at −3 dB to their side; low frequencies are left out. Nothing is turned down to make
room for all channels at their loudest, which they hardly ever are together: a limiter catches those moments.
"""

from math import sqrt

HALF = sqrt(0.5)  # −3 dB
# Each channel's part in left and right, by ffmpeg's names. Channels that are not named go to their own side at −3 dB.
_SHARES = {
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FLC": (1.0, 0.0), "FRC": (0.0, 1.0), "DL": (1.0, 0.0), "DR": (0.0, 1.0),
    "BIL": (1.0, 0.0), "BIR": (0.0, 1.0), "FC": (HALF, HALF), "LFE": (0.0, 0.0), "LFE2": (0.0, 0.0),
}  # fmt: skip
_MIDDLE = (0.5, 0.5)  # behind or above: −3 dB as a surround, and as much again for being on both sides
# The channels of ffmpeg's named layouts, in their order.
_LAYOUTS = {
    "mono": "FC", "stereo": "FL FR", "downmix": "DL DR", "binaural": "BIL BIR", "2.1": "FL FR LFE", "3.0": "FL FR FC",
    "3.0(back)": "FL FR BC", "4.0": "FL FR FC BC", "quad": "FL FR BL BR", "quad(side)": "FL FR SL SR",
    "3.1": "FL FR FC LFE", "5.0": "FL FR FC BL BR", "5.0(side)": "FL FR FC SL SR", "4.1": "FL FR FC LFE BC",
    "5.1": "FL FR FC LFE BL BR", "5.1(side)": "FL FR FC LFE SL SR", "6.0": "FL FR FC BC SL SR",
    "6.0(front)": "FL FR FLC FRC SL SR", "3.1.2": "FL FR FC LFE TFL TFR", "hexagonal": "FL FR FC BL BR BC",
    "6.1": "FL FR FC LFE BC SL SR", "6.1(back)": "FL FR FC LFE BL BR BC", "6.1(front)": "FL FR LFE FLC FRC SL SR",
    "7.0": "FL FR FC BL BR SL SR", "7.0(front)": "FL FR FC FLC FRC SL SR", "7.1": "FL FR FC LFE BL BR SL SR",
    "7.1(wide)": "FL FR FC LFE BL BR FLC FRC", "7.1(wide-side)": "FL FR FC LFE FLC FRC SL SR",
    "5.1.2": "FL FR FC LFE SL SR TFL TFR", "5.1.2(back)": "FL FR FC LFE BL BR TFL TFR",
    "octagonal": "FL FR FC BL BR BC SL SR", "cube": "FL FR BL BR TFL TFR TBL TBR",
    "5.1.4": "FL FR FC LFE SL SR TFL TFR TBL TBR", "7.1.2": "FL FR FC LFE BL BR SL SR TFL TFR",
    "7.1.4": "FL FR FC LFE BL BR SL SR TFL TFR TBL TBR", "7.2.3": "FL FR FC LFE BL BR SL SR TFL TFR TBC LFE2",
    "9.1.4": "FL FR FC LFE BL BR FLC FRC SL SR TFL TFR TBL TBR",
    "9.1.6": "FL FR FC LFE BL BR FLC FRC SL SR TFL TFR TBL TBR TSL TSR",
    "hexadecagonal": "FL FR FC BL BR BC SL SR TFL TFC TFR TBL TBC TBR WL WR",
    "22.2": "FL FR FC LFE BL BR FLC FRC BC SL SR TC TFL TFC TFR TBL TBC TBR LFE2 TSL TSR BFC BFL BFR",
}  # fmt: skip
# What a number of channels without names is taken for: the usual order for six and eight (SMPTE), and for the others
# one in which no channel is left out.
_GUESSES = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "7.0", 8: "7.1"}

Matrix = tuple[tuple[float, ...], ...]  # one row for each channel that comes out, one number for each that goes in


def names(layout: str | None, channels: int) -> tuple[str, ...] | None:
    """The channels of a layout as ffmpeg calls it, in their order; by their number when it names none (None, too, when
    that says nothing)."""
    told = _LAYOUTS.get(layout or "")
    found = told.split() if told else [part.partition("@")[0] for part in (layout or "").split("+")]
    if len(found) == channels and all(name.isalnum() and name.isupper() for name in found):
        return tuple(found)
    guess = _GUESSES.get(channels)
    return tuple(_LAYOUTS[guess].split()) if guess and not (layout or "").startswith("ambisonic") else None


def known(layout: str | None) -> bool:
    """Whether ffmpeg knows this layout by its name."""
    return layout in _LAYOUTS


def downmix(layout: str | None, channels: int, wanted: int) -> Matrix:
    """The matrix that makes one or two channels of these. Sound about which nothing is known is heard in the middle:
    of an ambisonic recording what all directions have in common, of loose channels each as loud as the others."""
    if (layout or "").startswith("ambisonic"):
        sides = [(1.0, 1.0)] + [(0.0, 0.0)] * (channels - 1)
    elif (found := names(layout, channels)) is None:
        sides = [(1 / sqrt(channels),) * 2] * channels
    elif found == ("FC",):
        sides = [(1.0, 1.0)]
    else:
        sides = [_share(name) for name in found]
    left, right = (tuple(side[place] for side in sides) for place in (0, 1))
    if wanted == 2:
        return left, right
    # What is the same on both sides of a stereo sound keeps its level; of more channels the centre does.
    scale = 0.5 if channels <= 2 or names(layout, channels) is None else HALF
    return (tuple(scale * (one + other) for one, other in zip(left, right, strict=True)),)


def _share(name: str) -> tuple[float, float]:
    if name in _SHARES:
        return _SHARES[name]
    if name.endswith("C"):
        return _MIDDLE
    return (HALF, 0.0) if name.endswith("L") else (0.0, HALF) if name.endswith("R") else _MIDDLE


def most(matrix: Matrix) -> float:
    """The highest peak that full scale in all channels could come to."""
    return max(sum(abs(part) for part in row) for row in matrix)


def pan(matrix: Matrix) -> str:
    """The matrix as an argument of ffmpeg's `pan` filter; channels by their numbers, so that no layout can matter."""
    rows = []
    for number, row in enumerate(matrix):
        parts = "+".join(f"{part:.6g}*c{place}" for place, part in enumerate(row) if part)
        rows.append(f"c{number}={parts or '0*c0'}")
    return "|".join([("mono", "stereo")[len(matrix) - 1], *rows])
