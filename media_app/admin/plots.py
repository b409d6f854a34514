"""Scores over time as a picture: SVG whose colours come from admin's style sheet."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 760, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 10, 10, 26  # around the plot itself
MOST = 400  # moments that are drawn: of more, each is several with the highest scores of them
STEPS = (0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds between two marks

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Moment:
    """Scores of 0 to 1 by category, from one time to another in seconds."""

    start: float
    end: float
    scores: Mapping[str, float]


def timeline_plot(moments: Sequence[Moment], limits: Mapping[str, float]) -> SafeString:
    """A line for each category, a dashed one where its threshold is; a click on a moment leads the player there."""
    moments = _fewer(sorted(moments, key=lambda moment: moment.start))
    length = max(moment.end for moment in moments)
    names = list(dict.fromkeys(name for moment in moments for name in moment.scores))

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / length

    def y(score: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(score, 0.0), 1.0))

    across = format_html_join(
        "",
        '<line class="itty-plot-grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="itty-plot-scale" x="{}" y="{}" '
        'text-anchor="end">{}</text>',
        (
            (LEFT, WIDTH - RIGHT, *[f"{y(score):.1f}"] * 2, LEFT - 6, f"{y(score) + 4:.1f}", score)
            for score in (0, 0.5, 1)
        ),
    )
    marks = format_html_join(
        "",
        '<text class="itty-plot-scale" x="{}" y="{}" text-anchor="middle">{}</text>',
        ((f"{x(at):.1f}", HEIGHT - 8, _clock(at)) for at in _marks(length)),
    )
    dashed = format_html_join(
        "",
        '<line class="itty-plot-limit itty-plot-{}" x1="{}" x2="{}" y1="{}" y2="{}">'
        "<title>{} counts from {}</title></line>",
        (
            (name, LEFT, WIDTH - RIGHT, *[f"{y(limits[name]):.1f}"] * 2, name, f"{limits[name]:g}")
            for name in names
            if name in limits
        ),
    )
    lines = format_html_join(
        "",
        '<path class="itty-plot-line itty-plot-{}" d="{}"/>',
        ((name, " ".join(_steps(moments, name, x, y))) for name in names),
    )
    spots = format_html_join(
        "",
        '<rect class="itty-plot-spot" data-seek="{}" data-until="{}" x="{}" y="{}" width="{}" height="{}">'
        "<title>{}: {}</title></rect>",
        (
            (
                *(f"{moment.start:.3f}", f"{moment.end:.3f}", f"{x(moment.start):.1f}", TOP),
                *(f"{max(x(moment.end) - x(moment.start), 1):.1f}", HEIGHT - TOP - BOTTOM, _clock(moment.start)),
                ", ".join(f"{name} {score:.2f}" for name, score in moment.scores.items()),
            )
            for moment in moments
        ),
    )
    legend = format_html_join("", '<span class="itty-plot-{}">{}</span>', ((name, name) for name in names))
    return format_html(
        '<figure class="itty-plot"><svg viewBox="0 0 {} {}" role="img" aria-label="Scores over time">{}{}{}{}{}</svg>'
        "<figcaption>{}</figcaption></figure>",
        *(WIDTH, HEIGHT, across, marks, dashed, lines, spots, legend),
    )


def _steps(moments: Sequence[Moment], name: str, x: Scale, y: Scale) -> list[str]:
    """A path that keeps each score until the next, with gaps where there is none."""
    path, last = [], None
    for moment in moments:
        score = moment.scores.get(name)
        if score is None:
            last = None
            continue
        here = f"{y(score):.1f}"
        joined = last is not None and math.isclose(last, moment.start, abs_tol=0.05)
        path.append(f"{'L' if joined else 'M'}{x(moment.start):.1f},{here}")
        path.append(f"L{x(moment.end):.1f},{here}")
        last = moment.end
    return path


def _fewer(moments: list[Moment]) -> list[Moment]:
    size = -(-len(moments) // MOST)
    parts = [moments[at : at + size] for at in range(0, len(moments), size)]
    return [_joined(part) for part in parts]


def _joined(part: Sequence[Moment]) -> Moment:
    names = dict.fromkeys(name for moment in part for name in moment.scores)
    scores = {name: max(moment.scores[name] for moment in part if name in moment.scores) for name in names}
    return Moment(part[0].start, max(moment.end for moment in part), scores)


def _marks(length: float) -> list[float]:
    step = next((step for step in STEPS if length / step <= 8), length / 8)
    return [step * number for number in range(int(length / step) + 1)]


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s" if seconds == round(seconds) else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
