"""Edited films made on the spot, whose cuts are known. Plain functions, so that benchmarks can use them too."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.tests.media import ffmpeg

# What shots show, as ffmpeg's sources; each takes size, rate and length.
SHOTS = {
    "card": "testsrc2=s={size}:r={rate}:d={seconds}",
    "bars": "smptebars=s={size}:r={rate}:d={seconds}",
    "warm": "gradients=s={size}:r={rate}:d={seconds}:c0=red:c1=yellow:n=2:seed=1:speed=0.01",
    "cold": "gradients=s={size}:r={rate}:d={seconds}:c0=navy:c1=teal:n=2:seed=2:speed=0.01",
    "lush": "gradients=s={size}:r={rate}:d={seconds}:c0=darkgreen:c1=white:n=2:seed=7:speed=0.01",
    "snow": "color=gray:s={size}:r={rate}:d={seconds},noise=alls=90:allf=t",
    "zoom": "mandelbrot=s={size}:r={rate}:end_scale=0.02:end_pts=400,trim=duration={seconds}",
    "grey": "color=0x606060:s={size}:r={rate}:d={seconds},drawbox=x=20*t:y=20:w=40:h=40:color=white:t=fill",
    "dark": "color=0x101018:s={size}:r={rate}:d={seconds},"
    "drawbox=x=iw/2+30*sin(3*t):y=30:w=24:h=24:color=0x707050:t=fill",
    "pan": "testsrc2=s={size}:r={rate}:d={seconds},scroll=h=0.002",
    "hand": "testsrc2=s={size}:r={rate}:d={seconds},rotate=0.02*sin(7*t),"
    "crop=iw*0.86:ih*0.86:iw*0.07+iw*0.05*sin(11*t):ih*0.07+ih*0.05*cos(9*t),scale={scale}",
    "black": "color=black:s={size}:r={rate}:d={seconds}",
}


@dataclass(frozen=True)
class Shot:
    """What is shown, seconds, and how it comes in: "cut", or one of ffmpeg's `xfade`, which takes `over` seconds of
    this shot and the one before."""

    shows: str
    seconds: float
    comes: str = "cut"
    over: float = 1.0


def cuts_of(shots: Sequence[Shot]) -> list[float]:
    """When each shot but the first begins, seconds: in the middle of the transition, where it comes in by one."""
    length, found = shots[0].seconds, []
    for shot in shots[1:]:
        over = 0.0 if shot.comes == "cut" else shot.over
        found.append(round(length - over / 2, 3))
        length += shot.seconds - over
    return found


def make_edit(
    path: Path,
    shots: Sequence[Shot],
    *,
    size: tuple[int, int] = (160, 96),
    rate: float = 25,
    filters: str = "",
    codec: Sequence[str] = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26"),
    sound: Path | None = None,
    extra: Sequence[str] = (),
) -> Path:
    """A film of these shots at `path`. `filters` go over the whole; `sound` is a file that is heard with it."""
    names = {"size": f"{size[0]}x{size[1]}", "scale": f"{size[0]}:{size[1]}", "rate": rate}
    parts = [
        f"{SHOTS[shot.shows].format(seconds=shot.seconds, **names)},"
        f"format=yuv420p,setsar=1,fps={rate},settb=AVTB[s{number}]"
        for number, shot in enumerate(shots)
    ]
    whole, length = "s0", shots[0].seconds
    for number, shot in enumerate(shots[1:], start=1):
        joined = f"w{number}"
        if shot.comes == "cut":
            parts.append(f"[{whole}][s{number}]concat=n=2:v=1:a=0,fps={rate},settb=AVTB[{joined}]")
            length += shot.seconds
        else:
            at = length - shot.over
            parts.append(
                f"[{whole}][s{number}]xfade=transition={shot.comes}:duration={shot.over}:offset={at},settb=AVTB[{joined}]"
            )
            length = at + shot.seconds
        whole = joined
    parts.append(f"[{whole}]{filters or 'null'}[film]")
    heard = ("-i", str(sound), "-map", "0:a", "-t", str(length)) if sound else ()
    ffmpeg(*heard, "-filter_complex", ";".join(parts), "-map", "[film]", *codec, "-pix_fmt", "yuv420p", *extra, path)
    return path
