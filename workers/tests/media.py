"""Tiny media made on the spot. Plain functions, so that any app's tests can use them."""

import array
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageCms

from workers.engine.capabilities import ffmpeg_path

pillow_heif.register_heif_opener()
RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 200, 20), (20, 20, 230), (245, 245, 245)
CORNERS = {"top-left": RED, "top-right": GREEN, "bottom-left": BLUE, "bottom-right": WHITE}
# EXIF orientation → how an upright picture is stored for it.
_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def ffmpeg(*args: str | Path) -> None:
    """Run ffmpeg; its complaint is the failure's message."""
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stderr


def make_video(
    path: Path,
    *,
    seconds: float = 1.0,
    size: tuple[int, int] = (64, 48),
    fps: float = 25,
    rotate: int = 0,
    sample_aspect: tuple[int, int] | None = None,
    audio: str | None = "sine",
    channels: int = 1,
    sample_rate: int = 44_100,
    codec: str = "libx264",
    audio_codec: str | None = None,
    pix_fmt: str = "yuv420p",
    corners: bool = False,
    colors: tuple[str, str, str] | None = None,
    interlaced: bool = False,
    tags: dict[str, str] | None = None,
    keep: float = 1.0,
    extra: Sequence[str] = (),
) -> Path:
    """A video at `path`, whose extension is its container.

    `size` is as stored; `rotate` is a display matrix, degrees counter-clockwise; `audio` is "sine" or None; `corners`
    shows four still colours in place of a moving test picture; `keep` cuts the file to that part of its bytes.
    """
    width, height = size
    whole = path.with_name(f"whole-{path.name}") if rotate else path
    args: list[str | Path] = []
    if corners:
        still = path.with_suffix(".corners.png")
        cornered(size).save(still)
        args += ["-loop", "1", "-framerate", str(fps), "-t", str(seconds), "-i", still]
    else:
        args += ["-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r={fps}:d={seconds}"]
    if audio == "sine":
        gains = "|".join(f"c{number}=c0" for number in range(channels))
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
        sound = f"sine=f=440:r={sample_rate}:d={seconds},pan={layout}|{gains}"
        args += ["-f", "lavfi", "-i", sound, "-map", "1:a"]
        args += ["-c:a", audio_codec or ("libopus" if path.suffix == ".webm" else "aac")]
    filters = [f"setsar={sample_aspect[0]}/{sample_aspect[1]}"] if sample_aspect else []
    if interlaced:
        filters.append("tinterlace=interleave_top,fieldorder=tff")
        args += ["-flags", "+ilme+ildct", "-x264opts", "tff=1"] if codec == "libx264" else ["-flags", "+ilme+ildct"]
    if colors:
        primaries, transfer, matrix = colors
        filters.append(f"scale=out_color_matrix={matrix}:out_range=tv".replace("bt2020nc", "bt2020"))
        filters.append(
            f"format={pix_fmt},setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range=tv"
        )
    filters.append(f"format={pix_fmt}")
    args += ["-map", "0:v", "-vf", ",".join(filters), "-c:v", codec, "-t", str(seconds)]
    args += ["-preset", "ultrafast"] if codec in ("libx264", "libx265") else []
    args += ["-x265-params", "log-level=error"] if codec == "libx265" else []
    for name, value in (tags or {}).items():
        args += ["-metadata", f"{name}={value}"]
    ffmpeg(*args, *extra, whole)
    if rotate:
        ffmpeg("-display_rotation", str(rotate), "-i", whole, "-map", "0", "-c", "copy", path)
        whole.unlink()
    return cut(path, keep)


def make_audio(
    path: Path,
    *,
    seconds: float = 1.0,
    channels: int = 2,
    layout: str | None = None,
    sample_rate: int = 44_100,
    codec: str | None = None,
    tags: dict[str, str] | None = None,
    cover: Path | None = None,
    only: int | None = None,
    gain: float = 0.0,
    clicks: Sequence[float] = (),
    chapters: Sequence[tuple[float, float, str]] = (),
    keep: float = 1.0,
    extra: Sequence[str] = (),
) -> Path:
    """A 440 Hz tone of −18 dBFS at `path`; `only` leaves it in one channel (by number), `gain` makes it louder (dB).

    `clicks` are single loud samples at these times, over a tone that is barely heard; `cover` attaches a picture;
    `chapters` are (start, end, title).
    """
    layout = layout or {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}[channels]
    gains = "|".join(f"c{number}={1 if only in (None, number) else 0}*c0" for number in range(channels))
    sound = f"sine=f=440:r={sample_rate}:d={seconds}"
    if clicks:
        places = "+".join(f"0.9*eq(n,{round(moment * sample_rate)})" for moment in clicks)
        sound = f"aevalsrc=exprs='0.01*sin(2*PI*440*t)+{places}':s={sample_rate}:d={seconds}"
    args: list[str | Path] = ["-f", "lavfi", "-i", f"{sound},volume={gain}dB,pan={layout}|{gains}"]
    if chapters:
        told = path.with_suffix(".chapters")
        told.write_text(
            ";FFMETADATA1\n"
            + "".join(
                f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={round(start * 1000)}\nEND={round(end * 1000)}\ntitle={title}\n"
                for start, end, title in chapters
            )
        )
        args += ["-f", "ffmetadata", "-i", told]
    if cover is not None:
        number = 2 if chapters else 1
        args += ["-i", cover, "-map", "0:a", "-map", f"{number}:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
    for name, value in (tags or {}).items():
        args += ["-metadata", f"{name}={value}"]
    if chapters:
        args += ["-map_chapters", "1"]
    ffmpeg(*args, *(("-c:a", codec) if codec else ()), *extra, path)
    return cut(path, keep)


def make_image(
    path: Path,
    *,
    size: tuple[int, int] = (64, 48),
    mode: str = "RGB",
    orientation: int = 1,
    gps: bool = False,
    icc: str | None = None,
    alpha: int | None = None,
    keep: float = 1.0,
    frames: int = 1,
    hdr: str | None = None,
    rights: tuple[str, str] | None = None,
    deep: bool = False,
    **settings: Any,
) -> Path:
    """Four colours at `path`, whose extension is its format; `size` is as shown once turned by `orientation`.

    `icc` names a profile of ImageCms ("sRGB", "LAB"); `alpha` makes the right half that transparent (0 to 255); each
    of `frames` has its colours swapped around; `hdr` ("pq" or "hlg") takes the colours for those of BT.2100, in ten
    bits or more; `rights` are artist and copyright; `deep` is RGB of 16 bits, a ramp from black to white.
    """
    if hdr:
        return _make_hdr(path, size, hdr)
    if deep:
        geq = "geq=" + ":".join(f"{channel}=65535*X/(W-1)" for channel in "rgb")
        ffmpeg("-f", "lavfi", "-i", f"color=s={size[0]}x{size[1]},format=gbrp16le,{geq},format=rgb48", "-frames:v", "1",
               "-update", "1", path)  # fmt: skip
        return path
    images = [_shown(size, shift, mode, alpha) for shift in range(frames)]
    turn = _STORED[orientation]
    images = [image.transpose(turn) if turn is not None else image for image in images]
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    if rights:
        exif[0x013B], exif[0x8298] = (text.encode() for text in rights)
    if gps:
        exif.get_ifd(0x8825).update({1: "N", 2: (35.0, 39.0, 31.0), 3: "E", 4: (139.0, 44.0, 44.0)})
        exif.get_ifd(0x8769).update({0xA431: "SN-12345", 0x927C: b"maker's own"})
    if len(exif) or gps:
        # HEIC's own orientation, which is the one that counts, is made of EXIF that is packed already.
        settings["exif"] = exif.tobytes() if path.suffix == ".heic" else exif
    if icc:
        settings["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile(icc)).tobytes()
    if frames > 1:
        settings |= {"save_all": True, "append_images": images[1:]}
    images[0].save(path, **settings)
    return cut(path, keep)


def _shown(size: tuple[int, int], shift: int, mode: str, alpha: int | None) -> Image.Image:
    image = cornered(size, shift)
    if alpha is not None:
        image.putalpha(255)
        image.paste((*GREEN, alpha), (size[0] // 2, 0, *size))
    if mode not in (image.mode, "RGB"):
        image = image.convert(mode, dither=Image.Dither.NONE, palette=Image.Palette.ADAPTIVE)
    return image


def _make_hdr(path: Path, size: tuple[int, int], hdr: str) -> Path:
    transfer = {"pq": "smpte2084", "hlg": "arib-std-b67"}[hdr]
    still = path.with_suffix(".corners.png")
    cornered(size).save(still)
    tags = f"setparams=color_primaries=bt2020:color_trc={transfer}"
    if path.suffix == ".png":
        ffmpeg("-i", still, "-vf", f"format=rgb48be,{tags}", "-frames:v", "1", "-update", "1", path)
    elif path.suffix == ".avif":
        yuv = f"scale=out_color_matrix=bt2020:out_range=tv,format=yuv444p10le,{tags}:colorspace=bt2020nc:range=tv"
        ffmpeg("-i", still, "-vf", yuv, "-frames:v", "1", "-c:v", "libaom-av1", "-crf", "4", "-cpu-used", "8", path)
    else:
        data = cornered(size).tobytes()
        wide = bytes(part for pair in zip(data, data, strict=True) for part in pair)
        numbers = {"color_primaries": 9, "transfer_characteristics": {"pq": 16, "hlg": 18}[hdr]}
        heif = pillow_heif.from_bytes("RGB;16", size, wide)
        heif.save(path, quality=95, matrix_coefficients=9, full_range_flag=1, **numbers)
    return path


def cornered(size: tuple[int, int], shift: int = 0) -> Image.Image:
    """Red, green, blue and white in the four corners; `shift` swaps them around."""
    image = Image.new("RGB", size)
    width, height = size
    colors = [*CORNERS.values()]
    for number in range(4):
        left, top = number % 2 * width // 2, number // 2 * height // 2
        box = (left, top, width if number % 2 else width // 2, height if number // 2 else height // 2)
        image.paste(colors[(number + shift) % 4], box)
    return image


def corner_colors(image: Image.Image) -> dict[str, tuple[int, int, int]]:
    """The colour in the middle of each quarter."""
    width, height = image.size
    plain = image.convert("RGB")
    places = {"top-left": (1, 1), "top-right": (3, 1), "bottom-left": (1, 3), "bottom-right": (3, 3)}
    return {name: plain.getpixel((width * x // 4, height * y // 4)) for name, (x, y) in places.items()}  # type: ignore[misc]


def near(first: Sequence[int], second: Sequence[int], tolerance: int = 24) -> bool:
    """Whether two colours look alike."""
    return all(abs(a - b) <= tolerance for a, b in zip(first, second, strict=True))


def upright(image: Image.Image) -> bool:
    """Whether the four colours of `cornered` are where they belong."""
    return all(near(color, CORNERS[name]) for name, color in corner_colors(image).items())


def cut(path: Path, keep: float) -> Path:
    """Keep only the first part of a file's bytes."""
    if keep < 1.0:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
    return path


def frames_of(path: Path) -> list[Image.Image]:
    """Every frame of a video as a player shows it, decoded by ffmpeg."""
    folder = path.with_suffix(".frames")
    folder.mkdir(exist_ok=True)
    ffmpeg("-i", path, "-fps_mode", "passthrough", folder / "%05d.png")
    frames = []
    for still in sorted(folder.iterdir()):
        with Image.open(still) as image:
            frames.append(image.convert("RGB"))
    return frames


def level(path: Path, channel: int | None = None) -> float:
    """Loudness of a sound's samples: their RMS in dBFS, of one channel or all."""
    pan = [] if channel is None else ["-af", f"pan=mono|c0=c{channel}"]
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", path, *pan, "-f", "f32le", "-c:a", "pcm_f32le", "-"]
    raw = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout
    samples = array.array("f", raw)
    power = sum(sample * sample for sample in samples) / max(1, len(samples))
    return 10 * math.log10(power) if power else -120.0


def samples_of(path: Path, channel: int = 0) -> tuple[array.array, int]:
    """The samples of one channel as 16 bits, decoded by ffmpeg, and their rate."""
    asked = ["-af", f"pan=mono|c0=c{channel}", "-f", "wav", "-c:a", "pcm_s16le", "-fflags", "+bitexact", "-"]
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", path, *asked]
    raw = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout
    return array.array("h", raw[44:]), int.from_bytes(raw[24:28], "little")


def clicks_of(path: Path) -> tuple[list[int], int]:
    """The places of loud samples (the loudest of each burst), and how many samples there are."""
    samples, rate = samples_of(path)
    found, place = [], 0
    while place < len(samples):
        if abs(samples[place]) > 4000:
            burst = range(place, min(len(samples), place + rate // 50))
            found.append(max(burst, key=lambda number: abs(samples[number])))
            place += rate // 10
        else:
            place += 1
    return found, len(samples)


def loudness(path: Path) -> tuple[float, float]:
    """Integrated loudness (LUFS) and true peak (dBTP), as ffmpeg's `ebur128` measures them."""
    command = [ffmpeg_path(), "-nostdin", "-hide_banner", "-i", path, "-af", "ebur128=peak=true:framelog=quiet"]
    told = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, timeout=120, check=True).stderr
    summary = told.rpartition("Summary:")[2]
    integrated, peak = (summary.partition(name)[2].split()[0] for name in (" I:", "Peak:"))
    return float(integrated), float(peak)
