"""Where a picture goes: from the displayed source, the sizes asked for and the fit, to exact pixels."""

from dataclasses import dataclass
from fractions import Fraction

from workers.engine.errors import LimitExceeded

Size = tuple[int, int]


@dataclass(frozen=True)
class Framing:
    """The whole displayed picture becomes `scaled`; of that, `size` from `crop` (left, top) on is kept, and put at
    `place` of a `canvas`, which is the size of the output."""

    scaled: Size
    crop: Size
    size: Size
    place: Size
    canvas: Size

    @classmethod
    def whole(cls, size: Size) -> "Framing":
        """All of the picture, at that size."""
        return cls(size, (0, 0), size, (0, 0), size)

    def within(self, shown: Size) -> "Framing":
        """All of a picture of display size `shown`, as large as this needs it and no larger than it is: enlarging,
        cropping and padding are left to who frames it after."""
        return Framing.whole((min(self.scaled[0], shown[0]), min(self.scaled[1], shown[1])))

    @property
    def crops(self) -> bool:
        return self.scaled != self.size

    @property
    def pads(self) -> bool:
        return self.canvas != self.size

    def enlarges(self, shown: Size) -> bool:
        """Whether the picture gets more pixels than it has."""
        return self.scaled[0] > shown[0] or self.scaled[1] > shown[1]


def framing(
    shown: Size,
    *,
    width: int | str | None = None,
    height: int | str | None = None,
    fit: str = "fill",
    anchor: tuple[float, float] = (0.5, 0.5),
    even: bool = False,
    edge: int = 8192,
) -> Framing:
    """Fit a picture of display size `shown` to `width` × `height` (pixels, or "50%" of the source's own).

    With neither, the size stays; with one, the other follows the aspect ratio. With both, `fill` may distort, `cover`
    crops and `contain` pads; `anchor` says where (0 left or top, 1 right or bottom). `even` makes every number even, as
    4:2:0 video needs, never larger than asked. Raises LimitExceeded when the output would be longer than `edge`.
    """
    step = 2 if even else 1
    wanted = (_pixels(width, shown[0]), _pixels(height, shown[1]))
    target = _target(shown, wanted, step)
    if max(target) > edge:
        raise LimitExceeded(
            f"The output would be {target[0]} × {target[1]} pixels; at most {edge} on the longest edge.",
            param=side_at_fault(width, height, taller=target[1] > target[0]),
        )
    if fit == "fill" or None in wanted:
        return Framing.whole(target)
    ratios = [Fraction(target[side], shown[side]) for side in (0, 1)]
    if fit == "cover":
        ratio = max(ratios)
        scaled = _each(lambda side: max(target[side], _up(shown[side] * ratio, step)))
        crop = _each(lambda side: _down((scaled[side] - target[side]) * anchor[side], step))
        return Framing(scaled, crop, target, (0, 0), target)
    ratio = min(ratios)
    size = _each(lambda side: min(target[side], nearest(shown[side] * ratio, step)))
    place = _each(lambda side: _down((target[side] - size[side]) * anchor[side], step))
    return Framing(size, (0, 0), size, place, target)


def side_at_fault(width: int | str | None, height: int | str | None, *, taller: bool) -> str | None:
    """Which option makes a side too long (or, the other way round, too short); None when no size was asked for."""
    given = [name for name, value in (("width", width), ("height", height)) if value is not None]
    return ("height" if taller else "width") if len(given) == 2 else next(iter(given), None)


def nearest(value: Fraction | float, step: int) -> int:
    """The nearest multiple of `step`, the lower of two equally near; at least one step."""
    value = Fraction(value)
    low = int(value // step) * step
    return max(step, low + step if value - low > Fraction(step, 2) else low)


def _pixels(value: int | str | None, own: int) -> Fraction | None:
    if value is None:
        return None
    if isinstance(value, str):
        return Fraction(value.removesuffix("%")) * own / 100
    return Fraction(value)


def _target(shown: Size, wanted: tuple[Fraction | None, Fraction | None], step: int) -> Size:
    width, height = wanted
    if width is None and height is None:
        return nearest(shown[0], step), nearest(shown[1], step)
    if width is None:
        assert height is not None
        width = height * shown[0] / shown[1]
    elif height is None:
        height = width * shown[1] / shown[0]
    return nearest(width, step), nearest(height, step)


def _each(of) -> Size:  # type: ignore[no-untyped-def]
    return of(0), of(1)


def _up(value: Fraction, step: int) -> int:
    return -int(-value // step) * step


def _down(value: float | Fraction, step: int) -> int:
    return int(value // step) * step
